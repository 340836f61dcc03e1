"""What the Health and Jobs pages rest on: findings, the queue, and a retry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from core.errors import Conflict, Forbidden, NotFound
from db import audit
from db.chain_checks import ChainCheck, NewChainCheck
from db.fleet_standing import fleet_standing
from db.job_queue import QueueDepth, purge_finished_jobs, queue_depth
from db.monitoring import ServerFacts
from db.users import system_actor
from orchestrator import jobs
from orchestrator.jobs import queue_forecasts
from orchestrator.operations.doctor import (
    QUEUE_PATIENCE_S,
    checked_chain_of,
    clock_of,
    cycle_of,
    durability_of,
    queue_of,
)
from orchestrator.operations.health_and_jobs import (
    TASK_WORDS,
    health,
    jobs_view,
    retry_job,
)
from orchestrator.settings import load_settings
from tests.asking import NOW, asking
from tests.fleet import Fleet


def _finish(session: Session, status: str, *, seconds: int = 4) -> int:
    """Bring the one job that waits to an end, as a worker does."""
    (job_id,) = session.scalars(
        text(
            "update procrastinate_jobs set status = 'doing' where status = 'todo'"
            " returning id"
        )
    )
    session.execute(
        text(
            "update procrastinate_events set at = at - make_interval(secs => :seconds)"
            " where job_id = :id and type = 'started'"
        ),
        {"id": job_id, "seconds": seconds},
    )
    session.execute(
        text("select procrastinate_finish_job_v1(:id, :status, false)"),
        {"id": job_id, "status": status},
    )
    return int(job_id)


def test_the_queue_says_what_waits_and_how_long_jobs_took(session: Session) -> None:
    request = asking(session, system_actor(session, "worker"))
    queue_forecasts(session, issued_at_utc=NOW)
    _finish(session, "succeeded", seconds=4)
    queue_forecasts(session, issued_at_utc=NOW)
    session.execute(
        text(
            "update procrastinate_events set at = at - interval '20 minutes'"
            " where job_id = (select max(id) from procrastinate_jobs)"
        )
    )

    view = jobs_view(request)

    (row,) = view.jobs
    assert (row.words, row.job.status) == ("Forecasts of an hour", "todo")
    ((words, took),) = view.durations
    assert (words, took.count) == ("Forecasts of an hour", 1)
    assert took.last_s == took.median_s == took.longest_s == pytest.approx(4, abs=1)
    depth = queue_depth(session)
    assert depth.oldest_wait_s == pytest.approx(1200, abs=60)
    finding = queue_of(depth)
    assert not finding.is_sound
    assert "1 wait, 0 run, 0 failed" in finding.text
    purge_finished_jobs(session, before_utc=NOW + timedelta(days=10_000))
    assert jobs_view(request).durations == ()
    assert len(jobs_view(request).jobs) == 1  # what waits is never deleted


def test_a_failed_job_is_tried_again_once_and_audited(session: Session) -> None:
    request = asking(session, system_actor(session, "worker"))
    queue_forecasts(session, issued_at_utc=NOW)
    with pytest.raises(Conflict, match="has not failed"):
        retry_job(request, jobs_view(request).jobs[0].job.job_id)
    job_id = _finish(session, "failed")
    assert not queue_of(queue_depth(session)).is_sound

    retry_job(request, job_id)

    (row,) = jobs_view(request).jobs
    assert (row.job.job_id, row.job.status) == (job_id, "todo")
    (kept,) = audit.list_events(session, limit=1)
    assert (kept.action, kept.object_id) == ("job_retried", str(job_id))
    assert kept.after["task"] == "issue_forecasts"
    with pytest.raises(NotFound):
        retry_job(request, 10**9)


def test_a_job_that_waits_already_is_not_queued_twice(session: Session) -> None:
    request = asking(session, system_actor(session, "worker"))
    queue_forecasts(session, issued_at_utc=NOW)
    failed = _finish(session, "failed")
    queue_forecasts(session, issued_at_utc=NOW)

    with pytest.raises(Conflict, match="waits already"):
        retry_job(request, failed)


def test_only_admins_see_health_and_jobs(session: Session) -> None:
    worker = system_actor(session, "worker")
    for role in ("auditor", "operator"):
        request = asking(session, replace(worker, role=type(worker.role)(role)))
        for ask in (jobs_view, lambda asked: health(asked, load_settings(None))):
            with pytest.raises(Forbidden):
                ask(request)


def test_every_task_has_its_words() -> None:
    tasks = {
        value
        for name, value in vars(jobs).items()
        if name.isupper() and isinstance(value, str)
    }
    assert set(TASK_WORDS) == tasks


def test_a_cycle_is_late_for_the_regions_that_it_left_out(decided: Fleet) -> None:
    now = decided.runtime.clock()
    with decided.runtime.transaction() as session:
        standings = fleet_standing(session, now)
    assert cycle_of(standings, now).is_sound
    assert cycle_of([], now).text == "none has run yet"
    two_h_later = cycle_of(standings, now + timedelta(hours=2))
    assert not two_h_later.is_sound
    assert f"{len(standings)} of {len(standings)} regions are late" in two_h_later.text
    one_new = [*standings, standings[0]._replace(slug="new", issued_at_utc=None)]
    assert cycle_of(one_new, now).text.endswith("are late: new")


def test_the_health_of_the_fleet_in_few_statements(decided: Fleet) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(decided.runtime.engine, "before_cursor_execute", note)
    with decided.runtime.transaction() as session:
        request = asking(
            session, system_actor(session, "worker"), now=decided.runtime.clock()
        )
        view = health(request, decided.runtime.settings)
    topics = [finding.topic for finding in view.findings]
    assert {"jobs", "cycle", "worker", "backup", "restore drill", "database"} <= {
        *topics
    }
    states = [finding.is_sound for finding in view.findings]
    assert states == sorted(states)
    assert view.unsound_count == states.count(False)
    assert len(statements) < 80  # whatever the number of regions


@pytest.fixture
def sound_server() -> ServerFacts:
    """A server that keeps what it acknowledged."""
    return ServerFacts(
        version="18.1",
        clock_utc=NOW,
        size_bytes=10**9,
        durability={"fsync": "on", "synchronous_commit": "remote_apply"},
        is_read_only=False,
    )


def test_a_server_that_may_lose_commits_or_takes_none_is_named(
    sound_server: ServerFacts,
) -> None:
    assert durability_of(sound_server).is_sound
    forgetful = replace(sound_server, durability={"fsync": "off"})
    assert "off: fsync" in durability_of(forgetful).text
    assert not durability_of(forgetful).is_sound
    standby = replace(sound_server, is_read_only=True)
    assert "takes no changes" in durability_of(standby).text
    assert not durability_of(standby).is_sound


def test_clocks_that_differ_and_a_chain_that_nobody_checks_are_named() -> None:
    assert clock_of(NOW, NOW + timedelta(seconds=4)).is_sound
    assert not clock_of(NOW, NOW - timedelta(minutes=2)).is_sound
    found = NewChainCheck(
        scope="whole",
        event_count=7,
        anchored_seq=7,
        first_bad_seq=None,
        reason=None,
        duration_s=0.1,
    )
    check = ChainCheck(checked_at_utc=NOW, found=found)
    assert checked_chain_of(check, NOW + timedelta(hours=1)).is_sound
    assert not checked_chain_of(check, NOW + timedelta(days=2)).is_sound
    broken = replace(check, found=replace(found, first_bad_seq=3, reason="changed"))
    assert checked_chain_of(broken, NOW).text == "broken at event 3: changed"


def test_waiting_is_sound_up_to_ten_minutes() -> None:
    depth = QueueDepth(
        waiting=3, later=1, doing=1, failed=0, oldest_wait_s=QUEUE_PATIENCE_S
    )
    assert queue_of(depth).is_sound
    assert not queue_of(replace(depth, oldest_wait_s=QUEUE_PATIENCE_S + 1)).is_sound
