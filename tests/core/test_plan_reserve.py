"""What a plan keeps free: the moves of the past, and no region loses its approval."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.optimizer import best_plan
from core.placement import PlanPrices, placement
from core.plan_reserve import largest_moves_c, reserve_c, with_reserve
from tests.core.outlook_cases import an_outlook, without_forecast
from tests.core.placement_cases import a_plan_region

START = datetime(2025, 7, 1, tzinfo=UTC)
PRICES = PlanPrices()


def hourly(bounds_c: list[float]) -> dict[datetime, float]:
    return {START + timedelta(hours=i): bound for i, bound in enumerate(bounds_c)}


def test_a_move_is_the_highest_of_the_next_six_bounds_less_the_first() -> None:
    bounds_c = [30.0, 31.0, 29.0, 33.0, 28.0, 28.0, 30.5, 40.0, 28.0]
    assert largest_moves_c(hourly(bounds_c)) == [3.0, 9.0, 11.0]


def test_an_issue_without_all_of_the_next_gives_no_move() -> None:
    bounds_c = hourly([30.0] * 10)
    del bounds_c[START + timedelta(hours=5)]
    assert largest_moves_c(bounds_c) == []
    assert largest_moves_c({}) == []


@given(
    moves_c=st.lists(st.floats(-9.0, 9.0), min_size=60, max_size=200),
    chance_pct=st.sampled_from([1.0, 2.5, 5.0, 20.0, 50.0]),
)
def test_at_most_the_chance_of_the_moves_passes_the_reserve(
    moves_c: list[float], chance_pct: float
) -> None:
    kept_c = reserve_c(moves_c, chance_pct / 100.0)
    assert kept_c is not None
    assert kept_c >= 0.0
    assert sum(move > kept_c for move in moves_c) <= chance_pct / 100.0 * len(moves_c)


def test_no_chance_keeps_nothing_free_and_few_moves_say_nothing() -> None:
    assert reserve_c([5.0] * 100, 0.0) == 0.0
    assert reserve_c([5.0] * 59, 0.05) is None
    assert reserve_c([-1.0] * 60, 0.05) == 0.0


@pytest.mark.parametrize("bound_c", [20.0, 34.0, 34.999, 35.0, 36.0])
def test_a_reserve_takes_room_and_never_an_approval(bound_c: float) -> None:
    outlook = an_outlook(bound_c=bound_c, limit_c=35.0)
    before, after = outlook.check(), with_reserve(outlook, 2.0).check()
    assert before is not None
    assert after is not None
    assert after.is_exceeded == before.is_exceeded
    limit_c = with_reserve(outlook, 2.0).policy.thermal_limit_c
    expected = 33.0 if bound_c < 33.0 else min(bound_c, 35.0)
    assert limit_c == pytest.approx(expected if bound_c <= 35.0 else 35.0, abs=1e-6)
    assert with_reserve(outlook, 0.0) is outlook
    unjudged = without_forecast(outlook)
    assert with_reserve(unjudged, 2.0) is unjudged


@given(kept_c=st.floats(0.0, 3.0))
@settings(max_examples=20, deadline=None)
def test_a_plan_leaves_the_reserve_free(kept_c: float) -> None:
    dear = a_plan_region("texas", price=90.0, load_mw=60.0, flexible_frac=0.9)
    cheap = a_plan_region(
        "dublin", price=10.0, bound_c=32.0, factor=0.1, capacity_mw=500.0
    )
    kept = replace(cheap, outlook=with_reserve(cheap.outlook, kept_c))
    plan = best_plan(placement([dear, kept]), PRICES)
    rise_c = 10.0 * plan.in_mw[1] / 40.0
    after = cheap.outlook.check(rise_c)
    assert after is not None
    assert after.bound <= max(35.0 - kept_c, 32.0) + 1e-6
    assert after.bound == pytest.approx(max(35.0 - kept_c, 32.0), abs=1e-3)
    assert np.ptp(rise_c) <= 1e-6
