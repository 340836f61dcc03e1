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
class Old:
    """What was asked for: its id, what is to be done, and with what.

    Without an id it is a new one every time: commands are not sent twice by a browser.
    """

    request_id: UUID | None
    operation: str
    body: Mapping[str, object]

    @property
    def body_sha256(self) -> str:
        """SHA-256 of the body's canonical text."""
        return sha256(canonical_json(self.body).encode()).hexdigest()

    @property
    def id_text(self) -> str | None:
        """The id as audit events carry it."""
        return None if self.request_id is None else str(self.request_id)


def answer_of(session: Session, actor: Actor, request: Old) -> str | None:
    """The answer this request already got; None when it is new.

    Of the same request posted several times at once, the others wait here for the
    first to commit.

    Raises
    ------
    RequestReused
        When the id belongs to another body, operation or person.
    """
    if request.request_id is None:
        return None
    handled_requests.lock_request(session, request.request_id)
    known = handled_requests.handled_request(session, request.request_id)
    if known is None:
        return None
    if known != _handled(actor, request, request.request_id, known.answer):
        raise RequestReused
    return known.answer


def keep_answer(session: Session, actor: Actor, request: Old, answer: str) -> None:
    """Keep the answer; it commits with what was done, or not at all."""
    if request.request_id is not None:
        handled_requests.insert_handled_request(
            session, _handled(actor, request, request.request_id, answer)
        )


def _handled(
    actor: Actor, request: Old, request_id: UUID, answer: str
) -> HandledRequest:
    return HandledRequest(
        request_id=request_id,
        actor_id=actor.user_id,
        operation=request.operation,
        body_sha256=request.body_sha256,
        answer=answer,
    )
