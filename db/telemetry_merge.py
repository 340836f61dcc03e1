"""Staged telemetry is stored in bulk: settle duplicates, count, then one INSERT.

A measured value replaces the stored one; an estimate replaces an estimate and fills
gaps, and never replaces what was measured.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import UniqueViolation
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, Insert, array
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import Conflict
from core.telemetry import HOUR, Quantity
from db.ingest import NewBatch, RowCounts, insert_batch
from db.schema import BATCH_COLUMNS, IngestBatchRow, RegionRow, TelemetryRow
from db.telemetry import is_marked
from db.telemetry_quality import ChangedHours
from db.telemetry_staging import (
    QUANTITY_NAMES,
    REFUSED,
    SETTLED,
    STAGED,
    store_refusals,
)

_CARBON = Quantity.CARBON_INTENSITY_GCO2_KWH
_INSERTED, _UPDATED, _UNCHANGED = "inserted", "updated", "unchanged"

_CHANGED_MEANWHILE = "The telemetry changed during the import; import the file again."

LOCK_CLASS = 0x7E1E
"""First key of the advisory locks; the second is the region's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRows:
    """What a batch will do, counted exactly; locks keep it valid until commit.

    Attributes
    ----------
    duplicate_count : int
        Rows that repeat an hour of the same file without contradiction; they are in
        `counts.rows_unchanged`.
    region_slugs : tuple of str
        In the order of the database; `region_ids` are in none.
    changed : tuple of ChangedHours
        By region, in the order of their ids.
    """

    counts: RowCounts
    duplicate_count: int
    region_slugs: tuple[str, ...]
    region_ids: tuple[int, ...]
    changed: tuple[ChangedHours, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether no hour is inserted or updated."""
        return self.counts.rows_inserted == self.counts.rows_updated == 0


def settle_staged(
    session: Session, *, conflict_code: str, carbon_kind: str | None = None
) -> SettledRows:
    """Decide about every staged hour; locks its regions until commit.

    Carbon intensity of another kind than `carbon_kind` is replaced even where its
    values are the same.
    Rows of one hour that differ in a value are all refused, under `conflict_code`;
    rows that agree or complete each other become one.
    """
    region_ids = session.scalars(select(STAGED.c.region_id).distinct()).all()
    lock_regions(session, region_ids)
    duplicate_count = 0
    hours: FromClause = STAGED.alias("hours")
    if session.scalar(select(_repeated_hours().exists())):
        duplicate_count = _refuse_conflicts(session, conflict_code)
        hours = _merged_hours()
    outcomes = _outcomes(hours, carbon_kind)
    session.execute(insert(SETTLED).from_select(SETTLED.columns.keys(), outcomes))
    session.execute(text("analyze telemetry_settled (region_id, hour_utc, outcome)"))
    return _settled_rows(session, tuple(region_ids), duplicate_count)


def write_settled(session: Session, settled: SettledRows, batch: NewBatch) -> int:
    """Store the batch, its hours and its refused rows; return the batch's id.

    Quantities that the batch does not carry keep their stored values.

    Raises
    ------
    Conflict
        When somebody wrote the same hours without taking the regions' locks.
    """
    # Partitions first: creating one locks `ingest_batch`, so two imports that had both
    # stored their batch would deadlock.
    _ensure_partitions(session)
    batch_id = insert_batch(session, batch, settled.counts)
    _upsert(session, settled, batch_id)
    store_refusals(session, batch_id)
    return batch_id


def _upsert(session: Session, settled: SettledRows, batch_id: int) -> None:
    comes = {name: SETTLED.c[name].is_not(None) for name in QUANTITY_NAMES}
    # In the order of the table's key: months and the index are filled one by one.
    changed = select(
        SETTLED.c.region_id,
        SETTLED.c.hour_utc,
        literal(batch_id, BigInteger),
        case((SETTLED.c.is_estimated, marks(comes))),
        *[SETTLED.c[name] for name in QUANTITY_NAMES],
        *[case((comes[name], literal(batch_id, BigInteger))) for name in comes],
    ).where(SETTLED.c.outcome != _UNCHANGED)
    changed = changed.order_by(SETTLED.c.region_id, SETTLED.c.hour_utc)
    carried = [*QUANTITY_NAMES, *BATCH_COLUMNS.values()]
    added = pg_insert(TelemetryRow).from_select(
        ["region_id", "hour_utc", "batch_id", "estimated", *carried], changed
    )
    # To look for a stored hour of every row takes a sixth of the time of an insert.
    statement = _replacing(added, carried) if settled.counts.rows_updated else added
    try:
        result = session.connection().execute(
            statement, execution_options={"preserve_rowcount": True}
        )
    except IntegrityError as exc:
        if isinstance(exc.orig, UniqueViolation):
            raise Conflict(_CHANGED_MEANWHILE) from exc
        raise
    if result.rowcount != settled.counts.rows_inserted + settled.counts.rows_updated:
        raise Conflict(_CHANGED_MEANWHILE)


def _replacing(added: Insert, carried: Sequence[str]) -> Insert:
    """The insert, which gives stored hours the values that come."""
    new = added.excluded
    stored = TelemetryRow.estimated
    kept = {
        name: case(
            (new[name].is_not(None), is_marked(new.estimated, name)),
            else_=is_marked(stored, name),
        )
        for name in QUANTITY_NAMES
    }
    has_marks = or_(new.estimated.is_not(None), stored.is_not(None))
    return added.on_conflict_do_update(
        index_elements=["region_id", "hour_utc"],
        set_={
            "batch_id": new.batch_id,
            "estimated": case((has_marks, marks(kept))),
            **{
                name: func.coalesce(new[name], getattr(TelemetryRow, name))
                for name in carried
            },
        },
    )


def marks(is_estimated: Mapping[str, ColumnElement[bool]]) -> ColumnElement[list[str]]:
    """Names of the quantities that are estimated; null for none."""
    names = array(
        [case((flag, cast(name, Text))) for name, flag in is_estimated.items()]
    )
    found: ColumnElement[list[str]] = func.array_remove(names, null())
    return func.nullif(found, cast(array([]), ARRAY(Text)))


def lock_regions(session: Session, region_ids: Collection[int]) -> None:
    """One writer of telemetry per region; locked in the order of ids: no deadlocks."""
    for region_id in sorted(region_ids):
        session.execute(select(func.pg_advisory_xact_lock(LOCK_CLASS, region_id)))


def _refuse_conflicts(session: Session, conflict_code: str) -> int:
    """Move contradicting rows to the refused ones; return how many others repeat."""
    repeated = _conflicts()
    same_hour = and_(
        STAGED.c.region_id == repeated.c.region_id,
        STAGED.c.hour_utc == repeated.c.hour_utc,
        repeated.c.is_conflict,
    )
    duplicates = case((repeated.c.is_conflict, 0), else_=repeated.c.row_count - 1)
    duplicate_count = session.scalar(select(func.sum(duplicates))) or 0
    reason = func.format(
        "Lines %s and %s give different values for this hour of %s; none was taken.",
        repeated.c.first_line,
        repeated.c.last_line,
        RegionRow.slug,
    )
    session.execute(
        insert(REFUSED).from_select(
            REFUSED.columns.keys(),
            select(
                STAGED.c.line_number,
                literal(conflict_code),
                reason,
                STAGED.c.raw_text,
            )
            .join(repeated, same_hour)
            .join(RegionRow, RegionRow.id == STAGED.c.region_id),
        )
    )
    session.execute(delete(STAGED).where(same_hour))
    return int(duplicate_count)


def _repeated_hours() -> Select[*tuple[int, datetime]]:
    """Hours with more than one staged row."""
    hour = (STAGED.c.region_id, STAGED.c.hour_utc)
    return select(*hour).group_by(*hour).having(func.count() > 1)


def _conflicts() -> Subquery:
    """Hours with more than one staged row, and whether these contradict each other."""
    conflict = or_(
        *[
            func.min(STAGED.c[name]) != func.max(STAGED.c[name])
            for name in QUANTITY_NAMES
        ]
    )
    return (
        _repeated_hours()
        .add_columns(
            func.count().label("row_count"),
            func.min(STAGED.c.line_number).label("first_line"),
            func.max(STAGED.c.line_number).label("last_line"),
            # Without a value on either side the comparison is null: no conflict.
            func.coalesce(conflict, False).label("is_conflict"),
        )
        .subquery("repeated")
    )


def _merged_hours() -> Subquery:
    """One row per staged hour, of rows that agree or complete each other."""
    return (
        select(
            STAGED.c.region_id,
            STAGED.c.hour_utc,
            *[func.max(STAGED.c[name]).label(name) for name in QUANTITY_NAMES],
            func.bool_or(STAGED.c.is_estimated).label("is_estimated"),
        )
        .group_by(STAGED.c.region_id, STAGED.c.hour_utc)
        .subquery("hours")
    )


def _outcomes(
    hours: FromClause, carbon_kind: str | None
) -> Select[*tuple[object, ...]]:
    """One row per staged hour: the values that change, and its effect."""
    is_other = {_CARBON.value: IngestBatchRow.carbon_kind.is_distinct_from(carbon_kind)}
    is_new = TelemetryRow.region_id.is_(None)
    changes = {
        name: case(
            (or_(is_new, _changes(hours, name, is_other.get(name))), hours.c[name])
        )
        for name in QUANTITY_NAMES
    }
    outcome: ColumnElement[str] = case(
        (is_new, _INSERTED),
        (func.num_nonnulls(*changes.values()) > 0, _UPDATED),
        else_=_UNCHANGED,
    )
    stored = and_(
        TelemetryRow.region_id == hours.c.region_id,
        TelemetryRow.hour_utc == hours.c.hour_utc,
    )
    carbon_import = getattr(TelemetryRow, BATCH_COLUMNS[_CARBON])
    return (
        select(
            hours.c.region_id,
            hours.c.hour_utc,
            *[change.label(name) for name, change in changes.items()],
            hours.c.is_estimated,
            outcome,
        )
        .outerjoin(TelemetryRow, stored)
        .outerjoin(IngestBatchRow, IngestBatchRow.id == carbon_import)
    )


def _changes(
    hours: FromClause, name: str, is_other: ColumnElement[bool] | None
) -> ColumnElement[bool]:
    """Whether a value of the import is stored: new, other, or measured at last."""
    stored = getattr(TelemetryRow, name)
    was_estimated = is_marked(TelemetryRow.estimated, name)
    is_measured = ~hours.c.is_estimated
    differs = or_(
        hours.c[name].is_distinct_from(stored), and_(is_measured, was_estimated)
    )
    return and_(
        hours.c[name].is_not(None),
        or_(is_measured, stored.is_(None), was_estimated),
        differs if is_other is None else or_(differs, is_other),
    )


def _settled_rows(
    session: Session, region_ids: tuple[int, ...], duplicate_count: int
) -> SettledRows:
    hour, is_changed = SETTLED.c.hour_utc, SETTLED.c.outcome != _UNCHANGED
    by_region = session.execute(
        select(
            RegionRow.id,
            RegionRow.slug,
            RegionRow.it_capacity_mw,
            *[
                func.count().filter(SETTLED.c.outcome == outcome).label(outcome)
                for outcome in (_INSERTED, _UPDATED, _UNCHANGED)
            ],
            func.min(hour).label("first_utc"),
            func.max(hour).label("last_utc"),
            func.min(hour).filter(is_changed).label("first_changed_utc"),
            func.max(hour).filter(is_changed).label("last_changed_utc"),
        )
        .join(SETTLED, SETTLED.c.region_id == RegionRow.id)
        .group_by(RegionRow.id)
        .order_by(RegionRow.slug)
    ).all()
    inserted = sum(row.inserted for row in by_region)
    updated = sum(row.updated for row in by_region)
    unchanged = sum(row.unchanged for row in by_region) + duplicate_count
    refused = session.scalar(select(func.count()).select_from(REFUSED)) or 0
    return SettledRows(
        counts=RowCounts(
            rows_read=inserted + updated + unchanged + refused,
            rows_inserted=inserted,
            rows_updated=updated,
            rows_unchanged=unchanged,
            rows_refused=refused,
            first_hour_utc=min((row.first_utc for row in by_region), default=None),
            last_hour_utc=max((row.last_utc for row in by_region), default=None),
        ),
        duplicate_count=duplicate_count,
        region_slugs=tuple(row.slug for row in by_region),
        region_ids=region_ids,
        changed=tuple(
            ChangedHours(
                region_id=row.id,
                region_slug=row.slug,
                it_capacity_mw=float(row.it_capacity_mw),
                first_utc=row.first_changed_utc,
                last_utc=row.last_changed_utc,
            )
            for row in sorted(by_region, key=lambda row: row.id)
            if row.first_changed_utc is not None
        ),
    )


def _ensure_partitions(session: Session) -> None:
    """Create the partitions of exactly the months that get a row.

    Called after the slow reading, because creating one blocks writers of `region` and
    `ingest_batch` until the transaction ends.
    """
    month = func.date_trunc("month", SETTLED.c.hour_utc).label("month")
    months = select(month).distinct().order_by(month).subquery()
    starts = months.c.month
    session.execute(select(func.ensure_telemetry_partitions(starts, starts + HOUR)))
