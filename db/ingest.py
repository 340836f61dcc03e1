"""Queries on imports of telemetry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import InvalidInput, NotFound
from db.row_parts import columns_of, part_of
from db.schema import IngestBatchRow

LONGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """What is known about an import before its rows are counted."""

    source_label: str
    format: str
    content_sha256: str
    origin: str
    carbon_kind: str | None
    time_zone: str | None
    region_slugs: list[str]
    quantities: list[str]
    actor_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Where the rows of an import went; they add up to `rows_read`."""

    rows_read: int
    rows_inserted: int
    rows_updated: int
    rows_unchanged: int
    rows_refused: int
    first_hour_utc: datetime | None
    last_hour_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """An import as stored; `withdrawn_by_batch_id` is the one that withdrew it."""

    batch_id: int
    created_at_utc: datetime
    facts: NewBatch
    counts: RowCounts
    withdrawn_by_batch_id: int | None


def insert_batch(session: Session, batch: NewBatch, counts: RowCounts) -> int:
    """Store an import and return its id."""
    row = IngestBatchRow(**columns_of(batch), **columns_of(counts))
    session.add(row)
    session.flush()
    return row.id


def find_batch(session: Session, batch_id: int) -> StoredBatch:
    """The import with this id; raises NotFound without one."""
    row = session.get(IngestBatchRow, batch_id, populate_existing=True)
    if row is None:
        message = f"There is no import {batch_id}."
        raise NotFound(message)
    return _stored(row)


def find_same_batch(
    session: Session, batch: NewBatch, counts: RowCounts
) -> StoredBatch | None:
    """The first import of the same content with the same options and refusals."""
    row = session.scalar(
        select(IngestBatchRow)
        .where(
            IngestBatchRow.content_sha256 == batch.content_sha256,
            IngestBatchRow.format == batch.format,
            IngestBatchRow.origin == batch.origin,
            IngestBatchRow.carbon_kind.is_not_distinct_from(batch.carbon_kind),
            IngestBatchRow.time_zone.is_not_distinct_from(batch.time_zone),
            IngestBatchRow.region_slugs == batch.region_slugs,
            IngestBatchRow.rows_read == counts.rows_read,
            IngestBatchRow.rows_refused == counts.rows_refused,
            IngestBatchRow.withdrawn_by_batch_id.is_(None),
        )
        .order_by(IngestBatchRow.id)
        .limit(1)
    )
    return None if row is None else _stored(row)


def other_carbon_kinds(
    session: Session, region_slugs: list[str], carbon_kind: str
) -> list[str]:
    """Kinds of carbon intensity other than `carbon_kind` that these regions hold."""
    statement = (
        select(IngestBatchRow.carbon_kind)
        .where(
            IngestBatchRow.carbon_kind != carbon_kind,
            IngestBatchRow.withdrawn_by_batch_id.is_(None),
            IngestBatchRow.region_slugs.overlap(region_slugs),
        )
        .distinct()
        .order_by(IngestBatchRow.carbon_kind)
    )
    return [kind for kind in session.scalars(statement) if kind is not None]


def list_batches(
    session: Session, *, before_id: int | None = None, limit: int = 50
) -> list[StoredBatch]:
    """Imports, newest first; `before_id` continues after the last one of a page."""
    statement = (
        select(IngestBatchRow).order_by(IngestBatchRow.id.desc()).limit(_page(limit))
    )
    if before_id is not None:
        statement = statement.where(IngestBatchRow.id < before_id)
    return [_stored(row) for row in session.scalars(statement)]


def _page(limit: int) -> int:
    if not 1 <= limit <= LONGEST_PAGE:
        message = f"A page has 1 to {LONGEST_PAGE} rows."
        raise InvalidInput(message)
    return limit


def _stored(row: IngestBatchRow) -> StoredBatch:
    return StoredBatch(
        batch_id=row.id,
        created_at_utc=row.created_at_utc,
        facts=part_of(row, NewBatch),
        counts=part_of(row, RowCounts),
        withdrawn_by_batch_id=row.withdrawn_by_batch_id,
    )
