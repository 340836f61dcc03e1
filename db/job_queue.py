"""What waits in the job queue; procrastinate owns its tables."""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

_HINDCASTS_ASKED_BY = text(
    "select args ->> 'local_day' from procrastinate_jobs"
    " where task_name = :task and status = 'todo' and args ->> 'asked_by_id' = :user_id"
)


_SILENCES = text(
    "select extract(epoch from clock_timestamp() - last_heartbeat)::float"
    " from procrastinate_workers order by last_heartbeat desc"
)


def worker_silences_s(session: Session) -> list[float]:
    """How long each registered worker has said nothing, shortest first.

    A worker registers when it begins to serve jobs, and leaves when it ends; one that
    was killed stays in the list for a while.
    """
    return list(session.scalars(_SILENCES))


def days_asked_by(session: Session, *, task: str, user_id: int) -> set[date]:
    """Local days whose jobs wait because this person opened them."""
    asked = {"task": task, "user_id": str(user_id)}
    days = session.scalars(_HINDCASTS_ASKED_BY, asked)
    return {date.fromisoformat(day) for day in days}
