"""Recorded decisions that stand: only those can be superseded, each once."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.errors import Conflict, InvalidInput
from db import decisions
from db.decisions import StoredDecision


def require_standing(session: Session, decision_id: int) -> StoredDecision:
    """A recorded decision that nobody has superseded yet.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such decision, or it was not recorded.
    Conflict
        When it is superseded already; says by whom and when.
    """
    stored = decisions.decision_by_id(session, decision_id)
    if stored.facts.kind != "recorded":
        message = (
            f"Decision {decision_id} was not recorded; there is nothing to replace."
        )
        raise InvalidInput(message)
    successor = decisions.successor_of(session, decision_id)
    if successor is not None:
        message = (
            f"Decision {decision_id} was superseded by decision"
            f" {successor.decision_id}, recorded by {successor.actor_name} at"
            f" {successor.created_at_utc:%d %b %Y, %H:%M:%S} UTC."
        )
        raise Conflict(message)
    return stored


def require_reason(comment: str) -> None:
    """Raise InvalidInput unless there is a reason."""
    if not comment:
        message = "Write the reason: a recorded decision is replaced only with one."
        raise InvalidInput(message)
