"""The worker's hour: telemetry, forecasts, decisions, once each, whatever happens."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from core.days import full_hour
from core.errors import ServiceUnavailable
from core.synthetic import generate
from core.telemetry import HOUR, Quantity
from db import audit, regions, telemetry
from db.engine import libpq_url, make_engine
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.jobs import queue_forecasts, queue_hindcast
from orchestrator.processes.worker import make_queue, rescue_stalled_jobs
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import demo_profile
from tests.fleet import NOW, SEED, Fleet, run_cycle

pytestmark = pytest.mark.slow

PAUSE = timedelta(hours=30)
SLUGS = ("arizona", "ireland", "wyoming")


def _later(fleet: Fleet, pause: timedelta = PAUSE) -> Runtime:
    """The same fleet's runtime when the clock shows a later instant."""
    return replace(fleet.runtime, clock=lambda: NOW + pause)


def _counts(fleet: Fleet) -> dict[str, int]:
    """How many facts there are of each kind."""
    with fleet.runtime.transaction() as session:
        row = session.execute(
            text(
                "select (select count(*) from telemetry) as telemetry,"
                " (select count(*) from forecast) as forecast,"
                " (select count(*) from decision) as decision,"
                " (select count(*) from audit_event) as audit_event"
            )
        ).one()
    return dict(row._mapping)


def _last_hour(fleet: Fleet, slug: str) -> datetime:
    with fleet.runtime.transaction() as session:
        span = telemetry.first_and_last_hour(session, slug)
    assert span is not None
    return span[1]


def test_telemetry_after_a_pause_is_what_the_generator_says_of_those_hours(
    fleet: Fleet,
) -> None:
    run_cycle(WorkerJobs(_later(fleet)))

    start_utc, end_utc = full_hour(NOW), full_hour(NOW + PAUSE)
    for slug in SLUGS:
        with fleet.runtime.transaction() as session:
            stored = telemetry.load_frame(session, slug, start_utc, end_utc)
        expected = generate(demo_profile(slug), start_utc, 30, SEED)
        for quantity in Quantity:
            np.testing.assert_array_equal(
                stored.column(quantity), expected.column(quantity)
            )
        assert _last_hour(fleet, slug) + HOUR == end_utc


def test_catching_up_hour_by_hour_gives_the_same_telemetry_as_at_once(
    fleet: Fleet,
) -> None:
    for n_hours in (1, 2, 3):
        run_cycle(WorkerJobs(_later(fleet, timedelta(hours=n_hours))))

    with fleet.runtime.transaction() as session:
        stored = telemetry.load_frame(
            session, "ireland", full_hour(NOW), full_hour(NOW) + 3 * HOUR
        )
    at_once = generate(demo_profile("ireland"), full_hour(NOW), 3, SEED)
    np.testing.assert_array_equal(
        stored.column(Quantity.TEMPERATURE_C), at_once.column(Quantity.TEMPERATURE_C)
    )


def test_a_cycle_issues_and_decides_every_region_once_and_a_second_adds_nothing(
    fleet: Fleet,
) -> None:
    before = _counts(fleet)
    worker = WorkerJobs(_later(fleet))
    run_cycle(worker)
    after = _counts(fleet)

    assert after["telemetry"] - before["telemetry"] == 30 * len(SLUGS)
    assert after["decision"] - before["decision"] == len(SLUGS)
    with fleet.runtime.transaction() as session:
        issued = session.execute(
            text(
                "select count(*) filter (where status = 'issued'), count(*)"
                " from forecast where issued_at_utc = :at and kind = 'live'"
            ),
            {"at": full_hour(NOW + PAUSE)},
        ).one()
        assert audit.verify(session).is_sound
    assert issued[0] == issued[1] >= len(SLUGS)

    run_cycle(worker)
    run_cycle(WorkerJobs(_later(fleet)))  # as after a restart
    assert _counts(fleet) == after


def test_two_workers_at_once_do_the_work_of_one(fleet: Fleet) -> None:
    before = _counts(fleet)
    faults: list[BaseException] = []

    def work() -> None:
        try:
            run_cycle(WorkerJobs(_later(fleet)))
        except BaseException as exc:  # noqa: BLE001 -- shown by the assertion
            faults.append(exc)

    threads = [threading.Thread(target=work) for _ in range(2)]
    with capture_logs() as logged:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert faults == []
    assert {line["event"] for line in logged}.isdisjoint(
        {"step_failed", "step_refused"}
    )
    assert _counts(fleet)["decision"] - before["decision"] == len(SLUGS)
    assert _counts(fleet)["telemetry"] - before["telemetry"] == 30 * len(SLUGS)


def test_a_synthetic_region_that_no_generator_knows_does_not_stop_the_others(
    fleet: Fleet,
) -> None:
    _as_owner(fleet, "update region set slug = 'unknown' where slug = 'arizona'")

    run_cycle(WorkerJobs(_later(fleet)))

    assert _last_hour(fleet, "ireland") + HOUR == full_hour(NOW + PAUSE)
    assert _last_hour(fleet, "wyoming") + HOUR == full_hour(NOW + PAUSE)
    assert _newest_outcome(fleet, "unknown") == ("BLOCKED", "telemetry_stale")


def test_a_fault_in_one_region_leaves_the_others_decided(fleet: Fleet) -> None:
    region_id = _region_id(fleet, "arizona")
    _as_owner(
        fleet,
        "create function refuse_one() returns trigger language plpgsql as $$ begin"
        f" if new.region_id = {region_id} then raise 'planted'; end if;"
        " return new; end $$;"
        "create trigger refuse_one before insert on forecast"
        " for each row execute function refuse_one()",
    )
    before = _counts(fleet)

    run_cycle(WorkerJobs(_later(fleet)))

    assert _counts(fleet)["decision"] - before["decision"] == len(SLUGS) - 1


def test_a_cycle_without_a_database_says_so_and_can_be_repeated(fleet: Fleet) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:9/nothing")
    runtime = replace(_later(fleet), engine=nowhere)

    with pytest.raises(ServiceUnavailable):
        run_cycle(WorkerJobs(runtime))


def test_a_worker_that_is_stopping_begins_no_further_step(fleet: Fleet) -> None:
    before = _counts(fleet)
    stopping = threading.Event()
    stopping.set()

    run_cycle(WorkerJobs(_later(fleet), stopping))

    assert _counts(fleet) == before


def _region_id(fleet: Fleet, slug: str) -> int:
    with fleet.runtime.transaction() as session:
        return regions.region_by_slug(session, slug).region_id


def _newest_outcome(fleet: Fleet, slug: str) -> tuple[str, str]:
    with fleet.runtime.transaction() as session:
        row = session.execute(
            text(
                "select outcome, reason_code from decision where source_region_id ="
                " (select id from region where slug = :slug) order by id desc limit 1"
            ),
            {"slug": slug},
        ).one()
    return row[0], row[1]


def _as_owner(fleet: Fleet, statement: str) -> None:
    with psycopg.connect(libpq_url(fleet.urls.owner)) as connection:
        connection.execute(statement.encode())


def _carry_out(runtime: Runtime) -> None:
    """What a worker does with the jobs that wait now."""
    queue = make_queue(runtime, WorkerJobs(runtime))

    async def carry_out() -> None:
        async with queue.open_async():
            await rescue_stalled_jobs(queue, silent_for_s=0)
            await queue.run_worker_async(
                wait=False, install_signal_handlers=False, delete_jobs="successful"
            )

    asyncio.run(carry_out())


def _jobs(fleet: Fleet) -> list[tuple[str, str]]:
    """Task and state of the jobs that somebody queued; clocks queue others."""
    with fleet.runtime.transaction() as session:
        rows = session.execute(
            text(
                "select task_name, status::text from procrastinate_jobs"
                " where task_name in ('issue_forecasts', 'hindcast_day') order by id"
            )
        )
        return [(row[0], row[1]) for row in rows]


def test_a_queued_job_is_carried_out(fleet: Fleet) -> None:
    asked_for = full_hour(NOW) - 2 * HOUR
    with fleet.runtime.transaction() as session:
        queue_forecasts(session, issued_at_utc=asked_for)
    assert _jobs(fleet) == [("issue_forecasts", "todo")]
    before = _counts(fleet)

    _carry_out(fleet.runtime)

    assert _jobs(fleet) == []
    assert _counts(fleet)["forecast"] > before["forecast"]


def test_the_same_job_waits_only_once(fleet: Fleet) -> None:
    for _ in range(2):
        with fleet.runtime.transaction() as session:
            queue_forecasts(session, issued_at_utc=full_hour(NOW))

    assert _jobs(fleet) == [("issue_forecasts", "todo")]


def test_a_job_queued_in_a_transaction_that_rolls_back_is_not_carried_out(
    fleet: Fleet,
) -> None:
    before = _counts(fleet)

    def fail() -> None:
        with fleet.runtime.transaction() as session:
            queue_forecasts(session, issued_at_utc=full_hour(NOW) - 2 * HOUR)
            message = "what asked for it did not happen"
            raise LookupError(message)

    with pytest.raises(LookupError):
        fail()
    _carry_out(fleet.runtime)

    assert _jobs(fleet) == []
    assert _counts(fleet)["forecast"] == before["forecast"]


def test_a_hindcast_that_was_asked_for_is_made_for_every_region(fleet: Fleet) -> None:
    day = date(2025, 5, 20)
    _as_owner(
        fleet,
        "alter table forecast disable trigger user;"
        "delete from forecast where kind = 'hindcast'",
    )
    with fleet.runtime.transaction() as session:
        queue_hindcast(session, local_day=day, asked_by_id=1)

    _carry_out(fleet.runtime)

    with fleet.runtime.transaction() as session:
        made = session.scalars(
            text("select distinct region_id from forecast where kind = 'hindcast'")
        ).all()
    assert len(made) == len(SLUGS)


def test_a_job_that_a_killed_worker_was_doing_is_done_and_holds_up_no_other(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        queue_forecasts(session, issued_at_utc=full_hour(NOW) - 2 * HOUR)
        queue_forecasts(session, issued_at_utc=full_hour(NOW) - 3 * HOUR)
        # As a worker leaves it that was killed: taken, and nobody there to finish it.
        session.execute(
            text(
                "with gone as (insert into procrastinate_workers (last_heartbeat)"
                " values (now() - interval '1 minute') returning id)"
                " update procrastinate_jobs set status = 'doing', worker_id = gone.id"
                " from gone where args ->> 'issued_at_utc' = :at"
            ),
            {"at": (full_hour(NOW) - 2 * HOUR).isoformat()},
        )
    assert [status for _, status in _jobs(fleet)] == ["doing", "todo"]

    _carry_out(fleet.runtime)

    assert _jobs(fleet) == []


def test_a_job_that_met_a_lost_database_waits_for_another_try(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        queue_forecasts(session, issued_at_utc=full_hour(NOW) - 2 * HOUR)
    broken = replace(
        fleet.runtime, engine=make_engine("postgresql://nobody@127.0.0.1:9/nothing")
    )
    queue = make_queue(fleet.runtime, WorkerJobs(broken))

    async def carry_out() -> None:
        async with queue.open_async():
            await queue.run_worker_async(wait=False, install_signal_handlers=False)

    asyncio.run(carry_out())

    assert _jobs(fleet) == [("issue_forecasts", "todo")]
