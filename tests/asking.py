"""Requests as tests make them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor
from orchestrator.use_cases import Request

NOW = datetime(2025, 7, 20, 18, 25, tzinfo=UTC)


def asking(
    session: Session,
    caller: Actor | None,
    *,
    now: datetime = NOW,
    request_id: UUID | None = None,
) -> Request:
    """A request of this caller; the clock stands at `NOW` unless a test moves it."""
    return Request(session=session, caller=caller, now=now, request_id=request_id)
