"""The displayed interval is the closed-form split conformal one."""

from __future__ import annotations

import math
import warnings
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from core.errors import CalibrationInsufficient, InvalidInput
from core.forecasts import HourlyForecast, Target
from models.intervals import IntervalQuantile, interval_quantile

CONFIDENCE = Decimal("0.95")


@pytest.mark.parametrize("confidence", [Decimal("0.5"), Decimal("0.9"), CONFIDENCE])
@pytest.mark.parametrize("n_scores", [21, 22, 39, 99, 100, 365, 999, 8_760])
def test_quantile_is_the_kth_smallest_normalised_score(
    confidence: Decimal, n_scores: int
) -> None:
    random = np.random.default_rng(n_scores)
    mean, scale = random.normal(15, 5, n_scores), random.uniform(0.5, 3, n_scores)
    observed = mean + scale * random.normal(size=n_scores)
    k = math.ceil((n_scores + 1) * confidence)
    expected = np.sort(np.abs(observed - mean) / scale)[k - 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = interval_quantile(observed, mean, scale, confidence)
    assert found.quantile == expected
    assert found.score_count == n_scores


def test_unknown_hours_are_left_out_and_not_counted() -> None:
    observed = np.arange(100.0).reshape(25, 4)
    observed[3, 1] = np.nan
    zero, one = np.zeros((25, 4)), np.ones((25, 4))
    found = interval_quantile(observed, zero, one, CONFIDENCE)
    assert found.score_count == 99
    assert found.quantile == np.delete(np.arange(100.0), 13)[94]


@pytest.mark.parametrize(
    ("confidence", "fewest"), [(CONFIDENCE, 21), (Decimal("0.99"), 101)]
)
def test_too_few_scores_are_refused(confidence: Decimal, fewest: int) -> None:
    enough = np.arange(float(fewest))
    one = np.ones(fewest)
    interval_quantile(enough, 0 * one, one, confidence)
    with pytest.raises(CalibrationInsufficient, match=f"at least {fewest}"):
        interval_quantile(enough[1:], 0 * one[1:], one[1:], confidence)


@pytest.mark.parametrize(("mean", "scale"), [(np.nan, 1.0), (0.0, 0.0), (0.0, np.inf)])
def test_forecast_that_is_not_one_is_refused(mean: float, scale: float) -> None:
    n = np.zeros(50)
    with pytest.raises(InvalidInput, match="not finite"):
        interval_quantile(n, n + mean, n + scale, CONFIDENCE)


def test_interval_lies_symmetrically_around_the_mean() -> None:
    forecast = HourlyForecast(
        region_slug="aa",
        target=Target.TEMPERATURE_C,
        issued_at_utc=datetime(2023, 1, 1, tzinfo=UTC),
        mean=np.array([10.0, 20.0]),
        scale=np.array([1.0, 2.0]),
    )
    quantile = IntervalQuantile(quantile=2.5, score_count=99, confidence=CONFIDENCE)
    lower, upper = quantile.around(forecast)
    np.testing.assert_array_equal(lower, [7.5, 15.0])
    np.testing.assert_array_equal(upper, [12.5, 25.0])
