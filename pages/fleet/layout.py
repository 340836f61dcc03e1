"""The Fleet page's tree: one row per region, in fixed places."""

from __future__ import annotations

from collections.abc import Callable

from dash import dcc, html
from dash.development.base_component import Component

from core.scheduler import Outcome
from orchestrator.views import FleetRow, FleetView
from pages import addresses
from pages.attributes import aria, data
from pages.components import (
    Child,
    link,
    notice,
    page_head,
    risk_mark,
    skeleton,
    synthetic_tag,
    verdict_badge,
)
from pages.fleet.figures import HEIGHT_PX, WIDTH_PX, sparkline, sparkline_summary
from pages.theme import MISSING, Ink, celsius, quantity
from pages.words import age, allowed, bound, degrees, probability, typeset, utc_time

REFRESH_MS = 60_000


def layout() -> Component:
    """The frame of the page; `fleet-table` is filled by a callback."""
    return html.Div(
        [
            page_head(
                "Fleet",
                "Where is trouble in the next 24 hours?",
                html.Div(id="fleet-status", role="status"),
            ),
            html.Div(skeleton(420), id="fleet-table"),
            dcc.Interval(id="fleet-refresh", interval=REFRESH_MS),
        ]
    )


def headline(view: FleetView) -> Component:
    """The page's answer in one line, with the time it was true."""
    return html.Div(
        [
            html.Strong(trouble(view), id="fleet-headline"),
            html.Span(f"As of {utc_time(view.as_of_utc)}", className="gfo-muted"),
            *(
                notice("Model unavailable", typeset(alarm), kind="alarm")
                for alarm in view.alarms
            ),
        ],
        className="gfo-headline",
    )


def trouble(view: FleetView) -> str:
    """Which regions are blocked by heat, and which for want of data."""
    over = [row for row in view.rows if _is_over(row)]
    unjudged = [row for row in view.rows if row.verdict.data_problem]
    parts: list[str] = []
    if over:
        parts.append(f"BLOCKED: {_names(over)}.")
    if unjudged:
        parts.append(f"No verdict for want of data: {_names(unjudged)}.")
    if not parts:
        return f"No trouble: all {len(view.rows)} regions are APPROVED."
    approved = len(view.rows) - len(over) - len(unjudged)
    parts.append(f"{approved} of {len(view.rows)} APPROVED.")
    return " ".join(parts)


def table(view: FleetView) -> Component:
    """Every region's next 24 hours; on a narrow screen each row becomes a card."""
    if not view.rows:
        return notice("No regions yet", "Add one with gfo region add.")
    head = html.Tr([html.Th(name, scope="col") for name, _ in _COLUMNS])
    return html.Div(
        [
            html.Table(
                [
                    html.Caption(
                        "Each region's next 24 hours", className="visually-hidden"
                    ),
                    html.Thead(head),
                    html.Tbody([_row(row) for row in view.rows]),
                ],
                className="gfo-table gfo-fleet",
            ),
            _legend(),
        ]
    )


def _row(row: FleetRow) -> Component:
    (_, first), *others = _COLUMNS
    return html.Tr(
        [
            html.Th(first(row), scope="row"),
            *(html.Td(cell(row), **data(label=name)) for name, cell in others),
        ],
        id={"type": "fleet-row", "region": row.region.slug},
        className="gfo-fleet-alarm" if row.verdict.data_problem else "",
    )


def _region(row: FleetRow) -> list[Child]:
    return [
        html.Span(row.region.name, className="gfo-region-name"),
        synthetic_tag(row.region),
        html.Span(f"{row.cooling_type} cooling", className="gfo-second"),
    ]


def _verdict(row: FleetRow) -> list[Child]:
    return [
        verdict_badge(row.verdict),
        html.Span(typeset(row.verdict.reason_text), className="gfo-second gfo-reason"),
    ]


def _chance(row: FleetRow) -> list[Child]:
    chance = probability(row.exceedance_probability, row.allowed_probability)
    return _two_lines(chance, f"allowed {allowed(row.allowed_probability)}")


def _bound(row: FleetRow) -> list[Child]:
    return _two_lines(bound(row.day_bound_c), f"limit {degrees(row.thermal_limit_c)}")


def _now(row: FleetRow) -> list[Child]:
    stale = " gfo-stale" if row.telemetry_is_stale else ""
    return [html.Span(celsius(row.temperature_c), className=f"gfo-first{stale}")]


def _spark(row: FleetRow) -> list[Child]:
    source = sparkline(row)
    if source is None:
        return [html.Span("no forecast", className="gfo-muted")]
    return [
        html.Img(
            src=source,
            alt=sparkline_summary(row),
            width=str(WIDTH_PX),
            height=str(HEIGHT_PX),
            className="gfo-sparkline",
        )
    ]


def _risk(row: FleetRow) -> list[Child]:
    margin_c = row.verdict.margin_c
    second = "" if margin_c is None else f"margin {celsius(margin_c)}"
    return [
        risk_mark(row.verdict.risk_level),
        html.Span(second, className="gfo-second"),
    ]


def _carbon(row: FleetRow) -> list[Child]:
    return _two_lines(quantity(row.carbon_intensity_gco2_kwh, "g/kWh"), "")


def _water(row: FleetRow) -> list[Child]:
    water_m3 = None if row.water_l_last_24h is None else row.water_l_last_24h / 1000.0
    return _two_lines(quantity(water_m3, "m³", 0 if (water_m3 or 0) >= 100 else 1), "")


def _load(row: FleetRow) -> list[Child]:
    return _two_lines(quantity(row.it_load_mw, "MW", 1), "")


def _age(row: FleetRow) -> list[Child]:
    if row.telemetry_age_h is None:
        return [html.Span("▲ none", className="gfo-status gfo-status-alarm")]
    text = age(row.telemetry_age_h)
    if row.telemetry_is_stale:
        return [html.Span(f"▲ {text}", className="gfo-status gfo-status-alarm")]
    return [html.Span(text, className="gfo-first")]


def _links(row: FleetRow) -> list[Child]:
    slug, name = row.region.slug, row.region.name
    return [
        html.Span(
            [
                link("Forecast", addresses.forecast_href(slug), label=f"of {name}"),
                link("What-if", addresses.what_if_href(slug), label=f"from {name}"),
            ],
            className="gfo-links",
        )
    ]


_COLUMNS: tuple[tuple[str, Callable[[FleetRow], list[Child]]], ...] = (
    ("Region", _region),
    ("Verdict", _verdict),
    ("Chance of exceeding", _chance),
    ("Day bound", _bound),
    ("Next 24 hours", _spark),
    ("Now", _now),
    ("Risk", _risk),
    ("Carbon", _carbon),
    ("Water, last 24 h", _water),
    ("IT load", _load),
    ("Data age", _age),
    ("Open", _links),
)


def _legend() -> Component:
    def key(ink: Ink, text: str) -> Component:
        swatch = html.Span(
            className="gfo-swatch",
            style={"background": ink.value},
            **aria(hidden="true"),
        )
        return html.Span([swatch, text])

    return html.P(
        [
            key(Ink.FORECAST, "forecast mean"),
            key(Ink.BOUND, "bound on the day’s maximum"),
            key(Ink.LIMIT, "thermal limit"),
            html.Span(f"{MISSING} not known"),
        ],
        className="gfo-legend gfo-muted",
    )


def _two_lines(first: str, second: str) -> list[Child]:
    return [
        html.Span(first, className="gfo-first"),
        html.Span(second, className="gfo-second") if second else None,
    ]


def _is_over(row: FleetRow) -> bool:
    return row.verdict.outcome is Outcome.BLOCKED and not row.verdict.data_problem


def _names(rows: list[FleetRow]) -> str:
    return ", ".join(row.region.name for row in rows)
