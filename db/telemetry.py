"""Queries on telemetry: frames of hours, and the span of a region."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.quality import QualityRule
from core.telemetry import (
    HOUR,
    Quantity,
    TelemetryFrame,
    hours_between,
    require_full_utc_hour,
)
from db.schema import RegionRow, TelemetryFindingRow, TelemetryRow

_COLUMNS: Mapping[Quantity, InstrumentedAttribute[float | None]] = {
    quantity: getattr(TelemetryRow, quantity.value) for quantity in Quantity
}


def load_frame(
    session: Session,
    region_slug: str,
    start_utc: datetime,
    end_utc: datetime,
    *,
    with_suspect: bool = False,
) -> TelemetryFrame:
    """Telemetry of [start_utc, end_utc); hours and values that are missing are NaN.

    Suspect and bad values are missing too, unless they are to be shown or judged; the
    frame names them in its findings.
    """
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
    frame = TelemetryFrame(
        region_slug=region_slug,
        start_utc=start_utc,
        n_hours=n_hours,
        values=values,
        findings=_finding_codes(session, region_slug, start_utc, n_hours),
    )
    return frame if with_suspect else frame.trusted()


def _finding_codes(
    session: Session, region_slug: str, start_utc: datetime, n_hours: int
) -> dict[Quantity, NDArray[np.int8]]:
    found = session.execute(
        select(
            TelemetryFindingRow.quantity,
            TelemetryFindingRow.hour_utc,
            TelemetryFindingRow.rule,
        )
        .join(RegionRow, RegionRow.id == TelemetryFindingRow.region_id)
        .where(
            RegionRow.slug == region_slug,
            TelemetryFindingRow.hour_utc >= start_utc,
            TelemetryFindingRow.hour_utc < start_utc + n_hours * HOUR,
        )
    ).all()
    codes: dict[Quantity, NDArray[np.int8]] = {}
    for name, hour_utc, rule in found:
        column = codes.setdefault(Quantity(name), np.zeros(n_hours, dtype=np.int8))
        column[hours_between(start_utc, hour_utc)] = QualityRule(rule).code
    return codes


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
    # Two index lookups; min() and max() would read every partition completely.
    first = session.scalar(of_region.order_by(TelemetryRow.hour_utc))
    last = session.scalar(of_region.order_by(TelemetryRow.hour_utc.desc()))
    return None if first is None or last is None else (first, last)
