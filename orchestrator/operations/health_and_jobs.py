"""The Health and Jobs pages: what is sound, what waits, what failed, and a retry."""

from __future__ import annotations

from collections.abc import Mapping

from core.access import Permission
from core.audit import AuditAction
from core.version import CODE_VERSION
from db import job_queue, model_evaluations
from orchestrator import jobs
from orchestrator.operations.doctor import overview, queue_of
from orchestrator.operations.views import HealthView, JobRow, JobsView, LongWork
from orchestrator.settings import Settings
from orchestrator.use_cases import Done, Event, Request, change, query

SHOWN_JOBS = 200

TASK_WORDS: Mapping[str, str] = {
    jobs.HOURLY_CYCLE: "Hourly cycle",
    jobs.CYCLE_CHUNK: "Chunk of the hourly cycle",
    jobs.QUEUE_DIGESTS: "Daily digests by mail",
    jobs.ISSUE_FORECASTS: "Forecasts of an hour",
    jobs.ISSUE_AGAIN: "Forecasts again after an import",
    jobs.HINDCAST_DAY: "Hindcasts of a past day",
    jobs.HINDCAST_REGION: "Past days of a region",
    jobs.TRAIN_MODELS: "Training of models",
    jobs.MAKE_DEMO: "Demo fleet",
    jobs.REPORT_DENIALS: "Refusals and ended logins",
    jobs.PURGE_RECORDS: "Deletion of old records",
    jobs.RETIRE_FORECASTS: "Deletion of old forecasts",
    jobs.CHECK_LOGINS: "Logins at the identity provider",
    jobs.CHECK_CHAIN: "Check of the audit chain",
    jobs.WATCH_MODELS: "Watch of serving models",
    jobs.CHECK_MODEL: "Check of an uploaded model",
    jobs.EVALUATE_MODEL: "Evaluation of a model",
    jobs.QUEUE_FEEDS: "Schedule of feeds",
    jobs.RUN_FEED: "Run of a feed",
}


@query(Permission.RUN_CYCLE)
def health(request: Request, settings: Settings) -> HealthView:
    """The findings of `gfo doctor` in bounded time, those to look at first."""
    found = overview(settings, request.session, request.now)
    return HealthView(
        as_of_utc=request.now,
        findings=tuple(sorted(found, key=lambda finding: finding.is_sound)),
        release=CODE_VERSION,
    )


@query(Permission.RUN_CYCLE)
def jobs_view(request: Request) -> JobsView:
    """What runs, failed and waits, how long jobs took lately, how far long work is."""
    session = request.session
    listed = job_queue.list_jobs(session, limit=SHOWN_JOBS + 1)
    return JobsView(
        as_of_utc=request.now,
        depth_words=queue_of(job_queue.queue_depth(session)).text,
        jobs=tuple(
            JobRow(job=job, words=_words(job.task)) for job in listed[:SHOWN_JOBS]
        ),
        is_cut=len(listed) > SHOWN_JOBS,
        durations=tuple(
            (_words(item.task), item) for item in job_queue.task_durations(session)
        ),
        long_work=tuple(
            LongWork(
                words=f"Evaluation of model {running.model_version_id}",
                done=running.done,
                total=running.total,
                began_at_utc=running.created_at_utc,
            )
            for running in model_evaluations.running_evaluations(session)
        ),
        worker_silences_s=tuple(job_queue.worker_silences_s(session)),
    )


@change(
    Permission.RUN_CYCLE, AuditAction.JOB_RETRIED, repeat=lambda _request, _kept: None
)
def retry_job(request: Request, job_id: int) -> Done[None]:
    """Queue a failed job again.

    Raises
    ------
    NotFound, Conflict
        When there is no such job, it has not failed, or the same job waits already.
    """
    job = job_queue.retry_failed_job(request.session, job_id)
    event = Event(
        action=AuditAction.JOB_RETRIED,
        object_type="job",
        object_id=job_id,
        after={"task": job.task, "arguments": dict(job.arguments)},
    )
    return Done(answer=None, events=(event,), kept=job_id)


def _words(task: str) -> str:
    return TASK_WORDS.get(task, task.replace("_", " "))
