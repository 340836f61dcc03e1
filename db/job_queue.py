"""What waits in the job queue; procrastinate owns its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.errors import UniqueViolation
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound

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


def days_asked_by(session: Session, *, task: str, user_id: int) -> set[date]:
    """Local days whose jobs wait because this person opened them."""
    asked = {"task": task, "user_id": str(user_id)}
    days = session.scalars(_HINDCASTS_ASKED_BY, asked)
    return {date.fromisoformat(day) for day in days}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job in the queue.

    Attributes
    ----------
    status : str
        `todo`, `doing` or `failed`.
    since_utc : datetime
        When it came to be so.
    scheduled_at_utc : datetime | None
        Set while it waits for its next try.
    """

    job_id: int
    task: str
    status: str
    arguments: Mapping[str, object]
    priority: int
    attempts: int
    since_utc: datetime
    scheduled_at_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDurations:
    """How long the finished jobs of a task took."""

    task: str
    count: int
    last_ended_at_utc: datetime
    last_s: float
    median_s: float
    longest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How much waits, and for how long.

    Attributes
    ----------
    waiting : int
        Jobs that could begin now; those that wait for another try are `later`.
    oldest_wait_s : float
        0 when none waits.
    """

    waiting: int
    later: int
    doing: int
    failed: int
    oldest_wait_s: float


_DEPTH = text(
    "select count(*) filter (where status = 'todo' and is_due) as waiting,"
    " count(*) filter (where status = 'todo' and not is_due) as later,"
    " count(*) filter (where status = 'doing') as doing,"
    " count(*) filter (where status = 'failed') as failed,"
    " coalesce(max(extract(epoch from clock_timestamp() - began))"
    " filter (where status = 'todo' and is_due), 0)::float as oldest_wait_s"
    " from (select status::text, coalesce(scheduled_at <= now(), true) as is_due,"
    " coalesce(scheduled_at, (select max(event.at) from procrastinate_events event"
    "  where event.job_id = job.id)) as began"
    " from procrastinate_jobs job where status in ('todo', 'doing', 'failed')) found"
)
_COLUMNS = (
    "id as job_id, task_name as task, status::text, args as arguments, priority,"
    " attempts, scheduled_at as scheduled_at_utc,"
    " (select max(event.at) from procrastinate_events event"
    "  where event.job_id = job.id) as since_utc"
)
_JOBS = text(
    f"select {_COLUMNS} from procrastinate_jobs job"  # noqa: S608 -- our own text
    " where status in ('todo', 'doing', 'failed')"
    " order by status = 'doing' desc, status = 'failed' desc, priority desc, id"
    " limit :limit"
)
_DURATIONS = text(
    "select task, count(*) as count, max(ended) as last_ended_at_utc,"
    " (array_agg(took order by ended desc))[1] as last_s,"
    " percentile_cont(0.5) within group (order by took) as median_s,"
    " max(took) as longest_s from ("
    " select job.task_name as task, ended.at as ended, extract(epoch from ended.at -"
    " (select max(began.at) from procrastinate_events began"
    "  where began.job_id = job.id and began.type = 'started'))::float as took"
    " from procrastinate_jobs job join procrastinate_events ended"
    " on ended.job_id = job.id and ended.type = 'succeeded'"
    " where job.status = 'succeeded') found group by task order by task"
)
_FIND = text(
    f"select {_COLUMNS} from procrastinate_jobs job"  # noqa: S608 -- our own text
    " where id = :id for update"
)
_RETRY = text("select procrastinate_retry_job_v2(:id, now(), null, null, null)")
_PURGE = text(
    "delete from procrastinate_jobs job where status in"
    " ('succeeded', 'cancelled', 'aborted') and not exists"
    " (select from procrastinate_events event where event.job_id = job.id"
    "  and event.at >= :before)"
)


def queue_depth(session: Session) -> QueueDepth:
    """How much waits, runs and failed, and how long the oldest has waited."""
    return QueueDepth(**session.execute(_DEPTH).one()._mapping)


def list_jobs(session: Session, *, limit: int) -> list[Job]:
    """Jobs that run, failed or wait, in this order; those that wait as they come up."""
    rows = session.execute(_JOBS, {"limit": limit})
    return [Job(**row._mapping) for row in rows]


def task_durations(session: Session) -> list[TaskDurations]:
    """How long the jobs took that succeeded and are still kept, by task."""
    return [TaskDurations(**row._mapping) for row in session.execute(_DURATIONS)]


def retry_failed_job(session: Session, job_id: int) -> Job:
    """Queue a failed job again; what it was.

    Raises
    ------
    NotFound, Conflict
        When there is no such job, it has not failed, or the same job waits already.
    """
    row = session.execute(_FIND, {"id": job_id}).one_or_none()
    if row is None:
        message = f"There is no job {job_id}."
        raise NotFound(message)
    job = Job(**row._mapping)
    if job.status != "failed":
        message = f"Job {job_id} has not failed."
        raise Conflict(message)
    try:
        with session.begin_nested():
            session.execute(_RETRY, {"id": job_id})
    except IntegrityError as exc:
        if not isinstance(exc.orig, UniqueViolation):
            raise
        message = f"The same job as {job_id} waits already."
        raise Conflict(message) from exc
    return job


def purge_finished_jobs(session: Session, *, before_utc: datetime) -> None:
    """Delete jobs that succeeded before an instant; failed ones stay until retried."""
    session.execute(_PURGE, {"before": before_utc})
