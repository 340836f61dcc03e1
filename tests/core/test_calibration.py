"""Calibration: which score carries the bound, and when there are too few."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.conformal import check_limit, day_max_quantiles, day_maxima
from core.conformity import Calibration, quantile_rank, required_scores
from core.errors import CalibrationInsufficient, FleetError, OutOfRange
from tests.core.conformal_cases import (
    ALPHA,
    ALPHAS,
    CALIBRATIONS,
    SCALES_C,
    TEMPERATURES_C,
    Hours,
    arrays,
    calibrated,
    hours,
)


@pytest.mark.parametrize(
    "alpha", ["0.5", "0.1", "0.05", "0.03", "0.02", "0.015", "0.01"]
)
def test_fewest_scores_are_those_with_which_a_rank_exists(alpha: str) -> None:
    """With one score fewer, even the largest could not carry the bound; or 60."""
    allowed = Fraction(alpha)
    by_rank = next(n for n in range(1, 200) if math.floor((n + 1) * allowed) >= 1)
    assert required_scores(Decimal(alpha)) == max(60, by_rank)


@pytest.mark.parametrize("alpha", ["0", "1", "-0.1", "1.5", "NaN", "Infinity"])
def test_allowed_probability_outside_0_to_1_is_refused(alpha: str) -> None:
    with pytest.raises(OutOfRange, match="not between 0 and 1"):
        required_scores(Decimal(alpha))


@given(n_scores=st.integers(99, 500), alpha=ALPHAS)
@example(n_scores=99, alpha=ALPHA)
@example(n_scores=199, alpha=Decimal("0.01"))
def test_rank_is_the_smallest_that_covers_at_least_the_confidence(
    n_scores: int, alpha: Decimal
) -> None:
    """P(new score <= k-th smallest) = k / (n + 1) for exchangeable scores."""
    rank = quantile_rank(n_scores, alpha)
    confidence = 1 - Fraction(alpha)
    assert 1 <= rank <= n_scores
    assert Fraction(rank, n_scores + 1) >= confidence
    assert Fraction(rank - 1, n_scores + 1) < confidence


@given(calibration=CALIBRATIONS)
def test_quantile_is_the_closed_form(calibration: Calibration) -> None:
    n = calibration.n_scores
    rank = n + 1 - math.floor((n + 1) * Fraction(calibration.alpha))
    expected = sorted(calibration.ordered_scores)[rank - 1] + calibration.offset
    assert calibration.quantile == expected


@pytest.mark.slow
@pytest.mark.parametrize("confidence", ["0.5", "0.8", "0.9", "0.95", "0.975", "0.99"])
@pytest.mark.parametrize("n_scores", [119, 120, 199, 257, 364, 365])
def test_quantile_is_that_of_mapie_on_the_same_scores(
    confidence: str, n_scores: int
) -> None:
    # Seconds of start-up, so imported here only.
    from mapie.regression import SplitConformalRegressor  # noqa: PLC0415
    from sklearn.dummy import DummyRegressor  # noqa: PLC0415

    scores = np.random.default_rng(n_scores).exponential(size=n_scores)
    nothing = np.zeros((n_scores, 1))
    zero = DummyRegressor(strategy="constant", constant=0.0).fit(nothing, scores)
    mapie = SplitConformalRegressor(
        zero, confidence_level=float(confidence), prefit=True
    ).conformalize(nothing, scores)
    _, intervals = mapie.predict_interval(nothing[:1])

    ours = calibrated(scores.tolist(), alpha=1 - Decimal(confidence))
    assert ours.n_scores == n_scores
    assert float(intervals[0, 1, 0]) == ours.quantile


def test_too_few_scores_give_no_calibration_and_the_sentence_counts_them() -> None:
    with pytest.raises(CalibrationInsufficient) as caught:
        Calibration(ordered_scores=(0.0,) * 59, offset=0.0, alpha=ALPHA)
    assert caught.value.message == "Only 59 scored days; a bound at 95 % needs 60."
    with pytest.raises(CalibrationInsufficient, match=r"at 99 % needs 99\."):
        Calibration(ordered_scores=(0.0,) * 98, offset=0.0, alpha=Decimal("0.01"))
    assert calibrated([0.0] * 60).n_scores == 60


@pytest.mark.parametrize(
    ("scores", "offset", "sentence"),
    [
        ([0.0] * 59 + [math.nan], 0.0, "finite"),
        ([0.0] * 59 + [math.inf], 0.0, "finite"),
        ([1.0] + [0.0] * 59, 0.0, "ascending"),
        ([0.0] * 60, 3.01, "outside -3 to 3"),
        ([0.0] * 60, math.nan, "outside -3 to 3"),
    ],
)
def test_calibration_that_would_mislead_is_refused(
    scores: list[float], offset: float, sentence: str
) -> None:
    with pytest.raises(FleetError, match=sentence):
        Calibration(ordered_scores=tuple(scores), offset=offset, alpha=ALPHA)


@given(
    calibration=CALIBRATIONS,
    limit_score=st.one_of(st.floats(allow_nan=True), st.integers(-6, 6).map(float)),
)
@example(calibration=calibrated([]), limit_score=math.nan)
def test_count_above_counts_strictly_and_nothing_unknown_as_safe(
    calibration: Calibration, limit_score: float
) -> None:
    expected = sum(
        not score + calibration.offset <= limit_score
        for score in calibration.ordered_scores
    )
    assert calibration.count_above(limit_score) == expected


def test_dots_are_the_quantiles_of_the_days_maximum() -> None:
    calibration = calibrated([i / 100 for i in range(99)], offset=0.5)
    mean, scale = np.array([20.0, 30.0]), np.array([1.0, 2.0])
    # Ranks 13, 38, 63 and 88 of 99 scores are those at 1/8, 3/8, 5/8 and 7/8.
    expected = [30.0 + 2.0 * (score + 0.5) for score in (0.12, 0.37, 0.62, 0.87)]
    assert list(
        day_max_quantiles(mean, scale, calibration, 4, rise_by_hour=np.zeros(2))
    ) == pytest.approx(expected)


@given(
    calibration=CALIBRATIONS,
    pairs=hours(TEMPERATURES_C, SCALES_C),
    limit=TEMPERATURES_C,
    rise=st.floats(-10, 10),
)
def test_maxima_above_a_limit_count_its_exceedance_probability(
    calibration: Calibration, pairs: Hours, limit: float, rise: float
) -> None:
    mean, scale = arrays(pairs)
    risen = day_maxima(mean, scale, calibration) + rise
    # One on the limit itself may round to either side of it.
    assume(not np.isclose(risen, limit, rtol=1e-9, atol=1e-9).any())
    check = check_limit(
        mean, scale, calibration, limit=limit, rise_by_hour=np.full(mean.shape, rise)
    )
    assert list(risen) == sorted(risen)
    counted = (1 + int((risen > limit).sum())) / (calibration.n_scores + 1)
    assert counted == check.exceedance_probability


@given(
    calibration=CALIBRATIONS,
    pairs=hours(TEMPERATURES_C, SCALES_C),
    limit=TEMPERATURES_C,
    n_dots=st.integers(1, 100),
)
def test_share_of_dots_above_a_limit_is_its_exceedance_probability(
    calibration: Calibration, pairs: Hours, limit: float, n_dots: int
) -> None:
    mean, scale = arrays(pairs)
    dots = list(
        day_max_quantiles(
            mean, scale, calibration, n_dots, rise_by_hour=np.zeros_like(mean)
        )
    )
    check = check_limit(mean, scale, calibration, limit=limit)
    assert len(dots) == n_dots
    assert dots == sorted(dots)
    # Dots at the limit itself may round to either side of it.
    fewest = sum(dot > limit + 1e-9 for dot in dots) / n_dots
    most = sum(dot > limit - 1e-9 for dot in dots) / n_dots
    resolution = 1 / n_dots + 1 / (calibration.n_scores + 1) + 1e-9
    assert fewest - resolution <= check.exceedance_probability <= most + resolution
