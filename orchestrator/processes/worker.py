"""The worker process: it carries out the hourly cycle and queued jobs."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import procrastinate
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Status

from core.errors import ServiceUnavailable
from db.engine import KEEPALIVES, libpq_url
from orchestrator.accounts import api_tokens
from orchestrator.accounts.denials import report_finished_minutes
from orchestrator.accounts.identity_provider import IdentityProvider
from orchestrator.accounts.logins import end_run_out_logins
from orchestrator.accounts.provider_checks import check_logins
from orchestrator.accounts.retention import purge_records
from orchestrator.alarms.keeper import AlarmKeeper
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.anchor_keeper import AnchorKeeper
from orchestrator.audit.chain_status import check_whole_chain
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.deliveries.deliverer import Deliverer
from orchestrator.deliveries.delivery_list import forget_old_deliveries
from orchestrator.deliveries.digests import queue_digests
from orchestrator.deliveries.heartbeat import Heartbeat
from orchestrator.deliveries.secrets import SecretPlaces
from orchestrator.deliveries.sending import SendingMeans
from orchestrator.feeds.runs import forget_old_answers, queue_due_feeds, run_feed
from orchestrator.feeds.source_choices import choose_sources
from orchestrator.jobs import (
    BEHIND_ALL,
    CHECK_CHAIN,
    CHECK_LOGINS,
    CHECK_MODEL,
    CYCLE_CHUNK,
    EVALUATE_MODEL,
    FIRST,
    HINDCAST_DAY,
    HINDCAST_REGION,
    HOURLY_CYCLE,
    ISSUE_AGAIN,
    ISSUE_FORECASTS,
    MAKE_DEMO,
    PURGE_RECORDS,
    QUEUE_DIGESTS,
    QUEUE_FEEDS,
    REPORT_DENIALS,
    RETIRE_FORECASTS,
    RUN_FEED,
    STALLED_AFTER_S,
    TRAIN_MODELS,
    WATCH_MODELS,
    CycleChunk,
)
from orchestrator.logs import get_logger
from orchestrator.operations.secret_key import factor_key
from orchestrator.runtime import Runtime
from orchestrator.use_cases import WORKER_USER

log = get_logger(__name__)

CYCLE_CRON = "1 * * * *"
"""A minute after the hour: telemetry of the hour that ended has had time to arrive."""

_STOP_PATIENCE_S = 5
"""For a job to come to the end of the step that it is in."""

# A job that met a database out of reach is tried again before its hour is over.
_RETRY = procrastinate.RetryStrategy(
    max_attempts=10, wait=30, retry_exceptions=[ServiceUnavailable]
)


def run_worker(runtime: Runtime) -> None:
    """Work until SIGTERM or SIGINT; begins with a cycle for the present hour.

    Several may run, on one machine or on many: each job is done by one of them.

    Raises
    ------
    ServiceUnavailable
        When the database is lost: the supervisor starts the worker again, and it
        begins with a cycle.
    """
    stopping = threading.Event()
    jobs = WorkerJobs(runtime, stopping)
    queue = make_queue(runtime, jobs)
    AnchorKeeper(runtime, stopping).start()
    AlarmKeeper(runtime, stopping).start()
    _start_deliveries(runtime, stopping)
    log.info("worker_started")
    jobs.queue_cycle()
    try:
        asyncio.run(_serve(queue, stopping))
    except ConnectorException as exc:
        message = "The job queue lost the database."
        raise ServiceUnavailable(message) from exc
    finally:
        jobs.close()
    log.info("worker_stopped")


def _start_deliveries(runtime: Runtime, stopping: threading.Event) -> None:
    """Threads of their own: no receiver, however slow, delays the cycle or a job."""
    secrets = SecretPlaces(
        environ=os.environ,
        secrets_dir=runtime.settings.secrets_dir,
        key=factor_key(runtime.settings),
    )
    Deliverer(runtime, stopping, SendingMeans(secrets=secrets)).start()
    Heartbeat(runtime, stopping).start()


def make_queue(runtime: Runtime, jobs: WorkerJobs) -> procrastinate.App:
    """The queue of the runtime's database, with what each job does."""
    url = runtime.engine.url.render_as_string(hide_password=False)
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(url), kwargs={"options": "-c timezone=UTC", **KEEPALIVES}
    )
    queue = procrastinate.App(connector=connector)

    # No job has a lock of the queue: one held by a worker that was killed would hold
    # up every later job. The steps of a cycle lock their regions instead.
    _add_cycle(queue, runtime, jobs)

    @queue.task(name=ISSUE_FORECASTS, retry=_RETRY)
    def issue_forecasts(
        issued_at_utc: str, first_region_id: str = "", last_region_id: str = ""
    ) -> None:
        if first_region_id:
            chunk = (issued_at_utc, first_region_id, last_region_id)
            jobs.issue_chunk(CycleChunk.of_job(*chunk))
        else:
            jobs.share_issue(datetime.fromisoformat(issued_at_utc))

    @queue.task(name=ISSUE_AGAIN, retry=_RETRY)
    def issue_again(batch_id: str) -> None:
        jobs.issue_again(int(batch_id))

    @queue.task(name=HINDCAST_DAY, retry=_RETRY)
    def hindcast_day(local_day: str, asked_by_id: str = "") -> None:  # noqa: ARG001
        """Jobs that an older release queued name nobody."""
        jobs.hindcast(date.fromisoformat(local_day))

    @queue.task(name=CHECK_MODEL, retry=_RETRY)
    def check_model(upload_id: str) -> None:
        jobs.check_model(int(upload_id))

    # Behind everything else: an evaluation is long, and its regions come one by one.
    @queue.task(name=EVALUATE_MODEL, retry=_RETRY)
    def evaluate_model(evaluation_id: str, done: str) -> None:
        jobs.evaluate_model(int(evaluation_id), lane=int(done))

    @queue.periodic(cron="* * * * *")
    @queue.task(name=WATCH_MODELS, queueing_lock=WATCH_MODELS, priority=FIRST)
    def watch_models(timestamp: int) -> None:  # noqa: ARG001 -- the queue gives it
        jobs.watch_models()

    @queue.periodic(cron="47 2 * * *")
    @queue.task(
        name=RETIRE_FORECASTS, queueing_lock=RETIRE_FORECASTS, priority=BEHIND_ALL
    )
    def retire(timestamp: int) -> None:  # noqa: ARG001 -- the queue gives it
        jobs.retire_forecasts()

    @queue.task(name=CHECK_CHAIN, queueing_lock=CHECK_CHAIN)
    def check_chain() -> None:
        with runtime.request_as(WORKER_USER) as request:
            check_whole_chain(request, AnchorPlaces.of(runtime.settings))

    _add_setup(queue, runtime)
    _add_feeds(queue, runtime)
    _add_digests(queue, runtime)
    _add_housekeeping(queue, runtime)
    return queue


def _add_setup(queue: procrastinate.App, runtime: Runtime) -> None:
    """What a new fleet needs before its first verdicts.

    Training is imported where it happens: scikit-learn takes seconds and 100 MB, and a
    worker that only carries out cycles needs none of it.
    """

    @queue.task(name=MAKE_DEMO, retry=_RETRY)
    def make_demo(step: str) -> None:
        from orchestrator.operations.demo import run_demo_step  # noqa: PLC0415

        run_demo_step(runtime, int(step))

    @queue.task(name=TRAIN_MODELS, retry=_RETRY)
    def train(step: str) -> None:
        from orchestrator.operations.setup_jobs import train_next  # noqa: PLC0415

        train_next(runtime, int(step))

    @queue.task(name=HINDCAST_REGION, retry=_RETRY)
    def hindcast_region(slug: str) -> None:
        from orchestrator.operations.setup_jobs import hindcast_one  # noqa: PLC0415

        hindcast_one(runtime, slug)


def _add_cycle(queue: procrastinate.App, runtime: Runtime, jobs: WorkerJobs) -> None:
    """The cycle of each hour, in chunks that workers take side by side."""

    @queue.periodic(cron=CYCLE_CRON)
    @queue.task(
        name=HOURLY_CYCLE, queueing_lock=HOURLY_CYCLE, retry=_RETRY, priority=FIRST
    )
    def hourly_cycle(timestamp: int) -> None:
        age = datetime.now(UTC) - datetime.fromtimestamp(timestamp, UTC)
        if age < timedelta(hours=1):  # a backlog after a pause is one cycle's work
            jobs.queue_cycle()

    @queue.task(name=CYCLE_CHUNK, retry=_RETRY)
    def cycle_chunk(
        issued_at_utc: str, first_region_id: str, last_region_id: str
    ) -> None:
        chunk = CycleChunk.of_job(issued_at_utc, first_region_id, last_region_id)
        # What is left of an hour that is long over would hold up the present one.
        if runtime.clock() - chunk.issued_at_utc < timedelta(hours=2):
            jobs.cycle_chunk(chunk)


def _add_feeds(queue: procrastinate.App, runtime: Runtime) -> None:
    """Sources that are asked on a schedule, behind the cycle."""

    @queue.periodic(cron="* * * * *")
    @queue.task(name=QUEUE_FEEDS, queueing_lock=QUEUE_FEEDS)
    def queue_feeds(timestamp: int) -> None:  # noqa: ARG001 -- the queue gives it
        with runtime.request_as(WORKER_USER) as request:
            choose_sources(request)  # one becomes stale while no feed runs
            queue_due_feeds(request)

    @queue.task(name=RUN_FEED, retry=_RETRY)
    def run(feed_id: str) -> None:
        run_feed(runtime, int(feed_id), os.environ)


def _add_digests(queue: procrastinate.App, runtime: Runtime) -> None:
    """The daily digest, also when the worker was off at its hour."""

    @queue.periodic(cron="*/10 * * * *")
    @queue.task(name=QUEUE_DIGESTS, queueing_lock=QUEUE_DIGESTS)
    def queue_due_digests(timestamp: int) -> None:  # noqa: ARG001 -- the queue gives it
        with runtime.request_as(WORKER_USER) as request:
            queue_digests(request)


def _add_housekeeping(queue: procrastinate.App, runtime: Runtime) -> None:
    """What accounts and requests leave behind."""

    @queue.periodic(cron="* * * * *")
    @queue.task(name=REPORT_DENIALS, queueing_lock=REPORT_DENIALS)
    def report_denials(timestamp: int) -> None:  # noqa: ARG001 -- the queue gives it
        """Refusals reach the audit chain; logins and tokens that ran out end."""
        with runtime.request_as(WORKER_USER) as request:
            report_finished_minutes(request)
        with runtime.request_as(WORKER_USER) as request:
            end_run_out_logins(request)
        with runtime.request_as(WORKER_USER) as request:
            api_tokens.end_expired(request)

    if runtime.settings.oidc_issuer is not None:
        provider = IdentityProvider(runtime.settings)
        key = factor_key(runtime.settings)

        @queue.periodic(cron="* * * * *")
        @queue.task(name=CHECK_LOGINS, queueing_lock=CHECK_LOGINS)
        def check(timestamp: int) -> None:  # noqa: ARG001 -- the queue gives it
            check_logins(runtime, provider, key)

    @queue.periodic(cron="23 * * * *")
    @queue.task(name=PURGE_RECORDS, queueing_lock=PURGE_RECORDS)
    def purge(timestamp: int) -> None:  # noqa: ARG001 -- the queue gives it
        with runtime.request_as(WORKER_USER) as request:
            purge_records(request)
        with runtime.request_as(WORKER_USER) as request:
            forget_old_answers(request)
        with runtime.request_as(WORKER_USER) as request:
            forget_old_deliveries(request)


async def _serve(queue: procrastinate.App, stopping: threading.Event) -> None:
    """Carry jobs out until a signal; a queue that ends by itself is a fault."""
    async with queue.open_async():
        serving = asyncio.create_task(
            queue.run_worker_async(
                name="gfo-worker",
                concurrency=1,
                delete_jobs="never",  # the Jobs page shows how long they took
                shutdown_graceful_timeout=_STOP_PATIENCE_S,
                install_signal_handlers=False,
            )
        )
        _on_stop_signal(partial(_stop, serving, stopping))
        rescuing = asyncio.create_task(_rescue_for_ever(queue))
        try:
            await serving
        except asyncio.CancelledError:
            if not stopping.is_set():
                raise
        finally:
            rescuing.cancel()
    if not stopping.is_set():
        message = "The job queue lost the database."
        raise ServiceUnavailable(message)


def _stop(serving: asyncio.Task[None], stopping: threading.Event) -> None:
    stopping.set()  # a cycle that runs ends after the step it is in
    serving.cancel()


def _on_stop_signal(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


async def _rescue_for_ever(queue: procrastinate.App) -> None:
    while True:
        try:
            await rescue_stalled_jobs(queue)
        except ConnectorException:
            pass  # the queue reports a lost database itself
        except Exception:
            log.exception("rescue_failed")
        await asyncio.sleep(STALLED_AFTER_S / 3)


async def rescue_stalled_jobs(
    queue: procrastinate.App, *, silent_for_s: float = STALLED_AFTER_S
) -> None:
    """Queue again what a worker that died was doing; every job may run twice.

    One that waits again already, queued since, is dropped.
    """
    stalled = await queue.job_manager.get_stalled_jobs(
        seconds_since_heartbeat=silent_for_s
    )
    for job in stalled:
        log.warning("job_rescued", task=job.task_name, job_id=job.id)
        try:
            await queue.job_manager.retry_job(job)
        except UniqueViolation:
            await queue.job_manager.finish_job(
                job, status=Status.FAILED, delete_job=True
            )
