"""The Audit pages' frames; callbacks fill them from the address."""

from __future__ import annotations

from collections.abc import Mapping

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from core.scheduler import Outcome
from pages import addresses
from pages.attributes import aria
from pages.components import field, link, page_head, skeleton
from pages.words import KIND_WORDS

ANY = "any"
"""The value of a filter that is left open."""


def decisions_layout(*, may_see_events: bool) -> Component:
    """The list of decisions with its filters."""
    return html.Div(
        [
            dcc.Location(id="audit-url", refresh=False),
            page_head("Audit", "What was decided, by whom and why?"),
            _tabs("decisions") if may_see_events else None,
            html.Div(
                [
                    field("Kind", _choice("audit-kind", KIND_WORDS)),
                    field("Region", _choice("audit-region", {})),
                    field(
                        "Verdict",
                        _choice(
                            "audit-outcome",
                            {item.value: item.value for item in Outcome},
                        ),
                    ),
                    dbc.Checkbox(
                        id="audit-live",
                        label="Live only, without simulations",
                        value=False,
                    ),
                ],
                className="gfo-controls",
                role="search",
            ),
            html.Div(skeleton(420), id="audit-decisions", **aria(live="polite")),
        ]
    )


def events_layout() -> Component:
    """The list of audit events, for auditors and admins."""
    return html.Div(
        [
            dcc.Location(id="audit-events-url", refresh=False),
            page_head("Audit events", "Everything that matters, in one hash chain."),
            _tabs("events"),
            html.Div(skeleton(420), id="audit-events"),
        ]
    )


def decision_layout() -> Component:
    """One decision; its number stands in the address."""
    return html.Div(
        [
            dcc.Location(id="decision-url", refresh=False),
            html.P(link("All decisions", addresses.AUDIT)),
            html.Div(skeleton(420), id="decision-detail"),
        ]
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


def _choice(control_id: str, words: Mapping[str, str]) -> Component:
    control: Component = dbc.Select(
        id=control_id, options=filter_options(words), value=ANY
    )
    return control


def filter_options(words: Mapping[str, str]) -> list[dict[str, str]]:
    """Options of a filter, with the one that leaves it open first."""
    options = [{"label": text, "value": value} for value, text in words.items()]
    return [{"label": "Any", "value": ANY}, *options]
