"""Jobs of the worker that run by the clock."""

from __future__ import annotations

import json
from datetime import timedelta

from core.audit import AuditAction
from db import audit
from orchestrator.accounts.denials import count_failed_login
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.jobs import REPORT_DENIALS
from orchestrator.processes.worker import make_queue
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
