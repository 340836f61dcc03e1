"""Jobs of the worker that run by the clock."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from core.audit import AuditAction
from core.days import full_hour
from db import audit
from db.regions import insert_regions
from orchestrator.accounts.denials import count_failed_login
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.jobs import CHUNK_REGIONS, ISSUE_FORECASTS, REPORT_DENIALS
from orchestrator.processes.worker import make_queue
from orchestrator.regions.region_choice import active_regions
from tests.fleet import NOW, Fleet


def test_refused_strangers_reach_the_chain_without_another_login(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        for _ in range(3):
            count_failed_login(
                session, "192.0.2.7", "name:17", NOW - timedelta(minutes=5)
            )

    queue = make_queue(fleet.runtime, WorkerJobs(fleet.runtime))
    for _ in range(2):
        queue.tasks[REPORT_DENIALS](timestamp=0)

    with fleet.runtime.transaction() as session:
        events = audit.list_events(session, action=AuditAction.LOGIN_FAILED)
    assert [json.loads(event.payload)["after"]["count"] for event in events] == [3]


def test_forecasts_after_an_activation_are_shared_by_chunks(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        found = active_regions(session)
        copies = [
            replace(found[0].region, slug=f"copy-{number}", name=f"Copy {number}")
            for number in range(CHUNK_REGIONS)
        ]
        ids = [item.region_id for item in [*found, *insert_regions(session, copies)]]
    jobs = WorkerJobs(fleet.runtime)
    queue = make_queue(fleet.runtime, jobs)
    for _ in range(2):  # asked for twice, each chunk waits once
        queue.tasks[ISSUE_FORECASTS](issued_at_utc=full_hour(NOW).isoformat())
    waiting = text(
        "select args from procrastinate_jobs where task_name = :task order by id"
    )
    with fleet.runtime.transaction() as session:
        first, second = session.scalars(waiting, {"task": ISSUE_FORECASTS})
        before = session.scalar(text("select max(id) from forecast"))
    assert int(first["first_region_id"]) == ids[0]
    assert int(first["last_region_id"]) == ids[CHUNK_REGIONS - 1]

    queue.tasks[ISSUE_FORECASTS](**second)

    issued = text("select distinct region_id from forecast where id > :before")
    with fleet.runtime.transaction() as session:
        regions = sorted(session.scalars(issued, {"before": before}))
    assert regions == ids[CHUNK_REGIONS:]
