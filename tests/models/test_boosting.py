"""The boosted family: same answers in ONNX, same bytes twice, nothing of the future."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import helper

from core.forecasts import Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.boosting import TrainedBoosting, predict_trees
from models.boosting_training import train_boosting
from models.contract import read_contract
from models.export import export_onnx
from models.export_boosting import tree_attributes
from models.features import feature_matrix
from models.graph import IR_VERSION, ML_OPSET, OPSET
from models.onnx_model import OnnxModel
from models.parity import validate_parity

pytestmark = pytest.mark.slow

MakeFrame = Callable[..., TelemetryFrame]

UNTIL_H = 50 * 24


@pytest.fixture(scope="module")
def boosted(make_frame: MakeFrame) -> TrainedBoosting:
    """Temperature, two regions, 50 of their 60 days."""
    frames = {
        "aa": (make_frame("aa", seed=1), "Europe/Dublin"),
        "bb": (make_frame("bb", seed=2), "Asia/Kolkata"),
    }
    until_utc = frames["aa"][0].start_utc + UNTIL_H * HOUR
    return train_boosting(frames, Target.TEMPERATURE_C, until_utc, seed=7)


def _rows(
    frame: TelemetryFrame, trained: TrainedBoosting, n_rows: int = 300
) -> NDArray[np.float32]:
    contract = trained.contract
    issues = [frame.end_utc - hours * HOUR for hours in range(n_rows)]
    return feature_matrix(
        frame, "Europe/Dublin", issues, contract.feature_names, target=contract.target
    ).features


@pytest.mark.parametrize("target", list(Target))
def test_every_target_keeps_parity_for_every_region_and_the_pooled_one(
    make_frame: MakeFrame, target: Target
) -> None:
    frame = make_frame("aa")
    trained = train_boosting({"aa": (frame, "Europe/Dublin")}, target, frame.end_utc)
    exported = export_onnx(trained)
    assert read_contract(exported) == trained.contract
    report = validate_parity(
        trained, exported, _rows(frame, trained), np.arange(300) % 2
    )
    assert report.n_rows == 300
    assert report.holds, report


def test_parity_holds_where_an_input_lies_exactly_on_a_threshold(
    make_frame: MakeFrame, boosted: TrainedBoosting
) -> None:
    """Columns that reach the trees as they are, moved onto every threshold in turn."""
    names = list(boosted.contract.feature_names)
    exported = export_onnx(boosted)
    n_moved = 0
    for quantity in (Quantity.RELATIVE_HUMIDITY_PCT, Quantity.WIND_SPEED_KMH):
        column = names.index(f"{quantity}_lag_1h")
        (place,) = np.flatnonzero(
            (boosted.inputs.raw_weights[column] == 1.0)
            & (np.count_nonzero(boosted.inputs.raw_weights, axis=0) == 1)
        )
        tree_column = 11 + int(place)
        thresholds = np.unique(
            np.concatenate(
                [_thresholds(trees, tree_column) for trees in _both(boosted)]
            )
        )
        rows = np.resize(
            _rows(make_frame("aa"), boosted), (len(thresholds), len(names))
        )
        # The row itself is float32, as in service: the nearest one below or at it.
        rows[:, column] = _rounded_down(thresholds)
        report = validate_parity(
            boosted, exported, rows, np.arange(len(thresholds)) % 3
        )
        assert report.holds, report
        n_moved += len(thresholds)
    assert n_moved > 20


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_each_tree_branches_as_scikit_learn_on_and_beside_its_thresholds(
    boosted: TrainedBoosting, step: int
) -> None:
    """Every threshold of every column, and the float32 neighbours on both sides."""
    random = np.random.default_rng(3)
    for trees in _both(boosted):
        nodes = np.concatenate([tree[0].nodes for tree in trees._predictors])
        splits = nodes[nodes["is_leaf"] == 0]
        table = random.normal(size=(len(splits), boosted.inputs.n_columns))
        table = table.astype(np.float32)
        on = splits["num_threshold"].astype(np.float32)
        beside = np.nextafter(on, np.float32(step * np.inf)) if step else on
        table[np.arange(len(splits)), splits["feature_idx"]] = beside
        assert (
            np.abs(_run_trees(trees, table) - predict_trees(trees, table)).max() < 1e-6
        )


def test_a_changed_leaf_is_found(
    make_frame: MakeFrame, boosted: TrainedBoosting
) -> None:
    other = replace(boosted, correction=boosted.ratio)
    features = _rows(make_frame("aa"), boosted)
    report = validate_parity(
        boosted, export_onnx(other), features, np.ones(300, dtype=np.int64)
    )
    assert not report.holds


def test_same_seed_gives_the_same_bytes_and_the_future_changes_none(
    make_frame: MakeFrame, boosted: TrainedBoosting
) -> None:
    def with_absurd_end(slug: str, seed: int) -> TelemetryFrame:
        frame = make_frame(slug, seed=seed)
        changes = {q: column.copy() for q, column in frame.values.items()}
        for column in changes.values():
            column[UNTIL_H:] = 1e5
        return make_frame(slug, seed=seed, changes=changes)

    frames = {
        "bb": (with_absurd_end("bb", 2), "Asia/Kolkata"),
        "aa": (with_absurd_end("aa", 1), "Europe/Dublin"),
    }
    until_utc = boosted.contract.trained_until_utc
    again = train_boosting(frames, Target.TEMPERATURE_C, until_utc, seed=7)
    assert export_onnx(again) == export_onnx(boosted)


def test_a_row_is_answered_alike_alone_and_in_company(
    make_frame: MakeFrame, boosted: TrainedBoosting
) -> None:
    exported = export_onnx(boosted)
    runtime = OnnxModel(exported, hashlib.sha256(exported).hexdigest())
    features = _rows(make_frame("aa"), boosted, n_rows=600)
    region_index = (np.arange(600) % 3).astype(np.int64)
    mean, scale = runtime.predict(features, region_index)
    for row in (0, 255, 256, 599):
        alone = runtime.predict(features[row : row + 1], region_index[row : row + 1])
        assert alone[0][0] == pytest.approx(mean[row], abs=1e-5)
        assert alone[1][0] == pytest.approx(scale[row], abs=1e-5)


def test_trees_never_let_the_mean_of_load_or_carbon_fall_below_zero(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame("aa")
    target = Target.CARBON_INTENSITY_GCO2_KWH
    trained = train_boosting({"aa": (frame, "Europe/Dublin")}, target, frame.end_utc)
    features = _rows(frame, trained)
    features[:, 0] = -500.0
    exported = export_onnx(trained)
    runtime = OnnxModel(exported, hashlib.sha256(exported).hexdigest())
    mean, scale = runtime.predict(features, np.ones(300, dtype=np.int64))
    assert mean.min() == 0.0
    assert (scale > 0).all()


def _both(trained: TrainedBoosting) -> list:  # type: ignore[type-arg]
    return [trained.correction, trained.ratio]


def _thresholds(trees: object, column: int) -> NDArray[np.float64]:
    nodes = np.concatenate([tree[0].nodes for tree in trees._predictors])  # type: ignore[attr-defined]
    chosen = (nodes["is_leaf"] == 0) & (nodes["feature_idx"] == column)
    return np.asarray(nodes["num_threshold"][chosen])


def _rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > values, below, nearest)


def _run_trees(trees: object, table: NDArray[np.float32]) -> NDArray[np.float64]:
    """The trees alone, as the exported graph holds them."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["x"], ["wide"], to=onnx.TensorProto.DOUBLE),
            helper.make_node(
                "TreeEnsembleRegressor",
                ["wide"],
                ["y"],
                domain="ai.onnx.ml",
                **tree_attributes(trees),  # type: ignore[arg-type]
            ),
        ],
        "trees",
        [
            helper.make_tensor_value_info(
                "x", onnx.TensorProto.FLOAT, ["N", table.shape[1]]
            )
        ],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 1])],
    )
    model = helper.make_model(
        graph,
        opset_imports=[
            helper.make_opsetid("", OPSET),
            helper.make_opsetid("ai.onnx.ml", ML_OPSET),
        ],
        ir_version=IR_VERSION,
    )
    session = ort.InferenceSession(model.SerializeToString())
    (answer,) = session.run(None, {"x": table})
    return np.asarray(answer[:, 0], dtype=np.float64)
