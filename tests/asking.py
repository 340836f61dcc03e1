"""Requests as tests make them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor
from orchestrator.accounts.logins import Login, RefusedLogin, begin_login
from orchestrator.accounts.logins import log_in as evaluate_login
from orchestrator.accounts.tries import Client
from orchestrator.use_cases import Request

CLIENT = Client(address="203.0.113.7", user_agent=None)
NOW = datetime(2025, 7, 20, 18, 25, tzinfo=UTC)


def asking(
    session: Session,
    caller: Actor | None,
    *,
    now: datetime = NOW,
    request_id: UUID | None = None,
    is_confirmed: bool = True,
) -> Request:
    """A request of this caller, who has just confirmed it with a password.

    The clock stands at `NOW` unless a test moves it.
    """
    return Request(
        session=session,
        caller=caller,
        now=now,
        request_id=request_id,
        is_confirmed=is_confirmed,
    )


def log_in(
    session: Session,
    name: str,
    password: str,
    client: Client = CLIENT,
    *,
    now: datetime = NOW,
) -> Login | RefusedLogin:
    """A login in both its steps."""
    attempt = begin_login(asking(session, None, now=now), name=name, client=client)
    if isinstance(attempt, RefusedLogin):
        return attempt
    return evaluate_login(asking(session, None, now=now), attempt, password=password)
