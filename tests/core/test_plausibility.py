"""A serving model's bound beside the plain one: how far below it may lie."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.plausibility import (
    ALLOWED_ERRORS,
    DRIFT_ERRORS,
    DRIFT_ISSUES,
    LOAD_FACTOR,
    PlainBound,
    allowed_gap_c,
    load_problem,
)

PLAIN = PlainBound(bound_c=37.4, error_c=1.5, allowed_gap_c=6.0)


def test_a_bound_within_the_gap_is_plausible_and_one_below_is_not() -> None:
    assert PLAIN.problem_of(37.4 - 6.0) is None
    assert PLAIN.problem_of(math.nextafter(37.4 - 6.0, -math.inf)) is not None


def test_the_reason_says_both_figures_and_the_gap() -> None:
    text = PLAIN.problem_of(28.1)
    assert text is not None
    for figure in ("28.1 °C", "9.3 °C", "37.4 °C", "at most 6.0 °C"):
        assert figure in text


def test_a_hotter_bound_is_never_implausible() -> None:
    assert PLAIN.problem_of(60.0) is None
    assert PLAIN.distance_errors(38.9) == pytest.approx(-1.0)


def test_a_bound_that_is_not_a_number_is_implausible() -> None:
    assert PLAIN.problem_of(math.nan) is not None


@given(
    bound_c=st.floats(-60, 80),
    error_c=st.floats(0.25, 10),
    claimed_c=st.floats(-60, 80),
    limit_c=st.floats(-50, 100),
)
def test_no_claim_approves_what_the_plain_bound_blocks_by_more_than_the_gap(
    bound_c: float, error_c: float, claimed_c: float, limit_c: float
) -> None:
    gap_c = allowed_gap_c(error_c, ())
    plain = PlainBound(bound_c=bound_c, error_c=error_c, allowed_gap_c=gap_c)
    is_approved = claimed_c <= limit_c and plain.problem_of(claimed_c) is None
    assert not (is_approved and bound_c - gap_c > limit_c)


def test_a_model_that_drifts_gets_no_gap() -> None:
    assert allowed_gap_c(1.5, ()) == ALLOWED_ERRORS * 1.5
    beyond = [DRIFT_ERRORS + 0.01] * DRIFT_ISSUES
    assert allowed_gap_c(1.5, beyond) == 0.0
    assert allowed_gap_c(1.5, beyond[1:]) == 6.0
    assert allowed_gap_c(1.5, [DRIFT_ERRORS] * DRIFT_ISSUES) == 6.0
    assert allowed_gap_c(1.5, [math.nan] * DRIFT_ISSUES) == 0.0


@pytest.mark.parametrize(
    "change",
    [{"bound_c": math.nan}, {"error_c": 0.0}, {"allowed_gap_c": -0.1}],
)
def test_figures_are_finite_and_in_range(change: dict[str, float]) -> None:
    values = {"bound_c": 30.0, "error_c": 1.0, "allowed_gap_c": 4.0} | change
    with pytest.raises(InvalidInput):
        PlainBound(**values)


def test_load_may_leave_the_range_of_the_last_days_by_a_factor() -> None:
    week_mw = np.linspace(40.0, 60.0, 168)
    day_mw = np.linspace(45.0, 55.0, 24)
    assert load_problem(day_mw, week_mw) is None
    one_hour = day_mw.copy()
    one_hour[7] = 40.0 / LOAD_FACTOR - 0.1
    assert "19.9 to 55.0 MW" in (load_problem(one_hour, week_mw) or "")
    one_hour[7] = 60.0 * LOAD_FACTOR + 0.1
    assert load_problem(one_hour, week_mw) is not None
    # Nothing is said without a forecast, or a past to hold it against.
    assert load_problem(np.full(24, np.nan), week_mw) is None
    assert load_problem(one_hour, np.full(168, np.nan)) is None
