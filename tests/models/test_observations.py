"""What happened in a window, and the persistence that forecasts are measured by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.observations import observed_windows, persistence_windows

MakeFrame = Callable[..., TelemetryFrame]

START_UTC = datetime(2022, 1, 1, tzinfo=UTC)
T = Quantity.TEMPERATURE_C


def test_windows_hold_the_hours_from_the_issue_on(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame(n_hours=100, changes={T: np.arange(100.0)})
    issues = [START_UTC + 30 * HOUR, START_UTC + 10 * HOUR, START_UTC + 90 * HOUR]
    observed = observed_windows(frame, T, issues, 24)
    np.testing.assert_array_equal(observed[:2, 0], [30.0, 10.0])
    np.testing.assert_array_equal(observed[1], np.arange(10.0, 34.0))
    assert np.isnan(observed[2, 10:]).all()


def test_persistence_is_the_day_before_the_issue_and_repeats(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame(n_hours=100, changes={T: np.arange(100.0)})
    persistence = persistence_windows(frame, T, [START_UTC + 30 * HOUR], 48)
    np.testing.assert_array_equal(persistence[0, :24], np.arange(6.0, 30.0))
    np.testing.assert_array_equal(persistence[0, 24:], persistence[0, :24])


def test_no_issues_give_no_windows(make_frame: MakeFrame) -> None:
    assert observed_windows(make_frame(), T, [], 24).shape == (0, 24)
