"""A file is what its metadata say: made anew from the same telemetry and compared."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from core.errors import InvalidInput, ModelUnavailable
from core.forecasts import Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.boosting import TrainedBoosting
from models.boosting_training import train_boosting
from models.contract import read_contract
from models.export import export_onnx
from models.fleet_telemetry import RegionTelemetry
from models.parity_rows import real_rows, threshold_rows
from models.reproduction import ONNX_REFERENCE, SCIKIT_LEARN, reproduce
from tests.models.foreign import day_before

pytestmark = pytest.mark.slow

MakeFrame = Callable[..., TelemetryFrame]
Frames = dict[str, RegionTelemetry]

UNTIL_H = 50 * 24


@pytest.fixture(scope="module")
def frames(make_frame: MakeFrame) -> Frames:
    return {
        "aa": (make_frame("aa", seed=1), "Europe/Dublin"),
        "bb": (make_frame("bb", seed=2), "Asia/Kolkata"),
    }


@pytest.fixture(scope="module")
def boosted(frames: Frames) -> TrainedBoosting:
    until_utc = frames["aa"][0].start_utc + UNTIL_H * HOUR
    return train_boosting(frames, Target.TEMPERATURE_C, until_utc, seed=11)


@pytest.fixture(scope="module")
def exported(boosted: TrainedBoosting) -> bytes:
    return export_onnx(boosted)


def test_a_file_is_reproduced_on_real_rows_and_on_thresholds(
    exported: bytes, frames: Frames
) -> None:
    found = reproduce(exported, read_contract(exported), frames)
    assert found.against == SCIKIT_LEARN
    assert found.report.holds, found
    assert found.report.n_rows == len(found.rows)
    assert any("on a threshold" in origin for origin in found.rows.origins)
    assert any(origin.startswith("bb issued") for origin in found.rows.origins)


def test_a_file_that_was_changed_is_found_and_its_worst_row_named(
    boosted: TrainedBoosting, frames: Frames
) -> None:
    floor = boosted.ridge.scale_floor.copy()
    floor[2] += 30.0  # region bb alone
    other = replace(boosted, ridge=replace(boosted.ridge, scale_floor=floor))
    changed = export_onnx(other)
    found = reproduce(changed, read_contract(changed), frames)
    assert not found.report.holds
    assert found.worst_origin.startswith("bb issued")
    assert abs(found.report.onnx_value - found.report.expected_value) == pytest.approx(
        found.report.max_abs_difference
    )


def test_other_telemetry_is_refused_by_name(
    exported: bytes, frames: Frames, make_frame: MakeFrame
) -> None:
    contract = read_contract(exported)
    fewer = {"aa": frames["aa"]}
    with pytest.raises(InvalidInput, match=r"region_slugs would be aa, .* aa, bb"):
        reproduce(exported, contract, fewer)
    later = make_frame("aa", start_utc=frames["aa"][0].start_utc + 48 * HOUR)
    moved = {**frames, "aa": (later, "Europe/Dublin"), "bb": (later, "Asia/Kolkata")}
    moved["bb"] = (replace(later, region_slug="bb"), "Asia/Kolkata")
    with pytest.raises(InvalidInput, match="not what the model was trained on"):
        reproduce(exported, contract, moved)


def test_telemetry_without_the_target_is_refused(
    exported: bytes, make_frame: MakeFrame
) -> None:
    blind = make_frame("aa", changes={Quantity.TEMPERATURE_C: None})
    with pytest.raises(InvalidInput, match="No region has enough temperature_c"):
        reproduce(exported, read_contract(exported), {"aa": (blind, "UTC")})


def _of_another_make(onnx_bytes: bytes) -> bytes:
    model = onnx.load_model_from_string(onnx_bytes)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, properties | {"gfo_family": "elsewhere"})
    content: bytes = model.SerializeToString()
    return content


def test_a_file_of_another_make_is_held_against_the_onnx_reference(
    boosted: TrainedBoosting, frames: Frames
) -> None:
    foreign = _of_another_make(export_onnx(boosted.ridge))
    found = reproduce(foreign, read_contract(foreign), frames)
    assert found.against == ONNX_REFERENCE
    assert found.report.n_rows >= 500
    assert found.report.holds, found.report


def test_what_the_reference_cannot_run_is_said_to_be_unchecked(
    exported: bytes, frames: Frames
) -> None:
    foreign = _of_another_make(exported)  # trees in float64
    with pytest.raises(InvalidInput, match="cannot be checked"):
        reproduce(foreign, read_contract(foreign), frames)


def test_real_rows_visit_every_hour_of_issue_and_the_pooled_weights(
    boosted: TrainedBoosting, frames: Frames
) -> None:
    rows = real_rows(frames, boosted.contract, n_rows=400)
    assert len(rows) >= 400 * 0.9
    hours = {origin.split()[-2][:2] for origin in rows.origins}
    assert len(hours) == 24
    assert set(rows.region_index) == {0, 1, 2}


def test_threshold_rows_lie_on_thresholds_to_the_last_digit(
    boosted: TrainedBoosting, frames: Frames
) -> None:
    rows = real_rows(frames, boosted.contract, n_rows=100)
    moved = threshold_rows(boosted, rows)
    nodes = np.concatenate(
        [
            iteration[0].nodes
            for trees in (boosted.correction, boosted.ratio)
            for iteration in trees._predictors
        ]
    )
    thresholds = nodes["num_threshold"][nodes["is_leaf"] == 0]
    assert len(moved) > 50
    n_on = 0
    for row, origin in enumerate(moved.origins):
        name = origin.split(" with ")[1].split(" on a threshold")[0]
        value = moved.features[row, boosted.contract.feature_names.index(name)]
        below = thresholds[thresholds >= value]
        n_on += (
            bool(len(below))
            and float(np.nextafter(value, np.float32(np.inf))) > below.min()
        )
    assert n_on >= len(moved) // 2


def test_a_file_that_takes_memory_when_it_runs_harms_its_own_process_alone(
    frames: Frames,
) -> None:
    """Each row makes 2.4 billion numbers: 9.6 GB, of a size that only a run tells."""
    model = onnx.load_model_from_string(day_before("2022-02-20T00:00:00Z"))
    graph = model.graph
    graph.node[0].output[0] = "plain"
    graph.node[1].input[0] = "plain"
    graph.node.extend(
        [
            helper.make_node("Shape", ["features"], ["rows"]),
            helper.make_node("Mul", ["rows", "much"], ["big_shape"]),
            helper.make_node("ConstantOfShape", ["big_shape"], ["big"]),
            helper.make_node("ReduceSum", ["big"], ["nought"], keepdims=0),
            helper.make_node("Add", ["plain", "nought"], ["mean"]),
        ]
    )
    graph.initializer.append(
        numpy_helper.from_array(np.array([10_000, 10_000], np.int64), "much")
    )
    content = model.SerializeToString()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((InvalidInput, ModelUnavailable)):
        reproduce(content, read_contract(content), frames)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 200 * 1024
