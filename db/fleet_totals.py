"""Sums over the whole fleet: an hour and the one a day before; each of many hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class HourTotals:
    """An hour summed over the regions that measured it.

    Attributes
    ----------
    emissions_kgco2e, cost_usd : float | None
        Of the IT load alone, which is what telemetry holds; cooling comes on top.
    water_l : float | None
        On site, as measured.
    n_regions : int
        How many regions the sums are of.
    """

    it_load_mw: float | None
    emissions_kgco2e: float | None
    water_l: float | None
    cost_usd: float | None
    n_regions: int


# MW for an hour times g/kWh are kg, and times USD/MWh are USD.
_SUMS = """
    select t.hour_utc,
        sum(t.it_load_mw) as it_load_mw,
        sum(t.it_load_mw * t.carbon_intensity_gco2_kwh) as emissions_kgco2e,
        sum(t.water_usage_l) as water_l,
        sum(t.it_load_mw * t.price_usd_mwh) as cost_usd,
        count(*) as n_regions
    from telemetry t join region r on r.id = t.region_id
    where r.is_active and t.it_load_mw is not null and {which}
    group by t.hour_utc
    """
_TWO_HOURS = text(
    _SUMS.format(
        which="""t.hour_utc in (:hour_utc, :before_utc)
      and exists (
        select from telemetry o
        where o.region_id = t.region_id and o.it_load_mw is not null
          and o.hour_utc
            = case when t.hour_utc = :hour_utc then :before_utc else :hour_utc end)"""
    )
)
_HOURS = text(_SUMS.format(which="t.hour_utc >= :start_utc and t.hour_utc < :end_utc"))


def fleet_totals(
    session: Session, hour_utc: datetime, *, before: timedelta
) -> tuple[HourTotals | None, HourTotals | None]:
    """The sums of an hour, and of the hour `before` it, over the same regions."""
    before_utc = hour_utc - before
    found = _by_hour(session, _TWO_HOURS, hour_utc=hour_utc, before_utc=before_utc)
    return found.get(hour_utc), found.get(before_utc)


def fleet_hours(
    session: Session, start_utc: datetime, end_utc: datetime
) -> dict[datetime, HourTotals]:
    """Sums of each hour in [start, end) over the active regions that measured it."""
    return _by_hour(session, _HOURS, start_utc=start_utc, end_utc=end_utc)


def _by_hour(
    session: Session, query: TextClause, **instants: datetime
) -> dict[datetime, HourTotals]:
    return {
        row.hour_utc: HourTotals(
            it_load_mw=row.it_load_mw,
            emissions_kgco2e=row.emissions_kgco2e,
            water_l=row.water_l,
            cost_usd=row.cost_usd,
            n_regions=row.n_regions,
        )
        for row in session.execute(query, instants)
    }
