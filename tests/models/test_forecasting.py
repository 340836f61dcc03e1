"""Serving: only verified bytes, only finite and plausible forecasts."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.queues import Queue

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import InvalidInput, ModelRejected
from core.forecasts import HourlyForecast, Refusal, RefusalCode
from core.regions import Region
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.forecasting import forecast, hindcast
from models.inference import BATCH_ROWS
from models.metadata import ModelContract
from models.onnx_model import OnnxModel
from models.ridge import TrainedRidge

MakeFrame = Callable[..., TelemetryFrame]
MakeRegion = Callable[..., Region]


@pytest.fixture
def runtime(onnx_bytes: bytes) -> OnnxModel:
    return OnnxModel(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())


@pytest.fixture
def issue_utc(trained: TrainedRidge) -> datetime:
    return trained.contract.trained_until_utc


@dataclass(frozen=True)
class FixedPredictor:
    """Says the same for every row."""

    contract: ModelContract
    mean: float
    scale: float

    def predict(
        self, features: NDArray[np.float32], region_index: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        _ = region_index
        shape = (len(features), self.contract.horizon_h)
        return np.full(shape, self.mean), np.full(shape, self.scale)


def test_other_bytes_than_registered_are_refused(onnx_bytes: bytes) -> None:
    with pytest.raises(ModelRejected, match="registered under 000000000000"):
        OnnxModel(onnx_bytes, "0" * 64)


def test_bytes_that_are_no_model_are_refused_even_with_their_hash() -> None:
    with pytest.raises(ModelRejected, match="cannot be loaded"):
        OnnxModel(b"no model", hashlib.sha256(b"no model").hexdigest())


def test_forecast_covers_the_window_from_the_issue_on(
    runtime: OnnxModel,
    make_frame: MakeFrame,
    make_region: MakeRegion,
    issue_utc: datetime,
) -> None:
    result = forecast(runtime, make_frame(), make_region(), issue_utc)
    assert isinstance(result, HourlyForecast)
    assert result.issued_at_utc == issue_utc
    assert result.mean.shape == (24,)
    assert result.mean.dtype == np.float64


def test_hindcast_of_many_is_each_forecast_in_the_order_asked(
    runtime: OnnxModel,
    make_frame: MakeFrame,
    make_region: MakeRegion,
    issue_utc: datetime,
) -> None:
    frame, region = make_frame(), make_region()
    issues = [issue_utc - hour * HOUR for hour in range(BATCH_ROWS + 5)]
    batch = hindcast(runtime, frame, region, issues)
    assert [result.issued_at_utc for result in batch] == issues
    for i in (0, 7, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 4):
        single = forecast(runtime, frame, region, issues[i])
        np.testing.assert_array_equal(batch[i].mean, single.mean)
        np.testing.assert_array_equal(batch[i].scale, single.scale)


def test_refusals_stay_in_their_places(
    runtime: OnnxModel,
    make_frame: MakeFrame,
    make_region: MakeRegion,
    issue_utc: datetime,
) -> None:
    column = make_frame().column(Quantity.TEMPERATURE_C).copy()
    column[50 * 24 - 1] = np.nan
    frame = make_frame(changes={Quantity.TEMPERATURE_C: column})
    issues = [issue_utc - HOUR, issue_utc, issue_utc + HOUR]
    before, at, after = hindcast(runtime, frame, make_region(), issues)
    assert isinstance(before, HourlyForecast)
    assert isinstance(at, Refusal)
    assert at.code is RefusalCode.TELEMETRY_STALE
    assert isinstance(after, HourlyForecast)
    assert after.issued_at_utc == issue_utc + HOUR


def test_unseen_region_is_served_by_the_pooled_weights(
    runtime: OnnxModel,
    make_frame: MakeFrame,
    make_region: MakeRegion,
    issue_utc: datetime,
) -> None:
    known = forecast(runtime, make_frame(), make_region(), issue_utc)
    unseen = forecast(runtime, make_frame("zz"), make_region("zz"), issue_utc)
    assert isinstance(unseen, HourlyForecast)
    assert not np.array_equal(unseen.mean, known.mean)
    assert np.abs(unseen.mean - known.mean).max() < 5


@pytest.mark.parametrize(
    ("mean", "scale"),
    [(np.nan, 1.0), (np.inf, 1.0), (20.0, np.nan), (20.0, 0.0), (20.0, -1.0)],
)
def test_output_that_is_not_finite_and_positive_is_refused(
    trained: TrainedRidge,
    make_frame: MakeFrame,
    make_region: MakeRegion,
    issue_utc: datetime,
    mean: float,
    scale: float,
) -> None:
    broken = FixedPredictor(trained.contract, mean, scale)
    result = forecast(broken, make_frame(), make_region(), issue_utc)
    assert isinstance(result, Refusal)
    assert result.code is RefusalCode.FORECAST_NOT_FINITE


@pytest.mark.parametrize(
    ("mean", "allowed"), [(70.9, True), (71.1, False), (-62.0, False)]
)
def test_mean_far_outside_the_valid_range_is_refused_with_the_numbers(
    trained: TrainedRidge,
    make_frame: MakeFrame,
    make_region: MakeRegion,
    issue_utc: datetime,
    mean: float,
    allowed: bool,
) -> None:
    model = FixedPredictor(trained.contract, mean, 1.0)
    result = forecast(model, make_frame(), make_region(), issue_utc)
    assert isinstance(result, HourlyForecast) == allowed
    if isinstance(result, Refusal):
        assert f"{mean:.1f}" in result.text
        assert "outside -61 to 71" in result.text


def test_other_regions_telemetry_is_refused(
    runtime: OnnxModel,
    make_frame: MakeFrame,
    make_region: MakeRegion,
    issue_utc: datetime,
) -> None:
    with pytest.raises(InvalidInput, match="bb cannot forecast aa"):
        forecast(runtime, make_frame("bb"), make_region("aa"), issue_utc)


def test_no_instants_give_no_forecasts(
    runtime: OnnxModel,
    make_frame: MakeFrame,
    make_region: MakeRegion,
) -> None:
    assert hindcast(runtime, make_frame(), make_region(), []) == []


def _forecast_into(
    queue: Queue,
    runtime: OnnxModel,
    frame: TelemetryFrame,
    region: Region,
    issue: datetime,
) -> None:
    result = forecast(runtime, frame, region, issue)
    assert isinstance(result, HourlyForecast)
    queue.put((os.getpid(), runtime.process_id, result.mean))


def test_process_forked_after_loading_opens_its_own_session(
    runtime: OnnxModel,
    make_frame: MakeFrame,
    make_region: MakeRegion,
    issue_utc: datetime,
) -> None:
    arguments = (runtime, make_frame(), make_region(), issue_utc)
    expected = forecast(*arguments)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_forecast_into, args=(queue, *arguments))
    child.start()
    child_id, session_of, found = queue.get(timeout=60)
    child.join(timeout=60)
    assert session_of == child_id
    np.testing.assert_array_equal(found, expected.mean)


def test_serving_imports_neither_scikit_learn_nor_mapie_nor_onnx() -> None:
    script = (
        "import sys, models.forecasting, models.onnx_model, models.accuracy\n"
        "heavy = {'sklearn', 'mapie', 'onnx', 'pandas', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_export_contract_and_parity_import_neither_scikit_learn_nor_mapie() -> None:
    script = (
        "import sys, models.export, models.contract, models.parity, models.design\n"
        "heavy = {'sklearn', 'mapie'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
