"""Events of the audit chain: append, list, verify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import (
    FORMAT_VERSION,
    AuditAction,
    AuditEvent,
    ChainReport,
    canonical_json,
    genesis_hash,
    verify_chain,
)
from core.errors import InvalidInput, ServiceUnavailable
from db.schema import AuditEventRow, AuditHeadRow

ANONYMOUS = "anonymous"
LONGEST_PAGE = 500

_STREAM_ROWS = 2_000

# In the order of AuditEvent's fields.
_EVENT_COLUMNS = (
    AuditEventRow.seq,
    AuditEventRow.format_version,
    AuditEventRow.previous_hash,
    AuditEventRow.hash,
    AuditEventRow.payload,
    AuditEventRow.occurred_at_utc,
    AuditEventRow.actor_id,
    AuditEventRow.actor_name,
    AuditEventRow.action,
    AuditEventRow.object_type,
    AuditEventRow.object_id,
    AuditEventRow.request_id,
)


def append_event(
    session: Session,
    *,
    actor: Actor | None,
    action: AuditAction,
    object_type: str | None = None,
    object_id: str | None = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str | None = None,
    request_id: str | None = None,
) -> int:
    """Add an event to the chain and return its sequence.

    Call it last in a transaction: from here to the commit every other writer of events
    waits. What it describes and the event itself commit together or not at all.
    """
    session.flush()
    columns = {
        "occurred_at_utc": _database_time(session),
        "actor_id": actor.user_id if actor else None,
        "actor_name": actor.name if actor else ANONYMOUS,
        "action": action.value,
        "object_type": object_type,
        "object_id": object_id,
        "request_id": request_id,
    }
    context = {
        "role": actor.role.value if actor else None,
        "session_sha256": actor.session_sha256 if actor else None,
        "address": actor.address if actor else None,
        "before": before,
        "after": after,
        "reason": reason,
    }
    statement = insert(AuditEventRow).values(
        seq=0,  # the trigger sets it, and the hashes
        format_version=FORMAT_VERSION,
        payload=canonical_json(columns | context),
        **columns,
    )
    return session.execute(statement.returning(AuditEventRow.seq)).scalar_one()


def list_events(
    session: Session,
    *,
    before_seq: int | None = None,
    limit: int = 50,
    action: AuditAction | None = None,
    actor_name: str | None = None,
) -> list[AuditEvent]:
    """Events, newest first; `before_seq` continues after the last one of a page."""
    if not 1 <= limit <= LONGEST_PAGE:
        message = f"A page has 1 to {LONGEST_PAGE} events."
        raise InvalidInput(message)
    statement = select(*_EVENT_COLUMNS).order_by(AuditEventRow.seq.desc()).limit(limit)
    if before_seq is not None:
        statement = statement.where(AuditEventRow.seq < before_seq)
    if action is not None:
        statement = statement.where(AuditEventRow.action == action.value)
    if actor_name is not None:
        statement = statement.where(AuditEventRow.actor_name == actor_name)
    return list(_events(session, statement))


def event_for_object(
    session: Session, *, object_type: str, object_id: str
) -> AuditEvent | None:
    """The first event about an object: the one that tells of its making."""
    statement = (
        select(*_EVENT_COLUMNS)
        .where(
            AuditEventRow.object_type == object_type,
            AuditEventRow.object_id == object_id,
        )
        .order_by(AuditEventRow.seq)
        .limit(1)
    )
    return next(_events(session, statement), None)


def has_event(session: Session, *, action: AuditAction, request_id: str) -> bool:
    """Whether this request already led to such an event."""
    found = select(AuditEventRow.seq).where(
        AuditEventRow.action == action.value, AuditEventRow.request_id == request_id
    )
    return session.scalar(found.limit(1)) is not None


def verify(session: Session) -> ChainReport:
    """Walk the whole chain, and compare its end with the head row.

    Events that are added meanwhile are left for the next time.
    """
    # One statement fixes what "the whole chain" is: the head commits with its event.
    head = session.execute(
        select(AuditHeadRow.installation_id, AuditHeadRow.seq, AuditHeadRow.hash)
    ).one_or_none()
    if head is None:
        message = "The audit chain has no head: the database is not set up."
        raise ServiceUnavailable(message)
    statement = (
        select(*_EVENT_COLUMNS)
        .where(AuditEventRow.seq <= head.seq)
        .order_by(AuditEventRow.seq)
        .execution_options(yield_per=_STREAM_ROWS)
    )
    report = verify_chain(
        _events(session, statement), genesis_hash(head.installation_id)
    )
    if report.is_sound and (report.event_count, report.last_hash) != head[1:]:
        return ChainReport(
            event_count=report.event_count,
            last_hash=report.last_hash,
            first_bad_seq=report.event_count + 1,
            reason=(
                f"The chain ends at event {report.event_count}, its head says"
                f" {head.seq}."
            ),
        )
    return report


def _events(
    session: Session, statement: Select[*tuple[object, ...]]
) -> Iterator[AuditEvent]:
    for row in session.execute(statement):
        yield AuditEvent(**row._mapping)


def _database_time(session: Session) -> datetime:
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now
