"""What was measured in a period, by day or by hour, of a region or of the fleet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.access import Permission
from core.days import WINDOW_H, issue_at_local_midnight, local_day_of
from core.errors import InvalidInput
from core.telemetry import HOUR, Quantity, hours_between
from db import alarms, policies, regions, telemetry
from db.decision_lists import DecisionFilter
from db.fleet_totals import fleet_hours
from db.forecast_quality import finished_forecasts
from orchestrator.decisions.lists import decision_page
from orchestrator.overview.views import (
    HistorySeries,
    HistoryView,
    MarkKind,
    TimeMark,
)
from orchestrator.regions.region_choice import region_choice
from orchestrator.regions.views import RegionChoice
from orchestrator.use_cases import Request, query
from orchestrator.windows.views import Series, finite_series

HOURLY_DAYS = 7
"""Periods up to so many days are shown by hour, longer ones by day."""

MOST_DAYS = 366
MOST_REGION_DAYS = 40_000
"""Regions times days of a period of the whole fleet: about a million rows."""

MOST_MARKS = 60

_FLEET_ZONE = "UTC"
_LITRES_PER_M3 = 1000.0
_MIDNIGHT = 0

Hours = NDArray[np.float64]
_DayValue = Callable[[Hours], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantity:
    """How a quantity is read and shown; `of_day` makes a day's value of its hours."""

    key: str
    name: str
    unit: str
    factor: float = 1.0
    summary: str = "mean"
    of_day: _DayValue = np.nanmean


_REGION = (
    _Quantity(
        key=Quantity.TEMPERATURE_C,
        name="Temperature",
        unit="°C",
        summary="maximum",
        of_day=np.nanmax,
    ),
    _Quantity(key=Quantity.IT_LOAD_MW, name="IT load", unit="MW"),
    _Quantity(
        key=Quantity.CARBON_INTENSITY_GCO2_KWH,
        name="Carbon intensity",
        unit="g/kWh",
    ),
    _Quantity(
        key=Quantity.WATER_USAGE_L,
        name="Water on site",
        unit="m³/h",
        factor=1.0 / _LITRES_PER_M3,
    ),
)
_FLEET = (
    _Quantity(key="it_load_mw", name="IT load", unit="MW"),
    _Quantity(
        key="emissions_kgco2e",
        name="Carbon of the IT load",
        unit="t/h",
        factor=1.0 / 1000.0,
    ),
    _Quantity(
        key="water_l", name="Water on site", unit="m³/h", factor=1.0 / _LITRES_PER_M3
    ),
    _Quantity(key="cost_usd", name="Power for the IT load", unit="USD/h"),
    _Quantity(
        key="n_regions",
        name="Counted in these sums",
        unit="regions",
        summary="least",
        of_day=np.nanmin,
    ),
)


@query(Permission.VIEW_FLEET)
def region_history(
    request: Request,
    slug: str,
    first_day: date,
    last_day: date,
    *,
    compare_days: int | None = None,
) -> HistoryView:
    """A region over its local days [first, last]; hours that are suspect are missing.

    Raises
    ------
    NotFound
        When there is no such region.
    InvalidInput
        For more than `MOST_DAYS` days.
    """
    session = request.session
    stored = regions.region_by_slug(session, slug)
    zone = stored.region.time_zone
    policy = policies.effective_policy(session, stored.region_id)

    def read(start_utc: datetime, end_utc: datetime) -> dict[str, Hours]:
        frame = telemetry.load_frame(session, slug, start_utc, end_utc)
        return {item.key: frame.column(Quantity(item.key)) for item in _REGION}

    days = _Days(zone, first_day, last_day)
    issued = finished_forecasts(
        session,
        region_id=stored.region_id,
        local_issue_hour=_MIDNIGHT,
        from_utc=days.start_utc,
        until_utc=days.end_utc + WINDOW_H * HOUR,
    )
    bounds = {item.issued_at_utc: item.day_bound_c for item in issued}
    return _view(
        request,
        days,
        _REGION,
        read,
        region=region_choice(stored.region),
        compare_days=compare_days,
        bounds=tuple(bounds.get(start) for start in days.starts_utc),
        limit_c=policy.thermal_limit_c,
    )


@query(Permission.VIEW_FLEET)
def fleet_history(
    request: Request,
    first_day: date,
    last_day: date,
    *,
    n_regions: int,
    compare_days: int | None = None,
) -> HistoryView:
    """Sums over the active regions in the UTC days [first, last].

    Raises
    ------
    InvalidInput
        For more than `MOST_DAYS` days, and for more days than so many regions allow.
    """
    days = _Days(_FLEET_ZONE, first_day, last_day)
    most = MOST_REGION_DAYS // max(n_regions, 1)
    if len(days.starts_utc) > max(most, 1):
        message = f"Of {n_regions:,} regions at most {max(most, 1)} days are summed up."
        raise InvalidInput(message)

    def read(start_utc: datetime, end_utc: datetime) -> dict[str, Hours]:
        n_hours = hours_between(start_utc, end_utc)
        found = {item.key: np.full(n_hours, np.nan) for item in _FLEET}
        for hour_utc, totals in fleet_hours(
            request.session, start_utc, end_utc
        ).items():
            for key, values in found.items():
                value = getattr(totals, key)
                place = hours_between(start_utc, hour_utc)
                values[place] = np.nan if value is None else value
        return found

    return _view(request, days, _FLEET, read, region=None, compare_days=compare_days)


@query(Permission.VIEW_FLEET)
def marks_between(
    request: Request, slug: str | None, start_utc: datetime, end_utc: datetime
) -> tuple[TimeMark, ...]:
    """Decisions recorded and alarms raised in [start, end), newest first."""
    recorded = decision_page(
        request,
        DecisionFilter(
            kind="recorded", region_slug=slug, from_utc=start_utc, until_utc=end_utc
        ),
        limit=MOST_MARKS,
    )
    raised = alarms.raised_marks(
        request.session, start_utc, end_utc, region_slug=slug, limit=MOST_MARKS
    )
    found = [
        TimeMark(
            kind=MarkKind.DECISION,
            key=item.decision_id,
            at_utc=item.created_at_utc,
            words=f"Decision {item.decision_id}, {item.actor_name}:"
            f" {item.shift_pct:.1f} % of {item.source.name}"
            + (f" to {item.target.name}" if item.target else "")
            + f", {item.outcome.value}",
        )
        for item in recorded.rows
    ]
    found += [
        TimeMark(
            kind=MarkKind.ALARM,
            key=item.alarm_id,
            at_utc=item.at_utc,
            words=f"{item.title}. {item.sentence or ''}".strip(),
        )
        for item in raised
    ]
    return tuple(sorted(found, key=lambda item: item.at_utc, reverse=True))


@query(Permission.VIEW_FLEET)
def measured_temperature(
    request: Request, slug: str, start_utc: datetime, n_hours: int
) -> Series:
    """Measured temperature of so many hours, degC, to compare a day with."""
    frame = telemetry.load_frame(
        request.session, slug, start_utc, start_utc + n_hours * HOUR
    )
    return finite_series(frame.column(Quantity.TEMPERATURE_C))


@query(Permission.VIEW_FLEET)
def local_today(request: Request, slug: str) -> date:
    """Today where a region is; raises NotFound without such a region."""
    region = regions.region_by_slug(request.session, slug).region
    return local_day_of(region.time_zone, request.now)


class _Days:
    """Days of a zone and the hours that they are made of."""

    def __init__(self, time_zone: str, first_day: date, last_day: date) -> None:
        count = (last_day - first_day).days + 1
        if not 0 < count <= MOST_DAYS:
            message = f"A period has from 1 to {MOST_DAYS} days, its first day first."
            raise InvalidInput(message)
        self.time_zone, self.first_day, self.last_day = time_zone, first_day, last_day
        edges = [
            issue_at_local_midnight(time_zone, first_day + timedelta(days=step))
            for step in range(count + 1)
        ]
        self.starts_utc, self.end_utc = tuple(edges[:-1]), edges[-1]
        self.start_utc = edges[0]
        self.edges = [hours_between(self.start_utc, edge) for edge in edges]

    @property
    def is_hourly(self) -> bool:
        return len(self.starts_utc) <= HOURLY_DAYS

    @property
    def instants_utc(self) -> tuple[datetime, ...]:
        if not self.is_hourly:
            return self.starts_utc
        return tuple(self.start_utc + step * HOUR for step in range(self.edges[-1]))

    def values(self, hours: Hours, item: _Quantity) -> Series:
        """The hours as they are, or one value for each day."""
        scaled = hours * item.factor
        if self.is_hourly:
            return finite_series(scaled)
        parts = np.split(scaled, self.edges[1:-1])
        return tuple(
            float(item.of_day(part)) if np.isfinite(part).any() else None
            for part in parts
        )

    def spread(self, of_days: Series) -> Series:
        """A value of each day, at each of its instants."""
        if not self.is_hourly:
            return of_days
        lengths = np.diff(self.edges)
        return tuple(
            value
            for value, length in zip(of_days, lengths, strict=True)
            for _ in range(length)
        )

    def before(self, days: int) -> _Days:
        """As many days, so many days earlier."""
        step = timedelta(days=days)
        return _Days(self.time_zone, self.first_day - step, self.last_day - step)


def _view(
    request: Request,
    days: _Days,
    quantities: Sequence[_Quantity],
    read: Callable[[datetime, datetime], dict[str, Hours]],
    *,
    region: RegionChoice | None,
    compare_days: int | None,
    bounds: Series = (),
    limit_c: float | None = None,
) -> HistoryView:
    shown = read(days.start_utc, days.end_utc)
    former: dict[str, Series] = {}
    if compare_days:
        earlier = days.before(compare_days)
        hours = read(earlier.start_utc, earlier.end_utc)
        former = {
            item.key: earlier.values(hours[item.key], item) for item in quantities
        }
    instants = days.instants_utc
    length = len(instants)
    return HistoryView(
        region=region,
        time_zone=days.time_zone,
        first_day=days.first_day,
        last_day=days.last_day,
        is_hourly=days.is_hourly,
        compare_days=compare_days,
        instants_utc=instants,
        series=tuple(
            HistorySeries(
                key=item.key.replace("_", "-"),
                name=item.name,
                unit=item.unit,
                summary=item.summary,
                values=days.values(shown[item.key], item),
                compared=_fitted(former[item.key], length) if former else (),
                bounds=days.spread(bounds)
                if bounds and item.key == Quantity.TEMPERATURE_C
                else (),
                limit=limit_c if item.key == Quantity.TEMPERATURE_C else None,
            )
            for item in quantities
        ),
        marks=marks_between(
            request, region.slug if region else None, days.start_utc, days.end_utc
        ),
    )


def _fitted(values: Series, length: int) -> Series:
    """As long as another period: one with a change of the clock has an hour more."""
    return (*values[:length], *[None] * (length - len(values)))
