"""Models change under forecasts in progress: each names one, nobody stays behind."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.days import full_hour
from core.errors import Conflict
from core.forecasts import Target
from db import model_versions
from db.engine import make_engine
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.activation import activate_model, roll_back_model
from orchestrator.runtime import Runtime
from tests.asking import asking
from tests.fleet import NOW, TRAINED_UNTIL, Fleet
from tests.models.foreign import day_before
from tests.orchestrator.test_model_upload import served
from tests.orchestrator.test_serving import put_into_service

TEMPERATURE = Target.TEMPERATURE_C
UNTIL = f"{TRAINED_UNTIL}T00:00:00Z"

N_FORECASTS = 200 if os.environ.get("GFO_TEST_FULL") == "1" else 40
N_SWITCHES = 20
N_PROCESSES = 3


def _second_model(runtime: Runtime) -> tuple[int, int]:
    """The model that served, and another one that serves now."""
    with runtime.transaction() as session:
        first = served(session)
        return first, put_into_service(session, day_before(UNTIL))


def test_forecasts_during_activations_and_rollbacks_each_name_one_model(
    fleet: Fleet,
) -> None:
    """Several caches stand for several processes: none is restarted."""
    engine = make_engine(fleet.urls.app, pool_size=10)
    runtime = replace(fleet.runtime, engine=engine)
    first, second = _second_model(runtime)
    caches = [ModelCache() for _ in range(N_PROCESSES)]
    hours = [full_hour(NOW) + timedelta(hours=i) for i in range(1, N_FORECASTS + 1)]
    over = threading.Event()

    def switch() -> int:
        switches = 0
        while not over.is_set() or switches < N_SWITCHES:
            with runtime.transaction() as session:
                roll_back_model(
                    asking(session, fleet.actor(session)),
                    TEMPERATURE,
                    reason="test",
                )
            switches += 1
        return switches

    def issue(number: int) -> int:
        with runtime.transaction() as session:
            return issue_live(
                asking(session, fleet.actor(session, "worker"), now=hours[number]),
                caches[number % N_PROCESSES],
                issued_at_utc=hours[number],
                stored_regions=active_regions(session)[:1],
            ).issued

    with ThreadPoolExecutor(N_PROCESSES + 1) as pool:
        switching = pool.submit(switch)
        issued = list(pool.map(issue, range(N_FORECASTS)))
        over.set()
        assert switching.result() >= N_SWITCHES
    for cache in caches:
        cache.close()
    assert len(issued) == N_FORECASTS
    with runtime.transaction() as session:
        rows = session.execute(
            text(
                "select model_version_id, issued_at_utc, count(*) from forecast"
                " where target = 'temperature_c' and kind = 'live'"
                " and status = 'issued' and issued_at_utc > :now group by 1, 2"
            ),
            {"now": NOW},
        ).all()
        unnamed = session.scalar(
            text("select count(*) from forecast where model_version_id is null")
        )
        lines = session.scalar(
            text(
                "select count(*) from model_activation a left join model_activation b"
                " on b.previous_id = a.id where a.target = 'temperature_c'"
                " group by a.id having count(b.id) > 1"
            )
        )
    engine.dispose()
    assert {row[0] for row in rows} <= {first, second}
    assert len({row[1] for row in rows}) == len(rows)
    assert (unnamed, lines) == (0, None)


def test_every_process_follows_without_restart(fleet: Fleet) -> None:
    first, second = _second_model(fleet.runtime)
    caches = [ModelCache(), ModelCache()]
    seen = []
    for expected in (second, first, second):
        with fleet.runtime.transaction() as session:
            for cache in caches:
                serving = cache.serving(session, TEMPERATURE)
                assert serving is not None
                seen.append((serving.version_id, expected))
            roll_back_model(
                asking(session, fleet.actor(session)),
                TEMPERATURE,
                reason="test",
            )
    for cache in caches:
        cache.close()
    assert all(found == expected for found, expected in seen)


def test_of_two_activations_at_once_exactly_one_wins(fleet: Fleet) -> None:
    engine = make_engine(fleet.urls.app, pool_size=10)
    runtime = replace(fleet.runtime, engine=engine)
    first, second = _second_model(runtime)
    start = threading.Barrier(8)

    def activate(_number: int) -> str:
        start.wait()
        try:
            with runtime.transaction() as session:
                activate_model(
                    asking(session, fleet.actor(session)),
                    first,
                    reason="race",
                    seen_active_id=second,
                )
        except Conflict:
            return "refused"
        return "won"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(activate, range(8)))
    with runtime.transaction() as session:
        assert served(session) == first
    engine.dispose()
    assert outcomes.count("won") == 1


def test_a_second_click_does_not_go_forward_again(fleet: Fleet) -> None:
    first, second = _second_model(fleet.runtime)
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        roll_back_model(
            asking(session, actor),
            TEMPERATURE,
            reason="x",
            seen_active_id=second,
        )
        with pytest.raises(Conflict, match=f"version {first} serves"):
            roll_back_model(
                asking(session, actor),
                TEMPERATURE,
                reason="x",
                seen_active_id=second,
            )
        assert served(session) == first


def test_activating_asks_for_forecasts_at_once_and_twice_is_once(fleet: Fleet) -> None:
    _second_model(fleet.runtime)
    with fleet.runtime.transaction() as session:
        for _ in range(2):
            roll_back_model(
                asking(session, fleet.actor(session)), TEMPERATURE, reason="x"
            )
        jobs = session.scalar(
            text(
                "select count(*) from procrastinate_jobs"
                " where task_name = 'issue_forecasts'"
            )
        )
        assert jobs == 1
        assert model_versions.activation_log(session)[0].reason == "x"


def test_the_former_model_is_found_behind_any_number_of_lines(fleet: Fleet) -> None:
    first, second = _second_model(fleet.runtime)
    with fleet.runtime.transaction() as session:
        active = model_versions.active_model(session, TEMPERATURE)
        assert active is not None
        line_id = active.activation_id
        for _ in range(120):
            line_id = model_versions.insert_activation(
                session,
                target=TEMPERATURE,
                version_id=second,
                expected_previous_id=line_id,
                actor_id=fleet.actor(session).user_id,
                reason="again",
            )
        assert model_versions.former_version_id(session, TEMPERATURE) == first
        assert len(model_versions.activation_log(session, target=TEMPERATURE)) > 120
