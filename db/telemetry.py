"""Queries on telemetry: frames of hours, and the span of a region."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Text, cast, false, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.quality import QualityRule
from core.telemetry import (
    HOUR,
    Quantity,
    TelemetryFrame,
    hours_between,
    require_full_utc_hour,
)
from db.schema import (
    BATCH_COLUMNS,
    IngestBatchRow,
    RegionRow,
    TelemetryFindingRow,
    TelemetryRow,
)

_COLUMNS: Mapping[Quantity, InstrumentedAttribute[float | None]] = {
    quantity: getattr(TelemetryRow, quantity.value) for quantity in Quantity
}

Marks = ColumnElement[list[str]] | InstrumentedAttribute[list[str] | None]


def load_frame(
    session: Session,
    region_slug: str,
    start_utc: datetime,
    end_utc: datetime,
    *,
    with_suspect: bool = False,
) -> TelemetryFrame:
    """Telemetry of [start_utc, end_utc); hours and values that are missing are NaN.

    Values that were not measured are missing too. So are suspect and bad ones, unless
    they are to be shown or judged; the frame names them in its findings.
    """
    require_full_utc_hour(start_utc)
    n_hours = max(hours_between(start_utc, end_utc), 0)
    values = {quantity: np.full(n_hours, np.nan) for quantity in Quantity}
    rows = session.execute(
        select(TelemetryRow.hour_utc, TelemetryRow.estimated, *_COLUMNS.values())
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        .where(
            RegionRow.slug == region_slug,
            TelemetryRow.hour_utc >= start_utc,
            TelemetryRow.hour_utc < start_utc + n_hours * HOUR,
        )
    ).all()
    if rows:
        hours, estimated, *columns = zip(*rows, strict=True)
        positions = np.array([hours_between(start_utc, hour) for hour in hours])
        for quantity, column in zip(Quantity, columns, strict=True):
            # None becomes NaN.
            values[quantity][positions] = np.array(column, dtype=np.float64)
        for position, names in zip(positions, estimated, strict=True):
            for name in names or ():
                values[Quantity(name)][position] = np.nan
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


def is_marked(estimated: Marks, name: str) -> ColumnElement[bool]:
    """Whether the quantity is among those of `estimated`, which may be null."""
    return func.coalesce(cast(name, Text) == func.any(estimated), false())


def first_and_last_hour(
    session: Session, region_slug: str
) -> tuple[datetime, datetime] | None:
    """The first and the last hour of a region, None when it has no telemetry."""
    of_region = (
        select(TelemetryRow.hour_utc)
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        # A withdrawn import leaves hours without a value.
        .where(RegionRow.slug == region_slug, func.num_nonnulls(*_COLUMNS.values()) > 0)
        .limit(1)
    )
    # Two index lookups; min() and max() would read every partition completely.
    first = session.scalar(of_region.order_by(TelemetryRow.hour_utc))
    last = session.scalar(of_region.order_by(TelemetryRow.hour_utc.desc()))
    return None if first is None or last is None else (first, last)


def measured_until(
    session: Session, region_slug: str, quantity: Quantity
) -> datetime | None:
    """End of the newest hour with a measured value that is not suspect, or None."""
    suspect = (
        select(TelemetryFindingRow.hour_utc)
        .where(
            TelemetryFindingRow.region_id == TelemetryRow.region_id,
            TelemetryFindingRow.hour_utc == TelemetryRow.hour_utc,
            TelemetryFindingRow.quantity == quantity.value,
        )
        .exists()
    )
    newest = session.scalar(
        select(TelemetryRow.hour_utc)
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        .where(
            RegionRow.slug == region_slug,
            _COLUMNS[quantity].is_not(None),
            ~is_marked(TelemetryRow.estimated, quantity),
            ~suspect,
        )
        .order_by(TelemetryRow.hour_utc.desc())
        .limit(1)
    )
    return None if newest is None else newest + HOUR


def carbon_kinds(
    session: Session, region_slug: str, start_utc: datetime, end_utc: datetime
) -> frozenset[str | None]:
    """Kinds of the measured carbon intensity of [start_utc, end_utc).

    None stands for values whose import is not known or says no kind.
    """
    carbon = Quantity.CARBON_INTENSITY_GCO2_KWH
    its_import = getattr(TelemetryRow, BATCH_COLUMNS[carbon])
    kinds = session.scalars(
        select(IngestBatchRow.carbon_kind)
        .select_from(TelemetryRow)
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        .outerjoin(IngestBatchRow, IngestBatchRow.id == its_import)
        .where(
            RegionRow.slug == region_slug,
            TelemetryRow.hour_utc >= start_utc,
            TelemetryRow.hour_utc < end_utc,
            _COLUMNS[carbon].is_not(None),
            ~is_marked(TelemetryRow.estimated, carbon),
        )
        .distinct()
    )
    return frozenset(kinds)
