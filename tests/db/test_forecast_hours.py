"""Hours of forecasts are stored in float32 and read as they were issued, to the bit."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.aliases import FloatArray
from core.forecasts import HourlyForecast, Target
from db.forecasts import exact_hours, stored_hours


def _hourly(mean: FloatArray, scale: FloatArray) -> HourlyForecast:
    return HourlyForecast(
        region_slug="arizona",
        target=Target.TEMPERATURE_C,
        issued_at_utc=datetime(2025, 7, 1, tzinfo=UTC),
        mean=mean,
        scale=scale,
    )


@given(
    mean=arrays(np.float64, 24, elements=st.floats(-50.0, 500.0)),
    scale=arrays(np.float64, 24, elements=st.floats(1e-6, 50.0)),
    is_single=st.booleans(),
)
def test_hours_come_back_to_the_bit(
    mean: FloatArray, scale: FloatArray, is_single: bool
) -> None:
    if is_single:
        mean, scale = mean.astype(np.float32) * 1.0, scale.astype(np.float32) * 1.0
    hourly = _hourly(mean.astype(np.float64), scale.astype(np.float64))

    stored = stored_hours(hourly)

    if is_single:
        assert stored[2] is None
    assert all(np.float32(value) == value for value in stored[0] + stored[1])
    again_mean, again_scale = exact_hours(*stored)
    assert np.array(again_mean).tobytes() == hourly.mean.tobytes()
    assert np.array(again_scale).tobytes() == hourly.scale.tobytes()


@pytest.mark.parametrize("place", [0, 47])
def test_one_hour_beyond_float32_keeps_all_as_they_are(place: int) -> None:
    hours = np.ones(48)
    hours[place] = 0.1
    stored = stored_hours(_hourly(hours[:24], hours[24:]))
    assert stored[2] == hours.tolist()
