"""Queries on executed requests, by the id that the browser sent."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from db.schema import HandledRequestRow


@dataclass(frozen=True, slots=True, kw_only=True)
class HandledRequest:
    """An executed request; the names are the table's columns."""

    request_id: UUID
    actor_id: int
    operation: str
    body_sha256: str
    answer: str


def lock_request(session: Session, request_id: UUID) -> None:
    """Serialise retries of one request, until the transaction ends."""
    session.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:request_id, 7))"),
        {"request_id": str(request_id)},
    )


def handled_request(session: Session, request_id: UUID) -> HandledRequest | None:
    """The executed request with this id; None when there is none."""
    row = session.scalar(
        select(HandledRequestRow).where(HandledRequestRow.request_id == request_id)
    )
    if row is None:
        return None
    return HandledRequest(
        **{name: getattr(row, name) for name in HandledRequest.__slots__}
    )


def insert_handled_request(session: Session, handled: HandledRequest) -> None:
    """Store that a request was executed."""
    values = {name: getattr(handled, name) for name in HandledRequest.__slots__}
    session.execute(insert(HandledRequestRow).values(**values))


def purge_handled_requests(session: Session) -> int:
    """Delete the answers that are older than the database's rule; returns how many."""
    return session.scalar(text("select purge_handled_requests()")) or 0
