"""A fleet beyond a file: regions share directions and are read one by one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import onnx
import pytest

from core.errors import InvalidInput
from core.forecasts import Target
from core.telemetry import HOUR, TelemetryFrame
from models import fleet_ridge, fleet_telemetry, training_rows
from models.accuracy import rmse
from models.contract import read_contract
from models.design import layout_for
from models.export import export_onnx
from models.families import GRAPHS, graph_sha256
from models.features import feature_matrix
from models.file_room import ROOM_BYTES
from models.fleet_ridge import train_fleet_ridge
from models.fleet_telemetry import (
    HELD_REGIONS,
    SAMPLE_REGIONS,
    RegionTelemetry,
    TelemetryOnRequest,
    evenly_chosen,
    run_quantities,
    spans_of,
)
from models.metadata import MAX_MODEL_BYTES, MAX_REGIONS, Family
from models.observations import observed_windows
from models.onnx_model import OnnxModel
from models.parity import validate_parity
from models.parity_rows import comparison_rows
from models.ridge import TrainedRidge
from models.ridge_training import contract_before_training, train_ridge
from models.training_rows import MIN_WINDOWS
from tests.models.conftest import START_UTC

MakeFrame = Callable[..., TelemetryFrame]
Frames = dict[str, RegionTelemetry]

UNTIL_UTC = START_UTC + 50 * 24 * HOUR
ROOM = 150_000
"""Bytes: two thirds of what six regions need with all their weights."""


@pytest.fixture(scope="module")
def frames(make_frame: MakeFrame) -> Frames:
    return {
        f"r{i}": (make_frame(f"r{i}", seed=i), zone)
        for i, zone in enumerate(["Europe/Dublin", "Asia/Kolkata", "UTC"] * 2)
    }


@pytest.fixture(scope="module")
def reduced(frames: Frames) -> TrainedRidge:
    return train_fleet_ridge(frames, Target.TEMPERATURE_C, UNTIL_UTC, room_bytes=ROOM)


def test_it_fits_into_the_room_and_fills_it(reduced: TrainedRidge) -> None:
    assert reduced.layout.directions is not None
    assert 0.9 * ROOM < reduced.weight_bytes <= ROOM
    assert len(export_onnx(reduced)) < reduced.weight_bytes + 20_000


def test_a_fleet_that_fits_has_the_bytes_of_all_weights(frames: Frames) -> None:
    two = {slug: frames[slug] for slug in ("r0", "r1")}
    trained = train_fleet_ridge(two, Target.TEMPERATURE_C, UNTIL_UTC)
    all_weights = train_ridge(two, Target.TEMPERATURE_C, UNTIL_UTC)
    assert export_onnx(trained) == export_onnx(all_weights)


def test_more_than_a_sample_is_learned_one_by_one_with_all_weights(
    frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A sample's rows are shared by its regions; beyond it each has as many of its own.
    monkeypatch.setattr(training_rows, "MAX_ROWS", 900)
    together = train_ridge(frames, Target.TEMPERATURE_C, UNTIL_UTC)
    for module in (fleet_ridge, fleet_telemetry):
        monkeypatch.setattr(module, "SAMPLE_REGIONS", 3)
    one_by_one = train_fleet_ridge(frames, Target.TEMPERATURE_C, UNTIL_UTC)
    assert one_by_one.layout.directions is None
    assert one_by_one.contract.region_slugs == tuple(sorted(frames))
    assert _error_c(frames, one_by_one) < 0.99 * _error_c(frames, together)


def test_it_keeps_the_contract_and_says_what_scikit_learn_says(
    frames: Frames, reduced: TrainedRidge
) -> None:
    exported = export_onnx(reduced)
    assert read_contract(exported) == reduced.contract
    assert reduced.contract.region_slugs == tuple(sorted(frames))
    assert graph_sha256(onnx.load_model_from_string(exported)) in GRAPHS[Family.RIDGE]
    rows = comparison_rows(reduced, frames)
    report = validate_parity(reduced, exported, rows.features, rows.region_index)
    assert report.n_rows > 1_000
    assert report.holds, report


def test_a_file_of_10_000_regions_keeps_the_contract(reduced: TrainedRidge) -> None:
    slugs = [f"{number:-<31}x" for number in range(MAX_REGIONS)]
    full = export_onnx(reduced.for_regions(slugs))
    assert MAX_MODEL_BYTES / 2 < len(full) <= MAX_MODEL_BYTES
    assert len(read_contract(full).region_slugs) == MAX_REGIONS


def test_on_unseen_days_it_errs_like_all_weights(
    frames: Frames, reduced: TrainedRidge
) -> None:
    all_weights = train_ridge(frames, Target.TEMPERATURE_C, UNTIL_UTC)
    assert _error_c(frames, reduced) < 1.03 * _error_c(frames, all_weights)


def _error_c(frames: Frames, trained: TrainedRidge) -> float:
    """Root mean square error on the days after the training, mean of the regions."""
    issues = [UNTIL_UTC + hour * HOUR for hour in range(9 * 24)]
    names, target = trained.contract.feature_names, Target.TEMPERATURE_C
    missed = []
    for slug, (frame, zone) in frames.items():
        rows = feature_matrix(frame, zone, issues, names, target=target)
        index = np.full(len(issues), trained.contract.region_index(slug))
        mean, _ = trained.predict(rows.features, index)
        observed = observed_windows(frame, target.quantity, issues, 24)
        missed.append(rmse(observed, mean))
    return float(np.mean(missed))


def test_regions_read_one_by_one_give_the_same_bytes(
    frames: Frames, reduced: TrainedRidge
) -> None:
    asked: Counter[str] = Counter()

    def read(slug: str) -> RegionTelemetry:
        asked[slug] += 1
        return frames[slug]

    on_request = TelemetryOnRequest(spans=spans_of(frames), read=read)
    again = train_fleet_ridge(
        on_request, Target.TEMPERATURE_C, UNTIL_UTC, room_bytes=ROOM
    )
    assert export_onnx(again) == export_onnx(reduced)
    # Once for the sample, once to be learned.
    assert set(asked.values()) == {2}


def test_a_region_with_little_history_is_left_to_the_pooled_weights(
    frames: Frames, make_frame: MakeFrame
) -> None:
    short = make_frame("new", n_hours=MIN_WINDOWS)
    trained = train_fleet_ridge(
        {**frames, "new": (short, "UTC")},
        Target.TEMPERATURE_C,
        UNTIL_UTC,
        room_bytes=ROOM,
    )
    assert trained.contract.region_slugs == tuple(sorted(frames))
    exported = export_onnx(trained)
    model = OnnxModel(exported, hashlib.sha256(exported).hexdigest())
    rows = feature_matrix(
        short,
        "UTC",
        [short.end_utc],
        trained.contract.feature_names,
        target=Target.TEMPERATURE_C,
    )
    pooled, _ = model.predict(rows.features, np.array([0]))
    own, _ = model.predict(rows.features, np.array([1]))
    assert np.isfinite(pooled).all()
    assert not np.array_equal(pooled, own)


def test_no_room_at_all_is_refused(frames: Frames) -> None:
    with pytest.raises(InvalidInput, match=r"no room for the weights of 6 regions"):
        train_fleet_ridge(frames, Target.TEMPERATURE_C, UNTIL_UTC, room_bytes=5_000)


def test_a_sample_is_spread_evenly_and_alone_is_read(make_frame: MakeFrame) -> None:
    frame, asked = make_frame(), set()

    def read(slug: str) -> RegionTelemetry:
        asked.add(slug)
        return frame, "UTC"

    spans = {f"r{i:04}": (frame.start_utc, frame.n_hours) for i in range(2_100)}
    fleet = TelemetryOnRequest(spans=spans, read=read)
    chosen = evenly_chosen(fleet)
    assert sorted(chosen) == [f"r{i:04}" for i in range(0, 2_100, 6)]
    assert len(chosen) <= SAMPLE_REGIONS
    assert run_quantities(fleet) == ()
    assert asked == set(chosen)
    assert len(fleet) == 2_100 > HELD_REGIONS


@pytest.mark.parametrize("target", list(Target))
def test_the_largest_fleet_has_room_for_many_directions(target: Target) -> None:
    none_yet = TelemetryOnRequest(
        spans={}, read=dict[str, RegionTelemetry]().__getitem__
    )
    layout = layout_for(contract_before_training(none_yet, target, UNTIL_UTC, 1, None))
    room_bytes = ROOM_BYTES - 4 * (MAX_REGIONS + 1) * layout.n_scale_weights
    of_an_input = 2 * 12 * (MAX_REGIONS + 1) + 4 * (layout.n_inputs + 24)
    assert room_bytes // of_an_input > 150
