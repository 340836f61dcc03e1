"""The scheduler: what is approved is safe, and nothing missing is ever approved."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FleetError, InvalidInput, OutOfRange
from core.outlooks import RegionOutlook
from core.risk import RiskLevel
from core.scheduler import (
    ReasonCode,
    Verdict,
    decide,
    maximum_safe_shift_pct,
    minimum_shift_pct,
    scenarios,
)
from core.shift import LoadShift
from tests.core.conformal_cases import worst_hour_bound
from tests.core.outlook_cases import (
    SHIFTS_PCT,
    Pair,
    an_hour_at,
    an_outlook,
    outlooks,
    pairs,
    sound_pairs,
    without_forecast,
)


def assert_approval_is_safe(pair: Pair, verdict: Verdict) -> None:
    """Everything an approval promises, from the inputs rather than the verdict."""
    source, target = pair.source, pair.target
    after = verdict.source_after
    assert after is not None
    assert math.isfinite(after.bound)
    assert after.bound <= source.policy.thermal_limit_c
    if verdict.shift_pct == 0:
        return
    moved_mw = source.it_load_mw * verdict.shift_pct / 100
    arrived = verdict.target_after
    assert arrived is not None
    assert math.isfinite(arrived.bound)
    assert arrived.bound <= target.policy.thermal_limit_c
    capacity_mw = target.region.it_capacity_mw
    assert (target.it_load_mw + moved_mw <= capacity_mw + 2e-6).all()
    flexible_pct = 100 * source.region.flexible_load_frac
    assert verdict.shift_pct <= flexible_pct + 1e-9
    assert np.isfinite(source.it_load_mw).all()


@given(pair=sound_pairs(), shift_pct=SHIFTS_PCT)
def test_approved_means_finite_bounds_within_limits_capacity_and_flexible_share(
    pair: Pair, shift_pct: float
) -> None:
    verdict = decide(pair.source, pair.target, shift_pct)
    if verdict.is_approved:
        assert_approval_is_safe(pair, verdict)


@given(pair=pairs(), shift_pct=SHIFTS_PCT)
def test_hostile_numbers_are_answered_and_never_approved_unsafely(
    pair: Pair, shift_pct: float
) -> None:
    verdict = decide(pair.source, pair.target, shift_pct)
    if verdict.is_approved:
        assert_approval_is_safe(pair, verdict)


NOT_NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf])


@given(
    pair=sound_pairs(),
    shift_pct=SHIFTS_PCT.filter(lambda pct: pct > 0),
    bad=NOT_NUMBERS,
    hour=st.integers(0, 2),
    end=st.sampled_from(["source", "target"]),
    where=st.sampled_from(["it_load_mw", "prior_rise_c"]),
)
def test_one_hour_that_is_no_number_is_never_approved(
    pair: Pair, shift_pct: float, bad: float, hour: int, end: str, where: str
) -> None:
    outlook: RegionOutlook = getattr(pair, end)
    values = getattr(outlook, where).copy()
    values[hour] = bad
    broken = replace(pair, **{end: replace(outlook, **{where: values})})
    assert not decide(broken.source, broken.target, shift_pct).is_approved


@given(
    bad=NOT_NUMBERS,
    hour=st.integers(0, 23),
    where=st.sampled_from(["mean", "scale", "scores", "limit", "offset"]),
)
def test_forecast_calibration_or_limit_that_is_no_number_cannot_even_be_held(
    bad: float, hour: int, where: str
) -> None:
    outlook = an_outlook()
    forecast, calibration = outlook.forecast, outlook.calibration
    assert forecast is not None
    assert calibration is not None
    hours = an_hour_at(bad, hour, base=1.0)
    scores = list(calibration.ordered_scores)
    scores[hour] = bad
    makers = {
        "mean": lambda: replace(forecast, mean=hours),
        "scale": lambda: replace(forecast, scale=hours),
        "scores": lambda: replace(calibration, ordered_scores=tuple(scores)),
        "limit": lambda: replace(outlook.policy, thermal_limit_c=bad),
        "offset": lambda: replace(calibration, offset=bad),
    }
    assert decide(outlook).is_approved
    with pytest.raises(FleetError):
        makers[where]()


@given(pair=sound_pairs(), shift_pct=SHIFTS_PCT.filter(lambda pct: pct > 0))
def test_dropping_either_forecast_is_never_approved(
    pair: Pair, shift_pct: float
) -> None:
    blind = replace(pair, source=without_forecast(pair.source))
    assert not decide(blind.source, blind.target, shift_pct).is_approved
    assert not decide(blind.source).is_approved
    blind = replace(pair, target=without_forecast(pair.target))
    assert not decide(blind.source, blind.target, shift_pct).is_approved


@pytest.mark.parametrize("shift_pct", [-1e-9, 100.1, math.nan, math.inf, -math.inf])
def test_shift_outside_0_to_100_pct_is_refused(shift_pct: float) -> None:
    with pytest.raises(OutOfRange, match="outside 0 to 100 %"):
        decide(an_outlook(), an_outlook("dublin"), shift_pct)
    with pytest.raises(OutOfRange, match="outside 0 to 100 %"):
        decide(an_outlook(), None, shift_pct)
    with pytest.raises(OutOfRange, match="outside 0 to 100 %"):
        scenarios(an_outlook(), an_outlook("dublin"), [0.0, shift_pct])


def test_shift_needs_another_region_of_the_same_window() -> None:
    source, target = an_outlook(), an_outlook("dublin")
    with pytest.raises(InvalidInput, match="needs a target"):
        decide(source, None, 10.0)
    with pytest.raises(InvalidInput, match="different regions"):
        decide(source, source, 10.0)
    with pytest.raises(InvalidInput, match="same hours"):
        decide(source, an_outlook("dublin", n_hours=23), 10.0)
    assert target.forecast is not None
    late = target.forecast.issued_at_utc + timedelta(hours=1)
    later = replace(target, forecast=replace(target.forecast, issued_at_utc=late))
    with pytest.raises(InvalidInput, match="same issue instant"):
        decide(source, later, 10.0)


def other_bound(outlook: RegionOutlook, rise_c: float) -> float:
    """The bound after a rise by the one function that all who shift share."""
    check = outlook.check()
    assert check is not None
    return worst_hour_bound(check.bound, np.full(24, rise_c))


def test_bounds_after_a_shift_are_the_shifted_bounds_of_both_ends() -> None:
    source = an_outlook(bound_c=36.0, load_mw=40.0)
    target = an_outlook("dublin", bound_c=20.0, load_mw=80.0, factor=0.1)
    verdict = decide(source, target, 30.0)
    assert verdict.source_after is not None
    assert verdict.target_after is not None
    # 12 MW leave 40 and arrive on 80: 30 % less here, 15 % more there.
    assert verdict.source_after.bound == pytest.approx(other_bound(source, -1.5))
    assert verdict.target_after.bound == pytest.approx(other_bound(target, 1.5))
    assert isinstance(verdict.shift, LoadShift)
    assert verdict.shift.moved_mw.tolist() == pytest.approx([12.0] * 24)


@given(pair=sound_pairs(), shifts=st.tuples(SHIFTS_PCT, SHIFTS_PCT).map(sorted))
def test_more_shift_never_raises_the_sources_bound_nor_lowers_the_targets(
    pair: Pair, shifts: list[float]
) -> None:
    small, large = (decide(pair.source, pair.target, shift) for shift in shifts)
    if small.source_after and large.source_after:
        assert large.source_after.bound <= small.source_after.bound
    if small.target_after and large.target_after:
        assert large.target_after.bound >= small.target_after.bound


@given(pair=st.one_of(sound_pairs(), pairs()), shift_pct=SHIFTS_PCT)
def test_risk_advice_and_verdict_tell_one_story(pair: Pair, shift_pct: float) -> None:
    verdict = decide(pair.source, pair.target, shift_pct)
    level, advice = verdict.risk.level, " ".join(verdict.risk.recommendations)
    after = verdict.source_after
    assert (level is RiskLevel.UNKNOWN) == (after is None)
    assert (level is RiskLevel.CRITICAL) == (after is not None and after.is_exceeded)
    if verdict.is_approved:
        assert level in {RiskLevel.LOW, RiskLevel.MODERATE, RiskLevel.HIGH}
        assert "cannot be made" not in advice
    elif level in {RiskLevel.LOW, RiskLevel.MODERATE, RiskLevel.HIGH}:
        # Blocked although the source would be fine: the shift is what is wrong.
        assert shift_pct > 0
        assert verdict.risk.recommendations == (
            "This shift cannot be made: choose a smaller one or another target.",
        )
    if "Not resolvable" in advice:
        minimum = verdict.minimum_shift_pct
        flexible_pct = 100 * pair.source.region.flexible_load_frac
        assert minimum is None or minimum > flexible_pct


@pytest.mark.parametrize(
    ("bound_c", "level", "code"),
    [
        (math.nextafter(30.0, 0.0), RiskLevel.LOW, ReasonCode.WITHIN_ENVELOPE),
        (30.0, RiskLevel.MODERATE, ReasonCode.WITHIN_ENVELOPE),
        (33.0, RiskLevel.HIGH, ReasonCode.WITHIN_ENVELOPE),
        (35.0, RiskLevel.HIGH, ReasonCode.WITHIN_ENVELOPE),
        (math.nextafter(35.0, 99.0), RiskLevel.CRITICAL, ReasonCode.OVER_LIMIT),
        (40.001, RiskLevel.CRITICAL, ReasonCode.NOT_RESOLVABLE),
    ],
)
def test_level_and_reason_turn_at_the_same_digit(
    bound_c: float, level: RiskLevel, code: ReasonCode
) -> None:
    verdict = decide(an_outlook(bound_c=bound_c))
    assert (verdict.risk.level, verdict.reason_code) == (level, code)
    assert verdict.is_approved == (level is not RiskLevel.CRITICAL)


def test_advice_names_shifts_that_work_and_that_the_source_may_give() -> None:
    high = decide(an_outlook(bound_c=34.0))
    assert "Consider a shift of 20 % for a margin of 2 °C." in high.risk.recommendations
    critical = decide(an_outlook(bound_c=36.0))
    assert critical.risk.recommendations[1].startswith("Shift 20 % of the load")
    rigid = decide(an_outlook(bound_c=36.0, flexible_frac=0.1))
    assert rigid.risk.recommendations[1].startswith("Not resolvable")
    rigid = decide(an_outlook(bound_c=34.0, flexible_frac=0.1))
    assert rigid.risk.recommendations[1].startswith("No shift alone")


def test_shift_that_the_target_refuses_is_not_called_effective() -> None:
    verdict = decide(an_outlook(bound_c=36.0), an_outlook("dublin", bound_c=34.9), 50.0)
    assert verdict.reason_code is ReasonCode.TARGET_OVER_LIMIT
    assert verdict.risk.recommendations == (
        "This shift cannot be made: choose a smaller one or another target.",
    )


@given(pair=pairs())
def test_scenarios_are_the_verdicts_at_0_10_to_100_pct(pair: Pair) -> None:
    found = scenarios(pair.source, pair.target)
    assert [verdict.shift_pct for verdict in found] == list(range(0, 101, 10))
    for verdict in found:
        alone = decide(pair.source, pair.target, verdict.shift_pct)
        assert (verdict.outcome, verdict.reason_text, verdict.risk) == (
            alone.outcome,
            alone.reason_text,
            alone.risk,
        )


@given(source=outlooks())
def test_scenario_without_a_target_is_the_region_as_it_is(
    source: RegionOutlook,
) -> None:
    (verdict,) = scenarios(source, None)
    assert (verdict.shift_pct, verdict.shift) == (0.0, None)
    assert verdict.reason_text == decide(source).reason_text


@given(pair=pairs(), shift_pct=SHIFTS_PCT)
def test_verdict_carries_the_safe_interval(pair: Pair, shift_pct: float) -> None:
    verdict = decide(pair.source, pair.target, shift_pct)
    assert verdict.minimum_shift_pct == minimum_shift_pct(pair.source)
    assert verdict.maximum_safe_shift_pct == maximum_safe_shift_pct(
        pair.source, pair.target
    )
