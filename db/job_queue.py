"""What waits in the job queue; procrastinate owns its tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

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


_WAITING_INSTANTS = text(
    "select args ->> 'issued_at_utc' from procrastinate_jobs"
    " where task_name = :task and status in ('todo', 'doing')"
)
_QUEUEING_LOCKS = text(
    "select queueing_lock from procrastinate_jobs"
    " where task_name = :task and status in ('todo', 'doing')"
)

LOCK_CLASS = 0x67666F01
"""Of the advisory locks of regions whose cycle a step carries out."""

_LOCK_REGIONS = text(
    "select pg_advisory_xact_lock(cast(:class as integer), id) from"
    " (select unnest(cast(:region_ids as integer[])) as id order by id) as region"
)


def lock_cycle_of(session: Session, region_ids: Sequence[int]) -> None:
    """Let steps of a cycle that share regions wait for one another, until commit.

    Locked in the order of ids: no deadlocks.
    """
    session.execute(
        _LOCK_REGIONS, {"class": LOCK_CLASS, "region_ids": list(region_ids)}
    )


def queueing_locks(session: Session, task: str) -> set[str]:
    """Queueing locks of the jobs of a task that wait or are being done."""
    return set(session.scalars(_QUEUEING_LOCKS, {"task": task}))


def waiting_instants(session: Session, task: str) -> list[datetime]:
    """Issue instants of the jobs of a task that wait or are being done."""
    found = session.scalars(_WAITING_INSTANTS, {"task": task})
    return [datetime.fromisoformat(instant) for instant in found]


def days_asked_by(session: Session, *, task: str, user_id: int) -> set[date]:
    """Local days whose jobs wait because this person opened them."""
    asked = {"task": task, "user_id": str(user_id)}
    days = session.scalars(_HINDCASTS_ASKED_BY, asked)
    return {date.fromisoformat(day) for day in days}
