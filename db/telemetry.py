"""Queries on telemetry: frames of hours, and the latest ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.telemetry import (
    HOUR,
    Quantity,
    TelemetryFrame,
    hours_between,
    require_full_utc_hour,
)
from db.schema import RegionRow, TelemetryRow

_COLUMNS: Mapping[Quantity, InstrumentedAttribute[float | None]] = {
    quantity: getattr(TelemetryRow, quantity.value) for quantity in Quantity
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestHour:
    """The last hour of a region and what it carries."""

    region_slug: str
    hour_utc: datetime
    values: Mapping[Quantity, float]


def load_frame(
    session: Session, region_slug: str, start_utc: datetime, end_utc: datetime
) -> TelemetryFrame:
    """Telemetry of [start_utc, end_utc); hours and values that are missing are NaN."""
    require_full_utc_hour(start_utc)
    n_hours = max(hours_between(start_utc, end_utc), 0)
    values = {quantity: np.full(n_hours, np.nan) for quantity in Quantity}
    rows = session.execute(
        select(TelemetryRow.hour_utc, *_COLUMNS.values())
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        .where(
            RegionRow.slug == region_slug,
            TelemetryRow.hour_utc >= start_utc,
            TelemetryRow.hour_utc < start_utc + n_hours * HOUR,
        )
    ).all()
    if rows:
        hours, *columns = zip(*rows, strict=True)
        positions = np.array([hours_between(start_utc, hour) for hour in hours])
        for quantity, column in zip(Quantity, columns, strict=True):
            # None becomes NaN.
            values[quantity][positions] = np.array(column, dtype=np.float64)
    return TelemetryFrame(
        region_slug=region_slug, start_utc=start_utc, n_hours=n_hours, values=values
    )


def latest_hours(session: Session) -> dict[str, LatestHour]:
    """The last hour of every active region that has one, by slug."""
    latest = (
        select(TelemetryRow.hour_utc, *_COLUMNS.values())
        .where(TelemetryRow.region_id == RegionRow.id)
        .order_by(TelemetryRow.hour_utc.desc())
        .limit(1)
        .lateral()
    )
    statement = (
        select(RegionRow.slug, latest)
        .join(latest, true())
        .where(RegionRow.is_active)
        .order_by(RegionRow.id)
    )
    return {
        slug: LatestHour(
            region_slug=slug,
            hour_utc=hour_utc,
            values={
                quantity: value
                for quantity, value in zip(Quantity, values, strict=True)
                if value is not None
            },
        )
        for slug, hour_utc, *values in session.execute(statement)
    }


def last_hour_with(
    session: Session,
    region_slug: str,
    quantity: Quantity,
    *,
    until_utc: datetime | None = None,
) -> datetime | None:
    """The last hour that carries `quantity`, of those that ended by `until_utc`."""
    statement = (
        select(TelemetryRow.hour_utc)
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        .where(RegionRow.slug == region_slug, _COLUMNS[quantity].is_not(None))
        .order_by(TelemetryRow.hour_utc.desc())
        .limit(1)
    )
    if until_utc is not None:
        statement = statement.where(TelemetryRow.hour_utc <= until_utc - HOUR)
    return session.scalar(statement)


def first_and_last_hour(
    session: Session, region_slug: str
) -> tuple[datetime, datetime] | None:
    """The first and the last hour of a region, None when it has no telemetry."""
    of_region = (
        select(TelemetryRow.hour_utc)
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        .where(RegionRow.slug == region_slug)
        .limit(1)
    )
    # Two index probes; min() and max() over all partitions would read them whole.
    first = session.scalar(of_region.order_by(TelemetryRow.hour_utc))
    last = session.scalar(of_region.order_by(TelemetryRow.hour_utc.desc()))
    return None if first is None or last is None else (first, last)
