"""Withdrawal of an import: its values go, and the ones that they replaced come back.

A withdrawal is an import of its own, so the revisions that it leaves say what took
the values away, and every hour says what changed it last.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from core.errors import Conflict
from core.telemetry import HOUR, Quantity
from db.ingest import NewBatch, RowCounts, StoredBatch, find_batch, insert_batch
from db.region_places import release_places
from db.schema import (
    BATCH_COLUMNS,
    DecisionRow,
    ForecastRow,
    IngestBatchRow,
    PlanRow,
    RegionRow,
    TelemetryRow,
    WindowScoreRow,
)
from db.telemetry_merge import lock_regions
from db.telemetry_quality import ChangedHours

FORMAT = "withdrawal"

LOOK_BACK_H = 24 * 30
"""How long after an hour a forecast may still rest on it, hours."""

_CHANGED = """
from telemetry k
where k.region_id = any(:region_ids) and k.hour_utc between :first and :last
  and ({holds})
"""

# Of the values that an hour had before, the last that nobody has withdrawn; a measured
# one before an estimate.
_FORMER = """
left join lateral (
    select v.{name} as value, v.{its_import} as import_id,
        coalesce('{name}' = any(v.estimated), false) as is_estimated
    from telemetry_revision v left join ingest_batch o on o.id = v.{its_import}
    where k.{its_import} = :batch_id
      and v.region_id = k.region_id and v.hour_utc = k.hour_utc
      and v.{name} is not null and v.{its_import} is distinct from :batch_id
      and o.withdrawn_by_batch_id is null
    order by is_estimated, v.id desc limit 1
) {name}_before on true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWithdrawal:
    """The import that withdraws another, and the hours that it changed by region."""

    batch_id: int
    counts: RowCounts
    changed: tuple[ChangedHours, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """What was made of telemetry of some hours since it came in.

    Attributes
    ----------
    recorded_ids : tuple of int
        Recorded decisions, newest first.
    """

    forecasts: int
    scores: int
    decisions: int
    plans: int
    recorded_ids: tuple[int, ...]


def withdraw(session: Session, batch_id: int, *, actor_id: int) -> StoredWithdrawal:
    """Take back the values of an import that are still stored, and its bindings.

    Values whose import is not known stay.

    Raises
    ------
    NotFound
        When there is no such import.
    Conflict
        When it was withdrawn before, or is itself a withdrawal.
    """
    region_ids = _region_ids(session, find_batch(session, batch_id))
    lock_regions(session, region_ids)
    batch = find_batch(session, batch_id)
    if batch.facts.format == FORMAT:
        message = f"Import {batch_id} is a withdrawal; import the file again instead."
        raise Conflict(message)
    if batch.withdrawn_by_batch_id is not None:
        message = (
            f"Import {batch_id} was withdrawn before, by {batch.withdrawn_by_batch_id}."
        )
        raise Conflict(message)
    bound = {
        "batch_id": batch_id,
        "region_ids": region_ids,
        "first": batch.counts.first_hour_utc,
        "last": batch.counts.last_hour_utc,
    }
    columns = {name: BATCH_COLUMNS[Quantity(name)] for name in batch.facts.quantities}
    holds = " or ".join(f"k.{column} = :batch_id" for column in columns.values())
    changed = _CHANGED.format(holds=holds or "false")
    query = f"select count(*), min(hour_utc), max(hour_utc) {changed}"
    n_hours, first, last = session.execute(text(query), bound).one()
    counts = RowCounts(
        rows_read=n_hours,
        rows_inserted=0,
        rows_updated=n_hours,
        rows_unchanged=0,
        rows_refused=0,
        first_hour_utc=first,
        last_hour_utc=last,
    )
    withdrawal_id = insert_batch(session, _withdrawal(batch, actor_id), counts)
    session.execute(
        update(IngestBatchRow)
        .where(IngestBatchRow.id == batch_id)
        .values(withdrawn_by_batch_id=withdrawal_id)
    )
    if n_hours:
        statement = _restoring(columns, changed)
        session.execute(text(statement), {**bound, "withdrawal_id": withdrawal_id})
    release_places(session, batch_id)
    return StoredWithdrawal(
        batch_id=withdrawal_id,
        counts=counts,
        changed=_changed_hours(session, withdrawal_id) if n_hours else (),
    )


def _changed_hours(session: Session, withdrawal_id: int) -> tuple[ChangedHours, ...]:
    rows = session.execute(
        select(
            RegionRow.id.label("region_id"),
            RegionRow.slug.label("region_slug"),
            RegionRow.it_capacity_mw,
            func.min(TelemetryRow.hour_utc).label("first_utc"),
            func.max(TelemetryRow.hour_utc).label("last_utc"),
        )
        .join(TelemetryRow, TelemetryRow.region_id == RegionRow.id)
        .where(TelemetryRow.batch_id == withdrawal_id)
        .group_by(RegionRow.id)
    )
    return tuple(ChangedHours(**row) for row in rows.mappings())


def _withdrawal(batch: StoredBatch, actor_id: int) -> NewBatch:
    facts = batch.facts
    return NewBatch(
        source_label=f"withdrawal of import {batch.batch_id}",
        format=FORMAT,
        content_sha256=facts.content_sha256,
        origin=facts.origin,
        carbon_kind=None,
        time_zone=None,
        region_slugs=facts.region_slugs,
        quantities=facts.quantities,
        actor_id=actor_id,
    )


def _restoring(columns: dict[str, str], changed: str) -> str:
    """SQL that gives the withdrawn values of each hour their former ones."""
    sets, former = ["batch_id = :withdrawal_id"], []
    marks = []
    for name, its_import in columns.items():
        is_its = f"t.{its_import} = :batch_id"
        sets += [
            f"{name} = case when {is_its} then s.{name} else t.{name} end",
            (
                f"{its_import} = case when {is_its} then s.{its_import}"
                f" else t.{its_import} end"
            ),
        ]
        former.append(_FORMER.format(name=name, its_import=its_import))
        marks.append(
            f"case when case when {is_its} then s.{name}_estimated"
            f" else '{name}' = any(t.estimated) end then '{name}' end"
        )
    others = [q.value for q in Quantity if q.value not in columns]
    marks += [f"case when '{q}' = any(t.estimated) then '{q}' end" for q in others]
    listed = f"array_remove(array[{', '.join(marks)}]::text[], null)"
    sets.append(f"estimated = nullif({listed}, '{{}}')")
    found = ", ".join(
        f"{name}_before.value as {name}, {name}_before.import_id as {its_import},"
        f" {name}_before.is_estimated as {name}_estimated"
        for name, its_import in columns.items()
    )
    _, where = changed.split("where", 1)
    return (
        f"update telemetry t set {', '.join(sets)} from ("  # noqa: S608 -- own names
        f"select k.region_id, k.hour_utc, {found} from telemetry k"
        f" {' '.join(former)} where {where}) s"
        " where s.region_id = t.region_id and s.hour_utc = t.hour_utc"
    )


def resting_on(session: Session, batch: StoredBatch, counts: RowCounts) -> Resting:
    """What was made since an import of the hours that its withdrawal changed.

    Forecasts and plans rest on hours before their issue, scores on those of their
    window; a decision rests on the forecasts of both ends, and on its window's hours.
    """
    first, last = counts.first_hour_utc, counts.last_hour_utc
    if first is None or last is None:
        return Resting(forecasts=0, scores=0, decisions=0, plans=0, recorded_ids=())
    region_ids, came = _region_ids(session, batch), batch.created_at_utc
    until = last + LOOK_BACK_H * HOUR
    forecasts = select(func.count()).where(
        ForecastRow.region_id.in_(region_ids),
        ForecastRow.status == "issued",
        ForecastRow.issued_at_utc > first,
        ForecastRow.issued_at_utc <= until,
        (ForecastRow.kind != "live") | (ForecastRow.issued_at_utc > came - HOUR),
    )
    scores = select(func.count()).where(
        WindowScoreRow.region_id.in_(region_ids),
        WindowScoreRow.issued_at_utc > first - 24 * HOUR,
        WindowScoreRow.issued_at_utc <= last,
        WindowScoreRow.created_at_utc >= came,
    )
    decided = (
        DecisionRow.source_region_id.in_(region_ids)
        | DecisionRow.target_region_id.in_(region_ids),
        DecisionRow.window_end_utc > first,
        DecisionRow.window_start_utc <= until,
        DecisionRow.created_at_utc >= came,
    )
    plans = select(func.count()).where(
        PlanRow.window_end_utc > first,
        PlanRow.window_start_utc <= until,
        PlanRow.created_at_utc >= came,
    )
    recorded = (
        select(DecisionRow.id)
        .where(*decided, DecisionRow.kind == "recorded")
        .order_by(DecisionRow.id.desc())
        .limit(100)
    )
    return Resting(
        forecasts=session.scalar(forecasts) or 0,
        scores=session.scalar(scores) or 0
        if Quantity.TEMPERATURE_C in batch.facts.quantities
        else 0,
        decisions=session.scalar(select(func.count()).where(*decided)) or 0,
        plans=session.scalar(plans) or 0,
        recorded_ids=tuple(session.scalars(recorded)),
    )


def recorded_resting_on(session: Session, withdrawal: StoredBatch) -> tuple[int, ...]:
    """Recorded decisions that rested on the import that a withdrawal took back."""
    withdrawn_id = session.scalar(
        select(IngestBatchRow.id).where(
            IngestBatchRow.withdrawn_by_batch_id == withdrawal.batch_id
        )
    )
    if withdrawn_id is None:
        return ()
    batch = find_batch(session, withdrawn_id)
    return resting_on(session, batch, withdrawal.counts).recorded_ids


def _region_ids(session: Session, batch: StoredBatch) -> list[int]:
    slugs = batch.facts.region_slugs
    return list(session.scalars(select(RegionRow.id).where(RegionRow.slug.in_(slugs))))
