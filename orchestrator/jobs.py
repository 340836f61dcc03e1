"""The job queue: what is queued by name, and how a transaction queues it.

Jobs are kept by procrastinate in the same database. A job queued here is inserted on
the session's own connection, so what asks for it and the job commit together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import procrastinate
from sqlalchemy.orm import Session

from db.copying import driver_connection
from db.job_queue import days_asked_by, queueing_locks

ISSUE_FORECASTS = "issue_forecasts"
ISSUE_AGAIN = "issue_again"
HINDCAST_DAY = "hindcast_day"
HOURLY_CYCLE = "hourly_cycle"
CYCLE_CHUNK = "cycle_chunk"
REPORT_DENIALS = "report_denials"
PURGE_RECORDS = "purge_records"
RETIRE_FORECASTS = "retire_forecasts"
CHECK_LOGINS = "check_logins"
CHECK_CHAIN = "check_chain"
WATCH_MODELS = "watch_models"
CHECK_MODEL = "check_model"
EVALUATE_MODEL = "evaluate_model"
QUEUE_FEEDS = "queue_feeds"
RUN_FEED = "run_feed"
MAKE_DEMO = "make_demo"
TRAIN_MODELS = "train_models"
HINDCAST_REGION = "hindcast_region"
QUEUE_DIGESTS = "queue_digests"

FIRST = 10
"""Priority of what begins a cycle, and of the watch of models: before anything else."""

CYCLE = 8
"""Priority of the chunks of a cycle: the watch comes between, people come after."""

CHUNK_REGIONS = 100
"""Regions that one transaction of a cycle reads, decides on and commits. With more the
audit chain would be held longer and a killed worker would lose more; with fewer the
statements of a chunk weigh more."""

BEHIND_CYCLE = -5
"""Priority of feeds: the hourly cycle and what people wait for come first."""

BEHIND_ALL = -10
"""Priority of work that is long and not urgent."""

STALLED_AFTER_S = 30.0
"""A worker that said nothing for so long has died or hangs; it speaks every 10 s."""

MOST_HINDCASTS_ASKED = 10
"""Past days of one person that may wait at once."""

_queue = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""Only builds statements: it is never opened, each job brings its connection."""


def queue_forecasts(session: Session, *, issued_at_utc: datetime) -> None:
    """Ask a worker for the forecasts of all regions at one issue instant.

    Of several chunks it makes jobs of their own; see `queue_forecasts_of`.
    """
    _defer(session, ISSUE_FORECASTS, {"issued_at_utc": issued_at_utc.isoformat()})


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleChunk:
    """Regions of the cycle of an hour: those with ids from the first to the last."""

    issued_at_utc: datetime
    first_region_id: int
    last_region_id: int

    @property
    def arguments(self) -> dict[str, str]:
        """As a job names it."""
        return {
            "issued_at_utc": self.issued_at_utc.isoformat(),
            "first_region_id": str(self.first_region_id),
            "last_region_id": str(self.last_region_id),
        }

    @classmethod
    def of_job(
        cls, issued_at_utc: str, first_region_id: str, last_region_id: str
    ) -> CycleChunk:
        """From the arguments of a job."""
        return cls(
            issued_at_utc=datetime.fromisoformat(issued_at_utc),
            first_region_id=int(first_region_id),
            last_region_id=int(last_region_id),
        )


def cycle_chunks(
    issued_at_utc: datetime, region_ids: Sequence[int]
) -> list[CycleChunk]:
    """The chunks of `CHUNK_REGIONS` regions in the order of their ids.

    Examples
    --------
    >>> chunks = cycle_chunks(datetime(2026, 7, 1, 12), range(1, 251))
    >>> [(chunk.first_region_id, chunk.last_region_id) for chunk in chunks]
    [(1, 100), (101, 200), (201, 250)]
    """
    ordered = sorted(region_ids)
    parts = [
        ordered[start : start + CHUNK_REGIONS]
        for start in range(0, len(ordered), CHUNK_REGIONS)
    ]
    return [
        CycleChunk(
            issued_at_utc=issued_at_utc,
            first_region_id=part[0],
            last_region_id=part[-1],
        )
        for part in parts
    ]


def queue_cycle(session: Session, chunks: Sequence[CycleChunk]) -> int:
    """Ask workers for chunks of a cycle; returns how many jobs were queued.

    A chunk that waits or is being done is not queued again.
    """
    known = queueing_locks(session, CYCLE_CHUNK)
    queued = 0
    for chunk in chunks:
        instant = chunk.issued_at_utc.isoformat()
        lock = f"{CYCLE_CHUNK}:{instant}:{chunk.first_region_id}"
        if lock not in known:
            _defer(session, CYCLE_CHUNK, chunk.arguments, priority=CYCLE, lock=lock)
            queued += 1
    return queued


def queue_forecasts_of(session: Session, chunks: Sequence[CycleChunk]) -> None:
    """Ask workers for the forecasts of chunks; what is being done is done again.

    What a chunk is made from may have changed since its work began: another model.
    """
    for chunk in chunks:
        _defer(session, ISSUE_FORECASTS, chunk.arguments)


def queue_issue_again(session: Session, *, batch_id: int) -> None:
    """Ask the worker for the forecasts that an import makes possible, or changes."""
    _defer(session, ISSUE_AGAIN, {"batch_id": str(batch_id)})


def queue_hindcast(session: Session, *, local_day: date, asked_by_id: int) -> bool:
    """Ask the worker for hindcasts of all regions on one local day.

    False, and nothing is queued, when as many days of this person wait already as may.
    A day waits once, whoever asks for it.
    """
    waiting = days_asked_by(session, task=HINDCAST_DAY, user_id=asked_by_id)
    if local_day not in waiting and len(waiting) >= MOST_HINDCASTS_ASKED:
        return False
    day = local_day.isoformat()
    arguments = {"local_day": day, "asked_by_id": str(asked_by_id)}
    lock = f"{HINDCAST_DAY}:{day}"
    _defer(session, HINDCAST_DAY, arguments, priority=BEHIND_ALL, lock=lock)
    return True


def queue_chain_check(session: Session) -> None:
    """Ask the worker to verify the whole audit chain."""
    _defer(session, CHECK_CHAIN, {})


def queue_model_check(session: Session, *, upload_id: int) -> None:
    """Ask the worker to check an uploaded file."""
    _defer(session, CHECK_MODEL, {"upload_id": str(upload_id)})


def queue_evaluation_step(session: Session, *, evaluation_id: int, lane: int) -> None:
    """Ask the worker for the next region in one of the lanes of an evaluation."""
    # Workers of the release before take the lane for how many regions are done.
    arguments = {"evaluation_id": str(evaluation_id), "done": str(lane)}
    _defer(session, EVALUATE_MODEL, arguments, priority=BEHIND_ALL)


def queue_feed_run(session: Session, *, feed_id: int) -> None:
    """Ask the worker to run a feed."""
    _defer(session, RUN_FEED, {"feed_id": str(feed_id)}, priority=BEHIND_CYCLE)


def queue_demo_step(session: Session, *, step: int) -> None:
    """Ask the worker for a step of the demo fleet; it asks for the next one itself."""
    _defer(session, MAKE_DEMO, {"step": str(step)})


def queue_training(session: Session, *, step: int) -> None:
    """Ask the worker to train one target's model; it asks for the next one itself."""
    _defer(session, TRAIN_MODELS, {"step": str(step)}, priority=BEHIND_CYCLE)


def queue_region_hindcasts(session: Session, *, slug: str) -> None:
    """Ask the worker to calibrate the serving model in a region."""
    _defer(session, HINDCAST_REGION, {"slug": slug}, priority=BEHIND_CYCLE)


def _defer(
    session: Session,
    task: str,
    arguments: dict[str, str],
    *,
    priority: int = 0,
    lock: str | None = None,
) -> None:
    """Queue a task; of those with one lock, by default their arguments, one waits."""
    lock = lock or ":".join([task, *arguments.values()])
    try:
        with session.begin_nested():
            # Asked for inside, or no savepoint would be set: the job's statement does
            # not pass through the session, and a refused one would take all along.
            connection = driver_connection(session)
            _queue.configure_task(
                task, queueing_lock=lock, priority=priority, connection=connection
            ).defer(**arguments)
    except procrastinate.exceptions.AlreadyEnqueued:
        return
