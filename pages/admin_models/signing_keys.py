"""The keys whose signatures on models are trusted: a panel of the Models page."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.registry.signatures import (
    pin_signing_key,
    signing_keys,
    unpin_signing_key,
)
from orchestrator.registry.views import SigningKeyView
from pages.components import (
    Child,
    button,
    data_table,
    disclosure,
    moment,
    notice,
    own_password,
    panel,
)
from pages.context import PageContext
from pages.form_fields import Field, form_grid
from pages.serving import serve
from pages.times import Times, chosen_times

_UNPIN = "models-unpin"
_KEY_FIELDS = (
    Field(name="key_name", label="Whose key", kind="text"),
    Field(
        name="key",
        label="Public key (Ed25519)",
        kind="prose",
        hint="As PEM, or base64 of its 32 bytes.",
        longest=500,
    ),
)


def keys_panel() -> Component:
    """The list of keys, and the form that trusts another."""
    return panel(
        "Signing keys",
        dcc.Store(id="models-keys-changed"),
        html.Div(id="models-keys-notice", role="status"),
        html.Div(id="models-keys"),
        disclosure(
            "Trust a key",
            form_grid("models", _KEY_FIELDS),
            html.Div(button("Trust this key", "models-pin"), className="gfo-actions"),
        ),
        own_password("models-keys-password"),
        id="models-keys-panel",
        hint="A model may carry an Ed25519 signature of its bytes. Only what a key of"
        " this list signed counts as signed; the rules for changes on the Regions page"
        " can require it.",
    )


def keys_table(keys: Sequence[SigningKeyView], times: Times) -> Component:
    """Keys, newest first."""
    if not keys:
        return notice("No key is trusted.", "So no model counts as signed.")
    return data_table(
        "Signing keys",
        ("Key", "Fingerprint", "Pinned by", "When", "State"),
        [_cells(key, times.zone_without_region) for key in keys],
        numeric_from=9,
        cards=True,
        id="models-keys-table",
        has_controls=True,
    )


def _cells(key: SigningKeyView, zone: str) -> list[Child]:
    state: Child = button("Trust it no longer", {"type": _UNPIN, "key": key.key_id})
    if key.unpinned_at_utc is not None:
        since = moment(key.unpinned_at_utc, zone)
        state = html.Span(["not trusted since ", since])
    return [
        key.name,
        html.Code(key.fingerprint),
        key.pinned_by,
        moment(key.pinned_at_utc, zone),
        state,
    ]


def register_keys(app: Dash, context: PageContext) -> None:
    """Register the panel's callbacks."""

    @serve(
        app,
        context,
        outputs=[Output("models-keys", "children")],
        inputs=[
            Input("models-url", "pathname"),
            Input("models-keys-changed", "data"),
        ],
        permission=Permission.MANAGE_MODELS,
        at_load=False,
    )
    def show_keys(*_reasons: object) -> list[Component]:
        with context.request() as request:
            return [keys_table(signing_keys(request), chosen_times())]

    @serve(
        app,
        context,
        outputs=[
            Output("models-keys-notice", "children"),
            Output("models-keys-changed", "data"),
            Output("models-keys-password", "value"),
        ],
        inputs=[
            Input("models-pin", "n_clicks"),
            Input({"type": _UNPIN, "key": ALL}, "n_clicks"),
        ],
        states=[
            State("models-key-name", "value"),
            State("models-key", "value"),
            State("models-keys-password", "value"),
        ],
        permission=Permission.MANAGE_MODELS,
        at_load=False,
    )
    def change_keys(*values: object) -> tuple[object, object, object]:
        name, public_key, password = values[-3:]
        if not any(item.get("value") for item in ctx.triggered):
            return no_update, no_update, no_update  # the buttons were drawn
        unpinned_id = _unpinned(ctx.triggered_id)
        with context.confirmed_request(password) as request:
            if unpinned_id is None:
                key = pin_signing_key(
                    request, name=_text(name), public_key=_text(public_key)
                )
                said = f"{key.name} ({key.fingerprint}) is trusted."
            else:
                key = unpin_signing_key(request, unpinned_id)
                said = f"{key.name} ({key.fingerprint}) is not trusted any more."
        return notice("Done.", said), time.time(), ""


def _unpinned(triggered: object) -> int | None:
    """The key to trust no longer; None where one is to be trusted."""
    if triggered == "models-pin":
        return None
    if isinstance(triggered, dict) and isinstance(triggered.get("key"), int):
        return int(triggered["key"])
    message = "The page was not ready; load it again."
    raise InvalidInput(message)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
