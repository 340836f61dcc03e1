"""The tracked quantile: a function of the scores, and coverage that holds."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.conformity import (
    OFFSET_GAIN,
    OFFSET_LIMIT,
    SCORE_WINDOW,
    Calibration,
    ScoreTracker,
    quantile_rank,
    required_scores,
)
from core.errors import CalibrationInsufficient, InvalidInput, OutOfRange
from tests.core.conformal_cases import ALPHA

# With an allowed probability of 1 in 2, 60 scores are enough and half of them miss.
SMALL_ALPHA = Decimal("0.5")
SCORES = st.lists(
    st.one_of(st.floats(-5.0, 5.0), st.integers(-2, 2).map(float)), max_size=150
)


def naive_offset(scores: list[float], alpha: Decimal) -> float:
    """The offset as the spec writes it, sorting the window anew for every score."""
    offset = 0.0
    for day, score in enumerate(scores):
        window = sorted(scores[max(day - 365, 0) : day])
        if len(window) < max(60, math.ceil(1 / Fraction(alpha)) - 1):
            continue
        rank = len(window) + 1 - math.floor((len(window) + 1) * Fraction(alpha))
        miss = 1.0 if score > window[rank - 1] + offset else 0.0
        offset = offset + 0.1 * (miss - float(alpha))
        offset = max(-3.0, min(3.0, offset))
    return offset


@given(scores=SCORES, alpha=st.sampled_from([ALPHA, SMALL_ALPHA, Decimal("0.01")]))
def test_tracker_is_the_written_rule(scores: list[float], alpha: Decimal) -> None:
    tracker = ScoreTracker(alpha, scores)
    if len(scores) < required_scores(alpha):
        with pytest.raises(CalibrationInsufficient):
            tracker.calibration()
        return
    calibration = tracker.calibration()
    assert calibration.offset == naive_offset(scores, alpha)
    assert list(calibration.ordered_scores) == sorted(scores)
    assert calibration.alpha == alpha


@given(scores=SCORES, data=st.data())
def test_replay_gives_what_day_after_day_gave(
    scores: list[float], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(scores)))
    daily = ScoreTracker(SMALL_ALPHA, scores[:cut])
    for score in scores[cut:]:
        daily.add(score)
    replayed = ScoreTracker(SMALL_ALPHA, iter(scores))
    assert daily.n_scores == replayed.n_scores == len(scores)
    if len(scores) >= 60:
        assert daily.calibration() == replayed.calibration()


def test_window_is_the_last_365_scores_and_the_offset_remembers_all() -> None:
    scores = np.random.default_rng(3).normal(size=800).round(1).tolist()
    calibration = ScoreTracker(ALPHA, scores).calibration()
    assert calibration.n_scores == SCORE_WINDOW == 365
    assert list(calibration.ordered_scores) == sorted(scores[-365:])
    assert calibration.offset == naive_offset(scores, ALPHA)
    assert calibration.offset != ScoreTracker(ALPHA, scores[-365:]).calibration().offset


def test_bound_of_a_day_is_from_the_days_before_it() -> None:
    """A day as hot as never before misses its own bound; only then is it learned."""
    tracker = ScoreTracker(ALPHA, [0.0] * 100)
    before = tracker.calibration()
    tracker.add(9.0)
    after = tracker.calibration()
    assert after.offset == pytest.approx(before.offset + 0.1 * 0.95, abs=1e-15)
    assert 9.0 not in before.ordered_scores
    assert 9.0 in after.ordered_scores


@pytest.mark.parametrize(("growth", "offset"), [(1.0, 3.0), (-1.0, -3.0)])
def test_offset_stops_at_its_limits(growth: float, offset: float) -> None:
    """Ever hotter days all miss, ever cooler ones never do: b runs into its limit."""
    gain = 9.0 * growth
    scores = [gain * day for day in range(60 + 700)]
    tracker = ScoreTracker(ALPHA, scores)
    assert tracker.calibration().offset == offset
    # A day of the other kind frees it at once.
    tracker.add(-gain * 10_000)
    assert abs(tracker.calibration().offset) < abs(offset)


def test_days_without_a_bound_leave_the_offset_alone() -> None:
    tracker = ScoreTracker(ALPHA, [float(day) for day in range(60)])
    assert tracker.calibration().offset == 0.0
    tracker.add(1_000.0)
    assert tracker.calibration().offset == pytest.approx(0.095)


def test_a_score_equal_to_the_quantile_is_no_miss() -> None:
    tracker = ScoreTracker(ALPHA, [0.0] * 60)
    tracker.add(0.0)
    assert tracker.calibration().offset == pytest.approx(-0.005)


def test_too_few_scores_give_no_calibration() -> None:
    tracker = ScoreTracker(Decimal("0.01"), [0.0] * 98)
    with pytest.raises(CalibrationInsufficient, match="Only 98 scored days"):
        tracker.calibration()
    tracker.add(0.0)
    assert tracker.calibration().n_scores == 99


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_unscored_day_is_refused_and_changes_nothing(score: float) -> None:
    tracker = ScoreTracker(ALPHA, [0.0] * 60)
    before = tracker.calibration()
    with pytest.raises(InvalidInput, match="finite"):
        tracker.add(score)
    assert tracker.calibration() == before


def test_impossible_alpha_is_refused_at_once() -> None:
    with pytest.raises(OutOfRange):
        ScoreTracker(Decimal(0))


def misses(scores: list[float], alpha: Decimal) -> tuple[list[bool], float]:
    """Whether each day after the first 60 passed its bound, and the last offset."""
    tracker = ScoreTracker(alpha, scores[:60])
    missed = []
    for score in scores[60:]:
        missed.append(score > tracker.calibration().quantile)
        tracker.add(score)
    return missed, tracker.calibration().offset


@given(seed=st.integers(0, 10_000), swing=st.floats(0.0, 0.4))
def test_share_of_misses_is_forced_towards_alpha_by_the_offset(
    seed: int, swing: float
) -> None:
    """Summing the rule: mean(miss) - alpha = b_T / (gain T) while b is not clipped."""
    random = np.random.default_rng(seed)
    days = np.arange(60 + 200)
    scores = random.normal(size=days.size) + swing * np.sin(days / 30)
    missed, offset = misses(scores.tolist(), SMALL_ALPHA)
    assert abs(offset) < OFFSET_LIMIT
    forced = offset / (OFFSET_GAIN * len(missed))
    assert np.mean(missed) - 0.5 == pytest.approx(forced, abs=1e-12)


def coverage_without_offset(n_years: int, seed: int) -> tuple[float, float, float]:
    """Covered share of fresh days, what theory expects, and its standard deviation.

    Each year: 365 scores calibrate, 365 others of the same distribution are counted.
    The count is beta-binomial with Beta(k, n + 1 - k).
    """
    random = np.random.default_rng(seed)
    n = SCORE_WINDOW
    covered = 0
    for _ in range(n_years):
        scores = random.gumbel(size=2 * n)
        calibration = Calibration(
            ordered_scores=tuple(np.sort(scores[:n]).tolist()), offset=0.0, alpha=ALPHA
        )
        covered += int(np.count_nonzero(scores[n:] <= calibration.quantile))
    share = quantile_rank(n, ALPHA) / (n + 1)
    variance = share * (1 - share) / n * (1 + (n - 1) / (n + 2))
    return covered / (n_years * n), share, math.sqrt(variance / n_years)


@pytest.mark.parametrize("n_years", [200, pytest.param(20_000, marks=pytest.mark.slow)])
def test_coverage_of_exchangeable_scores_is_the_rank_over_n_plus_1(
    n_years: int,
) -> None:
    coverage, expected, deviation = coverage_without_offset(n_years, seed=11)
    assert expected == 348 / 366
    assert abs(coverage - expected) <= 4 * deviation


def drifting(random: np.random.Generator, n_years: int) -> NDArray[np.float64]:
    """Scores with seasons, a trend, a model that breaks, and changing spread."""
    day = np.arange(365 * n_years)
    season = 0.4 * np.sin(2 * np.pi * day / 365.25)
    trend = 0.8 * day / day.size
    broken = 1.0 * ((day // 500) % 2)
    spread = 1.0 + 0.3 * np.cos(2 * np.pi * day / 365.25)
    return random.normal(size=day.size) * spread + season + trend + broken


@pytest.mark.parametrize(
    ("seeds", "n_years"),
    [(3, 8), pytest.param(30, 12, marks=pytest.mark.slow)],
)
def test_long_run_coverage_stays_nominal_under_drift(seeds: int, n_years: int) -> None:
    coverage = []
    for seed in range(seeds):
        scores = drifting(np.random.default_rng(seed), n_years).tolist()
        missed, _ = misses(scores, ALPHA)
        coverage.append(1 - np.mean(missed))
    assert min(coverage) >= 0.94
    assert max(coverage) <= 0.96
