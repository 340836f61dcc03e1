"""The bound on a day's maximum: exact where the spec says exactly, safe elsewhere."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.conformal import (
    LimitCheck,
    bound_by_hour,
    check_limit,
    check_limits,
    day_bound,
)
from core.conformity import Calibration, ScoreTracker, conformity_score, quantile_rank
from core.errors import CalibrationInsufficient, InvalidInput
from tests.core.conformal_cases import (
    ALPHAS,
    CALIBRATIONS,
    POWERS_OF_TWO,
    QUARTERS,
    SCALES_C,
    TEMPERATURES_C,
    Hours,
    arrays,
    calibrated,
    hours,
    worst_hour_bound,
)


def exact_score(limit: float, pairs: Hours) -> Fraction:
    """s = min over h of (limit - mean_h) / scale_h, in rational numbers."""
    return min(
        (Fraction(limit) - Fraction(mean)) / Fraction(scale) for mean, scale in pairs
    )


def exact_bound(quantile: Fraction, pairs: Hours) -> Fraction:
    """U = max over h of mean_h + q scale_h, in rational numbers."""
    return max(Fraction(mean) + quantile * Fraction(scale) for mean, scale in pairs)


FRACTIONS = st.fractions(-50, 50, max_denominator=1000)


@given(
    pairs=st.lists(
        st.tuples(FRACTIONS, st.fractions("1/1000", 20, max_denominator=1000)),
        min_size=1,
        max_size=6,
    ),
    day_max=FRACTIONS,
    step=st.sampled_from([Fraction(-1, 10**9), Fraction(0), Fraction(1, 10**9)]),
    far=FRACTIONS,
)
def test_bound_reaches_the_maximum_exactly_when_q_reaches_the_score(
    pairs: list[tuple[Fraction, Fraction]],
    day_max: Fraction,
    step: Fraction,
    far: Fraction,
) -> None:
    """The theorem itself, in rational numbers, at, beside and far from the tie."""
    score = min((day_max - mean) / scale for mean, scale in pairs)
    for quantile in (score + step, far):
        bound = max(mean + quantile * scale for mean, scale in pairs)
        assert (bound >= day_max) == (quantile >= score)


@given(
    pairs=hours(QUARTERS, POWERS_OF_TWO),
    day_max=QUARTERS,
    quantile=st.integers(-40, 40).map(lambda i: i / 8),
)
def test_score_and_bound_are_exact_where_floats_are(
    pairs: Hours, day_max: float, quantile: float
) -> None:
    mean, scale = arrays(pairs)
    score, bound = (
        conformity_score(day_max, mean, scale),
        day_bound(mean, scale, quantile),
    )
    assert Fraction(score) == exact_score(day_max, pairs)
    assert Fraction(bound) == exact_bound(Fraction(quantile), pairs)
    assert (bound >= day_max) == (quantile >= score)


@given(
    pairs=hours(QUARTERS, POWERS_OF_TWO),
    limit=QUARTERS,
    scores=st.lists(st.integers(-12, 12).map(lambda i: i / 4), min_size=60),
    offset=st.integers(-6, 6).map(lambda i: i / 2),
    alpha=ALPHAS,
)
def test_blocked_exactly_when_the_exact_bound_is_above_the_limit(
    pairs: Hours, limit: float, scores: list[float], offset: float, alpha: Decimal
) -> None:
    """Scores on a coarse grid, so that most draws have ties at the limit."""
    calibration = calibrated(scores, offset, alpha)
    check = check_limit(*arrays(pairs), calibration, limit=limit)
    rank = quantile_rank(calibration.n_scores, alpha)
    quantile = Fraction(calibration.ordered_scores[rank - 1]) + Fraction(offset)
    bound = exact_bound(quantile, pairs)
    assert check.is_exceeded == (bound > Fraction(limit))
    assert Fraction(check.bound) == bound
    assert_probability_agrees(check, calibration, exact_score(limit, pairs))


def assert_probability_agrees(
    check: LimitCheck, calibration: Calibration, limit_score: Fraction
) -> None:
    """BLOCKED exactly when p > alpha, for p exact and for p and alpha as shown."""
    n_above = sum(
        Fraction(score) + Fraction(calibration.offset) > limit_score
        for score in calibration.ordered_scores
    )
    p = Fraction(1 + n_above, calibration.n_scores + 1)
    assert check.exceedance_probability == float(p)
    assert check.is_exceeded == (p > Fraction(calibration.alpha))
    assert check.is_exceeded == (
        check.exceedance_probability > float(calibration.alpha)
    )


@given(
    pairs=hours(TEMPERATURES_C, SCALES_C),
    limit=TEMPERATURES_C,
    calibration=CALIBRATIONS,
)
def test_floats_decide_in_score_space_and_the_bound_follows(
    pairs: Hours, limit: float, calibration: Calibration
) -> None:
    mean, scale = arrays(pairs)
    check = check_limit(mean, scale, calibration, limit=limit)
    above_limit = calibration.quantile > conformity_score(limit, mean, scale)
    assert check.is_exceeded == above_limit == (check.bound > limit)
    exact = exact_bound(Fraction(calibration.quantile), pairs)
    assert check.bound == pytest.approx(float(exact), abs=1e-12)


@given(pairs=hours(TEMPERATURES_C, SCALES_C), calibration=CALIBRATIONS, data=st.data())
def test_limit_at_a_days_maximum_is_held_exactly_when_q_reaches_its_score(
    pairs: Hours, calibration: Calibration, data: st.DataObject
) -> None:
    """A day whose score is the quantile itself is where naive floats go wrong."""
    mean, scale = arrays(pairs)
    naive = day_bound(mean, scale, calibration.quantile)
    day_max = data.draw(
        st.sampled_from(
            [math.nextafter(naive, -math.inf), naive, math.nextafter(naive, math.inf)]
        )
    )
    check = check_limit(mean, scale, calibration, limit=day_max)
    is_held = calibration.quantile <= conformity_score(day_max, mean, scale)
    assert is_held == (not check.is_exceeded) == (check.bound <= day_max)


@given(
    pairs=hours(TEMPERATURES_C, SCALES_C),
    calibration=CALIBRATIONS,
    limits=st.tuples(TEMPERATURES_C, TEMPERATURES_C).map(sorted),
)
def test_higher_limit_is_never_more_exceeded(
    pairs: Hours, calibration: Calibration, limits: list[float]
) -> None:
    low, high = (
        check_limit(*arrays(pairs), calibration, limit=limit) for limit in limits
    )
    assert high.exceedance_probability <= low.exceedance_probability
    assert high.is_exceeded <= low.is_exceeded


@given(
    pairs=hours(TEMPERATURES_C, SCALES_C),
    calibration=CALIBRATIONS,
    limit=TEMPERATURES_C,
    rises=st.tuples(st.floats(-9.0, 9.0), st.floats(-9.0, 9.0)).map(sorted),
)
def test_larger_rise_never_lowers_bound_or_probability(
    pairs: Hours, calibration: Calibration, limit: float, rises: list[float]
) -> None:
    mean, scale = arrays(pairs)
    small, large = (
        check_limit(
            mean, scale, calibration, limit=limit, rise_by_hour=np.full(len(mean), rise)
        )
        for rise in rises
    )
    assert large.bound >= small.bound
    assert large.exceedance_probability >= small.exceedance_probability
    assert large.is_exceeded >= small.is_exceeded


@given(
    hourly=st.lists(
        st.tuples(QUARTERS, QUARTERS, QUARTERS, POWERS_OF_TWO), min_size=1, max_size=6
    ),
    quantile=QUARTERS,
)
def test_shifted_bound_holds_whenever_the_bound_held(
    hourly: list[tuple[float, float, float, float]], quantile: float
) -> None:
    """The shifted day's maximum passes no bound that moved by the worst hour."""
    observed, rise, mean, scale = (
        np.array(column) for column in zip(*hourly, strict=True)
    )
    bound = day_bound(mean, scale, quantile)
    if observed.max() <= bound:
        assert (observed + rise).max() <= worst_hour_bound(bound, rise)


@given(rise=QUARTERS, pairs=hours(QUARTERS, POWERS_OF_TWO), limit=QUARTERS)
def test_check_of_a_rise_is_the_check_of_a_limit_that_falls_by_its_worst_hour(
    rise: float, pairs: Hours, limit: float
) -> None:
    mean, scale = arrays(pairs)
    calibration = calibrated([])
    rises = np.full(len(mean), rise - 1.0)
    rises[-1] = rise
    risen = check_limit(mean, scale, calibration, limit=limit, rise_by_hour=rises)
    lowered = check_limit(mean, scale, calibration, limit=limit - rise)
    assert risen.is_exceeded == lowered.is_exceeded
    assert risen.exceedance_probability == lowered.exceedance_probability
    assert risen.bound == pytest.approx(
        worst_hour_bound(lowered.bound, rises), abs=1e-12
    )


@given(
    pairs=hours(TEMPERATURES_C, SCALES_C),
    calibration=CALIBRATIONS,
    limit=TEMPERATURES_C,
    bad=st.sampled_from([math.nan, math.inf, -math.inf]),
    data=st.data(),
)
def test_checks_of_several_rises_are_those_of_each_alone(
    pairs: Hours,
    calibration: Calibration,
    limit: float,
    bad: float,
    data: st.DataObject,
) -> None:
    mean, scale = arrays(pairs)
    rise = st.floats(-9.0, 9.0)
    rows = st.lists(rise, min_size=len(mean), max_size=len(mean))
    rises = np.array(
        [*data.draw(st.lists(rows, min_size=1, max_size=5)), [bad] * len(mean)]
    )
    rises[-1, 1:] = 0.0
    checks = check_limits(mean, scale, calibration, limit=limit, rises_by_hour=rises)
    for number, rise_by_hour in enumerate(rises[:-1]):
        assert checks.check(number) == check_limit(
            mean, scale, calibration, limit=limit, rise_by_hour=rise_by_hour
        )
    # One hour that is not a number leaves no bound, and never counts as within.
    assert checks.check(len(rises) - 1) is None
    assert checks.is_exceeded[-1]


@given(
    pairs=hours(QUARTERS, POWERS_OF_TWO),
    limit=QUARTERS,
    rises=st.lists(QUARTERS, min_size=2, max_size=2),
)
def test_the_bound_is_within_the_limit_exactly_when_each_hours_is(
    pairs: Hours, limit: float, rises: list[float]
) -> None:
    mean, scale = arrays(pairs)
    rise = np.resize(np.array(rises), mean.shape)
    by_hour = bound_by_hour(
        mean, scale, calibrated([]), rise_by_hour=rise, quantile=0.5
    )
    bound = day_bound(mean, scale, 0.5)
    assert by_hour.tolist() == (bound + rise).tolist()
    assert (by_hour <= limit).all() == (worst_hour_bound(bound, rise) <= limit)


NOT_NUMBERS = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("bad", NOT_NUMBERS)
@pytest.mark.parametrize("where", ["limit", "rise", "mean", "scale"])
@pytest.mark.parametrize("hour", [0, 2])
def test_what_is_not_finite_is_never_checked(bad: float, where: str, hour: int) -> None:
    mean, scale, rise, limit = np.zeros(3), np.ones(3), np.zeros(3), 60.0
    assert not check_limit(
        mean, scale, calibrated([]), limit=limit, rise_by_hour=rise
    ).is_exceeded
    if where == "limit":
        limit = bad
    else:
        {"rise": rise, "mean": mean, "scale": scale}[where][hour] = bad
    with pytest.raises(InvalidInput, match="finite"):
        check_limit(mean, scale, calibrated([]), limit=limit, rise_by_hour=rise)


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_scale_that_is_not_positive_is_refused(scale: float) -> None:
    mean, scales = np.zeros(2), np.array([1.0, scale])
    with pytest.raises(InvalidInput, match="positive scales"):
        check_limit(mean, scales, calibrated([]), limit=60.0)
    with pytest.raises(InvalidInput, match="positive scales"):
        conformity_score(20.0, mean, scales)


def test_forecast_without_hours_or_with_another_length_than_its_rise_is_refused() -> (
    None
):
    with pytest.raises(InvalidInput, match="at least one hour"):
        check_limit(np.array([]), np.array([]), calibrated([]), limit=35.0)
    with pytest.raises(InvalidInput, match="hours of the forecast"):
        check_limit(
            np.zeros(3),
            np.ones(3),
            calibrated([]),
            limit=35.0,
            rise_by_hour=np.zeros(1),
        )


LARGEST = sys.float_info.max
EXTREMES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 35.0])
)


@given(
    pairs=hours(EXTREMES, EXTREMES),
    limit=EXTREMES,
    rise=EXTREMES,
    top=st.floats(0, 1e300),
)
@example(pairs=[(-1e308, 1e308)], limit=35.0, rise=0.0, top=10.0)
@example(pairs=[(-1e308, 1.0)], limit=1e308, rise=-1e308, top=1.0)
@example(pairs=[(0.0, 1.0)], limit=LARGEST, rise=LARGEST, top=1.0)
def test_any_answer_is_finite_and_on_its_side_of_the_limit(
    pairs: Hours, limit: float, rise: float, top: float
) -> None:
    mean, scale = arrays(pairs)
    try:
        check = check_limit(
            mean,
            scale,
            calibrated([top] * 60),
            limit=limit,
            rise_by_hour=np.full(len(mean), rise),
        )
    except InvalidInput:
        return
    assert math.isfinite(check.bound)
    assert math.isfinite(limit)
    assert math.isfinite(rise)
    assert np.isfinite(mean).all()
    assert (scale > 0).all()
    assert check.is_exceeded == (check.bound > limit)


@pytest.mark.parametrize("day_max", NOT_NUMBERS)
def test_unfinished_day_has_no_score(day_max: float) -> None:
    with pytest.raises(InvalidInput, match="only finished days"):
        conformity_score(day_max, np.zeros(2), np.ones(2))


def test_score_that_overflows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not finite"):
        conformity_score(30.0, np.array([20.0]), np.array([5e-324]))


@given(
    pairs=hours(QUARTERS, POWERS_OF_TWO),
    limit=QUARTERS,
    scores=st.lists(st.integers(-12, 12).map(lambda i: i / 4), min_size=60),
    alpha=ALPHAS,
)
def test_a_replay_states_the_chance_that_the_check_of_the_limit_states(
    pairs: Hours, limit: float, scores: list[float], alpha: Decimal
) -> None:
    mean, scale = arrays(pairs)
    tracker = ScoreTracker(alpha, scores)
    limit_score = conformity_score(limit, mean, scale)
    try:
        calibration = tracker.calibration()
    except CalibrationInsufficient:
        with pytest.raises(CalibrationInsufficient):
            tracker.chance_above(limit_score)
        return
    check = check_limit(mean, scale, calibration, limit=limit)
    assert tracker.chance_above(limit_score) == check.exceedance_probability
