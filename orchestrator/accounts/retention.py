"""How long records of logins, answered requests and finished jobs are kept."""

from __future__ import annotations

from datetime import timedelta

from core.access import Permission
from core.audit import AuditAction
from db import handled_requests, job_queue, known_devices, login_limits, sessions
from orchestrator.use_cases import Done, Event, Request, change

KEEP_LOGINS = timedelta(days=90)
"""After their end; what people did in them stays in the audit chain."""

KEEP_DEVICES = timedelta(days=180)
"""Since the last login; the cookie lives as long."""

KEEP_TRIES = timedelta(days=2)
"""Longer than any limit looks back."""

KEEP_JOBS = timedelta(days=1)
"""That succeeded: the Jobs page shows how long they took."""


@change(Permission.RUN_CYCLE, AuditAction.RECORDS_PURGED, repeat=None)
def purge_records(request: Request) -> Done[dict[str, int]]:
    """Delete what is older than it is kept; returns how many rows of which table.

    The database itself keeps answered requests for 30 days, and deletes no younger one
    for anybody.
    """
    session, now = request.session, request.now
    sessions.forget_refresh_tokens(session)
    known_devices.purge_devices(session, before_utc=now - KEEP_DEVICES)
    login_limits.purge_tries(session, before_utc=now - KEEP_TRIES)
    job_queue.purge_finished_jobs(session, before_utc=now - KEEP_JOBS)
    purged = {
        "handled_request": handled_requests.purge_handled_requests(session),
        "user_session": sessions.purge_sessions(
            session, ended_before_utc=now - KEEP_LOGINS
        ),
    }
    purged = {table: count for table, count in purged.items() if count}
    event = Event(action=AuditAction.RECORDS_PURGED, after=purged)
    return Done(answer=purged, events=(event,) if purged else ())
