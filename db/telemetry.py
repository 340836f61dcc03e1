"""Queries on telemetry: frames of hours, and the span of a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Double,
    LargeBinary,
    Text,
    case,
    cast,
    false,
    func,
    literal,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.quality import QualityRule
from core.telemetry import (
    HOUR,
    Quantity,
    TelemetryFrame,
    hours_between,
    require_full_utc_hour,
)
from db.regions import any_id_of
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

_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_HOUR_US = 3_600_000_000
"""PostgreSQL sends an instant as microseconds since its epoch."""

Marks = ColumnElement[list[str]] | InstrumentedAttribute[list[str] | None]


def load_frame(
    session: Session,
    region_slug: str,
    start_utc: datetime,
    end_utc: datetime,
    *,
    with_suspect: bool = False,
) -> TelemetryFrame:
    """Telemetry of one region; see `load_frames`."""
    frames = load_frames(
        session, [region_slug], start_utc, end_utc, with_suspect=with_suspect
    )
    return frames[region_slug]


def load_frames(
    session: Session,
    region_slugs: Sequence[str],
    start_utc: datetime,
    end_utc: datetime,
    *,
    with_suspect: bool = False,
) -> dict[str, TelemetryFrame]:
    """Telemetry of [start_utc, end_utc) by region; what is missing is NaN.

    Values that were not measured are missing too. So are suspect and bad ones, unless
    they are to be shown or judged; the frames name them in their findings.
    """
    require_full_utc_hour(start_utc)
    n_hours = max(hours_between(start_utc, end_utc), 0)
    first_hour = hours_between(_POSTGRES_EPOCH, start_utc)
    values = {
        slug: {quantity: np.full(n_hours, np.nan) for quantity in Quantity}
        for slug in region_slugs
    }
    # The values of a region as one string of bytes for each quantity: an hour as a row
    # of its own costs Python ten times as much.
    rows = session.execute(
        select(
            RegionRow.slug,
            _packed(func.timestamptz_send(TelemetryRow.hour_utc)),
            *(_packed(func.float8send(_measured(quantity))) for quantity in Quantity),
        )
        .select_from(TelemetryRow)
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        .where(
            TelemetryRow.region_id == any_id_of(region_slugs),
            TelemetryRow.hour_utc >= start_utc,
            TelemetryRow.hour_utc < start_utc + n_hours * HOUR,
        )
        .group_by(RegionRow.id)
    )
    for slug, hours, *columns in rows:
        positions = np.frombuffer(hours, ">i8") // _HOUR_US - first_hour
        for quantity, column in zip(Quantity, columns, strict=True):
            values[slug][quantity][positions] = np.frombuffer(column, ">f8")
    findings = _finding_codes(session, region_slugs, start_utc, n_hours)
    frames = {
        slug: TelemetryFrame(
            region_slug=slug,
            start_utc=start_utc,
            n_hours=n_hours,
            values=values[slug],
            findings=findings.get(slug, {}),
        )
        for slug in region_slugs
    }
    if with_suspect:
        return frames
    return {slug: frame.trusted() for slug, frame in frames.items()}


def _packed(value: ColumnElement[bytes]) -> ColumnElement[bytes]:
    """The values of a group, one after the other, in an order that all share."""
    return func.string_agg(value, literal(b"", LargeBinary))


def _measured(quantity: Quantity) -> ColumnElement[float]:
    """The value of a row; NaN where there is none or it was not measured."""
    missing = cast("NaN", Double)
    return case(
        (is_marked(TelemetryRow.estimated, quantity), missing),
        else_=func.coalesce(_COLUMNS[quantity], missing),
    )


def _finding_codes(
    session: Session, region_slugs: Sequence[str], start_utc: datetime, n_hours: int
) -> dict[str, dict[Quantity, NDArray[np.int8]]]:
    found = session.execute(
        select(
            RegionRow.slug,
            TelemetryFindingRow.quantity,
            TelemetryFindingRow.hour_utc,
            TelemetryFindingRow.rule,
        )
        .join(RegionRow, RegionRow.id == TelemetryFindingRow.region_id)
        .where(
            TelemetryFindingRow.region_id == any_id_of(region_slugs),
            TelemetryFindingRow.hour_utc >= start_utc,
            TelemetryFindingRow.hour_utc < start_utc + n_hours * HOUR,
        )
    ).all()
    codes: dict[str, dict[Quantity, NDArray[np.int8]]] = {}
    for slug, name, hour_utc, rule in found:
        of_region = codes.setdefault(slug, {})
        column = of_region.setdefault(Quantity(name), np.zeros(n_hours, dtype=np.int8))
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
    session: Session,
    region_slugs: Sequence[str],
    start_utc: datetime,
    end_utc: datetime,
) -> dict[str, frozenset[str | None]]:
    """Kinds of the measured carbon intensity of [start_utc, end_utc), by region.

    None stands for values whose import is not known or says no kind.
    """
    carbon = Quantity.CARBON_INTENSITY_GCO2_KWH
    its_import = getattr(TelemetryRow, BATCH_COLUMNS[carbon])
    rows = session.execute(
        select(RegionRow.slug, IngestBatchRow.carbon_kind)
        .select_from(TelemetryRow)
        .join(RegionRow, RegionRow.id == TelemetryRow.region_id)
        .outerjoin(IngestBatchRow, IngestBatchRow.id == its_import)
        .where(
            TelemetryRow.region_id == any_id_of(region_slugs),
            TelemetryRow.hour_utc >= start_utc,
            TelemetryRow.hour_utc < end_utc,
            _COLUMNS[carbon].is_not(None),
            ~is_marked(TelemetryRow.estimated, carbon),
        )
        .distinct()
    )
    kinds: dict[str, set[str | None]] = {slug: set() for slug in region_slugs}
    for slug, kind in rows:
        kinds[slug].add(kind)
    return {slug: frozenset(found) for slug, found in kinds.items()}
