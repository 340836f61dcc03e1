"""The What-if page's frame: controls, slider, charts, verdict, record dialogue."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.decisions.views import MAXIMUM_COMMENT_CHARS
from pages import addresses
from pages.attributes import aria
from pages.components import (
    chart,
    field,
    notice,
    page_head,
    panel,
    skeleton,
)
from pages.refreshing import refresh
from pages.region_picker import region_field
from pages.standing import term_field
from pages.time_range import day_field

STEP_PCT = 0.1
_EVERY_HOUR = "any"
ALL_HOURS = f"{_EVERY_HOUR}-24"
"""What both controls of hours hold when load moves in every hour."""
REST_MS = 80
"""Dash hears of the slider when it rests this long; the charts follow at once."""


def layout(*, may_decide: bool) -> Component:
    """The frame of the page; callbacks fill it from the address."""
    return html.Div(
        [
            dcc.Location(id="what-if-url", refresh=False),
            dcc.Store(id="what-if-data"),
            dcc.Store(id="what-if-request"),
            dcc.Store(id="what-if-stored"),
            dcc.Store(id="what-if-record-request"),
            refresh("what-if"),
            page_head(
                "What-if",
                "What happens if load moves to another region?",
                html.Div(id="what-if-as-of"),
            ),
            _controls(),
            html.Div(id="what-if-notice"),
            html.Div(
                [
                    _slider_panel(may_decide=may_decide),
                    _verdict_panel(may_decide=may_decide),
                ],
                className="gfo-columns gfo-columns-2",
            ),
            html.Div(
                [_chart_panel("source"), _chart_panel("target")],
                className="gfo-columns gfo-columns-2",
            ),
            html.Div(
                [
                    panel(
                        "Impact of the shift",
                        html.Div(skeleton(200), id="what-if-impact-preview"),
                        html.Div(id="what-if-impact", className="d-none"),
                        id="what-if-impact-panel",
                    ),
                    panel(
                        "Scenarios",
                        html.Div(skeleton(500), id="what-if-scenarios"),
                        id="what-if-scenarios-panel",
                    ),
                ],
                className="gfo-columns gfo-columns-2 gfo-columns-start",
            ),
            _record_dialogue(),
        ]
    )


def _controls() -> Component:
    return html.Div(
        [
            region_field("Source: load leaves", "what-if-source"),
            region_field("Target: load arrives", "what-if-target"),
            day_field("what-if"),
            field(
                "Source’s hours, from",
                _hour_select(
                    "what-if-from",
                    [{"label": "Every hour", "value": _EVERY_HOUR}, *_hours(24)],
                ),
            ),
            field("until", _hour_select("what-if-until", _hours(25)[1:])),
        ],
        className="gfo-controls",
    )


def _hours(n_hours: int) -> list[dict[str, str]]:
    return [{"label": f"{hour:02}:00", "value": str(hour)} for hour in range(n_hours)]


def _hour_select(control_id: str, options: list[dict[str, str]]) -> Component:
    select: Component = dbc.Select(id=control_id, options=options)
    return select


def _slider_panel(*, may_decide: bool) -> Component:
    return panel(
        "Share of the source’s load to shift",
        html.Div(
            [
                html.Label("Shift, percent", htmlFor="what-if-slider"),
                dbc.Input(
                    id="what-if-slider",
                    type="range",
                    min=0,
                    max=100,
                    step=STEP_PCT,
                    value=0,
                    debounce=REST_MS,
                    class_name="form-range gfo-range",
                ),
                html.Div(id="what-if-safe-strip"),
                html.Label(
                    "Shift, percent, as a number",
                    htmlFor="what-if-number",
                    className="visually-hidden",
                ),
                html.Div(
                    [
                        dbc.Input(
                            id="what-if-number",
                            type="number",
                            min=0,
                            max=100,
                            step=STEP_PCT,
                            value=0,
                            inputmode="numeric",
                        ),
                        html.Span("%", **aria(hidden="true")),
                    ],
                    className="gfo-number-box",
                ),
            ],
            role="group",
            className="gfo-slider",
            **aria(labelledby="what-if-shift-heading"),
        ),
        html.P(id="what-if-safe", className="gfo-safe"),
        html.Div(
            [
                html.P(id="what-if-preview"),
                html.P(id="what-if-preview-source", className="gfo-muted"),
                html.P(id="what-if-preview-target", className="gfo-muted"),
            ],
            className="gfo-preview",
        ),
        _actions(may_decide=may_decide),
        id="what-if-shift",
    )


def _actions(*, may_decide: bool) -> Component:
    buttons = html.Div(
        [
            dbc.Button(
                "Evaluate",
                id="what-if-evaluate",
                class_name="gfo-decides",
                color="secondary",
                disabled=True,
            ),
            dbc.Button(
                "Record decision…",
                id="what-if-record",
                class_name="gfo-decides",
                color="primary",
                disabled=True,
            ),
        ],
        className="gfo-actions" if may_decide else "d-none",
    )
    links = html.Div(
        [
            dcc.Link(
                "See its carbon and water",
                id="what-if-trade-offs",
                href=addresses.TRADE_OFFS,
            ),
            dcc.Link(
                "Find the best plan for the fleet",
                id="what-if-plan",
                href=addresses.PLAN,
            ),
        ],
        className="gfo-actions",
    )
    if may_decide:
        return html.Div([buttons, links], className="gfo-actions")
    explanation = notice(
        "Your role can look, not decide.",
        "You can move the slider and read the preview; evaluating and recording a shift"
        " is for operators and admins.",
        id="what-if-read-only",
    )
    return html.Div([explanation, buttons, links])


def _verdict_panel(*, may_decide: bool) -> Component:
    hint = (
        "Nothing stored for this shift yet: release the slider or press Evaluate to"
        " store a verdict."
        if may_decide
        else "Only operators and admins store verdicts; see the preview."
    )
    return panel(
        "Verdict",
        html.P(hint, id="what-if-hint", className="gfo-muted"),
        html.Div(id="what-if-verdict", **aria(live="polite")),
        html.Div(id="what-if-recorded", **aria(live="polite")),
        html.Div(id="what-if-baseline"),
        id="what-if-verdict-panel",
    )


def _chart_panel(end: str) -> Component:
    return html.Section(
        [
            html.H2(end.capitalize(), id=f"what-if-{end}-title"),
            chart(
                f"what-if-{end}-chart",
                None,
                "",  # written by the browser, which knows the shift
                height_px=330,
            ),
            html.Div(id=f"what-if-{end}-numbers"),
        ],
        className="gfo-card gfo-panel",
        **aria(labelledby=f"what-if-{end}-title"),
    )


def _record_dialogue() -> Component:
    dialogue: Component = dbc.Modal(
        [
            dbc.ModalHeader(
                dbc.ModalTitle("Record decision", id="what-if-record-title")
            ),
            dbc.ModalBody(
                [
                    html.P(
                        "A recorded decision is kept for good, with your name. It is"
                        " judged once more first: if the verdict has changed meanwhile,"
                        " you will see it and nothing is recorded."
                    ),
                    html.Div(
                        [
                            html.Label("Comment: why?", htmlFor="what-if-comment"),
                            dbc.Textarea(
                                id="what-if-comment",
                                rows=4,
                                maxlength=MAXIMUM_COMMENT_CHARS,
                            ),
                        ],
                        className="gfo-field",
                    ),
                    term_field("what-if-term"),
                    html.Div(id="what-if-record-status"),
                ]
            ),
            dbc.ModalFooter(
                [
                    dbc.Button("Cancel", id="what-if-record-cancel", color="secondary"),
                    dbc.Button(
                        "Record",
                        id="what-if-record-confirm",
                        class_name="gfo-decides",
                        color="primary",
                    ),
                ]
            ),
        ],
        id="what-if-record-modal",
        is_open=False,
        centered=True,
        labelledby="what-if-record-title",
    )
    return dialogue
