"""Safe shifts: what is promised is what the rule finds, step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.conformal import check_limit
from core.outlooks import RegionOutlook
from core.safe_shifts import (
    N_STEPS,
    checks_by_step,
    maximum_safe_shift_pct,
    minimum_shift_pct,
    safe_intervals,
)
from core.scheduler import decide
from core.shift import shift_load
from tests.core.outlook_cases import (
    Pair,
    an_hour_at,
    an_outlook,
    outlooks,
    pairs,
    sound_pairs,
    without_forecast,
)
from tests.core.window_cases import some_days, tracked

STEPS_PCT = [step / 10 for step in range(1001)]
MARGINS_C = st.sampled_from([0.0, 2.0])


def clears(source: RegionOutlook, shift_pct: float, margin_c: float) -> bool:
    """The source rule on the rises that a real shift causes."""
    load_mw = np.nan_to_num(source.it_load_mw, nan=1.0, posinf=1.0, neginf=0.0)
    shift = shift_load(
        source_load_mw=np.maximum(load_mw, 0.0),
        target_load_mw=np.ones(load_mw.shape),
        shift_pct=shift_pct,
        source_cooling_factor_c_per_pct=source.policy.cooling_factor_c_per_pct,
        target_cooling_factor_c_per_pct=0.0,
    )
    after = source.check(shift.source_rise_c + margin_c)
    return after is not None and not after.is_exceeded


def takes(pair: Pair, shift_pct: float) -> bool:
    """The rule for the target, spelled out."""
    source, target = pair.source, pair.target
    if shift_pct > 100 * source.region.flexible_load_frac + 1e-9:
        return False
    shift = shift_load(
        source_load_mw=source.it_load_mw,
        target_load_mw=target.it_load_mw,
        shift_pct=shift_pct,
        source_cooling_factor_c_per_pct=source.policy.cooling_factor_c_per_pct,
        target_cooling_factor_c_per_pct=target.policy.cooling_factor_c_per_pct,
    )
    after = target.check(shift.target_rise_c)
    fits = shift.target_load_after_mw <= target.region.it_capacity_mw + 1e-6
    return after is not None and not after.is_exceeded and bool(fits.all())


@settings(max_examples=40)  # each example tries all 1,001 steps
@given(source=outlooks(), margin_c=MARGINS_C)
def test_minimum_shift_is_the_first_step_that_clears_the_source(
    source: RegionOutlook, margin_c: float
) -> None:
    clearing = [step for step in STEPS_PCT if clears(source, step, margin_c)]
    expected = clearing[0] if clearing else None
    assert minimum_shift_pct(source, margin_c=margin_c) == expected
    # Nothing turns back: every larger step clears too.
    assert clearing == ([] if expected is None else STEPS_PCT[-len(clearing) :])


@settings(max_examples=40)
@given(pair=sound_pairs())
def test_maximum_is_the_last_step_that_the_target_takes(pair: Pair) -> None:
    """Also that the safe steps are one interval from 0: none is missing below it."""
    taken = [step for step in STEPS_PCT if takes(pair, step)]
    assert taken == STEPS_PCT[: len(taken)]
    maximum = maximum_safe_shift_pct(pair.source, pair.target)
    if pair.target.check() is None:
        assert maximum is None
    else:
        assert maximum == (taken[-1] if taken else 0.0)


@given(pair=sound_pairs())
def test_shift_of_the_minimum_is_approved_whenever_the_target_takes_it(
    pair: Pair,
) -> None:
    minimum = minimum_shift_pct(pair.source)
    if minimum is None:
        return
    verdict = decide(pair.source, pair.target, minimum)
    assert verdict.source_after is not None
    assert not verdict.source_after.is_exceeded
    maximum = maximum_safe_shift_pct(pair.source, pair.target)
    if maximum is not None:
        assert verdict.is_approved == (minimum <= maximum or minimum == 0)


@given(pair=sound_pairs(), data=st.data())
def test_approved_shifts_are_exactly_those_from_minimum_to_maximum(
    pair: Pair, data: st.DataObject
) -> None:
    minimum = minimum_shift_pct(pair.source)
    maximum = maximum_safe_shift_pct(pair.source, pair.target)
    ends = [end for end in (minimum, maximum) if end is not None]
    near = [round(end + step / 10, 1) for end in ends for step in (-1, 0, 1)]
    steps = [pct for pct in [*near, 50.0] if 0 < pct <= 100]
    shift_pct = data.draw(st.sampled_from(steps))
    is_safe = (
        minimum is not None and maximum is not None and minimum <= shift_pct <= maximum
    )
    assert decide(pair.source, pair.target, shift_pct).is_approved == is_safe


@given(pair=pairs())
def test_what_is_promised_for_any_outlook_is_a_step_from_0_to_100(pair: Pair) -> None:
    for shift_pct in (
        minimum_shift_pct(pair.source),
        maximum_safe_shift_pct(pair.source, pair.target),
    ):
        assert shift_pct is None or shift_pct in STEPS_PCT


@given(pair=sound_pairs(), step=st.integers(1, 1000))
def test_each_step_of_the_table_is_what_the_verdict_says_of_it(
    pair: Pair, step: int
) -> None:
    table = checks_by_step(pair.source, pair.target)
    for at in (0, step):
        verdict = decide(pair.source, pair.target, STEPS_PCT[at])
        for checks, after in (
            (table.source, verdict.source_after),
            (table.target, verdict.target_after),
        ):
            assert checks is not None
            assert checks.check(at) == after


@given(pair=pairs())
def test_the_table_has_every_step_or_only_that_of_no_shift(pair: Pair) -> None:
    known = pair.source.load_is_known and pair.target.load_is_known
    table = checks_by_step(pair.source, pair.target)
    before = decide(pair.source, pair.target)
    for checks, check in (
        (table.source, before.source_before),
        (table.target, before.target_before),
    ):
        if checks is not None:
            assert len(checks.bound) == (N_STEPS if known else 1)
            assert checks.check(0) == check
        else:
            assert check is None


def test_without_a_target_there_is_only_no_shift() -> None:
    source = an_outlook(bound_c=36.0)
    table = checks_by_step(source, None)
    assert table.target is None
    assert table.source is not None
    assert table.source.bound.tolist() == [36.0]
    assert table.source.is_exceeded.tolist() == [True]


@pytest.mark.parametrize(
    ("bound_c", "factor", "expected"),
    [
        (36.25, 0.0625, 20.0),  # 1.25 degC at 0.0625 degC per % is 20 % sharp
        (36.251, 0.0625, 20.1),
        (36.249, 0.0625, 20.0),
        (36.25 - 0.007, 0.0625, 19.9),
        (35.0, 0.05, 0.0),
        (40.0, 0.05, 100.0),
        (40.001, 0.05, None),
        (35.001, 0.0, None),
        (30.0, 0.0, 0.0),
    ],
)
def test_minimum_shift_is_the_excess_over_the_factor_rounded_up(
    bound_c: float, factor: float, expected: float | None
) -> None:
    assert minimum_shift_pct(an_outlook(bound_c=bound_c, factor=factor)) == expected


def test_margin_asks_for_more() -> None:
    source = an_outlook(bound_c=34.0)
    assert minimum_shift_pct(source) == 0.0
    assert minimum_shift_pct(source, margin_c=2.0) == 20.0


def test_hour_without_load_is_not_cooled_by_moving_nothing() -> None:
    assert minimum_shift_pct(an_outlook(bound_c=36.0, load_mw=an_hour_at(0.0))) is None


def test_unknown_load_still_gets_a_proposal_that_is_not_an_approval() -> None:
    source = an_outlook(bound_c=36.0, load_mw=an_hour_at(np.nan))
    assert minimum_shift_pct(source) == 20.0
    assert not decide(source, an_outlook("dublin"), 20.0).is_approved


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 100.0),
        ({"capacity_mw": 50.0}, 25.0),  # 10 MW of room for a load of 40 MW
        ({"capacity_mw": 40.0}, 0.0),
        ({"capacity_mw": 30.0}, 0.0),
        ({"bound_c": 34.0}, 20.0),  # 1 degC of room at 0.05 degC per %
        ({"bound_c": 34.9999}, 0.0),
        ({"bound_c": 36.0}, 0.0),
        ({"bound_c": 34.0, "factor": 0.0}, 100.0),
        ({"bound_c": 36.0, "factor": 0.0}, 0.0),
        ({"load_mw": an_hour_at(0.0)}, 0.0),
        ({"load_mw": an_hour_at(np.nan)}, None),
        ({"prior_rise_c": an_hour_at(np.nan)}, None),
    ],
)
def test_maximum_is_set_by_the_tightest_of_capacity_and_heat(
    changes: dict[str, Any], expected: float | None
) -> None:
    target = an_outlook("dublin", **changes)
    assert maximum_safe_shift_pct(an_outlook(bound_c=30.0), target) == expected


def test_maximum_is_within_the_flexible_share() -> None:
    target = an_outlook("dublin")
    source = an_outlook(flexible_frac=0.29)
    assert maximum_safe_shift_pct(source, target) == 29.0
    assert maximum_safe_shift_pct(an_outlook(flexible_frac=0.0), target) == 0.0


def test_maximum_needs_a_target_a_bound_and_the_loads() -> None:
    source, target = an_outlook(), an_outlook("dublin")
    assert maximum_safe_shift_pct(source, None) is None
    assert maximum_safe_shift_pct(source, without_forecast(target)) is None
    unknown = an_outlook(load_mw=an_hour_at(np.nan))
    assert maximum_safe_shift_pct(unknown, target) is None


def _by_hours(seed: int) -> Pair:
    """A source with a recorded fall in some hours, and a target, both with windows."""
    random = np.random.default_rng(seed)
    ends = []
    for slug, room_c in (("texas", -1.0), ("dublin", 1.5)):
        plain = an_outlook(slug, load_mw=random.uniform(20.0, 60.0, 24))
        assert plain.forecast is not None
        calibration = tracked(some_days(random, 80)).calibration()
        day = some_days(random, 1)
        bound_c = check_limit(day.mean[0], day.scale[0], calibration, limit=0.0).bound
        ends.append(
            replace(
                plain,
                policy=replace(plain.policy, thermal_limit_c=bound_c + room_c),
                forecast=replace(plain.forecast, mean=day.mean[0], scale=day.scale[0]),
                calibration=calibration,
                reference_load_mw=plain.it_load_mw * random.uniform(1.0, 1.6, 24),
                prior_rise_c=random.choice([0.0, -1.0, -3.0], 24),
            )
        )
    return Pair(source=ends[0], target=ends[1])


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_with_hours_every_step_of_the_safe_interval_is_approved(seed: int) -> None:
    """A bound that follows the hours may turn back; the interval holds no such step."""
    pair = _by_hours(seed)
    table = checks_by_step(pair.source, pair.target)
    assert table.source is not None
    assert table.target is not None
    minimum = minimum_shift_pct(pair.source)
    maximum = maximum_safe_shift_pct(pair.source, pair.target)
    assert maximum is not None
    clear = ~table.source.is_exceeded
    assert minimum == (int(np.argmax(clear)) / 10 if clear.any() else None)
    upto = round(maximum * 10) + 1
    assert not table.target.is_exceeded[1:upto].any()
    if minimum is not None:
        assert clear[round(minimum * 10) : upto].all()
    for pct in {minimum, maximum, round(((minimum or 0.0) + maximum) / 2, 1)}:
        if pct is not None and minimum is not None and minimum <= pct <= maximum:
            assert decide(pair.source, pair.target, pct).is_approved


@settings(max_examples=15)
@given(pair=pairs(), used_frac=st.sampled_from([0.0, 0.3]))
def test_the_safe_shares_are_those_that_are_approved(
    pair: Pair, used_frac: float
) -> None:
    """After a decision that took a part of the first hours, too."""
    source, hours = pair.source, np.arange(pair.source.it_load_mw.size)
    if used_frac:
        left_mw = np.where(hours < 6, 1.0 - used_frac, 1.0) * source.it_load_mw
        source = replace(
            source, it_load_mw=left_mw, reference_load_mw=source.it_load_mw
        )
    intervals = safe_intervals(source, pair.target)
    for step in range(0, N_STEPS, 25):
        shift_pct = step / 10
        is_safe = any(first <= shift_pct <= last for first, last in intervals)
        assert is_safe is decide(source, pair.target, shift_pct).is_approved
