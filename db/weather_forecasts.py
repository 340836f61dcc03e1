"""Queries on weather forecasts as issued."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import CursorResult, select, text
from sqlalchemy.orm import Session

from core.telemetry import Quantity
from core.weather_runs import (
    BIAS_DAYS,
    MAX_RUN_AGE_H,
    IssuedRun,
    WeatherRuns,
    weather_runs,
)
from db.copying import copy_rows
from db.regions import any_id_of
from db.schema import RegionRow, WeatherForecastRow

_COLUMNS = (
    "region_id",
    "source",
    "model",
    "member",
    "quantity",
    "issued_at_utc",
    "known_at_utc",
    "first_lead_h",
    "hourly_values",
    "statistic",
)
_DAY_MAX = "day_max"
_STAGING = """
create temporary table staged_weather_forecast
    (like weather_forecast including defaults) on commit drop;
alter table staged_weather_forecast alter column id drop not null
"""
_SETTLE = """
insert into weather_forecast ({columns})
select {columns} from staged_weather_forecast
on conflict do nothing
"""


class _Run(NamedTuple):
    """What the quantities of one run share; named as in `IssuedRun`."""

    source: str
    model: str
    member: str
    issued_at_utc: datetime
    known_at_utc: datetime
    first_lead_h: int
    is_day_max: bool


def insert_runs(session: Session, runs: Iterable[tuple[int, IssuedRun]]) -> int:
    """Store runs of regions, by region id; returns how many rows were new.

    A run that is stored already stays as it was issued.
    """
    session.execute(text("drop table if exists staged_weather_forecast"))
    for statement in _STAGING.split(";"):
        session.execute(text(statement))
    copy_rows(session, "staged_weather_forecast", _COLUMNS, _rows(runs))
    columns = ", ".join(_COLUMNS)
    result = session.execute(text(_SETTLE.format(columns=columns)))
    return result.rowcount if isinstance(result, CursorResult) else 0


def _rows(runs: Iterable[tuple[int, IssuedRun]]) -> Iterable[tuple[object, ...]]:
    for region_id, run in runs:
        for quantity, column in run.values.items():
            values = [None if np.isnan(value) else float(value) for value in column]
            yield (
                region_id,
                run.source,
                run.model,
                run.member,
                quantity.value,
                run.issued_at_utc,
                run.known_at_utc,
                run.first_lead_h,
                values,
                _DAY_MAX if run.is_day_max else "hourly",
            )


def load_runs(
    session: Session,
    region_slug: str,
    start_utc: datetime,
    end_utc: datetime,
    *,
    quantities: Collection[Quantity] = tuple(Quantity),
    known_by_utc: datetime | None = None,
) -> WeatherRuns | None:
    """What models need of one region's runs; see `load_runs_of`."""
    found = load_runs_of(
        session,
        [region_slug],
        start_utc,
        end_utc,
        quantities=quantities,
        known_by_utc=known_by_utc,
    )
    return found.get(region_slug)


def load_runs_of(
    session: Session,
    region_slugs: Collection[str],
    start_utc: datetime,
    end_utc: datetime,
    *,
    quantities: Collection[Quantity] = tuple(Quantity),
    known_by_utc: datetime | None = None,
) -> dict[str, WeatherRuns]:
    """What models need of regions' runs for issues in [start, end], where any are.

    Runs that cannot prove when they were known are left out. Those that became known
    after `end_utc`, but by `known_by_utc`, count as known at `end_utc`.
    """
    reach = timedelta(days=BIAS_DAYS, hours=MAX_RUN_AGE_H)
    rows = session.execute(
        select(
            RegionRow.slug,
            WeatherForecastRow.source,
            WeatherForecastRow.model,
            WeatherForecastRow.member,
            WeatherForecastRow.issued_at_utc,
            WeatherForecastRow.known_at_utc,
            WeatherForecastRow.first_lead_h,
            WeatherForecastRow.quantity,
            WeatherForecastRow.hourly_values,
            WeatherForecastRow.statistic,
        )
        .join(RegionRow, RegionRow.id == WeatherForecastRow.region_id)
        .where(
            WeatherForecastRow.region_id == any_id_of(region_slugs),
            WeatherForecastRow.issued_at_utc >= start_utc - reach,
            WeatherForecastRow.issued_at_utc <= end_utc,
            WeatherForecastRow.known_at_utc <= (known_by_utc or end_utc),
            WeatherForecastRow.quantity.in_([q.value for q in quantities]),
        )
        .order_by(WeatherForecastRow.id)
    )
    found: dict[str, dict[_Run, _Values]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        run = _Run(
            row.source,
            row.model,
            row.member,
            row.issued_at_utc,
            min(row.known_at_utc, end_utc),
            row.first_lead_h,
            row.statistic == _DAY_MAX,
        )
        values = np.array(row.hourly_values, dtype=np.float64)
        found[row.slug][run][Quantity(row.quantity)] = values
    made = {
        slug: weather_runs(
            IssuedRun(**run._asdict(), values=values) for run, values in runs.items()
        )
        for slug, runs in found.items()
    }
    return {slug: runs for slug, runs in made.items() if runs is not None}


_Values = dict[Quantity, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]
