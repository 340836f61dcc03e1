"""The Alarms page's frame: the list, one alarm, figures and hand-over."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from core.alarm_kinds import AlarmPriority
from core.alarms import LONGEST_SHELVING_H
from orchestrator.alarms.handling import LONGEST_TEXT
from orchestrator.alarms.handover import LONGEST_NOTE, LONGEST_SHIFT_H, SHIFT_H
from pages.alarms.alarm_words import KIND_WORDS, STATE_FILTERS
from pages.attributes import aria
from pages.components import (
    button,
    field,
    page_head,
    panel,
    save_view_button,
    skeleton,
)
from pages.list_controls import choice, order_choice, text_filter

FILTERS = ("alarms-state", "alarms-priority", "alarms-kind", "alarms-region")
LONGEST_SLUG = 32
ACTS = {
    "alarm-comment": "Comment",
    "alarm-shelve": "Shelve",
    "alarm-unshelve": "End shelving",
}
ADMIN_ACTS = {
    "alarm-out": "Take out of service",
    "alarm-back": "Put back in service",
}
BUTTONS = (
    *("alarms-acknowledge", "alarms-acknowledge-all", "handover-store"),
    *ACTS,
    *ADMIN_ACTS,
)
"""Every button that changes something."""


def layout(*, may_handle: bool, may_disable: bool) -> Component:
    """The frame of the page; callbacks fill it from the address."""
    return html.Div(
        [
            dcc.Location(id="alarms-url", refresh=False),
            dcc.Store(id="alarms-shown"),
            dcc.Store(id="alarms-focused"),
            dcc.Store(id="alarms-done") if may_handle else None,
            page_head(
                "Alarms", "What needs somebody, and who has it?", save_view_button()
            ),
            html.Div(id="alarms-notice"),
            panel(
                "Alarms",
                _filters(),
                _tools(may_handle=may_handle),
                html.Div(id="alarms-act-status", role="status"),
                html.Div(skeleton(240), id="alarms-list"),
                id="alarms-panel",
                hint="Arrow keys move along the list"
                + (", a acknowledges" if may_handle else "")
                + ", Enter opens.",
            ),
            html.Div(
                panel(
                    "This alarm",
                    html.Div(
                        [
                            html.Div(id="alarm-detail"),
                            _actions(may_disable=may_disable) if may_handle else None,
                        ],
                        className="gfo-alarm-columns",
                    ),
                    html.Div(id="alarm-history"),
                    id="alarm-one",
                ),
                id="alarm-chosen",
                hidden=True,
            ),
            html.Div(
                [
                    panel(
                        "Shift hand-over",
                        _handover() if may_handle else None,
                        html.Div(skeleton(120), id="alarms-notes"),
                        id="alarms-handover",
                        hint="The alarms that stand and the decisions recorded in the"
                        " shift are listed with the note.",
                    ),
                    panel(
                        "How alarms did",
                        html.Div(skeleton(240), id="alarms-figures"),
                        id="alarms-review",
                    ),
                ],
                className="gfo-alarm-columns",
            ),
        ]
    )


def _filters() -> Component:
    return html.Div(
        [
            field("State", order_choice("alarms-state", STATE_FILTERS)),
            field(
                "Priority",
                choice(
                    "alarms-priority", {one.value: one.value for one in AlarmPriority}
                ),
            ),
            field("Kind", choice("alarms-kind", KIND_WORDS)),
            field("Region", text_filter("alarms-region", LONGEST_SLUG, "slug")),
        ],
        className="gfo-filters",
    )


def _tools(*, may_handle: bool) -> Component:
    """Acknowledging, and what this browser does with a new alarm."""
    tools: list[Component] = []
    if may_handle:
        tools += [
            button("Acknowledge", "alarms-acknowledge"),
            button("Acknowledge all shown", "alarms-acknowledge-all"),
        ]
    tools += [
        html.Button(
            words,
            id=name,
            type="button",
            className="gfo-button gfo-alarm-choice",
            title=hint,
            **aria(pressed="false"),
        )
        for name, words, hint in (
            ("alarms-sound", "Sound", "A tone in this browser for each new alarm."),
            ("alarms-notify", "Notify", "A notification of this browser."),
        )
    ]
    return html.Div(tools, className="gfo-actions gfo-alarm-tools")


def _actions(*, may_disable: bool) -> Component:
    return html.Div(
        [
            field(
                "Reason or comment",
                dbc.Textarea(id="alarm-reason", rows=2, maxlength=LONGEST_TEXT),
            ),
            field(
                "Shelve for, h",
                dbc.Input(
                    id="alarm-hours",
                    type="number",
                    min=0.25,
                    max=LONGEST_SHELVING_H,
                    step=0.25,
                    value=1,
                ),
            ),
            html.Div(
                [
                    *(button(text, name) for name, text in ACTS.items()),
                    # There for everybody: a callback needs all of its buttons.
                    html.Span(
                        [button(text, name) for name, text in ADMIN_ACTS.items()],
                        className="gfo-actions",
                        hidden=not may_disable,
                    ),
                ],
                className="gfo-actions",
            ),
        ]
    )


def _handover() -> Component:
    return html.Div(
        [
            field(
                "Note",
                dbc.Textarea(id="handover-note", rows=3, maxlength=LONGEST_NOTE),
            ),
            field(
                "Shift of the last, h",
                dbc.Input(
                    id="handover-hours",
                    type="number",
                    min=1,
                    max=LONGEST_SHIFT_H,
                    step=1,
                    value=SHIFT_H,
                ),
            ),
            html.Div(
                button("Hand over", "handover-store"),
                className="gfo-actions",
            ),
        ]
    )
