"""Requests carried out once: the same one again gets the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import canonical_json
from core.errors import RequestReused
from db import handled_requests
from db.handled_requests import HandledRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for: its id, what is to be done, and with what."""

    request_id: UUID
    operation: str
    body: Mapping[str, object]

    @property
    def body_sha256(self) -> str:
        """SHA-256 of the body's canonical text."""
        return sha256(canonical_json(self.body).encode()).hexdigest()


def answer_of(session: Session, actor: Actor, request: Request) -> str | None:
    """The answer this request already got; None when it is new.

    Of the same request posted several times at once, the others wait here for the
    first to commit.

    Raises
    ------
    RequestReused
        When the id belongs to another body, operation or person.
    """
    handled_requests.lock_request(session, request.request_id)
    known = handled_requests.handled_request(session, request.request_id)
    if known is None:
        return None
    if known != _handled(actor, request, known.answer):
        raise RequestReused
    return known.answer


def keep_answer(session: Session, actor: Actor, request: Request, answer: str) -> None:
    """Keep the answer; it commits with what was done, or not at all."""
    handled_requests.insert_handled_request(session, _handled(actor, request, answer))


def _handled(actor: Actor, request: Request, answer: str) -> HandledRequest:
    return HandledRequest(
        request_id=request.request_id,
        actor_id=actor.user_id,
        operation=request.operation,
        body_sha256=request.body_sha256,
        answer=answer,
    )
