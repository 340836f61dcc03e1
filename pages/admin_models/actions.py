"""What an admin does with models: activate, override, evaluate again, roll back."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from dash import ALL, Dash, Input, Output, State, ctx, no_update
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from core.forecasts import Target
from orchestrator.registry.activation import (
    activate_model,
    override_gate,
    roll_back_model,
    written_reason,
)
from orchestrator.registry.evaluation_requests import start_evaluation
from orchestrator.registry.signatures import add_signature
from pages.admin_models.content import ROLLBACK
from pages.components import notice
from pages.context import PageContext
from pages.serving import serve

Act = Callable[[int, int, str, object], str]
"""Acts on a version that was seen beside an active one; says what it did.

It gets the two ids, the reason or signature and the admin's own password.
"""


def register_actions(app: Dash, context: PageContext) -> None:
    """Register the callbacks of the buttons."""
    acts: dict[str, Act] = {
        "model-activate": partial(_activate, context),
        "model-override": partial(_override, context),
        "model-evaluate": partial(_evaluate, context),
        "model-sign": partial(_sign, context),
    }
    _register_version_actions(app, context, acts)
    _register_rollback(app, context)


def _activate(
    context: PageContext, version_id: int, active_id: int, reason: str, password: object
) -> str:
    with context.confirmed_request(password) as request:
        version = activate_model(
            request,
            version_id,
            reason=written_reason(reason),
            seen_active_id=active_id,
        )
    return f"{version.label} serves from the next forecast on.".capitalize()


def _override(
    context: PageContext, version_id: int, _active: int, reason: str, password: object
) -> str:
    with context.confirmed_request(password) as request:
        override_gate(request, version_id, reason=reason)
    return "The gate is overridden, and your reason is in the audit."


def _evaluate(context: PageContext, version_id: int, *_said: object) -> str:
    with context.request() as request:
        start_evaluation(request, version_id)
    return "The worker evaluates it, region by region."


def _sign(
    context: PageContext, version_id: int, _active: int, signature: str, proof: object
) -> str:
    with context.confirmed_request(proof) as request:
        add_signature(request, version_id, signature=signature)
    return "The signature is verified and kept."


def _register_version_actions(
    app: Dash, context: PageContext, acts: dict[str, Act]
) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("model-notice", "children"),
            Output("model-changed", "data"),
            Output("model-password", "value"),
        ],
        inputs=[Input(button, "n_clicks") for button in acts],
        states=[
            State("model-seen", "data"),
            State("model-reason", "value"),
            State("model-signature", "value"),
            State("model-password", "value"),
        ],
        permission=Permission.MANAGE_MODELS,
        at_load=False,
    )
    def act(*values: object) -> tuple[object, object, object]:
        seen, reason, signature, password = values[-4:]
        if ctx.triggered_id not in acts:
            return no_update, no_update, no_update
        version_id, active_id = _seen(seen)
        typed = signature if ctx.triggered_id == "model-sign" else reason
        written = typed.strip() if isinstance(typed, str) else ""
        said = acts[str(ctx.triggered_id)](version_id, active_id, written, password)
        return _done(said), time.time(), ""


def _register_rollback(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("models-notice", "children"),
            Output("models-changed", "data"),
            Output("models-rollback-password", "value"),
            Output("models-rollback-reason", "value"),
        ],
        inputs=[
            Input({"type": ROLLBACK, "target": ALL, "active": ALL}, "n_clicks"),
        ],
        states=[
            State("models-rollback-password", "value"),
            State("models-rollback-reason", "value"),
        ],
        permission=Permission.MANAGE_MODELS,
        at_load=False,
    )
    def roll_back(
        _clicks: object, password: object, reason: object
    ) -> tuple[object, ...]:
        triggered = ctx.triggered_id
        if not isinstance(triggered, dict) or not any(
            item.get("value") for item in ctx.triggered
        ):
            return (no_update,) * 4  # the buttons were drawn, not pressed
        _, active_id = _seen({"version": 1, "active": triggered.get("active")})
        with context.confirmed_request(password) as request:
            version = roll_back_model(
                request,
                _target(triggered.get("target")),
                reason=written_reason(reason if isinstance(reason, str) else ""),
                # A second click on the same button would go forward again.
                seen_active_id=active_id,
            )
        said = f"{version.label} serves again.".capitalize()
        return _done(said), time.time(), "", ""


def _target(value: object) -> Target:
    try:
        return Target(str(value))
    except ValueError as exc:
        message = "There is no such target."
        raise InvalidInput(message) from exc


def _seen(value: object) -> tuple[int, int]:
    """The version and the active model that the page showed."""
    if isinstance(value, dict):
        version_id, active_id = value.get("version"), value.get("active")
        if _is_id(version_id) and (active_id == 0 or _is_id(active_id)):
            return int(version_id), int(active_id)  # type: ignore[arg-type]
    message = "The page was not ready; load it again."
    raise InvalidInput(message)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def _done(sentence: str) -> Component:
    return notice("Done.", sentence)
