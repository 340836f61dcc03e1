"""What the trees look at: the numbers that the names promise, in the right units."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from core.forecasts import Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.catalogue import default_feature_names
from models.features import feature_matrix
from models.metadata import ModelContract
from models.tree_inputs import DIFFERENCES, TreeInputs, tree_inputs

MakeFrame = Callable[..., TelemetryFrame]

CONTRACT = ModelContract(
    target=Target.TEMPERATURE_C,
    feature_names=default_feature_names(Target.TEMPERATURE_C, with_season=True),
    region_slugs=("aa",),
    horizon_h=24,
    trained_from_utc=datetime(2022, 1, 1, tzinfo=UTC),
    trained_until_utc=datetime(2022, 3, 1, tzinfo=UTC),
    family="hist-gradient-boosting",
    code_version="test",
    seed=7,
)

N_DIFFERENCES = DIFFERENCES.shape[1]


def _row(frame: TelemetryFrame, issue: datetime) -> np.ndarray:
    rows = feature_matrix(
        frame,
        "Europe/Dublin",
        [issue],
        CONTRACT.feature_names,
        target=CONTRACT.target,
    )
    return rows.features.astype(np.float64)


@pytest.fixture(scope="module")
def inputs() -> TreeInputs:
    return tree_inputs(CONTRACT)


def test_differences_and_hours_are_what_they_are_called(
    make_frame: MakeFrame, inputs: TreeInputs
) -> None:
    frame = make_frame("aa")
    issue = frame.start_utc + 30 * 24 * HOUR
    newest_first = frame.window(issue - 48 * HOUR, issue).column(
        Quantity.TEMPERATURE_C
    )[::-1]
    day, before = newest_first[:24], newest_first[24:]
    mean = np.linspace(10.0, 20.0, 24)[None, :]
    scale = np.linspace(1.0, 3.0, 24)[None, :]

    table = inputs.table(_row(frame, issue), mean, scale)

    assert table.shape == (1, 24, inputs.n_columns)
    assert table.dtype == np.float32
    expected = [
        mean.mean() - day.mean(),
        day.mean() - before.mean(),
        day[0] - day[23],
        day[0] - day[2],
        day[0] - day[5],
        day.max() - day.min(),
        before.max() - before.min(),
        day.max() - before.max(),
        day.min() - before.min(),
        mean.max() - day.max(),
        mean.max() - mean.min(),
    ]
    for hour in range(24):
        assert table[0, hour, :N_DIFFERENCES] == pytest.approx(
            np.array(expected) / scale.mean(), abs=1e-5
        )
    # Hour h of the forecast is compared with the same hour of the day before it.
    assert table[0, :, -8] == pytest.approx((mean[0] - day[::-1]) / scale[0], abs=1e-5)
    assert table[0, :, -7] == pytest.approx((mean[0] - day.mean()) / scale[0], abs=1e-5)
    assert table[0, :, -6] == pytest.approx((20.0 - mean[0]) / scale[0], abs=1e-5)
    assert table[0, :, -3].tolist() == list(range(24))


def test_covariates_are_newest_mean_and_change_in_their_own_units(
    make_frame: MakeFrame, inputs: TreeInputs
) -> None:
    frame = make_frame("aa")
    issue = frame.start_utc + 30 * 24 * HOUR
    ones = np.ones((1, 24))
    table = inputs.table(_row(frame, issue), ones, ones)[0, 0]
    for place, quantity in enumerate(
        (
            Quantity.RELATIVE_HUMIDITY_PCT,
            Quantity.WIND_SPEED_KMH,
            Quantity.CLOUD_COVER_PCT,
        )
    ):
        hours = frame.window(issue - 6 * HOUR, issue).column(quantity)
        start = N_DIFFERENCES + 3 * place
        assert table[start : start + 3] == pytest.approx(
            [hours[-1], hours.mean(), hours[-1] - hours[0]], abs=1e-4
        )


def test_local_time_runs_on_from_the_hour_of_issue(
    make_frame: MakeFrame, inputs: TreeInputs
) -> None:
    frame = make_frame("aa")
    ones = np.ones((1, 24))
    issue = frame.start_utc + 30 * 24 * HOUR + 5 * HOUR
    clock = inputs.table(_row(frame, issue), ones, ones)[0, :, -2:]
    local = (issue.hour + np.arange(24)) % 24  # Dublin keeps UTC in winter
    assert clock[:, 0] == pytest.approx(np.sin(2 * np.pi * local / 24), abs=1e-6)
    assert clock[:, 1] == pytest.approx(np.cos(2 * np.pi * local / 24), abs=1e-6)


def test_same_weather_in_other_units_looks_alike(
    make_frame: MakeFrame, inputs: TreeInputs
) -> None:
    """Twice the spread with twice the scale is the same surprise."""
    frame = make_frame("aa")
    wider = make_frame(
        "aa",
        changes={
            Quantity.TEMPERATURE_C: 2.0 * frame.column(Quantity.TEMPERATURE_C) - 15.0
        },
    )
    issue = frame.start_utc + 30 * 24 * HOUR
    mean, scale = np.linspace(12.0, 18.0, 24)[None, :], np.full((1, 24), 1.5)
    one = inputs.table(_row(frame, issue), mean, scale)[0]
    two = inputs.table(_row(wider, issue), 2.0 * mean - 15.0, 2.0 * scale)[0]
    in_scales = [*range(N_DIFFERENCES), -8, -7, -6]
    assert two[:, in_scales] == pytest.approx(one[:, in_scales], abs=1e-4)
