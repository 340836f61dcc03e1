"""One import or generation: its batch, refused rows, audit event and summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from sqlalchemy.orm import Session

from core.audit import AuditAction
from core.errors import InvalidInput
from core.telemetry import HOUR, VALID_RANGES, Quantity, ValidRange
from core.wording import listed
from db.bound_alarms import readings_above_bound
from db.ingest import NewBatch, RowCounts, find_same_batch, other_carbon_kinds
from db.telemetry_merge import SettledRows, write_settled
from db.telemetry_staging import RefusalCount, count_refusals
from orchestrator.jobs import queue_issue_again
from orchestrator.logs import get_logger
from orchestrator.telemetry.place_bindings import PlaceBinding
from orchestrator.telemetry.suspect_hours import JudgedHours, judge_regions
from orchestrator.use_cases import Done, Event, Request

log = get_logger(__name__)


class Origin(StrEnum):
    """Whether telemetry was measured or made up; a region holds one of them."""

    MEASURED = "measured"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What an import or a generation did.

    Attributes
    ----------
    batch_id : int
        The stored batch; the earlier one when nothing changed.
    place : str | None
        The zone, station or node that the file says it is about.
    rows_passed_over : int
        Rows of other regions than the one asked for; not part of `counts.rows_read`.
    duplicate_count : int
        Rows repeating an hour of the same file, part of `counts.rows_unchanged`.
    is_repeat : bool
        The same content was imported before and nothing changed; nothing was stored.
    """

    batch_id: int
    label: str
    format: str
    place: str | None
    counts: RowCounts
    rows_passed_over: int
    duplicate_count: int
    region_slugs: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    ignored_columns: tuple[str, ...]
    top_refusals: tuple[RefusalCount, ...]
    notes: tuple[str, ...]
    is_repeat: bool

    @property
    def is_wholly_refused(self) -> bool:
        """Whether not a single row was good."""
        return self.counts.rows_refused == self.counts.rows_read


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledImport:
    """Rows that are staged and counted, and what is to be said about them."""

    batch: NewBatch
    settled: SettledRows
    ignored_columns: tuple[str, ...] = ()
    passed_over: int = 0
    notes: tuple[str, ...] = ()
    place: str | None = None
    binding: PlaceBinding | None = None
    read_as: Mapping[str, object] = field(default_factory=dict)
    regions_added: tuple[Event, ...] = ()


def finish_import(
    request: Request,
    done: SettledImport,
    *,
    action: AuditAction,
    ranges: Mapping[Quantity, ValidRange] = VALID_RANGES,
) -> Done[ImportSummary]:
    """Store the settled rows, the batch, its refusals and place; judge the hours.

    What was imported is followed by forecasts at once; generation is part of the cycle.

    Raises
    ------
    InvalidInput
        When an hour has not ended: it is known only then, whatever brings it.
    """
    session = request.session
    batch, settled = done.batch, done.settled
    last_hour_utc = settled.counts.last_hour_utc
    if last_hour_utc is not None and not last_hour_utc + HOUR <= request.now:
        message = f"The hour {last_hour_utc:%Y-%m-%d %H:%M} UTC has not ended."
        raise InvalidInput(message)
    top_refusals = tuple(count_refusals(session))
    same = find_same_batch(session, batch, settled.counts)
    if settled.changes_nothing and same is not None and done.binding is None:
        note = (
            f"The same content came in before ({same.created_at_utc:%Y-%m-%d %H:%M}"
            f" UTC, batch {same.batch_id}); nothing changed."
        )
        summary = _summary(done, same.batch_id, top_refusals, (note,), is_repeat=True)
        return Done(answer=summary)
    notes = _carbon_notes(session, batch)
    batch_id = write_settled(session, settled, batch)
    if done.binding is not None and last_hour_utc is not None:
        done.binding.store(session, batch_id)
        notes = (*notes, done.binding.sentence)
    for reading in readings_above_bound(
        session, request.now, region_ids=settled.region_ids
    ):
        log.warning("reading_above_bound", **asdict(reading))
        notes = (*notes, reading.sentence)
    judged = judge_regions(session, settled.changed, now=request.now, ranges=ranges)
    notes = (*notes, *_quality_notes(judged))
    if action is AuditAction.TELEMETRY_IMPORTED:
        queue_issue_again(session, batch_id=batch_id)
    event = Event(
        action=action,
        object_type="ingest_batch",
        object_id=batch_id,
        after=_facts(done),
    )
    log.info(action.value, batch_id=batch_id, **_facts(done))
    return Done(
        answer=_summary(done, batch_id, top_refusals, notes, is_repeat=False),
        events=(*done.regions_added, event),
    )


def _facts(done: SettledImport) -> dict[str, object]:
    """What the audit event and the log line say of a batch."""
    batch, counts = done.batch, done.settled.counts
    return {
        "source": batch.source_label,
        "format": batch.format,
        "origin": batch.origin,
        "content_sha256": batch.content_sha256,
        "carbon_kind": batch.carbon_kind,
        "place": done.place,
        "bound": None
        if done.binding is None or counts.last_hour_utc is None
        else {
            "region_slug": done.binding.region_slug,
            "former_place": done.binding.former,
        },
        "read_as": dict(done.read_as),
        "time_zone": batch.time_zone,
        "region_slugs": batch.region_slugs,
        "quantities": batch.quantities,
        "rows_read": counts.rows_read,
        "rows_inserted": counts.rows_inserted,
        "rows_updated": counts.rows_updated,
        "rows_unchanged": counts.rows_unchanged,
        "rows_refused": counts.rows_refused,
        "first_hour_utc": counts.first_hour_utc,
        "last_hour_utc": counts.last_hour_utc,
    }


def _summary(
    done: SettledImport,
    batch_id: int,
    top_refusals: tuple[RefusalCount, ...],
    notes: tuple[str, ...],
    *,
    is_repeat: bool,
) -> ImportSummary:
    return ImportSummary(
        batch_id=batch_id,
        label=done.batch.source_label,
        format=done.batch.format,
        place=done.place,
        counts=done.settled.counts,
        rows_passed_over=done.passed_over,
        duplicate_count=done.settled.duplicate_count,
        region_slugs=done.settled.region_slugs,
        quantities=tuple(Quantity(name) for name in done.batch.quantities),
        ignored_columns=done.ignored_columns,
        top_refusals=top_refusals,
        notes=(*done.notes, *notes),
        is_repeat=is_repeat,
    )


def _quality_notes(judged: Sequence[JudgedHours]) -> tuple[str, ...]:
    return tuple(
        f"{listed([f'{count:,} h of {q}' for q, count in one.counts.items()])} of"
        f" {one.region_slug} {'is' if list(one.counts.values()) == [1] else 'are'}"
        " suspect and not used; see `gfo telemetry quality`."
        for one in judged
        if one.counts
    )


def _carbon_notes(session: Session, batch: NewBatch) -> tuple[str, ...]:
    if batch.carbon_kind is None:
        return ()
    others = other_carbon_kinds(session, batch.region_slugs, batch.carbon_kind)
    return tuple(
        f"These regions hold {other} carbon intensity from earlier imports; with this"
        f" {batch.carbon_kind} one, hours of both kinds stand side by side."
        for other in others
    )
