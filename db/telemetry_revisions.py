"""Queries on what corrections and withdrawals replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.regions import any_id_of
from db.schema import (
    BATCH_COLUMNS,
    IngestBatchRow,
    TelemetryRevisionRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisedHours:
    """Hours whose values were replaced, and the imports that did it, oldest first."""

    hour_count: int
    batch_ids: tuple[int, ...]


def revised_since(
    session: Session,
    region_slugs: Sequence[str],
    *,
    start_utc: datetime,
    end_utc: datetime,
    known_at_utc: datetime,
) -> RevisedHours | None:
    """What of [start_utc, end_utc) was known at a time and replaced since; None: none.

    Hours that came later, or filled gaps, are not counted.
    """
    revision = TelemetryRevisionRow
    newest_known = (
        select(func.max(IngestBatchRow.id))
        .where(IngestBatchRow.created_at_utc <= known_at_utc)
        .scalar_subquery()
    )
    imports = [getattr(revision, name) for name in BATCH_COLUMNS.values()]
    replaced = (
        select(revision.region_id, revision.hour_utc, revision.replaced_by_batch_id)
        .where(
            revision.region_id == any_id_of(region_slugs),
            revision.hour_utc >= start_utc,
            revision.hour_utc < end_utc,
            revision.replaced_at_utc > known_at_utc,
            func.least(revision.batch_id, *imports) <= newest_known,
        )
        .subquery()
    )
    hours = select(replaced.c.region_id, replaced.c.hour_utc).distinct().subquery()
    hour_count = session.scalar(select(func.count()).select_from(hours)) or 0
    if not hour_count:
        return None
    batch_ids = session.scalars(
        select(replaced.c.replaced_by_batch_id)
        .distinct()
        .order_by(replaced.c.replaced_by_batch_id)
    )
    return RevisedHours(hour_count=hour_count, batch_ids=tuple(batch_ids))
