"""Training: from the past only, the same twice, and honest about what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.errors import InvalidInput
from core.forecasts import Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.accuracy import skill_frac
from models.contract import read_contract
from models.export import export_onnx
from models.features import feature_matrix
from models.file_room import ROOM_BYTES, require_room
from models.metadata import MAX_MODEL_BYTES, ModelContract
from models.observations import observed_windows, persistence_windows
from models.ridge import TrainedRidge
from models.ridge_training import train_ridge
from models.training_rows import MIN_WINDOWS, hour_stride

MakeFrame = Callable[..., TelemetryFrame]

UNTIL_H = 50 * 24


def test_telemetry_from_until_on_changes_no_byte(
    make_frame: MakeFrame, trained: TrainedRidge
) -> None:
    def with_absurd_end(slug: str, seed: int) -> TelemetryFrame:
        frame = make_frame(slug, seed=seed)
        changes = {q: column.copy() for q, column in frame.values.items()}
        for column in changes.values():
            column[UNTIL_H:] = 1e5
        return make_frame(slug, seed=seed, changes=changes)

    until_utc = trained.contract.trained_until_utc
    frames = {
        "bb": (with_absurd_end("bb", 2), "Asia/Kolkata"),
        "aa": (with_absurd_end("aa", 1), "Europe/Dublin"),
    }
    again = train_ridge(frames, Target.TEMPERATURE_C, until_utc)
    assert export_onnx(again) == export_onnx(trained)


def test_a_boosted_model_of_too_many_regions_is_refused_before_it_is_learned(
    trained: TrainedRidge,
) -> None:
    exported = len(export_onnx(trained))
    assert trained.weight_bytes < exported < trained.weight_bytes + 20_000

    def of_regions(count: int) -> ModelContract:
        slugs = tuple(f"region-{number}" for number in range(count))
        return replace(trained.contract, region_slugs=slugs)

    layout = trained.layout
    most = ROOM_BYTES // layout.file_bytes(0, 8) - 1
    require_room(of_regions(most), layout, None, ROOM_BYTES)
    with pytest.raises(InvalidInput, match=f"room for the weights of {most:,} regions"):
        require_room(of_regions(most + 1), layout, None, ROOM_BYTES)
    many = replace(trained, contract=of_regions(most))
    with pytest.raises(InvalidInput, match=r"of 0 regions.*gfo train --family ridge"):
        require_room(of_regions(1), layout, many, 1_000)


def test_a_full_file_of_all_weights_is_accepted(trained: TrainedRidge) -> None:
    most = ROOM_BYTES // trained.layout.file_bytes(0) - 1
    longest = [f"{number:-<31}x" for number in range(most)]
    full = export_onnx(trained.for_regions(longest))
    assert len(full) <= MAX_MODEL_BYTES
    assert read_contract(full).region_slugs[-1].startswith(f"{most - 1}-")


def test_an_hour_later_until_does_change_the_model(
    make_frame: MakeFrame, trained: TrainedRidge
) -> None:
    frames = {
        "aa": (make_frame("aa", seed=1), "Europe/Dublin"),
        "bb": (make_frame("bb", seed=2), "Asia/Kolkata"),
    }
    until_utc = trained.contract.trained_until_utc + HOUR
    later = train_ridge(frames, Target.TEMPERATURE_C, until_utc)
    assert not np.array_equal(later.mean_model.weights(), trained.mean_model.weights())


def test_beats_persistence_after_its_training_window(
    make_frame: MakeFrame, trained: TrainedRidge
) -> None:
    frame = make_frame("aa", seed=1)
    until_utc = trained.contract.trained_until_utc
    issues = [until_utc + hour * HOUR for hour in range(9 * 24)]
    rows = feature_matrix(
        frame,
        "Europe/Dublin",
        issues,
        trained.contract.feature_names,
        target=Target.TEMPERATURE_C,
    )
    mean, scale = trained.predict(rows.features, np.full(len(issues), 1))
    observed = observed_windows(frame, Quantity.TEMPERATURE_C, issues, 24)
    persistence = persistence_windows(frame, Quantity.TEMPERATURE_C, issues, 24)
    assert skill_frac(observed, mean, persistence) > 0.1
    # The scale is a mean absolute residual: in its order of magnitude it must be right.
    ratio = np.abs(observed - mean).mean() / scale.mean()
    assert 0.6 < ratio < 1.6


def test_scale_grows_with_the_horizon_of_a_wandering_series(
    trained: TrainedRidge,
) -> None:
    constant = trained.scale_model.weights()[1, 0]
    assert constant[23] > 1.5 * constant[0]


def test_short_history_fits_no_season(trained: TrainedRidge) -> None:
    assert not any(n.startswith("year_") for n in trained.contract.feature_names)


def test_region_with_little_history_is_left_to_the_pooled_weights(
    make_frame: MakeFrame,
) -> None:
    frames = {
        "aa": (make_frame("aa"), "UTC"),
        "new": (make_frame("new", n_hours=MIN_WINDOWS), "UTC"),
    }
    end_utc = frames["aa"][0].end_utc
    contract = train_ridge(frames, Target.TEMPERATURE_C, end_utc).contract
    assert contract.region_slugs == ("aa",)
    assert contract.region_index("new") == 0


def test_no_region_with_enough_history_is_refused_with_the_numbers(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame(n_hours=100)
    with pytest.raises(InvalidInput, match=r"at least 672 .* most found is 29"):
        train_ridge({"aa": (frame, "UTC")}, Target.TEMPERATURE_C, frame.end_utc)


def test_incomplete_windows_are_not_learned_from(
    make_frame: MakeFrame,
) -> None:
    column = make_frame().column(Quantity.TEMPERATURE_C).copy()
    column[700] = np.nan
    frame = make_frame(changes={Quantity.TEMPERATURE_C: column})
    trained = train_ridge({"aa": (frame, "UTC")}, Target.TEMPERATURE_C, frame.end_utc)
    assert np.isfinite(trained.mean_model.weights()).all()


def test_constant_telemetry_still_gets_a_positive_scale(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame(changes={Quantity.TEMPERATURE_C: np.full(1440, 21.5)})
    trained = train_ridge({"aa": (frame, "UTC")}, Target.TEMPERATURE_C, frame.end_utc)
    names = trained.contract.feature_names
    rows = feature_matrix(
        frame, "UTC", [frame.end_utc], names, target=Target.TEMPERATURE_C
    )
    mean, scale = trained.predict(rows.features, np.array([1]))
    np.testing.assert_allclose(mean, 21.5, atol=1e-6)
    assert (scale > 0).all()


@pytest.mark.slow
def test_season_is_fitted_from_most_of_a_year_on(
    make_frame: MakeFrame,
) -> None:
    frames = {
        "old": (make_frame("old", n_hours=310 * 24), "UTC"),
        "young": (make_frame("young", n_hours=60 * 24, seed=3), "UTC"),
    }
    until_utc = frames["old"][0].end_utc
    trained = train_ridge(frames, Target.TEMPERATURE_C, until_utc)
    assert "year_sin_1" in trained.contract.feature_names
    seasonal = trained.layout.seasonal_mean_weights()
    pooled, old, young = trained.mean_model.weights()
    np.testing.assert_array_equal(young[seasonal], pooled[seasonal])
    assert not np.array_equal(old[seasonal], pooled[seasonal])


def test_thinning_still_visits_every_hour_of_the_day() -> None:
    for n_rows in range(100, 3_000, 100):
        stride = hour_stride(n_rows, 100)
        assert len({i * stride % 24 for i in range(24)}) == 24
        assert n_rows / stride <= 100


def test_a_region_that_lies_in_one_held_out_block_is_trained_all_the_same(
    make_frame: MakeFrame,
) -> None:
    """Five weeks of history beside ten months: apart from its block nothing is left."""
    long = make_frame("aa", n_hours=300 * 24, seed=1)
    late_start = long.end_utc - 35 * 24 * HOUR
    short = make_frame("bb", n_hours=35 * 24, seed=2, start_utc=late_start)
    frames = {"aa": (long, "UTC"), "bb": (short, "UTC")}
    trained = train_ridge(frames, Target.TEMPERATURE_C, long.end_utc)
    assert trained.contract.region_slugs == ("aa", "bb")
    assert np.isfinite(trained.mean_model.weights()).all()
    assert np.isfinite(trained.scale_model.weights()).all()
