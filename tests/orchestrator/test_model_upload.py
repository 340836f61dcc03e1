"""A stranger's file from upload to active and back; refusals, gate and override."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from core.days import full_hour
from core.errors import Conflict, Forbidden, InvalidInput, ServiceUnavailable
from core.forecasts import Target
from core.telemetry import HOUR, Quantity
from db import (
    audit,
    model_evaluations,
    model_uploads,
    model_versions,
    telemetry,
    window_scores,
)
from db.model_evaluations import ModelEvaluation
from db.model_uploads import ModelUpload
from db.users import system_actor
from models.metadata import MAX_MODEL_BYTES
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.activation import (
    activate_model,
    override_gate,
    roll_back_model,
)
from orchestrator.registry.evaluation_requests import start_evaluation
from orchestrator.registry.model_files import GivenFile, receive_model
from orchestrator.registry.records import decode
from orchestrator.runtime import Runtime
from orchestrator.windows.database_source import load_region_window
from tests.asking import asking
from tests.fleet import NOW, TRAINED_UNTIL, Fleet
from tests.models import liars
from tests.models.attacks import ATTACKS, long_products
from tests.models.foreign import FEATURES, HORIZON_H, day_before, from_scikit_learn
from tests.orchestrator.test_serving import put_into_service

pytestmark = pytest.mark.slow

TEMPERATURE = Target.TEMPERATURE_C
UNTIL = f"{TRAINED_UNTIL}T00:00:00Z"


@pytest.fixture
def worker(fleet: Fleet) -> Iterator[WorkerJobs]:
    made = WorkerJobs(fleet.runtime)
    yield made
    made.close()


def upload(runtime: Runtime, content: bytes, label: str = "m.onnx") -> ModelUpload:
    with runtime.transaction() as session:
        actor = system_actor(session, "cli")
        file = GivenFile.read(io.BytesIO(content), label)
        given, _ = receive_model(asking(session, actor), file)
    return given


def under_evaluation(
    runtime: Runtime, worker: WorkerJobs, content: bytes
) -> ModelEvaluation:
    """Upload and check, as the worker does; the evaluation has begun."""
    given = upload(runtime, content)
    worker.check_model(given.upload_id)
    with runtime.transaction() as session:
        checked = model_uploads.model_upload(session, given.upload_id)
        assert checked.model_version_id is not None, checked.rejected_reason
        found = model_evaluations.newest_evaluation(session, checked.model_version_id)
    assert found is not None
    return found


def through_the_gate(runtime: Runtime, worker: WorkerJobs, content: bytes) -> int:
    """Upload, check and evaluate as the worker does, job by job."""
    found = under_evaluation(runtime, worker, content)
    for _ in found.region_slugs:
        worker.evaluate_model(found.evaluation_id)
    return found.model_version_id


def state_of(runtime: Runtime, version_id: int) -> tuple[str, str | None]:
    with runtime.transaction() as session:
        version = model_versions.model_version(session, version_id)
    return version.state, version.rejected_reason


def events(session: Session, action: AuditAction) -> int:
    return len(audit.list_events(session, action=action, limit=200))


def served(session: Session) -> int:
    active = model_versions.active_model(session, TEMPERATURE)
    assert active is not None
    return active.version.version_id


def _from_forest(fleet: Fleet) -> bytes:
    with fleet.runtime.transaction() as session:
        slug = active_regions(session)[1].region.slug
        end_utc = datetime.combine(TRAINED_UNTIL, datetime.min.time(), tzinfo=UTC)
        frame = telemetry.load_frame(session, slug, end_utc - 150 * 24 * HOUR, end_utc)
    hours = frame.column(Quantity.TEMPERATURE_C)
    starts = range(len(FEATURES), len(hours) - HORIZON_H, 5)
    # Column i is lag i + 1, so the newest hour comes first.
    before = [hours[t - len(FEATURES) : t][::-1] for t in starts]
    after = [hours[t : t + HORIZON_H] for t in starts]
    return from_scikit_learn(UNTIL, np.array(before, np.float32), np.array(after))


@pytest.mark.parametrize("made_by", ["onnx.helper", "skl2onnx"])
def test_a_foreign_model_goes_all_the_way_to_active_and_back(
    fleet: Fleet, worker: WorkerJobs, made_by: str
) -> None:
    content = day_before(UNTIL) if made_by == "onnx.helper" else _from_forest(fleet)
    version_id = through_the_gate(fleet.runtime, worker, content)
    assert state_of(fleet.runtime, version_id)[0] in {"validated", "rejected"}
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        before = served(session)
        if model_versions.model_version(session, version_id).state == "rejected":
            override_gate(
                asking(session, actor),
                version_id,
                reason="only to see it serve",
            )
        activate_model(
            asking(session, actor),
            version_id,
            reason="better",
            seen_active_id=before,
        )
    worker.issue(full_hour(NOW))
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        region = active_regions(session)[0]
        window = load_region_window(
            session,
            region,
            issued_at_utc=full_hour(NOW),
            now=NOW,
            is_simulation=False,
        )
        assert window.stored is not None
        assert window.stored.model_version_id == version_id
        # Calibrated from its hindcast before its first forecast: it has a bound.
        assert window.stored.day_bound_c is not None
        roll_back_model(asking(session, actor), TEMPERATURE, reason="back")
        assert served(session) == before
        window = load_region_window(
            session,
            region,
            issued_at_utc=full_hour(NOW),
            now=NOW,
            is_simulation=False,
        )
        assert window.stored is not None
        assert window.stored.model_version_id == before
        assert audit.verify(session).is_sound


def test_a_good_foreign_model_passes_and_its_figures_stand_beside_the_active_one(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    version_id = through_the_gate(fleet.runtime, worker, day_before(UNTIL))
    with fleet.runtime.transaction() as session:
        found = model_evaluations.newest_evaluation(session, version_id)
        assert found is not None
        assert found.gate_passed is not None
        records = {
            slug: decode(slug, record)
            for slug, record in model_evaluations.region_figures(
                session, found.evaluation_id
            ).items()
        }
    assert set(records) == set(found.region_slugs)
    for record in records.values():
        new, active = record.comparison.new, record.comparison.active
        assert active is not None
        assert record.comparison.common_days > 30
        # It is persistence itself: no skill, where the trained model has some.
        assert new.skill_frac == pytest.approx(0.0, abs=1e-6)
        assert active.skill_frac > 0.1
        assert new.mean_margin_c > active.mean_margin_c
        assert len(record.new_rmse_by_hour) == HORIZON_H


def test_evaluating_stores_scores_for_every_issue_hour_but_no_forecasts(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    version_id = through_the_gate(fleet.runtime, worker, day_before(UNTIL))
    with fleet.runtime.transaction() as session:
        counts = window_scores.score_counts(session, model_version_id=version_id)
        n_regions = len(active_regions(session))
        stored = session.scalar(
            text("select count(*) from forecast where model_version_id = :id"),
            {"id": version_id},
        )
    assert len(counts) == 24 * n_regions
    assert min(counts.values()) > 100
    assert stored == 0


def test_a_model_that_promises_too_much_is_stopped_by_the_gate(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    """A scale that grows with the season fools scores of the cool months."""
    version_id = through_the_gate(fleet.runtime, worker, _cools_in_summer())
    state, reason = state_of(fleet.runtime, version_id)
    assert state == "rejected"
    assert reason is not None
    assert "the bound held on" in reason or "would have approved" in reason
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        with pytest.raises(InvalidInput, match="is rejected; only a validated one"):
            activate_model(asking(session, actor), version_id, reason="no")
        with pytest.raises(InvalidInput, match="Write why"):
            override_gate(asking(session, actor), version_id, reason="  ok  ")
        override_gate(
            asking(session, actor),
            version_id,
            reason="a drill, for one hour only",
        )
        (event,) = audit.list_events(session, action=AuditAction.MODEL_GATE_OVERRIDDEN)
        assert "a drill, for one hour only" in event.payload
        assert "refused_because" in event.payload
        activate_model(asking(session, actor), version_id, reason="drill")
        assert served(session) == version_id


def _cools_in_summer() -> bytes:
    """Persistence that denies heat, which the cool months do not show."""
    import onnx  # noqa: PLC0415
    from onnx import helper, numpy_helper  # noqa: PLC0415

    model = onnx.load_model_from_string(day_before(UNTIL, scale_c=1.0))
    graph = model.graph
    # Mean m becomes m - max(m - 18, 0) * 0.6: right while it is cool, wrong after.
    graph.node[0].output[0] = "plain"
    graph.node[1].input[0] = "plain"
    graph.node.extend(
        [
            helper.make_node("Sub", ["plain", "cool"], ["over"]),
            helper.make_node("Relu", ["over"], ["heat"]),
            helper.make_node("Mul", ["heat", "share"], ["denied"]),
            helper.make_node("Sub", ["plain", "denied"], ["mean"]),
        ]
    )
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(18, np.float32), "cool"),
            numpy_helper.from_array(np.array(0.6, np.float32), "share"),
        ]
    )
    content: bytes = model.SerializeToString()
    return content


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (liars.hot_after_midnight(30.0), "implausibly far below|the bound held on"),
        (liars.beside_heat(41.0), "depends on the rows beside it"),
    ],
    ids=["honest at midnight", "other in the company of heat"],
)
def test_a_model_that_lies_where_no_probe_looks_is_stopped_by_real_rows(
    fleet: Fleet, worker: WorkerJobs, condition: liars.Condition, sentence: str
) -> None:
    version_id = through_the_gate(fleet.runtime, worker, liars.lying(UNTIL, condition))
    state, reason = state_of(fleet.runtime, version_id)
    assert state == "rejected"
    assert re.search(sentence, reason or ""), reason


@pytest.mark.parametrize("lie", [liars.asked_alone, liars.asked_together])
def test_a_model_that_answers_a_batch_otherwise_is_refused_in_its_check(
    fleet: Fleet, worker: WorkerJobs, lie: liars.Condition
) -> None:
    given = upload(fleet.runtime, liars.lying(UNTIL, lie))
    worker.check_model(given.upload_id)
    with fleet.runtime.transaction() as session:
        refused = model_uploads.model_upload(session, given.upload_id)
    assert refused.rejected_reason == "A row's answer depends on the rows beside it."


def test_a_training_window_that_ends_in_the_future_is_refused(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    given = upload(fleet.runtime, day_before("2030-01-01T00:00:00Z"))
    worker.check_model(given.upload_id)
    with fleet.runtime.transaction() as session:
        refused = model_uploads.model_upload(session, given.upload_id)
    assert "2030-01-01 00:00 UTC, in the future" in str(refused.rejected_reason)


def test_the_size_of_the_scale_changes_no_bound(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    """The same scale in other units gives the same bound on every day."""
    bounds = []
    for scale_c in (2.0, 0.02, 2e4):
        version_id = through_the_gate(
            fleet.runtime, worker, day_before(UNTIL, scale_c=scale_c)
        )
        with fleet.runtime.transaction() as session:
            found = model_evaluations.newest_evaluation(session, version_id)
            assert found is not None
            figures = model_evaluations.region_figures(session, found.evaluation_id)
        bounds.append(
            [
                day.new_bound_c
                for slug in sorted(figures)
                for day in decode(slug, figures[slug]).days
            ]
        )
    assert len(bounds[0]) > 100
    for scaled in bounds[1:]:
        assert scaled == pytest.approx(bounds[0], abs=1e-3)


def test_a_model_trained_up_to_now_cannot_be_judged(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    until = f"{NOW - timedelta(days=20):%Y-%m-%dT00:00:00Z}"
    version_id = through_the_gate(fleet.runtime, worker, day_before(until))
    state, reason = state_of(fleet.runtime, version_id)
    assert state == "rejected"
    assert reason is not None
    assert "lie after the model's training window" in reason
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        override_gate(asking(session, actor), version_id, reason="we know what we do")
        with pytest.raises(InvalidInput, match="is not calibrated for arizona"):
            activate_model(asking(session, actor), version_id, reason="no")


def test_another_target_is_gated_by_its_errors(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    """Persistence of the temperature is no forecast of the wet bulb."""
    content = day_before(UNTIL, gfo_target="wet_bulb_c")
    version_id = through_the_gate(fleet.runtime, worker, content)
    state, reason = state_of(fleet.runtime, version_id)
    assert state == "rejected"
    assert reason is not None
    assert "the RMSE rises from" in reason
    assert "no better than persistence" in reason


def test_a_model_that_fails_on_real_weather_is_rejected_not_stuck(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    """Finite on every probe, not finite in the heat of a real afternoon."""
    import onnx  # noqa: PLC0415
    from onnx import helper, numpy_helper  # noqa: PLC0415

    model = onnx.load_model_from_string(day_before(UNTIL))
    graph = model.graph
    graph.node[2].output[0] = "plain_scale"
    graph.node.extend(
        [
            helper.make_node("Greater", ["mean", "hot"], ["is_hot"]),
            helper.make_node("Cast", ["is_hot"], ["one"], to=1),
            helper.make_node("Sub", ["unit", "one"], ["left"]),
            helper.make_node("Div", ["plain_scale", "left"], ["scale"]),
        ]
    )
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(40, np.float32), "hot"),
            numpy_helper.from_array(np.array(1, np.float32), "unit"),
        ]
    )
    version_id = through_the_gate(fleet.runtime, worker, model.SerializeToString())
    state, reason = state_of(fleet.runtime, version_id)
    assert state == "rejected"
    assert reason is not None
    assert "gave no usable forecast for" in reason


def test_the_same_bytes_twice_are_one_upload_and_one_version(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    content = day_before(UNTIL)
    first = upload(fleet.runtime, content, "a.onnx")
    second = upload(fleet.runtime, content, "b.onnx")
    assert (first.upload_id, first.file_label) == (second.upload_id, "a.onnx")
    worker.check_model(first.upload_id)
    worker.check_model(first.upload_id)
    third = upload(fleet.runtime, content)
    assert third.state == "accepted"
    with fleet.runtime.transaction() as session:
        digest = hashlib.sha256(content).hexdigest()
        same = [
            version
            for version in model_versions.list_model_versions(session)
            if version.onnx_sha256 == digest
        ]
        assert [version.version_id for version in same] == [third.model_version_id]
        assert events(session, AuditAction.MODEL_UPLOADED) == 1
        chunks = session.scalar(text("select count(*) from model_upload_chunk"))
        assert chunks == 0


def test_an_uploaded_copy_of_a_trained_model_is_that_version(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    with fleet.runtime.transaction() as session:
        version_id = served(session)
        content = model_versions.model_bytes(session, version_id)
    given = upload(fleet.runtime, content)
    worker.check_model(given.upload_id)
    with fleet.runtime.transaction() as session:
        checked = model_uploads.model_upload(session, given.upload_id)
    assert checked.model_version_id == version_id
    assert state_of(fleet.runtime, version_id)[0] == "validated"


@pytest.mark.parametrize("name", ["zip", "loop of 1e9", "nan when run", "no bytes"])
def test_an_attack_ends_in_quarantine_with_one_event(
    fleet: Fleet, worker: WorkerJobs, name: str
) -> None:
    content, _ = ATTACKS[name]
    with fleet.runtime.transaction() as session:
        before = served(session)
    given = upload(fleet.runtime, content, "../../etc/model\x00.onnx")
    assert given.file_label == "model.onnx"
    worker.check_model(given.upload_id)
    with fleet.runtime.transaction() as session:
        refused = model_uploads.model_upload(session, given.upload_id)
        assert refused.state == "rejected"
        assert events(session, AuditAction.MODEL_REJECTED) == 1
        assert served(session) == before
        assert session.scalar(text("select count(*) from model_upload_chunk")) == 0
    again = upload(fleet.runtime, content)
    assert again.state == "rejected"


def test_a_model_of_another_horizon_is_refused_with_the_reason(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    given = upload(fleet.runtime, day_before(UNTIL, gfo_horizon_h="12"))
    worker.check_model(given.upload_id)
    with fleet.runtime.transaction() as session:
        refused = model_uploads.model_upload(session, given.upload_id)
    assert refused.state == "rejected"
    assert "forecasts 12 h; decisions are taken on 24 h" in str(refused.rejected_reason)
    assert refused.model_version_id is None


def test_too_large_a_file_is_not_taken() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return bytes(size)

    with pytest.raises(InvalidInput, match="more than 64 MiB"):
        GivenFile.read(Endless(), "x")  # type: ignore[arg-type]
    assert MAX_MODEL_BYTES == 64 * 2**20


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR])
def test_only_an_admin_uploads_overrides_and_activates(
    fleet: Fleet, role: Role
) -> None:
    with fleet.runtime.transaction() as session:
        somebody = Actor(user_id=1, name="x", role=role)
        for act in (
            lambda: receive_model(
                asking(session, somebody), GivenFile.read(io.BytesIO(b""), "x")
            ),
            lambda: override_gate(asking(session, somebody), 1, reason="because I can"),
            lambda: activate_model(asking(session, somebody), 1, reason="x"),
            lambda: roll_back_model(asking(session, somebody), TEMPERATURE, reason="x"),
        ):
            with pytest.raises(Forbidden):
                act()


def test_an_activation_that_rests_on_an_old_view_is_refused(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    version_id = through_the_gate(fleet.runtime, worker, day_before(UNTIL))
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        if model_versions.model_version(session, version_id).state == "rejected":
            override_gate(
                asking(session, actor), version_id, reason="only for this test"
            )
        with pytest.raises(Conflict, match="serves temperature_c by now"):
            activate_model(
                asking(session, actor),
                version_id,
                reason="x",
                seen_active_id=version_id + 7,
            )


def test_an_evaluation_that_was_left_is_taken_up_where_it_was(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    found = under_evaluation(fleet.runtime, worker, day_before(UNTIL))
    worker.evaluate_model(found.evaluation_id)
    with fleet.runtime.transaction() as session:
        # The job is lost with its worker; somebody asks again.
        session.execute(text("delete from procrastinate_jobs"))
        resumed = start_evaluation(
            asking(session, fleet.actor(session)),
            found.model_version_id,
        )
        assert resumed == found.evaluation_id
        lanes = session.scalars(text("select args ->> 'done' from procrastinate_jobs"))
        assert list(lanes) == ["0", "1", "2", "3"]
    for _ in found.region_slugs[1:]:
        worker.evaluate_model(found.evaluation_id)
    with fleet.runtime.transaction() as session:
        done = model_evaluations.evaluation(session, found.evaluation_id)
    assert done.state == "done"


def test_two_processes_do_not_evaluate_one_model_at_once(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    found = under_evaluation(fleet.runtime, worker, day_before(UNTIL))
    with fleet.runtime.transaction() as session:
        model_evaluations.lock_evaluation(session, found.evaluation_id)
        with pytest.raises(ServiceUnavailable, match="being evaluated already"):
            worker.evaluate_model(found.evaluation_id)
    with fleet.runtime.transaction() as session:
        again = model_evaluations.evaluation(session, found.evaluation_id)
    assert again.state == "running"


def test_workers_share_the_regions_of_an_evaluation_and_the_last_one_closes_it(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    found = under_evaluation(fleet.runtime, worker, day_before(UNTIL))
    with fleet.runtime.transaction() as session:
        n_rejected = events(session, AuditAction.MODEL_REJECTED)
    first, *others = found.region_slugs
    evaluation_id = found.evaluation_id
    with fleet.runtime.transaction() as held:
        shared = model_evaluations.share_evaluation(held, evaluation_id)
        assert model_evaluations.take_region(held, shared) == first
        for _ in others:
            worker.evaluate_model(evaluation_id, lane=1)
        with fleet.runtime.transaction() as session:
            known = model_evaluations.evaluated_slugs(session, evaluation_id)
            assert known == set(others)
            session.execute(text("delete from procrastinate_jobs"))
        worker.evaluate_model(evaluation_id, lane=1)  # nothing is left for this lane
        with fleet.runtime.transaction() as session:
            open_one = model_evaluations.evaluation(session, evaluation_id)
            assert open_one.state == "running"
            left = "select count(*) from procrastinate_jobs"
            assert session.scalar(text(left)) == 0
    with ThreadPoolExecutor(2) as pool:
        other = WorkerJobs(fleet.runtime)
        list(pool.map(lambda w: w.evaluate_model(evaluation_id), (worker, other)))
        other.close()
    with fleet.runtime.transaction() as session:
        done = model_evaluations.evaluation(session, evaluation_id)
        assert events(session, AuditAction.MODEL_REJECTED) == n_rejected + 1
    assert (done.state, done.gate_passed) == ("done", False)


def test_a_candidate_that_hangs_is_rejected_and_says_so(
    fleet: Fleet, worker: WorkerJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its probes pass; the real hours are so many that it takes for ever."""
    with fleet.runtime.transaction() as session:
        version_id = put_into_service(session, long_products(per_row=7_000))
        roll_back_model(asking(session, fleet.actor(session)), TEMPERATURE, reason="x")
        evaluation_id = start_evaluation(
            asking(session, fleet.actor(session)), version_id
        )
    monkeypatch.setattr(worker, "_shadow_cache", ModelCache(deadline_s=1.0))
    worker.evaluate_model(evaluation_id)
    with fleet.runtime.transaction() as session:
        done = model_evaluations.evaluation(session, evaluation_id)
        assert events(session, AuditAction.MODEL_REJECTED) == 1
    assert done.state == "failed"
    assert done.failed_reason is not None
