"""The cells of the Fleet page's table: one function for each column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dash import html

from core.alarm_conditions import LIKELY_FRAC
from core.scheduler import Outcome
from orchestrator.forecasts.views import FleetRow
from pages import addresses
from pages.components import Child, link, risk_mark, synthetic_tag, verdict_badge
from pages.fleet.figures import HEIGHT_PX, WIDTH_PX, sparkline, sparkline_summary
from pages.standing import WITH_RECORDED, ground_line, standing_list
from pages.theme import celsius, local_labels, quantity
from pages.words import age, allowed, bound, degrees, probability, typeset

_LITRES_PER_M3 = 1000.0


@dataclass(frozen=True, slots=True)
class FleetColumn:
    """A column on the page and in its download.

    `csv_name` names the plain value with its unit; without one the column is left out.
    """

    title: str
    cell: Callable[[FleetRow], list[Child]]
    csv_name: str | None = None
    csv_value: Callable[[FleetRow], object] = lambda _: None

    def csv_text(self, row: FleetRow) -> str:
        """The plain value, empty where it is not known."""
        value = self.csv_value(row)
        return "" if value is None else str(value)


def breach_words(row: FleetRow) -> str | None:
    """What deserves an alarm: load that is, or likely will be, over the limit."""
    limit_c = row.thermal_limit_c
    is_known = row.temperature_c is not None and not row.telemetry_is_stale
    if is_known and (row.temperature_c or 0.0) > limit_c:
        return "Above the limit now"
    chance = row.exceedance_probability
    if chance is None or chance < LIKELY_FRAC:
        return None
    hours = zip(row.forecast_hours_utc, row.forecast_mean_c, strict=False)
    over = [hour for hour, mean_c in hours if mean_c is not None and mean_c > limit_c]
    if not over:
        return "Breach likely"
    return f"Breach likely, {local_labels(over[:1], row.region.time_zone)[0]}"


def _region(row: FleetRow) -> list[Child]:
    return [
        html.Span(row.region.name, className="gfo-region-name"),
        synthetic_tag(row.region),
        html.Span(f"{row.cooling_type} cooling", className="gfo-second"),
    ]


RECORDED_SHOWN = 2


def _verdict(row: FleetRow) -> list[Child]:
    breach = breach_words(row)
    is_approved = row.verdict.outcome is Outcome.APPROVED
    # An approved row's reason would only repeat its bound and limit.
    reason = "" if is_approved else typeset(row.verdict.reason_text)
    return [
        html.Span(
            [
                verdict_badge(row.verdict),
                html.Span(f"▲ {breach}", className="gfo-status gfo-status-alarm")
                if breach
                else None,
            ],
            className="gfo-badges",
        ),
        html.Span(reason, className="gfo-second gfo-reason") if reason else None,
        _recorded(row),
    ]


def _recorded(row: FleetRow) -> Child:
    """The verdict once what is recorded is in effect; never in place of today's."""
    if row.recorded is None:
        return None
    promised = row.recorded.bounded
    return ground_line(
        WITH_RECORDED,
        promised.verdict,
        f" bound {bound(promised.day_bound_c)}, ",
        *standing_list(row.recorded.decisions, most=RECORDED_SHOWN),
        css="gfo-second gfo-reason",
    )


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
        return [html.Span("nothing to draw", className="gfo-muted")]
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
    carbon = quantity(row.carbon_intensity_gco2_kwh, "g/kWh")
    return _two_lines(carbon, _old(row, row.carbon_age_h))


def _water(row: FleetRow) -> list[Child]:
    water_m3 = _water_m3(row)
    return _two_lines(quantity(water_m3, "m³", 0 if (water_m3 or 0) >= 100 else 1), "")


def _water_m3(row: FleetRow) -> float | None:
    litres = row.water_l_last_24h
    return None if litres is None else litres / _LITRES_PER_M3


def _load(row: FleetRow) -> list[Child]:
    load = quantity(row.it_load_mw, "MW", 1)
    return _two_lines(load, _old(row, row.it_load_age_h))


def _old(row: FleetRow, age_h: float | None) -> str:
    """The age of a value that is older than the verdict's may be."""
    is_old = age_h is not None and age_h > row.telemetry_max_age_h
    return f"{age(age_h)} old" if is_old else ""


def _age(row: FleetRow) -> list[Child]:
    if row.telemetry_age_h is None:
        return [html.Span("▲ none", className="gfo-status gfo-status-alarm")]
    text = age(row.telemetry_age_h)
    if row.telemetry_is_stale:
        return [html.Span(f"▲ {text}", className="gfo-status gfo-status-alarm")]
    return [html.Span(text, className="gfo-first")]


def _links(row: FleetRow) -> list[Child]:
    slug, name = row.region.slug, row.region.name
    issue = row.issued_at_utc
    forecast = addresses.forecast_href(slug, issued_at_utc=issue)
    what_if = addresses.what_if_href(slug, issued_at_utc=issue)
    return [
        html.Span(
            [
                link("Forecast", forecast, label=f"of {name}"),
                link("What-if", what_if, label=f"from {name}"),
            ],
            className="gfo-links",
        )
    ]


def _two_lines(first: str, second: str) -> list[Child]:
    return [
        html.Span(first, className="gfo-first"),
        html.Span(second, className="gfo-second") if second else None,
    ]


COLUMNS = (
    FleetColumn("Region", _region, "region", lambda row: row.region.name),
    FleetColumn("Verdict", _verdict, "verdict", lambda row: row.verdict.outcome.value),
    FleetColumn(
        "Chance of exceeding",
        _chance,
        "exceedance_probability",
        lambda row: row.exceedance_probability,
    ),
    FleetColumn("Day bound", _bound, "day_bound_c", lambda row: row.day_bound_c),
    FleetColumn("Last and next 24 hours", _spark),
    FleetColumn("Now", _now, "temperature_c", lambda row: row.temperature_c),
    FleetColumn("Risk", _risk, "risk_level", lambda row: row.verdict.risk_level.value),
    FleetColumn(
        "Carbon",
        _carbon,
        "carbon_intensity_gco2_kwh",
        lambda row: row.carbon_intensity_gco2_kwh,
    ),
    FleetColumn("Water, last 24 h", _water, "water_m3_last_24h", _water_m3),
    FleetColumn("IT load", _load, "it_load_mw", lambda row: row.it_load_mw),
    FleetColumn("Data age", _age, "telemetry_age_h", lambda row: row.telemetry_age_h),
    FleetColumn("Open", _links),
)
