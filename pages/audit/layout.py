"""The frames of the Audit lists; callbacks fill them from the address."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from pages import addresses
from pages.attributes import aria
from pages.audit.filters import decision_controls, event_controls
from pages.audit.list_grids import DECISION_COLUMNS, EVENT_COLUMNS
from pages.components import field, link, page_head, save_view_button, skeleton
from pages.grids import TWO_LINES_PX, listed_grid
from pages.list_controls import csv_tools


def decisions_layout(*, may_see_events: bool) -> Component:
    """The list of decisions with its filters."""
    return html.Div(
        [
            dcc.Location(id="audit-url", refresh=False),
            page_head(
                "Audit", "What was decided, by whom and why?", save_view_button()
            ),
            _tabs("decisions") if may_see_events else None,
            decision_controls(*([csv_tools("audit")] if may_see_events else [])),
            listed_grid(
                "audit-decisions",
                "Decisions",
                DECISION_COLUMNS,
                location_id="audit-url",
                row_px=TWO_LINES_PX,
            ),
        ]
    )


def events_layout() -> Component:
    """The list of audit events, for auditors and admins."""
    return html.Div(
        [
            dcc.Location(id="audit-events-url", refresh=False),
            page_head(
                "Audit events",
                "Everything that matters, in one hash chain.",
                save_view_button(),
            ),
            _tabs("events"),
            html.Div(skeleton(90), id="audit-chain"),
            html.Div(
                [
                    button("Check the whole chain", "audit-check"),
                    html.Div(id="audit-check-status", role="status"),
                ],
                className="gfo-tools",
            ),
            event_controls(csv_tools("events")),
            _export_tools(),
            listed_grid(
                "audit-events",
                "Audit events",
                EVENT_COLUMNS,
                location_id="audit-events-url",
                row_px=TWO_LINES_PX,
            ),
        ]
    )


def event_layout() -> Component:
    """One event; its number stands in the address."""
    return html.Div(
        [
            dcc.Location(id="event-url", refresh=False),
            html.P(link("All events", addresses.AUDIT_EVENTS)),
            html.Div(skeleton(420), id="event-detail"),
        ]
    )


def compare_layout() -> Component:
    """Two decisions side by side; their numbers stand in the address."""
    return html.Div(
        [
            dcc.Location(id="compare-url", refresh=False),
            html.P(link("All decisions", addresses.AUDIT)),
            html.Div(skeleton(420), id="compare-table"),
        ]
    )


def button(
    text: str, control_id: str, *, is_primary: bool = False, decides: bool = False
) -> Component:
    """A button that sends; one that decides waits while the portal is out of reach."""
    css = "gfo-button"
    css += " gfo-button-primary" if is_primary else ""
    css += " gfo-decides" if decides else ""
    return html.Button(text, id=control_id, type="button", className=css)


def number_input(control_id: str, **limits: float) -> Component:
    """A box for a number."""
    control: Component = dbc.Input(id=control_id, type="number", **limits)
    return control


def _export_tools() -> Component:
    return html.Div(
        [
            field("From event", number_input("export-first", min=1, step=1)),
            field("to event", number_input("export-last", min=1, step=1)),
            button("Download events with proof", "export-start"),
            dcc.Download(id="export-file"),
            html.Div(id="export-status", role="status"),
        ],
        className="gfo-tools",
    )


def _tabs(current: str) -> Component:
    tabs = (
        ("decisions", "Decisions", addresses.AUDIT),
        ("events", "Events", addresses.AUDIT_EVENTS),
    )
    return html.Nav(
        [
            dcc.Link(text, href=href, className="gfo-tab gfo-tab-current")
            if name == current
            else dcc.Link(text, href=href, className="gfo-tab")
            for name, text, href in tabs
        ],
        className="gfo-tabs",
        **aria(label="Audit"),
    )
