"""ONNX says what scikit-learn says, and a difference is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from core.forecasts import Target
from core.telemetry import HOUR, TelemetryFrame
from models.export import export_onnx
from models.features import feature_matrix
from models.onnx_model import OnnxModel
from models.parity import PARITY_LIMITS, validate_parity
from models.ridge import TrainedRidge
from models.ridge_training import train_ridge

MakeFrame = Callable[..., TelemetryFrame]


def _rows(
    frame: TelemetryFrame, names: tuple[str, ...], target: Target, n_rows: int = 300
) -> NDArray[np.float32]:
    issues = [frame.end_utc - hours * HOUR for hours in range(n_rows)]
    return feature_matrix(frame, "UTC", issues, names, target=target).features


def test_limits_are_the_promised_ones() -> None:
    assert PARITY_LIMITS[Target.TEMPERATURE_C] == 1e-4
    assert PARITY_LIMITS[Target.CARBON_INTENSITY_GCO2_KWH] == pytest.approx(0.004)
    assert PARITY_LIMITS[Target.IT_LOAD_MW] == pytest.approx(0.001)


@pytest.mark.parametrize("target", list(Target))
def test_every_target_keeps_parity_for_every_region_and_the_pooled_one(
    make_frame: MakeFrame, target: Target
) -> None:
    frame = make_frame("aa")
    trained = train_ridge({"aa": (frame, "UTC")}, target, frame.end_utc)
    features = _rows(frame, trained.contract.feature_names, target)
    report = validate_parity(
        trained, export_onnx(trained), features, np.arange(300) % 2
    )
    assert report.n_rows == 300
    assert report.holds, report


def test_a_shifted_weight_is_found_at_its_row(
    make_frame: MakeFrame, trained: TrainedRidge
) -> None:
    features = _rows(
        make_frame("aa"), trained.contract.feature_names, Target.TEMPERATURE_C
    )
    floor = trained.scale_floor.copy()
    floor[2] += 50.0
    shifted = export_onnx(replace(trained, scale_floor=floor))
    region_index = np.ones(300, dtype=np.int64)
    region_index[123] = 2
    report = validate_parity(trained, shifted, features, region_index)
    assert not report.holds
    assert report.worst_row == 123
    assert report.max_abs_difference > 40


def test_rows_that_are_not_finite_never_pass(
    trained: TrainedRidge, onnx_bytes: bytes
) -> None:
    n_features = len(trained.contract.feature_names)
    features = np.zeros((3, n_features), dtype=np.float32)
    features[1] = np.finfo(np.float32).max
    report = validate_parity(trained, onnx_bytes, features, np.array([1, 1, 1]))
    assert not report.holds
    assert report.worst_row == 1


def test_nothing_compared_is_not_parity(
    trained: TrainedRidge, onnx_bytes: bytes
) -> None:
    n_features = len(trained.contract.feature_names)
    nothing = np.empty((0, n_features), dtype=np.float32)
    assert not validate_parity(
        trained, onnx_bytes, nothing, np.empty(0, dtype=np.int64)
    ).holds


def test_negative_carbon_is_clipped_inside_the_graph(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame("aa")
    target = Target.CARBON_INTENSITY_GCO2_KWH
    trained = train_ridge({"aa": (frame, "UTC")}, target, frame.end_utc)
    exported = export_onnx(trained)
    features = _rows(frame, trained.contract.feature_names, target)
    features[:, 0] = -500.0
    runtime = OnnxModel(exported, hashlib.sha256(exported).hexdigest())
    mean, _ = runtime.predict(features, np.ones(300, dtype=np.int64))
    assert mean.min() == 0.0
