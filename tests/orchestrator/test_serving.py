"""A model that hangs, dies or was changed blocks; once mended it serves again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.errors import ModelRejected, ModelUnavailable
from core.forecasts import RefusalCode, Target
from core.outcomes import ReasonCode
from core.scheduler import Outcome
from db import forecasts, model_versions
from db.engine import libpq_url
from db.model_health import outages
from db.model_versions import NewModelVersion
from db.users import system_actor
from models.contract import read_contract
from models.metadata import ModelContract
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.decisions.recording import evaluate
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.region_choice import active_regions
from orchestrator.runtime import Runtime
from tests.asking import asking
from tests.fleet import NOW, Fleet, run_cycle, runtime_on
from tests.models.attacks import long_products

pytestmark = pytest.mark.slow

TEMPERATURE = Target.TEMPERATURE_C


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Iterator[ModelCache]:
    made = ModelCache(deadline_s=0.5, monotonic=clock)
    yield made
    made.close()


@pytest.fixture
def later(fleet: Fleet) -> Iterator[Runtime]:
    """The fleet an hour after its last issue, before anything new was issued."""
    runtime = runtime_on(fleet.urls, NOW + timedelta(hours=1))
    yield runtime
    runtime.engine.dispose()


def put_into_service(session: Session, onnx_bytes: bytes) -> int:
    """Let a model serve past every check: what a broken registry would do."""
    contract: ModelContract = read_contract(onnx_bytes)
    actor = system_actor(session, "cli")
    version_id, _ = model_versions.insert_model_version(
        session,
        NewModelVersion(
            target=contract.target,
            family=contract.family,
            onnx_sha256=hashlib.sha256(onnx_bytes).hexdigest(),
            onnx_bytes=onnx_bytes,
            contract_version=1,
            feature_names=contract.feature_names,
            region_slugs=(),
            horizon_h=24,
            trained_from_utc=contract.trained_from_utc,
            trained_until_utc=contract.trained_until_utc,
            metrics={},
            state="validated",
            code_version="1",
        ),
        actor_id=actor.user_id,
    )
    active = model_versions.active_model(session, contract.target)
    model_versions.insert_activation(
        session,
        target=contract.target,
        version_id=version_id,
        expected_previous_id=active.activation_id if active else None,
        actor_id=actor.user_id,
        reason="test",
    )
    return version_id


def change_bytes(fleet: Fleet, change: str) -> None:
    """Change stored weights as nobody may: as the owner, past the application."""
    with psycopg.connect(libpq_url(fleet.urls.owner)) as connection:
        connection.execute("alter table model_version disable trigger user")
        connection.execute(
            f"update model_version set onnx_bytes = {change}"  # noqa: S608
            " where target = 'temperature_c'"
        )
        connection.execute("alter table model_version enable trigger user")


BREAK = "overlay(onnx_bytes placing '\\x07' from 100)"
UNDO = "overlay(onnx_bytes placing '\\x{:02x}' from 100)"


def test_a_failing_model_is_left_alone_for_longer_each_time(
    fleet: Fleet, cache: ModelCache, clock: Clock
) -> None:
    change_bytes(fleet, BREAK)
    with fleet.runtime.transaction() as session:
        for pause_s in (1, 2, 4, 8):
            with pytest.raises(ModelRejected, match="registered under"):
                cache.serving(session, TEMPERATURE)
            clock.now += 0.9 * pause_s
            with pytest.raises(ModelUnavailable, match="registered under"):
                cache.serving(session, TEMPERATURE)
            clock.now += 0.1 * pause_s
        assert cache.serving(session, Target.IT_LOAD_MW) is not None


def test_bytes_that_change_under_a_loaded_model_are_found_within_a_minute(
    fleet: Fleet, cache: ModelCache, clock: Clock
) -> None:
    with fleet.runtime.transaction() as session:
        assert cache.serving(session, TEMPERATURE) is not None
    change_bytes(fleet, BREAK)
    clock.now += 61
    with (
        fleet.runtime.transaction() as session,
        pytest.raises(ModelRejected, match="stored bytes of model 1 have changed"),
    ):
        cache.serving(session, TEMPERATURE)


def _first_row(runtime: Runtime) -> tuple[Outcome, ReasonCode, tuple[str, ...]]:
    with runtime.transaction() as session:
        viewer = Actor(user_id=1, name="worker", role=Role.ADMIN)
        view = fleet_view(asking(session, viewer, now=runtime.clock()))
    verdict = view.rows[0].verdict
    unusable = [one.text for one in view.alarms if one.title == "Model unavailable"]
    return verdict.outcome, verdict.reason_code, tuple(unusable)


def _stored_byte(fleet: Fleet) -> int:
    with psycopg.connect(libpq_url(fleet.urls.owner)) as connection:
        row = connection.execute(
            "select get_byte(onnx_bytes, 99) from model_version"
            " where target = 'temperature_c'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_changed_bytes_block_with_an_alarm_and_mended_ones_serve_again(
    fleet: Fleet, later: Runtime, cache: ModelCache, clock: Clock
) -> None:
    good_byte = _stored_byte(fleet)
    worker = WorkerJobs(later, cache=cache)
    change_bytes(fleet, BREAK)
    worker.watch_models()
    outcome, reason, alarms = _first_row(later)
    assert (outcome, reason) == (Outcome.BLOCKED, ReasonCode.MODEL_UNAVAILABLE)
    assert len(alarms) == 1
    assert "temperature_c model cannot be used" in alarms[0]
    run_cycle(worker)
    with later.transaction() as session:
        region = active_regions(session)[0]
        newest = forecasts.newest_forecast(
            session, region_id=region.region_id, target=TEMPERATURE, kind="live"
        )
        assert newest is not None
        assert newest.refusal_code is RefusalCode.MODEL_UNAVAILABLE
    assert _first_row(later)[0] is Outcome.BLOCKED

    change_bytes(fleet, UNDO.format(good_byte))
    clock.now += 61
    worker.watch_models()
    _, reason, alarms = _first_row(later)
    assert reason is not ReasonCode.MODEL_UNAVAILABLE
    assert alarms == ()
    with later.transaction() as session:
        stored = forecasts.forecast_at(
            session,
            region_id=region.region_id,
            target=TEMPERATURE,
            issued_at_utc=NOW.replace(minute=0) + timedelta(hours=1),
        )
        assert stored is not None
        assert stored.refusal_code is None


def test_changed_bytes_block_live_verdicts_before_the_worker_looks(
    fleet: Fleet,
) -> None:
    good_byte = _stored_byte(fleet)
    assert _first_row(fleet.runtime)[1] is not ReasonCode.MODEL_UNAVAILABLE
    change_bytes(fleet, BREAK)
    outcome, reason, _ = _first_row(fleet.runtime)
    assert (outcome, reason) == (Outcome.BLOCKED, ReasonCode.MODEL_UNAVAILABLE)
    with fleet.runtime.transaction() as session:
        what_if = evaluate(
            asking(session, fleet.actor(session), now=NOW),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=10.0,
        ).verdict
    assert (what_if.outcome, what_if.reason_code) == (outcome, reason)
    change_bytes(fleet, UNDO.format(good_byte))
    assert _first_row(fleet.runtime)[1] is not ReasonCode.MODEL_UNAVAILABLE


def test_a_hanging_model_blocks_within_its_deadline_and_leaves_other_targets_alone(
    later: Runtime, cache: ModelCache
) -> None:
    worker = WorkerJobs(later, cache=cache)
    with later.transaction() as session:
        put_into_service(session, long_products())
    run_cycle(worker)
    outcome, reason, alarms = _first_row(later)
    assert (outcome, reason) == (Outcome.BLOCKED, ReasonCode.MODEL_UNAVAILABLE)
    assert "did not answer within 0.5 s" in alarms[0]
    with later.transaction() as session:
        assert set(outages(session)) == {TEMPERATURE}
        region = active_regions(session)[0]
        load = forecasts.newest_forecast(
            session, region_id=region.region_id, target=Target.IT_LOAD_MW, kind="live"
        )
        assert load is not None
        assert load.refusal_code is None


def test_a_killed_process_is_started_again_for_the_next_forecast(
    later: Runtime, cache: ModelCache
) -> None:
    with later.transaction() as session:
        assert cache.serving(session, TEMPERATURE) is not None
        cache.close()
        assert cache.serving(session, TEMPERATURE) is not None
    run_cycle(WorkerJobs(later, cache=cache))
    assert _first_row(later)[2] == ()
