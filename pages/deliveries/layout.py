"""The Deliveries page's frame: all subscriptions, one of them, a form for one."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from core.public_events import KIND_WORDS
from orchestrator.deliveries.subscriptions import CHOSEN_KINDS, MAIL, WEBHOOK
from pages import addresses
from pages.components import (
    disclosure,
    field,
    link,
    own_password,
    page_head,
    panel,
    skeleton,
)
from pages.refreshing import refresh

NEW = "new"
BUTTONS = (
    ("deliveries-test", "Send a test", "primary"),
    ("deliveries-pause", "Pause", "secondary"),
    ("deliveries-resume", "Go on", "secondary"),
    ("deliveries-replay", "Send dead ones again", "secondary"),
)
CONFIRMED_BUTTONS = (
    ("deliveries-rotate", "Give it another secret", "secondary"),
    ("deliveries-remove", "Remove", "secondary"),
)


def layout(*, may_manage: bool) -> Component:
    """The frame of the page; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="deliveries-url", refresh=False),
            dcc.Store(id="deliveries-saved"),
            dcc.Store(id="deliveries-acted"),
            dcc.Store(id="deliveries-confirmed"),
            refresh("deliveries"),
            page_head(
                "Deliveries",
                "Who gets which events, and what did their receivers answer?",
                link("Add a subscription", f"{addresses.ADMIN_DELIVERIES}?{NEW}=1")
                if may_manage
                else None,
            ),
            html.Div(id="deliveries-notice"),
            panel(
                "Every subscription",
                html.Div(skeleton(200), id="deliveries-table"),
                id="deliveries-all",
            ),
            html.Div(
                _chosen(may_manage=may_manage), id="deliveries-chosen", hidden=True
            ),
            *(_written() if may_manage else []),
        ]
    )


def _chosen(*, may_manage: bool) -> Component:
    return panel(
        "This subscription",
        html.Div(id="deliveries-state"),
        *(_actions() if may_manage else []),
        html.Div(id="deliveries-history"),
        id="deliveries-one",
    )


def _actions() -> list[Component]:
    return [
        html.Div(
            [_button(*button) for button in BUTTONS],
            className="gfo-actions",
        ),
        html.Div(id="deliveries-act-status", role="status"),
        disclosure(
            "Another secret, or removal",
            own_password("deliveries-act-password"),
            html.Div(
                [_button(*button) for button in CONFIRMED_BUTTONS],
                className="gfo-actions",
            ),
        ),
        html.Div(id="deliveries-confirm-status", role="status"),
    ]


def _button(name: str, text: str, colour: str) -> Component:
    made: Component = dbc.Button(text, id=name, color=colour, class_name="gfo-decides")
    return made


def _written() -> list[Component]:
    return [
        html.Div(id="deliveries-form-notice"),
        html.Div(_form(), id="deliveries-form", hidden=True),
    ]


def _form() -> Component:
    kinds: Component = dbc.Checklist(
        id="delivery-kinds",
        options=[
            {"label": f"{KIND_WORDS[kind]} ({kind.value})", "value": kind.value}
            for kind in CHOSEN_KINDS
        ],
        value=[],
    )
    channel: Component = dbc.Select(
        id="delivery-channel",
        options=[
            {"label": "Webhook", "value": WEBHOOK},
            {"label": "Mail", "value": MAIL},
        ],
        value=WEBHOOK,
    )
    return panel(
        "Write a subscription",
        html.Div(
            [
                field("Name", _text("name", 60)),
                field("By", channel),
                field(
                    "Address of the webhook",
                    _text("address", 2000),
                    hint="https; empty for mail. Auditors see it: put no secret in it.",
                ),
                field(
                    "Recipients of mail",
                    _lines("recipients", "ada@example.com"),
                    hint="One a line; empty for a webhook.",
                ),
                field(
                    "Regions",
                    _lines("regions", "texas"),
                    hint="One a line; empty for all. Events of the whole fleet are sent"
                    " either way.",
                ),
                field(
                    "Secret",
                    _text("secret", 80),
                    hint="env:GFO_WEBHOOK_NAME or file:gfo_webhook_name. Empty: the"
                    " portal makes one and shows it once.",
                ),
                field(
                    "Private hosts",
                    _lines("hosts", "hooks.internal"),
                    hint="Hosts whose private or loopback addresses may be called.",
                ),
            ],
            className="gfo-form-grid",
        ),
        html.Fieldset(
            [html.Legend("Events"), kinds], className="gfo-field gfo-choices"
        ),
        own_password("deliveries-password"),
        html.Div(
            _button("deliveries-save", "Save the subscription", "primary"),
            className="gfo-actions",
        ),
        html.Div(id="deliveries-save-status", role="status"),
        id="deliveries-form-panel",
    )


def _text(name: str, longest: int) -> Component:
    control: Component = dbc.Input(
        id=f"delivery-{name}", type="text", maxlength=longest, autocomplete="off"
    )
    return control


def _lines(name: str, example: str) -> Component:
    control: Component = dbc.Textarea(
        id=f"delivery-{name}", rows=2, maxlength=8000, placeholder=example
    )
    return control
