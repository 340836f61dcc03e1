"""Forecasts: nothing that is not finite ever becomes one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.forecasts import HourlyForecast, RefusalCode, Target
from core.outcomes import ReasonCode
from core.telemetry import VALID_RANGES

ISSUED_UTC = datetime(2023, 8, 1, 5, tzinfo=UTC)


def forecast(
    mean: np.ndarray, scale: np.ndarray, issued_at_utc: datetime = ISSUED_UTC
) -> HourlyForecast:
    """A temperature forecast of Texas."""
    return HourlyForecast(
        region_slug="texas",
        target=Target.TEMPERATURE_C,
        issued_at_utc=issued_at_utc,
        mean=mean,
        scale=scale,
    )


@given(
    values=st.lists(
        st.tuples(st.floats(allow_nan=True), st.floats(allow_nan=True)), max_size=4
    )
)
def test_whatever_becomes_a_forecast_is_finite_with_positive_scales(
    values: list[tuple[float, float]],
) -> None:
    mean, scale = np.array([m for m, _ in values]), np.array([s for _, s in values])
    sound = bool(values) and all(
        np.isfinite(m) and np.isfinite(s) and s > 0 for m, s in values
    )
    if sound:
        assert forecast(mean, scale).mean is mean
        return
    with pytest.raises(InvalidInput):
        forecast(mean, scale)


@pytest.mark.parametrize(
    ("mean", "scale", "sentence"),
    [
        (np.zeros(24), np.ones(23), "same length"),
        (np.zeros((2, 12)), np.ones((2, 12)), "vectors"),
        (np.zeros(0), np.ones(0), "at least one hour"),
        (np.full(24, np.nan), np.ones(24), "finite"),
        (np.zeros(24), np.full(24, np.inf), "finite"),
        (np.zeros(24), np.zeros(24), "positive"),
        (np.zeros(24), -np.ones(24), "positive"),
    ],
)
def test_sentence_names_what_is_wrong(
    mean: np.ndarray, scale: np.ndarray, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        forecast(mean, scale)


def test_issue_instant_is_an_aware_full_hour() -> None:
    for instant in (ISSUED_UTC.replace(tzinfo=None), ISSUED_UTC + timedelta(minutes=1)):
        with pytest.raises(InvalidInput):
            forecast(np.zeros(24), np.ones(24), instant)


@pytest.mark.parametrize("target", list(Target))
def test_every_target_is_a_quantity_of_telemetry(target: Target) -> None:
    assert target.quantity.value == target.value
    assert target.quantity in VALID_RANGES


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_refusal_is_a_reason_that_blocks(code: RefusalCode) -> None:
    assert ReasonCode(code.value).is_data_problem
