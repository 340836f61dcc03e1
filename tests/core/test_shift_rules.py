"""The limits of a shift: each obstacle, and the limits that plans keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.outlooks import RegionOutlook
from core.shares import ShareRule
from core.shift_rules import (
    PLAN_MARGIN_C,
    Obstacle,
    are_possible,
    clears_source,
    excess_mw,
    flexible_pct,
    free_capacity_mw,
    hourly_shift,
    is_flexible,
    keeps_limit,
    load_limits,
    movable_mw,
    obstacle,
    receivable_mw,
    rise_of_change_c,
)
from tests.core.outlook_cases import (
    Pair,
    an_hour_at,
    an_outlook,
    sound_pairs,
    without_forecast,
)


def found(
    source: RegionOutlook, target: RegionOutlook, shift_pct: float
) -> Obstacle | None:
    """The obstacle of a shift, with what the scheduler would compute for it."""
    shift = hourly_shift(source, target, shift_pct)
    after = target.check(shift.target_rise_c) if shift else None
    return obstacle(source, target, shift_pct, shift, after)


def after_decisions(outlook: RegionOutlook, before_mw: float) -> RegionOutlook:
    """The outlook with a load before recorded decisions."""
    return replace(
        outlook, reference_load_mw=np.full_like(outlook.it_load_mw, before_mw)
    )


SOURCE = an_outlook(bound_c=36.0)
COOL = an_outlook("dublin", bound_c=20.0)
UNKNOWN = an_hour_at(np.nan)


@pytest.mark.parametrize(
    ("source", "target", "shift_pct", "expected"),
    [
        (SOURCE, COOL, 30.0, None),
        (SOURCE, an_outlook("dublin", bound_c=40.0), 0.0, None),
        (
            an_outlook(flexible_frac=0.2),
            without_forecast(COOL),
            20.1,
            Obstacle.FLEXIBLE_SHARE,
        ),
        (an_outlook(flexible_frac=0.2), COOL, 20.0, None),
        (
            after_decisions(an_outlook(flexible_frac=0.5, load_mw=25.0), 40.0),
            COOL,
            20.1,
            Obstacle.FLEXIBLE_SHARE,
        ),
        (SOURCE, without_forecast(COOL), 10.0, Obstacle.TARGET_UNJUDGED),
        (
            SOURCE,
            without_forecast(an_outlook("dublin", capacity_mw=40.0)),
            10.0,
            Obstacle.TARGET_UNJUDGED,
        ),
        (
            SOURCE,
            an_outlook("dublin", capacity_mw=43.9, bound_c=40.0),
            10.0,
            Obstacle.TARGET_CAPACITY,
        ),
        (SOURCE, an_outlook("dublin", capacity_mw=44.0), 10.0, None),
        (
            SOURCE,
            an_outlook("dublin", load_mw=an_hour_at(0.0)),
            10.0,
            Obstacle.TARGET_WITHOUT_LOAD,
        ),
        (SOURCE, an_outlook("dublin", bound_c=34.6), 10.0, Obstacle.TARGET_LIMIT),
        (SOURCE, an_outlook("dublin", bound_c=34.5), 10.0, None),
        # Unknown loads leave only the flexible share, and the target's bound.
        (an_outlook(load_mw=UNKNOWN), COOL, 10.0, None),
        (SOURCE, an_outlook("dublin", load_mw=UNKNOWN, bound_c=40.0), 10.0, None),
        (
            an_outlook(load_mw=UNKNOWN, flexible_frac=0.05),
            COOL,
            10.0,
            Obstacle.FLEXIBLE_SHARE,
        ),
        (
            an_outlook(load_mw=UNKNOWN),
            without_forecast(COOL),
            10.0,
            Obstacle.TARGET_UNJUDGED,
        ),
    ],
)
def test_the_first_limit_that_is_not_kept_is_the_obstacle(
    source: RegionOutlook,
    target: RegionOutlook,
    shift_pct: float,
    expected: Obstacle | None,
) -> None:
    assert found(source, target, shift_pct) is expected


def test_one_hour_of_a_plan_that_takes_more_than_may_leave_is_an_obstacle() -> None:
    """Its share of the whole window may be small."""
    source = an_outlook(flexible_frac=0.5)
    shift = hourly_shift(source, COOL, 10.0)
    assert shift is not None
    drained = replace(shift, source_load_after_mw=an_hour_at(19.9, base=40.0))
    after = COOL.check(shift.target_rise_c)
    assert obstacle(source, COOL, 10.0, drained, after) is Obstacle.PRIOR_DECISIONS
    kept = replace(shift, source_load_after_mw=an_hour_at(20.0, base=40.0))
    assert obstacle(source, COOL, 10.0, kept, after) is None


@given(pair=sound_pairs(), step=st.integers(1, 1000), frac=st.floats(0.5, 2.0))
def test_many_shifts_at_once_meet_the_obstacles_of_each_alone(
    pair: Pair, step: int, frac: float
) -> None:
    source = replace(pair.source, reference_load_mw=pair.source.it_load_mw * frac)
    shifts_pct = np.array([0.1, step / 10, 100.0])
    alone = [found(source, pair.target, pct) is None for pct in shifts_pct.tolist()]
    assert are_possible(source, pair.target, shifts_pct).tolist() == alone


HOURS_C = st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3).map(np.array)
HOURS_MW = st.lists(st.floats(10.0, 80.0), min_size=3, max_size=3).map(np.array)


@given(
    bound_c=st.floats(25.0, 31.9),
    factor=st.floats(0.01, 0.3),
    load_mw=HOURS_MW,
    prior_rise_c=HOURS_C,
    hour=st.integers(0, 2),
)
def test_the_room_of_each_hour_is_what_a_verdict_approves(
    bound_c: float,
    factor: float,
    load_mw: NDArray[np.float64],
    prior_rise_c: NDArray[np.float64],
    hour: int,
) -> None:
    """Load that fills every hour keeps the limit; one hour with more breaks it."""
    end = an_outlook(
        bound_c=bound_c,
        factor=factor,
        load_mw=load_mw,
        prior_rise_c=prior_rise_c,
        n_hours=3,
    )
    limits = load_limits(end)
    assert limits.may_receive.all()
    assert keeps_limit(end.check(rise_of_change_c(end, limits.room_mw)))
    more_mw = limits.room_mw.copy()
    more_mw[hour] += 2.0 * PLAN_MARGIN_C * limits.mw_per_c[hour]
    assert not keeps_limit(end.check(rise_of_change_c(end, more_mw)))


def test_what_is_not_judged_neither_gives_nor_takes_load() -> None:
    limits = load_limits(without_forecast(an_outlook()))
    assert not limits.movable_mw.any()
    assert not limits.may_receive.any()
    assert limits.over_c == 0.0


def test_a_region_above_its_limit_has_to_give_and_takes_nothing() -> None:
    end = an_outlook(bound_c=36.0, load_mw=40.0, factor=0.05)
    limits = load_limits(end)
    # 1 degC at 0.05 degC per percent of 40 MW is 8 MW.
    assert limits.over_c == pytest.approx(1.0)
    assert limits.room_mw.tolist() == pytest.approx([-8.0] * 24, abs=1e-3)
    assert limits.mw_per_c.tolist() == pytest.approx([8.0] * 24)
    assert not limits.may_receive.any()


def test_recorded_decisions_leave_less_to_move() -> None:
    source = after_decisions(an_outlook(flexible_frac=0.5, load_mw=30.0), 40.0)
    assert movable_mw(source).tolist() == [10.0] * 24
    assert flexible_pct(source) == pytest.approx(25.0)  # of the 40 MW before


def test_an_hour_that_is_used_up_does_not_keep_the_others_from_giving() -> None:
    before_mw = np.full(24, 40.0)
    left_mw = np.where(np.arange(24) < 6, 20.0, 40.0)
    source = replace(
        an_outlook(flexible_frac=0.5, load_mw=40.0),
        it_load_mw=left_mw,
        reference_load_mw=before_mw,
    )
    assert flexible_pct(source) == 50.0
    shift = hourly_shift(source, COOL, 30.0)
    assert shift is not None
    assert shift.moved_mw.tolist() == [0.0] * 6 + [12.0] * 18
    assert shift.source_rise_c.tolist() == pytest.approx([0.0] * 6 + [-1.5] * 18)
    assert are_possible(source, COOL, np.array([50.0, 50.1])).tolist() == [True, False]
    assert clears_source(source, np.array([30.0])).tolist() == [
        keeps_limit(source.check(shift.source_rise_c))
    ]


def test_what_was_judged_on_the_load_left_is_replayed_so() -> None:
    """Decisions whose inputs are of format 1 or 2: the hour with the least counts."""
    left_mw = np.where(np.arange(24) < 6, 30.0, 40.0)
    source = replace(
        an_outlook(flexible_frac=0.5, load_mw=40.0),
        it_load_mw=left_mw,
        reference_load_mw=np.full(24, 40.0),
        shares=ShareRule(is_of_load_left=True),
    )
    assert flexible_pct(source) == pytest.approx(100.0 / 3.0)
    shift = hourly_shift(source, COOL, 30.0)
    assert shift is not None
    assert shift.moved_mw.tolist() == (0.3 * left_mw).tolist()


def test_a_shift_for_chosen_hours_moves_and_cools_those_alone() -> None:
    is_chosen = (np.arange(24) >= 12) & (np.arange(24) < 18)
    source = replace(
        an_outlook(flexible_frac=0.5, load_mw=40.0), shares=ShareRule(hours=is_chosen)
    )
    shift = hourly_shift(source, COOL, 20.0)
    assert shift is not None
    assert shift.moved_mw.tolist() == np.where(is_chosen, 8.0, 0.0).tolist()
    assert shift.source_rise_c.tolist() == np.where(is_chosen, -1.0, 0.0).tolist()
    assert flexible_pct(source) == 50.0
    assert not is_flexible(source, 50.1)


def test_the_tighter_of_heat_and_capacity_bounds_what_arrives_and_what_must_leave() -> (
    None
):
    load_mw = np.array([[40.0, 40.0], [60.0, 50.0]])
    free_mw = free_capacity_mw(np.array([50.0, 55.0]), load_mw)
    assert free_mw.tolist() == [[10.0, 10.0], [-5.0, 5.0]]
    room_mw = np.array([[4.0, np.inf], [np.inf, -7.0]])
    may_receive = np.array([[True, True], [True, False]])
    received = receivable_mw(room_mw, free_mw, may_receive)
    assert received.tolist() == [[4.0, 10.0], [0.0, 0.0]]
    assert excess_mw(room_mw, free_mw).tolist() == [[0.0, 0.0], [5.0, 7.0]]
