"""The page of one region: now, the way to its first verdict, limits, decisions."""

from __future__ import annotations

from datetime import datetime

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.operations.setup_state import RegionSetup
from orchestrator.overview.region_page import RegionPage
from pages import addresses
from pages.components import (
    crumbs,
    data_table,
    facts,
    link,
    own_password,
    panel,
    skeleton,
    synthetic_tag,
    tag,
    verdict_badge,
)
from pages.fleet.figures import sparkline, sparkline_summary
from pages.fleet.setup import REFRESH_MS, step_list, task_lines
from pages.refreshing import as_of, refresh
from pages.theme import celsius, quantity
from pages.time_range import range_field
from pages.times import Times
from pages.verdicts import decision_cells
from pages.words import (
    KIND_WORDS,
    age,
    bound,
    degrees,
    probability,
    typeset,
)

USUAL_DAYS = 14
"""Days of history that are shown until others are asked for."""


def layout(*, may_set_up: bool) -> Component:
    """The frame; callbacks fill it from the address."""
    return html.Div(
        [
            dcc.Location(id="region-url", refresh=False),
            dcc.Interval(id="region-setup-refresh", interval=REFRESH_MS, disabled=True),
            dcc.Store(id="region-changed"),
            dcc.Store(id="region-steps-done"),
            html.Div(skeleton(240), id="region-now"),
            panel(
                "Before its first verdict",
                html.Div(id="region-tasks"),
                html.Div(id="region-steps"),
                _actions() if may_set_up else None,
                html.Div(id="region-status", role="status"),
                id="region-setup",
                hidden=True,
            ),
            html.Div(
                range_field("region", f"Last {USUAL_DAYS} days", compare=True),
                className="gfo-controls",
            ),
            html.Div(skeleton(760), id="region-history"),
            html.Div(skeleton(240), id="region-more"),
            refresh("region"),
        ]
    )


def _actions() -> Component:
    return html.Div(
        [
            own_password("region-password"),
            html.Div(
                [
                    dbc.Button(
                        "Train models on all regions",
                        id="region-train",
                        color="secondary",
                        class_name="gfo-decides",
                    ),
                    dbc.Button(
                        "Score its past days",
                        id="region-hindcast",
                        color="primary",
                        class_name="gfo-decides",
                    ),
                ],
                className="gfo-actions",
            ),
        ]
    )


def region_now(page: RegionPage, as_of_utc: datetime) -> Component:
    """The head: verdict, reason, last and next 24 hours, and where to go from here."""
    row = page.row
    slug, name = row.region.slug, row.region.name
    source = sparkline(row)
    return html.Div(
        [
            crumbs((("Overview", addresses.FLEET),), name),
            html.Header(
                [
                    html.H1([name, synthetic_tag(row.region)]),
                    None if page.is_active else tag("not in the fleet"),
                    verdict_badge(row.verdict),
                    as_of(as_of_utc),
                ],
                className="gfo-page-head",
            ),
            html.P(typeset(row.verdict.reason_text), className="gfo-sentence"),
            html.Div(
                [
                    html.Img(src=source, alt=sparkline_summary(row), height="80")
                    if source
                    else None,
                    html.Dl(
                        [
                            _pair("Now", celsius(row.temperature_c)),
                            _pair("Day bound", bound(row.day_bound_c)),
                            _pair("Limit", degrees(row.thermal_limit_c)),
                            _pair(
                                "Chance of exceeding",
                                probability(
                                    row.exceedance_probability, row.allowed_probability
                                ),
                            ),
                            _pair("IT load", quantity(row.it_load_mw, "MW")),
                            _pair(
                                "Carbon",
                                quantity(row.carbon_intensity_gco2_kwh, "g/kWh"),
                            ),
                            _pair("Data age", age(row.telemetry_age_h)),
                        ],
                        className="gfo-tiles",
                    ),
                ],
                className="gfo-region-now",
            ),
            html.P(
                [
                    link("Forecast", addresses.forecast_href(slug)),
                    link("Try a shift", addresses.what_if_href(slug)),
                    link(
                        "Plan", addresses.with_query(addresses.PLAN, {"region": slug})
                    ),
                    link(
                        "Trade-offs",
                        addresses.with_query(addresses.TRADE_OFFS, {"source": slug}),
                    ),
                    link(
                        "Its decisions",
                        addresses.with_query(addresses.AUDIT, {"region": slug}),
                    ),
                ],
                className="gfo-actions gfo-region-links",
            ),
        ]
    )


def _pair(name: str, value: str) -> Component:
    return html.Div(
        [html.Dt(name), html.Dd(value, className="gfo-tile-value")],
        className="gfo-tile",
    )


def region_more(page: RegionPage, times: Times) -> Component:
    """What it is, what it is judged by, and what people decided on it."""
    return html.Div(
        [
            html.Div(
                [
                    panel("What it is", facts(page.facts), id="region-facts"),
                    panel(
                        "What it is judged by", facts(page.limits), id="region-limits"
                    ),
                ],
                className="gfo-columns gfo-columns-start",
            ),
            panel(
                "What people decided",
                data_table(
                    "Decisions on this region, newest first",
                    ("Decision", "Taken", "By", "Kind", "Shift", "Verdict"),
                    [
                        decision_cells(
                            item, times, KIND_WORDS.get(item.kind, item.kind)
                        )
                        for item in page.decisions
                    ],
                    numeric_from=9,
                    cards=True,
                )
                if page.decisions
                else html.P("Nothing yet.", className="gfo-muted"),
                id="region-decisions",
            ),
        ]
    )


def setup_content(setup: RegionSetup) -> tuple[list[Component], Component]:
    """Work under way, and each step with its state."""
    return task_lines(setup.tasks), step_list(setup.steps)
