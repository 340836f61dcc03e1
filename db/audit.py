"""Events of the audit chain: list, stream and verify; `db.audit_append` adds them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from core.anchors import Anchor
from core.audit import AuditAction, AuditEvent, genesis_hash
from core.audit_chain import (
    ChainLink,
    ChainPosition,
    ChainReport,
    contradiction,
    verify_links,
)
from core.errors import InvalidInput, ServiceUnavailable
from db.copying import driver_connection
from db.schema import AuditEventRow, AuditHeadRow

LONGEST_PAGE = 501

LONGEST_WAIT = timedelta(minutes=10)
"""Longest time between an event's timestamp and its commit, during which it waits
for the lock on the chain's head."""

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

# Binary COPY is the fastest way out of the server, and never holds more than a row.
_COPY_LINKS = """
copy (
    select seq, format_version, previous_hash, hash, payload,
        to_char(occurred_at_utc at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        actor_id, actor_name, action, object_type, object_id, request_id
    from audit_event where seq > {after_seq:d} and seq <= {until_seq:d} order by seq
) to stdout (format binary)
"""
_LINK_TYPES = (
    "int8", "int2", "bytea", "bytea", "text", "text",
    "int4", "text", "text", "text", "text", "text",
)  # fmt: skip
_BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list; what is None is left open.

    Attributes
    ----------
    from_utc, until_utc : datetime | None
        Events that occurred in [from, until).
    """

    actor_name: str | None = None
    action: AuditAction | None = None
    object_type: str | None = None
    object_id: str | None = None
    request_id: str | None = None
    from_utc: datetime | None = None
    until_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """The end of the chain, and the id of the installation that it belongs to.

    Attributes
    ----------
    newest_seq : int
        Largest sequence in the table at the same moment; it differs from the head's
        only when somebody bypassed the triggers.
    """

    installation_id: UUID
    position: ChainPosition
    newest_seq: int

    @property
    def start(self) -> ChainPosition:
        """Where the chain begins."""
        return ChainPosition(0, genesis_hash(self.installation_id))


def list_events(
    session: Session,
    *,
    action: AuditAction | None = None,
    chosen: EventFilter | None = None,
    before_seq: int | None = None,
    after_seq: int | None = None,
    oldest_first: bool = False,
    limit: int = 50,
) -> list[AuditEvent]:
    """Events, newest first unless asked for; the two sequences bound the page."""
    if not 1 <= limit <= LONGEST_PAGE:
        message = f"A page has 1 to {LONGEST_PAGE} events."
        raise InvalidInput(message)
    order = AuditEventRow.seq.asc() if oldest_first else AuditEventRow.seq.desc()
    statement = select(*_EVENT_COLUMNS).order_by(order).limit(limit)
    statement = statement.where(
        *_conditions(session, chosen or EventFilter(action=action))
    )
    if before_seq is not None:
        statement = statement.where(AuditEventRow.seq < before_seq)
    if after_seq is not None:
        statement = statement.where(AuditEventRow.seq > after_seq)
    return list(_events(session, statement))


def event_by_seq(session: Session, seq: int) -> AuditEvent | None:
    """One event by its place in the chain."""
    statement = select(*_EVENT_COLUMNS).where(AuditEventRow.seq == seq)
    return next(_events(session, statement), None)


def event_for_object(
    session: Session, *, object_type: str, object_id: str
) -> AuditEvent | None:
    """The first event about an object: the one of its creation."""
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


def chain_head(session: Session) -> ChainHead:
    """The chain's end, in one statement: the head commits with its event.

    Raises
    ------
    ServiceUnavailable
        When the database is not set up.
    """
    newest = select(func.coalesce(func.max(AuditEventRow.seq), 0)).scalar_subquery()
    head = session.execute(
        select(
            AuditHeadRow.installation_id, AuditHeadRow.seq, AuditHeadRow.hash, newest
        )
    ).one_or_none()
    if head is None:
        message = "The audit chain has no head: the database is not set up."
        raise ServiceUnavailable(message)
    installation_id, seq, head_hash, newest_seq = head
    return ChainHead(
        installation_id=installation_id,
        position=ChainPosition(seq, head_hash),
        newest_seq=newest_seq,
    )


def stream_links(
    session: Session, *, after_seq: int, until_seq: int
) -> Generator[ChainLink]:
    """The links after one event up to another; 0 takes those before the first, too.

    The connection is busy until the stream is read to its end or closed.
    """
    statement = _COPY_LINKS.format(
        after_seq=after_seq or _BEFORE_ALL, until_seq=until_seq
    )
    # Closing the stream early makes the driver cancel the statement, which aborts the
    # transaction: the savepoint keeps it usable, so that the result can be stored.
    savepoint = session.begin_nested()
    try:
        with (
            driver_connection(session).cursor() as cursor,
            cursor.copy(statement.encode()) as copy,
        ):
            copy.set_types(_LINK_TYPES)
            for row in copy.rows():
                yield ChainLink._make(row)
    except BaseException:
        savepoint.rollback()
        raise
    savepoint.commit()


def verify(
    session: Session,
    anchors: Sequence[Anchor] = (),
    *,
    after: ChainPosition | None = None,
) -> ChainReport:
    """Walk the chain to its head; events added meanwhile are ignored.

    Parameters
    ----------
    anchors : sequence of Anchor
        With their signatures checked.
    after : ChainPosition, optional
        Begin after this event, verified before, instead of at the first.

    Raises
    ------
    InvalidInput
        When the anchors contradict each other or are another installation's.
    """
    head = chain_head(session)
    _require_own(head, anchors)
    start = after or head.start
    by_seq = {anchor.seq: anchor for anchor in anchors if anchor.seq > start.seq}
    links = stream_links(session, after_seq=start.seq, until_seq=head.position.seq)
    with closing(links):
        report = verify_links(links, start, by_seq)
    return _against_head(report, head)


def _require_own(head: ChainHead, anchors: Sequence[Anchor]) -> None:
    problem = contradiction(anchors)
    if problem is not None:
        raise InvalidInput(problem)
    if anchors and anchors[0].installation_id != head.installation_id:
        message = (
            "The anchors belong to another installation"
            f" ({anchors[0].installation_id}, this is {head.installation_id})."
        )
        raise InvalidInput(message)


def _against_head(report: ChainReport, head: ChainHead) -> ChainReport:
    if not report.is_sound:
        return report
    if (report.event_count, report.last_hash) != head.position:
        reason = (
            f"The chain ends at event {report.event_count}, its head says"
            f" {head.position.seq}."
        )
    elif head.newest_seq > head.position.seq:
        reason = (
            f"There is an event {head.newest_seq} behind the chain's head, which says"
            f" {head.position.seq}."
        )
    else:
        return report
    return replace(report, first_bad_seq=report.event_count + 1, reason=reason)


def _conditions(session: Session, chosen: EventFilter) -> list[ColumnElement[bool]]:
    conditions = [
        column == value
        for column, value in (
            (AuditEventRow.actor_name, chosen.actor_name),
            (AuditEventRow.action, chosen.action.value if chosen.action else None),
            (AuditEventRow.object_type, chosen.object_type),
            (AuditEventRow.object_id, chosen.object_id),
            (AuditEventRow.request_id, chosen.request_id),
        )
        if value is not None
    ]
    time = AuditEventRow.occurred_at_utc
    # Sequence and time nearly agree: bounds on the sequence shorten the index scan.
    if chosen.from_utc is not None:
        earlier = _seq_at(session, time < chosen.from_utc - LONGEST_WAIT, time.desc())
        conditions.append(time >= chosen.from_utc)
        if earlier is not None:
            conditions.append(AuditEventRow.seq > earlier)
    if chosen.until_utc is not None:
        later = _seq_at(session, time >= chosen.until_utc + LONGEST_WAIT, time.asc())
        conditions.append(time < chosen.until_utc)
        if later is not None:
            conditions.append(AuditEventRow.seq < later)
    return conditions


def _seq_at(
    session: Session, condition: ColumnElement[bool], order: ColumnElement[datetime]
) -> int | None:
    return session.scalar(
        select(AuditEventRow.seq).where(condition).order_by(order).limit(1)
    )


def _events(
    session: Session, statement: Select[*tuple[object, ...]]
) -> Iterator[AuditEvent]:
    for row in session.execute(statement):
        yield AuditEvent(**row._mapping)
