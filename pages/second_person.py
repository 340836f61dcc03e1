"""Changes that wait for a second person, as a panel of the Models and Regions pages."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.approvals.requests import (
    ApprovalView,
    Effect,
    approve,
    list_requests,
    refuse,
)
from orchestrator.approvals.rules import rules_in_force
from pages.attributes import aria
from pages.components import (
    Child,
    button,
    data_table,
    moment,
    notice,
    own_password,
    panel,
)
from pages.context import PageContext
from pages.serving import serve
from pages.times import Times, chosen_times
from pages.words import typeset

REFRESH_MS = 15_000

_ACT_WORDS = {
    "approvals.set_change_rules": "Change the rules for changes",
    "registry.activate_model": "Activate a model",
    "registry.override_gate": "Override the gate of a model",
    "registry.roll_back_model": "Roll a model back",
    "registry.pin_signing_key": "Trust a signing key",
    "registry.unpin_signing_key": "Trust a signing key no longer",
    "regions.change_policy": "Change limits",
    "regions.change_terms": "Change the terms of moving load",
    "regions.limit_by_class": "Take the limit of an equipment class",
}


def approvals_panel(prefix: str) -> Component:
    """The panel of one page; hidden while nothing waits and one person is enough."""
    return html.Div(
        [
            dcc.Store(id=f"{prefix}-approvals-changed"),
            dcc.Interval(id=f"{prefix}-approvals-refresh", interval=REFRESH_MS),
            panel(
                "Waiting for a second person",
                html.Div(id=f"{prefix}-approvals-notice", **aria(live="polite")),
                html.Div(id=f"{prefix}-approvals"),
                html.Div(
                    own_password(f"{prefix}-approvals-password"),
                    id=f"{prefix}-approvals-confirm",
                    hidden=True,
                ),
                id=f"{prefix}-approvals-panel",
                hint="The rules for changes want two people for models, limits and"
                " these rules. What one asked for, another approves or refuses here;"
                " after three days it expires.",
                hidden=True,
            ),
        ]
    )


def register_approvals(app: Dash, context: PageContext, prefix: str) -> None:
    """Register the panel's callbacks."""
    _register_list(app, context, prefix)
    _register_answers(app, context, prefix)


def _register_list(app: Dash, context: PageContext, prefix: str) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output(f"{prefix}-approvals", "children"),
            Output(f"{prefix}-approvals-panel", "hidden"),
            Output(f"{prefix}-approvals-confirm", "hidden"),
        ],
        inputs=[
            Input(f"{prefix}-url", "pathname"),
            Input(f"{prefix}-approvals-changed", "data"),
            Input(f"{prefix}-approvals-refresh", "n_intervals"),
        ],
        permission=Permission.APPROVE_CHANGES,
        at_load=False,
    )
    def show(*_reasons: object) -> tuple[object, bool, bool]:
        with context.request() as request:
            found = list_requests(request)
            wants_two = rules_in_force(request).two_people
        is_waiting = any(view.state == "waiting" for view in found)
        table = requests_table(found, prefix, chosen_times())
        return table, not (found or wants_two), not is_waiting


def _register_answers(app: Dash, context: PageContext, prefix: str) -> None:
    answers = {"approve": approve, "refuse": refuse}

    @serve(
        app,
        context,
        outputs=[
            Output(f"{prefix}-approvals-notice", "children"),
            Output(f"{prefix}-approvals-changed", "data"),
            Output(f"{prefix}-approvals-password", "value"),
        ],
        inputs=[
            Input({"type": f"{prefix}-approvals-{answer}", "id": ALL}, "n_clicks")
            for answer in answers
        ],
        states=[State(f"{prefix}-approvals-password", "value")],
        permission=Permission.APPROVE_CHANGES,
        at_load=False,
    )
    def answer(*values: object) -> tuple[object, object, object]:
        triggered = ctx.triggered_id
        was_pressed = any(item.get("value") for item in ctx.triggered)
        if not isinstance(triggered, dict) or not was_pressed:
            return no_update, no_update, no_update  # the buttons were drawn
        chosen = str(triggered.get("type")).removeprefix(f"{prefix}-approvals-")
        approval_id = triggered.get("id")
        if chosen not in answers or not isinstance(approval_id, int):
            message = "The page was not ready; load it again."
            raise InvalidInput(message)
        with context.confirmed_request(values[-1]) as request:
            answered = answers[chosen](request, approval_id)
        said = f"Request {answered.approval_id} is {answered.state}."
        return notice("Done.", said), time.time(), ""


def requests_table(
    found: tuple[ApprovalView, ...], prefix: str, times: Times
) -> Component:
    """Requests, those that wait first, with what they would change."""
    if not found:
        return notice("Nothing waits.", "What somebody asks for appears here.")
    return data_table(
        "Changes that a second person approves or refuses",
        ("Change", "What", "Asked by", "When", "State", "Answer"),
        [_cells(view, prefix, times) for view in found],
        numeric_from=9,
        cards=True,
        id=f"{prefix}-approvals-table",
        has_controls=True,
    )


def _cells(view: ApprovalView, prefix: str, times: Times) -> list[Child]:
    zone = times.zone_without_region
    state: list[Child] = [view.state]
    if view.state == "waiting":
        state = ["waits until ", moment(view.expires_at_utc, zone)]
    elif view.answered_at_utc is not None:
        state += [f" by {view.answered_by}, ", moment(view.answered_at_utc, zone)]
    return [
        f"{view.approval_id}: {_ACT_WORDS.get(view.act, view.act)}",
        html.Div(
            [html.Div(typeset(effect_words(effect))) for effect in view.effects],
            className="gfo-why",
        ),
        view.asked_by,
        moment(view.asked_at_utc, zone),
        html.Span(state),
        _buttons(view, prefix),
    ]


def effect_words(effect: Effect) -> str:
    """What changes, from what to what, and why."""
    about = " ".join(filter(None, (effect.object_type, effect.object_id)))
    changes = _changed(effect.before, effect.after)
    why = f" Reason: {effect.reason}" if effect.reason else ""
    return f"{about.replace('_', ' ')}: {changes}.{why}"


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    names = dict.fromkeys((*before, *after))
    return ", ".join(
        f"{name.replace('_', ' ')} {_shown(before.get(name))} → "
        f"{_shown(after.get(name))}"
        if name in before and name in after
        else f"{name.replace('_', ' ')} {_shown(after.get(name, before.get(name)))}"
        for name in names
        if name not in before or before.get(name) != after.get(name)
    )


def _shown(value: object) -> str:
    words = {None: "none", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _buttons(view: ApprovalView, prefix: str) -> Child:
    if view.state != "waiting":
        return None

    def answer(kind: str, text: str) -> Component:
        return button(
            text, {"type": f"{prefix}-approvals-{kind}", "id": view.approval_id}
        )

    if view.is_own:
        return answer("refuse", "Take it back")
    return html.Span(
        [answer("approve", "Approve"), answer("refuse", "Refuse")],
        className="gfo-actions",
    )
