"""The first page beside its table: sums, the next 24 hours of all, map, decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from dash import html
from dash.development.base_component import Component

from core.alarm_figures import MOST_A_DAY, AlarmFigures
from core.days import WINDOW_H, full_hour
from core.telemetry import HOUR
from orchestrator.alarms.views import AlarmView
from orchestrator.decisions.views import DecisionSummary, NamedValue
from orchestrator.forecasts.views import (
    FleetPlace,
    FleetRow,
    FleetView,
    Group,
    group_of,
)
from orchestrator.overview.views import OverviewView, TotalView
from pages import addresses
from pages.alarms.alarm_words import PRIORITY_SHAPES, priority_css
from pages.attributes import aria, given
from pages.components import Child, facts, link, outcome_badge, tag, verdict_badge
from pages.still import still
from pages.theme import number, quantity
from pages.times import Times
from pages.words import (
    bound,
    counted,
    degrees,
    local_time,
    percent,
    route,
    shift_words,
    typeset,
)

MAP_WEST_DEG, MAP_NORTH_DEG = -170.0, 76.0
MAP_WIDTH_DEG, MAP_HEIGHT_DEG = 360.0, 132.0
"""As `scripts/land_map.py` draws it."""

HOURS_SHOWN = 12
"""Regions on the time axis, the worst of those in the table."""

SHAPES = {Group.OVER: "■", Group.UNJUDGED: "▲", Group.APPROVED: "●"}
GROUP_TITLES = {
    Group.OVER: "BLOCKED",
    Group.UNJUDGED: "No verdict",
    Group.APPROVED: "APPROVED",
}
_RANK = {group: place for place, group in enumerate(Group)}
_HOUR_WORDS = {
    "ok": "within the limit",
    "may": "may exceed",
    "over": "likely over",
    "none": "not known",
}


ALARMS_SHOWN = 5


def overview_panels(
    view: FleetView,
    more: OverviewView,
    times: Times,
    *,
    alarms: Sequence[AlarmView] = (),
    review: AlarmFigures | None = None,
) -> Component:
    """What stands above the table of regions; `review` are the figures of alarms."""
    return html.Div(
        [
            _tiles(view, more),
            html.Div(
                [
                    html.Div([_hours(view), _decisions(more, times)]),
                    html.Div(
                        [
                            _alarms(alarms, review),
                            _map(view),
                            _against_nothing(more),
                            _feeds(more),
                        ]
                    ),
                ],
                className="gfo-overview",
            ),
        ]
    )


def _tiles(view: FleetView, more: OverviewView) -> Component:
    counts = view.counts
    verdicts = [
        _tile(
            GROUP_TITLES[group],
            [f"{SHAPES[group]} {number(counts[group])}"],
            f"of {number(sum(counts.values()))} regions",
            css=f"gfo-tile-{group.value}" if counts[group] else "",
        )
        for group in Group
    ]
    return html.Div(
        still(
            html.Dl(
                [*verdicts, *(_total(total, more) for total in more.totals)],
                className="gfo-tiles",
            )
        ),
        title=f"Sums of the hour from {more.hour_utc:%H:%M} UTC, of"
        f" {more.n_measured} of {more.n_regions} regions.",
    )


def _tile(name: str, value: list[Child], second: str, css: str = "") -> Component:
    return html.Div(
        [
            html.Dt(name),
            html.Dd(value, className="gfo-tile-value"),
            html.Dd(second, className="gfo-second"),
        ],
        className=f"gfo-tile {css}".strip(),
    )


def _total(total: TotalView, more: OverviewView) -> Component:
    digits = 0 if (total.value or 0) >= 100 else 1
    measured = (
        ""
        if more.n_measured == more.n_regions
        else f", {more.n_measured} of {more.n_regions}"
    )
    return _tile(
        total.name,
        [quantity(total.value, total.unit, digits)],
        f"{_change(total.change_frac)}{measured}",
    )


def _change(change_frac: float | None) -> str:
    if change_frac is None:
        return "no day before"
    sign = "+" if round(change_frac * 100) > 0 else ""
    return f"{sign}{percent(change_frac * 100)} on yesterday"


def _hours(view: FleetView) -> Component:
    """Every region on one time axis, worst first."""
    start_utc = full_hour(view.as_of_utc)
    rows = sorted(view.rows, key=_place_in_ranking)[:HOURS_SHOWN]
    return html.Section(
        [
            html.H2("Next 24 hours", id="overview-hours-heading"),
            still(
                html.Table(
                    [
                        html.Caption(
                            "Each region’s next 24 hours, worst first",
                            className="visually-hidden",
                        ),
                        html.Thead(_hours_head(start_utc)),
                        html.Tbody([_hours_row(row, start_utc) for row in rows]),
                    ],
                    className="gfo-hours",
                )
            ),
            html.P(
                [
                    html.Span(className="gfo-key gfo-key-may", **aria(hidden="true")),
                    "may exceed its limit: this hour makes it BLOCKED  ",
                    html.Span(className="gfo-key gfo-key-over", **aria(hidden="true")),
                    "likely over  ",
                    html.Span(className="gfo-key gfo-key-none", **aria(hidden="true")),
                    "not known",
                    f"; the worst {HOURS_SHOWN} of {len(view.rows)} shown below"
                    if len(view.rows) > HOURS_SHOWN
                    else None,
                ],
                className="gfo-muted gfo-hint gfo-keys",
            ),
        ],
        className="gfo-card gfo-panel",
        **aria(labelledby="overview-hours-heading"),
    )


def _hours_head(start_utc: datetime) -> Component:
    marks = [start_utc + step * HOUR for step in range(0, WINDOW_H, 6)]
    return html.Tr(
        [
            html.Th("Region", scope="col"),
            html.Th("Verdict", scope="col"),
            html.Th(
                [html.Span(f"{mark:%H:%M}") for mark in marks] + [html.Span("UTC")],
                scope="col",
                className="gfo-hours-axis",
            ),
            html.Th("Bound, limit", scope="col", className="gfo-number"),
        ]
    )


def _place_in_ranking(row: FleetRow) -> tuple[int, float, str]:
    margin_c = (
        float("inf")
        if row.day_bound_c is None
        else row.thermal_limit_c - row.day_bound_c
    )
    return _RANK[group_of(row)], margin_c, row.region.name


def _hours_row(row: FleetRow, start_utc: datetime) -> Component:
    kinds = list(_kinds(row, start_utc))
    return html.Tr(
        [
            html.Th(
                link(row.region.name, addresses.region_href(row.region.slug)),
                scope="row",
            ),
            html.Td(verdict_badge(row.verdict)),
            html.Td(
                [
                    html.Div(
                        className="gfo-strip",
                        style={"backgroundImage": _gradient(kinds)},
                    ),
                    html.Span(_in_words(kinds, start_utc), className="visually-hidden"),
                ],
                title=_in_words(kinds, start_utc),
            ),
            html.Td(
                f"{bound(row.day_bound_c)}, {degrees(row.thermal_limit_c)}",
                className="gfo-number",
            ),
        ]
    )


def _kinds(row: FleetRow, start_utc: datetime) -> Iterator[str]:
    """Each of 24 hours from now: within the limit, may exceed, likely over, or none."""
    known = dict(
        zip(
            row.forecast_hours_utc,
            zip(row.forecast_mean_c, row.hour_bound_c, strict=False),
            strict=False,
        )
    )
    for step in range(WINDOW_H):
        mean_c, bound_c = known.get(start_utc + step * HOUR, (None, None))
        if mean_c is None or bound_c is None or row.verdict.data_problem:
            yield "none"
        elif mean_c > row.thermal_limit_c:
            yield "over"
        else:
            yield "may" if bound_c > row.thermal_limit_c else "ok"


def _gradient(kinds: Sequence[str]) -> str:
    """Hard stops of a gradient: the theme's colours, and no element for each hour."""
    stops, at = [], 0
    for kind, run in groupby(kinds):
        first, at = at, at + len(list(run))
        low, high = (f"{100 * edge / len(kinds):.2f}%" for edge in (first, at))
        stops.append(f"var(--gfo-hour-{kind}) {low} {high}")
    return f"linear-gradient(90deg, {', '.join(stops)})"


def _in_words(kinds: Sequence[str], start_utc: datetime) -> str:
    said, at = [], 0
    for kind, run in groupby(kinds):
        first, at = at, at + len(list(run))
        begin, end = (start_utc + edge * HOUR for edge in (first, at))
        said.append(f"{begin:%H:%M} to {end:%H:%M} UTC {_HOUR_WORDS[kind]}")
    return "; ".join(said)


def _map(view: FleetView) -> Component:
    ordered = sorted(view.places, key=lambda place: -_RANK[place.group])
    return html.Section(
        [
            html.H2("Where", id="overview-map-heading"),
            still(
                html.Div(
                    [
                        html.Div(className="gfo-map-land", **aria(hidden="true")),
                        *(_mark(place) for place in ordered),
                    ],
                    className="gfo-map",
                )
            ),
        ],
        className="gfo-card gfo-panel",
        **aria(labelledby="overview-map-heading"),
    )


def _mark(place: FleetPlace) -> Component:
    x = (place.longitude_deg - MAP_WEST_DEG) % 360.0 / MAP_WIDTH_DEG
    y = (MAP_NORTH_DEG - place.latitude_deg) / MAP_HEIGHT_DEG
    title = f"{place.name}: {GROUP_TITLES[place.group]}"
    href = addresses.region_href(place.slug) if place.slug else addresses.FLEET
    return html.Span(
        link(SHAPES[place.group], href, label=title),
        className=f"gfo-mark gfo-mark-{place.group.value}",
        style={"left": f"{100 * x:.2f}%", "top": f"{100 * min(max(y, 0), 1):.2f}%"},
        title=title,
    )


def _alarms(alarms: Sequence[AlarmView], review: AlarmFigures | None) -> Component:
    """What stands now, what waits first, and how many alarms there have been."""
    standing = [one for one in alarms if one.is_active or not one.is_acknowledged]
    rows = [_alarm(one) for one in standing[:ALARMS_SHOWN]]
    figures = (
        f"Last 30 days: {number(review.a_day, 1)} a day and operator, at most"
        f" {MOST_A_DAY}; {percent(100 * review.flood_frac, 2)} of the time in flood."
        if review
        else ""
    )
    return html.Section(
        [
            html.H2("Alarms", id="overview-alarms-heading"),
            still(html.Ul(rows, className="gfo-feed"))
            if rows
            else html.P("Nothing needs somebody.", className="gfo-muted"),
            html.P(link(f"All alarms ({len(standing)})", addresses.ALARMS)),
            html.P(figures, className="gfo-muted gfo-hint"),
        ],
        className="gfo-card gfo-panel",
        id="overview-alarms",
        **aria(labelledby="overview-alarms-heading"),
    )


def _alarm(one: AlarmView) -> Component:
    number_ = str(one.alarm_id) if one.alarm_id else None
    return html.Li(
        [
            html.Span(
                f"{PRIORITY_SHAPES[one.priority]} {one.priority.value}",
                className=priority_css(one.priority),
            ),
            link(one.title, addresses.with_query(addresses.ALARMS, {"alarm": number_})),
            html.Span(
                typeset(one.text),
                className="gfo-grow",
                **given(role="alert" if one.is_active else ""),
            ),
        ]
    )


def _against_nothing(more: OverviewView) -> Component:
    found = more.against_nothing
    others = (
        f" {counted(found.n_of_plans, 'transfer')} of plans not counted."
        if found.n_of_plans
        else ""
    )
    tonnes, water_m3 = found.emissions_kgco2e, found.water_l
    values = (
        ("Carbon", None if tonnes is None else tonnes / 1000, "t CO₂e", 1),
        ("Water", None if water_m3 is None else water_m3 / 1000, "m³", 1),
        ("Energy cost", found.cost_usd, "USD", 0),
    )
    return html.Section(
        [
            html.H2("Against doing nothing", id="overview-against-heading"),
            html.P(
                f"{counted(found.n_decisions, 'standing shift')}, over the 24 hours of"
                f" each, as judged when recorded.{others}"
                if found.n_decisions
                else f"No single shift stands.{others}",
                className="gfo-muted gfo-hint",
            ),
            facts(
                [
                    NamedValue(label=label, value=_signed(value, unit, digits))
                    for label, value, unit, digits in values
                ]
            )
            if found.n_decisions
            else None,
        ],
        className="gfo-card gfo-panel",
        **aria(labelledby="overview-against-heading"),
    )


def _signed(value: float | None, unit: str, digits: int) -> str:
    sign = "+" if value is not None and round(value, digits) > 0 else ""
    return sign + quantity(value, unit, digits)


def _decisions(more: OverviewView, times: Times) -> Component:
    rows = [_decision(item, times) for item in more.decisions]
    return html.Section(
        [
            html.H2("Last decisions", id="overview-decisions-heading"),
            still(html.Ul(rows, className="gfo-feed"))
            if rows
            else html.P("Nothing was recorded yet.", className="gfo-muted"),
            html.P(link("All decisions", addresses.AUDIT), className="gfo-hint"),
        ],
        className="gfo-card gfo-panel",
        **aria(labelledby="overview-decisions-heading"),
    )


def _decision(item: DecisionSummary, times: Times) -> Component:
    shown = shift_words(item.shift_pct, item.hours_of_day)
    return html.Li(
        [
            link(f"{item.decision_id}", addresses.decision_href(item.decision_id)),
            html.Span(
                [
                    f"{route(item.source, item.target)}, {shown}",
                    tag("past day") if item.is_simulated else None,
                ],
                className="gfo-grow",
            ),
            outcome_badge(item.outcome),
            html.Span(
                f"{item.actor_name}, "
                f"{local_time(item.created_at_utc, times.zone_without_region)}",
                className="gfo-muted",
            ),
        ]
    )


def _feeds(more: OverviewView) -> Component:
    said = ", ".join(f"{count} {state}" for state, count in more.feeds.items())
    missing = more.n_regions - more.n_measured
    return html.Section(
        [
            html.H2("Data", id="overview-feeds-heading"),
            html.P(
                f"Telemetry of the last hour: {more.n_measured} of {more.n_regions}"
                f" regions{f', {missing} without' if missing else ''}."
                + (f" Feeds: {said}." if said else " No feed is set up.")
            ),
        ],
        className="gfo-card gfo-panel",
        **aria(labelledby="overview-feeds-heading"),
    )
