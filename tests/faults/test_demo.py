"""The demo fleet is made in steps; one that was cut short is finished, not doubled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from core.days import full_hour
from db.engine import DatabaseUrls
from db.users import system_actor
from orchestrator.operations.demo import make_demo_fleet
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from tests.asking import asking
from tests.fleet import NOW, SEED, runtime_on

pytestmark = pytest.mark.slow

N_DAYS = 500


def _make(runtime: Runtime) -> tuple[int, ...]:
    """Make the fleet; returns how many facts of each kind there are then."""
    make_demo_fleet(runtime, n_regions=1, n_days=N_DAYS, on_progress=lambda _: None)
    with runtime.transaction() as session:
        row = session.execute(
            text(
                "select (select count(*) from telemetry),"
                " (select count(*) from model_version),"
                " (select count(*) from model_activation),"
                " (select count(*) from window_score),"
                " (select count(*) from forecast),"
                " (select count(*) from policy)"
            )
        ).one()
    return tuple(row)


def test_a_fleet_cut_short_after_its_telemetry_is_finished_and_then_stays_as_it_is(
    database_urls: DatabaseUrls,
) -> None:
    runtime = runtime_on(database_urls)
    with runtime.transaction() as session:
        generate_telemetry(
            asking(session, system_actor(session, "worker")),
            first_demo_profiles(1),
            start_utc=full_hour(NOW) - timedelta(days=N_DAYS),
            end_utc=full_hour(NOW),
            seed=SEED,
        )

    finished = _make(runtime)

    assert finished[0] == 24 * N_DAYS
    assert min(finished) > 0
    assert _make(runtime) == finished
    runtime.engine.dispose()
