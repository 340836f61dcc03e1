"""The seeded history of earlier formats, and what this release adds to it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from db.engine import DatabaseUrls
from db.users import system_actor
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.decisions import what_if
from tests.fleet import NOW, runtime_on

OLD_HISTORY = Path(__file__).with_name("formats-1-2.dump")
"""Thirteen decisions by the last commit of format 1 (`make_history.py`), two more by
the last commit of format 2, on the restored history of the first."""
LATER = NOW + timedelta(hours=1)


def decide_later(urls: DatabaseUrls) -> None:
    """An hour later: one more live issue, and a live what-if in the present format."""
    runtime = runtime_on(urls, LATER)
    WorkerJobs(runtime).hourly_cycle()
    with runtime.transaction() as session:
        what_if.evaluate(
            session,
            system_actor(session, "cli"),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=20.0,
            request_id=uuid4(),
            now=LATER,
        )
    runtime.engine.dispose()
