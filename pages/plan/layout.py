"""The Plan page's frame: what to pay for what, the button, the result."""

from __future__ import annotations

from dataclasses import asdict

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.decisions.views import MAXIMUM_COMMENT_CHARS
from orchestrator.plans.terms import PlanTerms
from pages.components import disclosure, notice, page_head, panel
from pages.form_fields import Field, form_grid, labelled_control
from pages.plan.terms import CAPS, FORM, PRICES
from pages.refreshing import refresh
from pages.region_picker import region_field
from pages.time_range import day_field

_DEFAULTS = asdict(PlanTerms())


def layout(*, may_decide: bool) -> Component:
    """The frame of the page; callbacks fill it from the address."""
    return html.Div(
        [
            dcc.Location(id="plan-url", refresh=False),
            dcc.Store(id="plan-shown"),
            dcc.Store(id="plan-found"),
            dcc.Store(id="plan-mark"),
            refresh("plan"),
            page_head(
                "Plan",
                "Where should the fleet’s load run, hour by hour, at what cost?",
                html.Div(id="plan-as-of"),
            ),
            _terms_panel(may_decide=may_decide),
            html.Div(id="plan-notice"),
            html.Div(
                [
                    html.Div(id="plan-head"),
                    html.Div(
                        [
                            _record_panel(),
                            _undo_panel(),
                            html.Div(id="plan-undone", role="status"),
                        ]
                    ),
                ],
                className="gfo-columns gfo-columns-2 gfo-columns-start",
            ),
            html.Div(id="plan-result"),
        ]
    )


def _terms_panel(*, may_decide: bool) -> Component:
    return panel(
        "What the plan should save",
        html.Div(
            [
                region_field("Window of", "plan-region"),
                day_field("plan"),
                *(labelled_control(FORM, item, _DEFAULTS) for item in PRICES),
            ],
            className="gfo-controls",
        ),
        disclosure(
            "Budgets and speed",
            form_grid(FORM, CAPS, held=_DEFAULTS),
        ),
        _action(may_decide=may_decide),
        id="plan-terms",
        hint="The least sum of energy, carbon, water and moving at these prices, within"
        " every region’s thermal limit, capacity and flexible load.",
    )


def _action(*, may_decide: bool) -> Component:
    button = dbc.Button(
        "Find the best plan",
        id="plan-find",
        color="primary",
        class_name="gfo-decides" if may_decide else "d-none",
        disabled=True,  # until it is known for which window
    )
    status = html.Span(id="plan-status", role="status")
    if may_decide:
        return html.Div([button, status], className="gfo-actions")
    explanation = notice(
        "Your role can look, not decide.",
        "Open a plan by its link; finding and recording one is for operators and"
        " admins.",
    )
    return html.Div([explanation, button, status])


def _reason(name: str, label: str) -> Field:
    return Field(name=name, label=label, kind="prose", longest=MAXIMUM_COMMENT_CHARS)


def _undo_panel() -> Component:
    return html.Div(
        panel(
            "Change the plan, or take it back",
            html.P(
                "A plan to replace it is found for the newest forecasts and the prices"
                " above, without the load that this one moves; recording it changes"
                " this one as one act."
            ),
            html.Div(
                dbc.Button(
                    "Find a plan to replace it",
                    id="plan-replace",
                    color="secondary",
                    class_name="gfo-decides",
                ),
                className="gfo-actions",
            ),
            html.P(
                "Taken back, every transfer that still stands is superseded by no"
                " shift, as one act with your name; all stay in the history."
            ),
            labelled_control("plan-undo", _reason("reason", "Reason")),
            html.Div(
                dbc.Button(
                    "Take every transfer back",
                    id="plan-undo",
                    color="secondary",
                    class_name="gfo-decides",
                ),
                className="gfo-actions",
            ),
            id="plan-undo-panel",
        ),
        id="plan-undo-block",
        className="d-none",
    )


def _record_panel() -> Component:
    return html.Div(
        panel(
            "Record the plan",
            html.P(
                "Every transfer becomes a decision with your name, or none does: all"
                " are judged once more on the load that there is then."
            ),
            labelled_control(FORM, _reason("comment", "Comment: why?")),
            html.Div(
                dbc.Button(
                    "Record every transfer",
                    id="plan-record",
                    color="primary",
                    class_name="gfo-decides",
                ),
                className="gfo-actions",
            ),
            html.Div(id="plan-recorded", role="status"),
            id="plan-record-panel",
        ),
        id="plan-record-block",
        className="d-none",
    )
