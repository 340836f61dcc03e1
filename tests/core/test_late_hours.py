"""Forecasts moved on by the hours that had not come in."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from core.conformity import conformity_score
from core.forecasts import HourlyForecast, Target
from core.late_hours import forecast_late, moved_on
from core.rescoring import WindowHours
from core.telemetry import HOUR

ISSUED_UTC = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURS = np.arange(24, dtype=np.float64)


def _forecast() -> HourlyForecast:
    return HourlyForecast(
        region_slug="r",
        target=Target.TEMPERATURE_C,
        issued_at_utc=ISSUED_UTC,
        mean=HOURS,
        scale=1.0 + HOURS,
    )


@pytest.mark.parametrize("lag_h", [0, 1, 3])
def test_each_hour_keeps_its_forecast_and_the_rest_is_a_day_before(lag_h: int) -> None:
    moved = moved_on(_forecast(), lag_h)
    assert moved.issued_at_utc == ISSUED_UTC + lag_h * HOUR
    reached = 24 - lag_h
    assert moved.mean[:reached].tolist() == HOURS[lag_h:].tolist()
    assert moved.mean[reached:].tolist() == HOURS[:lag_h].tolist()
    assert moved.scale.tolist() == (1.0 + moved.mean).tolist()


def test_a_late_score_is_of_the_moved_forecast_and_of_what_was_observed() -> None:
    rng = np.random.default_rng(3)
    lag_h = 2
    mean, scale = rng.normal(20, 5, 24).astype(np.float32), np.full(24, 1.5, np.float32)
    observed = rng.normal(21, 5, 24 + lag_h)
    earlier = WindowHours.observed(observed[:24], mean, scale)
    window = WindowHours.observed(observed[lag_h:], mean + 9, scale)

    score, hours = forecast_late(window, earlier, lag_h)

    moved = np.roll(mean.astype(np.float64), -lag_h)
    day_max = observed[lag_h:].max()
    assert score == conformity_score(day_max, moved, scale.astype(np.float64))
    assert hours.day_max == day_max
    assert hours.hours[0].tolist() == np.roll(mean, -lag_h).tolist()
    assert hours.hours[2].tolist() == window.hours[2].tolist()
