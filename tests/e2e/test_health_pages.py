"""An admin sees what is not sound, finds the failed job, and has it tried again."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from orchestrator.jobs import queue_forecasts
from tests.asking import NOW
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e


def test_a_failed_job_is_seen_and_tried_again(visitor: Visitor, portal: Portal) -> None:
    with portal.runtime.transaction() as session:
        queue_forecasts(session, issued_at_utc=NOW)
        job_id = session.scalar(
            text("update procrastinate_jobs set status = 'doing' returning id")
        )
        session.execute(
            text("select procrastinate_finish_job_v1(:id, 'failed', false)"),
            {"id": job_id},
        )
    visitor.come_in("ada", "/admin/health")
    visitor.sees("#health-sum", "a look", "Release")
    visitor.sees("#health-list", "jobs", "1 failed", "LOOK", "sound", "restore drill")
    visitor.follow("Jobs of the workers")
    visitor.sees("#jobs-list", "Forecasts of an hour", "failed")
    visitor.follow(str(job_id))
    visitor.sees("#jobs-one", "Forecasts of an hour", "failed")
    visitor.click("#jobs-retry")
    visitor.sees("#jobs-act-status", "Queued.")
    visitor.sees("#jobs-list", "waits")
    assert not visitor.enabled("#jobs-retry")
    assert visitor.browser.console_errors() == []
