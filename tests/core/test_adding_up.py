"""Decisions add up: two shifts heat, cool and use room as one of both would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.outlooks import RegionOutlook
from core.safe_shifts import maximum_safe_shift_pct, minimum_shift_pct
from core.scheduler import decide
from core.shift import net_rise_c, shift_load
from core.shift_rules import flexible_pct, movable_mw
from tests.core.outlook_cases import an_outlook

LOADS = st.lists(st.floats(0.5, 200.0), min_size=4, max_size=4).map(np.array)
SHARES = st.floats(0.0, 100.0)
FACTOR = 0.05


def after(outlook: RegionOutlook, change_mw: np.ndarray) -> RegionOutlook:
    """The outlook once recorded decisions changed its load by `change_mw`."""
    reference = outlook.rise_load_mw
    load = outlook.it_load_mw + change_mw
    return replace(
        outlook,
        it_load_mw=load,
        reference_load_mw=reference,
        prior_rise_c=net_rise_c(
            load - reference,
            reference_mw=reference,
            factor_c_per_pct=outlook.policy.cooling_factor_c_per_pct,
        ),
    )


@given(source=LOADS, target=LOADS, first=SHARES, second=SHARES)
@settings(max_examples=150, deadline=None)
def test_two_shifts_in_a_row_are_one_shift_of_both(
    source: np.ndarray, target: np.ndarray, first: float, second: float
) -> None:
    """Never less rise at the target, never more fall at the source, and no other."""
    one = shift_load(
        source_load_mw=source,
        target_load_mw=target,
        shift_pct=first,
        source_cooling_factor_c_per_pct=FACTOR,
        target_cooling_factor_c_per_pct=FACTOR,
    )
    two = shift_load(
        source_load_mw=one.source_load_after_mw,
        target_load_mw=one.target_load_after_mw,
        shift_pct=second,
        source_cooling_factor_c_per_pct=FACTOR,
        target_cooling_factor_c_per_pct=FACTOR,
        source_reference_mw=source,
        target_reference_mw=target,
    )
    both_pct = 100.0 * (1.0 - (1.0 - first / 100.0) * (1.0 - second / 100.0))
    both = shift_load(
        source_load_mw=source,
        target_load_mw=target,
        shift_pct=min(both_pct, 100.0),
        source_cooling_factor_c_per_pct=FACTOR,
        target_cooling_factor_c_per_pct=FACTOR,
    )
    rise = one.target_rise_c + two.target_rise_c
    fall = one.source_rise_c + two.source_rise_c
    assert rise == pytest.approx(both.target_rise_c, rel=1e-9, abs=1e-9)
    assert fall == pytest.approx(both.source_rise_c, rel=1e-9, abs=1e-9)
    assert two.source_load_after_mw == pytest.approx(
        both.source_load_after_mw, rel=1e-9, abs=1e-9
    )


@given(source=LOADS, target=LOADS, first=SHARES, second=SHARES)
@settings(max_examples=100, deadline=None)
def test_load_is_conserved_however_often_it_moves(
    source: np.ndarray, target: np.ndarray, first: float, second: float
) -> None:
    loads = source, target
    for shift_pct in (first, second):
        moved = shift_load(
            source_load_mw=loads[0],
            target_load_mw=loads[1],
            shift_pct=shift_pct,
            source_cooling_factor_c_per_pct=FACTOR,
            target_cooling_factor_c_per_pct=FACTOR,
        )
        loads = moved.source_load_after_mw, moved.target_load_after_mw
    assert np.abs(loads[0] + loads[1] - source - target).max() <= 1e-9


def test_measured_on_what_is_left_the_rise_would_be_too_small() -> None:
    """The case that the rule is there for: +20 MW on 40 MW, in two halves."""
    target = an_outlook("dublin", bound_c=20.0, load_mw=40.0)
    half = np.full(24, 10.0)
    once = after(target, half)
    twice = after(once, half)

    assert twice.prior_rise_c[0] == pytest.approx(FACTOR * 50.0)
    naive_c = FACTOR * (100 * 10 / 40 + 100 * 10 / 50)
    assert naive_c < twice.prior_rise_c[0]


def test_the_room_of_a_target_does_not_grow_by_being_used() -> None:
    """What is taken in two steps is what could be taken in one."""
    source = an_outlook("texas", bound_c=30.0, load_mw=40.0)
    target = an_outlook("dublin", bound_c=33.0, load_mw=40.0)
    most_pct = maximum_safe_shift_pct(source, target)
    assert most_pct == pytest.approx(40.0)

    half = decide(source, target, 20.0)
    assert half.is_approved
    assert half.shift is not None
    left = after(source, -half.shift.moved_mw), after(target, half.shift.arrived_mw)

    # Shares are of the load before all decisions, so they add up.
    assert maximum_safe_shift_pct(*left) == pytest.approx(20.0)
    assert decide(*left, 20.0).is_approved
    assert not decide(*left, 20.1).is_approved


def test_a_source_that_was_relieved_needs_the_rest_and_no_less() -> None:
    """3 degC are 60 % of the load; after 40 % another 20 % are needed."""
    source = an_outlook("texas", bound_c=38.0, load_mw=40.0)
    assert minimum_shift_pct(source) == pytest.approx(60.0)
    relieved = after(source, np.full(24, -16.0))
    needed = minimum_shift_pct(relieved)
    assert needed == pytest.approx(20.0)


def test_what_may_not_move_stays_however_many_steps_the_rest_takes() -> None:
    source = an_outlook("texas", bound_c=30.0, load_mw=40.0, flexible_frac=0.5)
    assert flexible_pct(source) == 50.0
    relieved = after(source, np.full(24, -10.0))
    assert flexible_pct(relieved) == pytest.approx(25.0)
    emptied = after(source, np.full(24, -20.0))
    assert flexible_pct(emptied) == pytest.approx(0.0)
    target = an_outlook("dublin", bound_c=20.0)
    assert not decide(emptied, target, 0.1).is_approved
    # Half of the 80 MW that it carries then: all of the 40 MW before.
    filled = after(source, np.full(24, 40.0))
    assert flexible_pct(filled) == 100.0
    assert movable_mw(filled).tolist() == [40.0] * 24
