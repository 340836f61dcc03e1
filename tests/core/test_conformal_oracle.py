"""Quantile, probability and coverage against their definitions, by brute force."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.conformal import check_limit
from core.conformity import Calibration, quantile_rank
from tests.core.conformal_cases import worst_hour_bound

SCORES = st.lists(st.integers(-30, 30), min_size=60, max_size=75)
CONFIDENCES = st.sampled_from([Decimal("0.5"), Decimal("0.9"), Decimal("0.95")])
HOURS = st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3).map(np.array)


def _calibration(scores: list[float], confidence: Decimal) -> Calibration:
    return Calibration(
        ordered_scores=tuple(sorted(scores)), offset=0.0, alpha=1 - confidence
    )


@given(scores=SCORES, confidence=CONFIDENCES)
@settings(max_examples=60, deadline=None)
def test_the_quantile_is_the_least_score_that_covers_enough(
    scores: list[int], confidence: Decimal
) -> None:
    needed = math.ceil((len(scores) + 1) * confidence)
    by_definition = min(
        score for score in scores if sum(s <= score for s in scores) >= needed
    )
    found = _calibration([float(s) for s in scores], confidence)
    assert found.quantile == by_definition
    assert quantile_rank(len(scores), 1 - confidence) == needed


@pytest.mark.parametrize("confidence", ["0.5", "0.9", "0.95"])
@pytest.mark.parametrize("n_days", [61, 100, 121])
def test_every_day_in_turn_is_covered_as_often_as_promised(
    n_days: int, confidence: str
) -> None:
    """Exchangeability itself: each of n + 1 days once as the day to come."""
    scores = np.random.default_rng(n_days).permutation(n_days).astype(float)
    nominal = Decimal(confidence)
    covered = 0
    for day in range(n_days):
        others = np.delete(scores, day).tolist()
        covered += scores[day] <= _calibration(others, nominal).quantile
    assert nominal <= Decimal(int(covered)) / n_days <= nominal + Decimal(1) / n_days


@given(
    scores=SCORES,
    confidence=CONFIDENCES,
    mean=HOURS,
    rise=HOURS,
    limit=st.integers(-6, 6),
)
@settings(max_examples=120, deadline=None)
def test_probability_bound_and_verdict_follow_from_counting(
    scores: list[int],
    confidence: Decimal,
    mean: np.ndarray,
    rise: np.ndarray,
    limit: int,
) -> None:
    """Which of the past days, had it come on top of this forecast, would pass it?"""
    scale = np.array([0.5, 1.0, 2.0])
    tenths = [score / 10.0 for score in scores]
    calibration = _calibration(tenths, confidence)
    check = check_limit(mean, scale, calibration, limit=float(limit), rise_by_hour=rise)

    worst_rise = max(rise.tolist())
    passing = sum(
        max((mean + score * scale).tolist()) + worst_rise > limit + 1e-9
        for score in tenths
    )
    near = any(
        abs(max((mean + score * scale).tolist()) + worst_rise - limit) <= 1e-9
        for score in tenths
    )
    if not near:
        probability = (1 + passing) / (len(scores) + 1)
        assert check.exceedance_probability == probability
        assert check.is_exceeded == (
            Decimal(1 + passing) > (len(scores) + 1) * (1 - confidence)
        )
    bound = worst_hour_bound(max((mean + calibration.quantile * scale).tolist()), rise)
    assert check.bound == pytest.approx(bound, abs=1e-9)
