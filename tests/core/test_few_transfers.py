"""Small transfers are left out or join larger ones, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import OutOfRange
from core.few_transfers import LARGEST_LOSS_FRAC
from core.optimizer import Plan, best_plan
from core.placement import Placement, PlanPrices, PlanRules, placement, totals
from core.plans import transfers
from core.shift_rules import rise_of_change_c
from tests.core.placement_cases import a_fleet, a_plan_region, a_tight_fleet

PRICES = PlanPrices(carbon_usd_per_t=50.0, water_usd_per_m3=2.0)


def amounts_mwh(problem: Placement, plan: Plan) -> list[float]:
    moves = transfers(problem.slugs, plan.out_mw, plan.in_mw)
    return sorted(float(move.moved_mw.sum()) for move in moves)


@given(
    seed=st.integers(0, 10_000),
    tight=st.booleans(),
    least_mwh=st.sampled_from([3.0, 20.0, 200.0]),
    frac=st.sampled_from([0.0, 0.03]),
)
@settings(max_examples=25, deadline=None)
def test_fewer_transfers_cost_a_hundredth_at_most_and_keep_every_limit(
    seed: int, tight: bool, least_mwh: float, frac: float
) -> None:
    fleet = a_tight_fleet(5, seed) if tight else a_fleet(5, seed=seed)
    problem = placement(fleet)
    all_made, few = (
        best_plan(
            problem,
            PRICES,
            PlanRules(migration_energy_frac=frac, minimum_transfer_mwh=least),
        )
        for least in (0.0, least_mwh)
    )
    nothing = totals(problem, problem.load_mw, 0.0).objective_usd(PRICES)
    saving = nothing - all_made.objective_usd
    loss = few.objective_usd - all_made.objective_usd
    assert loss <= LARGEST_LOSS_FRAC * max(saving, 0.0) + 1e-6
    assert len(amounts_mwh(problem, few)) <= len(amounts_mwh(problem, all_made))

    assert np.abs(few.out_mw.sum(axis=0) - few.in_mw.sum(axis=0)).max() <= 1e-9
    assert (few.out_mw <= problem.movable_mw + 1e-6).all()
    assert (few.load_after_mw <= problem.capacity_mw[:, None] + 1e-5).all()
    for row, outlook in enumerate(problem.outlooks):
        before = outlook.check()
        change_mw = few.load_after_mw[row] - problem.load_mw[row]
        after = outlook.check(rise_of_change_c(outlook, change_mw))
        assert before is not None
        assert after is not None
        if before.is_exceeded:
            assert not few.in_mw[row].any()
            np.testing.assert_array_equal(few.out_mw[row], all_made.out_mw[row])
        else:
            assert not after.is_exceeded


def test_a_trickle_joins_the_stream_of_its_source() -> None:
    """One hour's price sends a little elsewhere; it is not worth a pair."""
    price = np.full(24, 20.0)
    price[3] = 30.0
    dear = a_plan_region("texas", price=90.0, load_mw=40.0, flexible_frac=0.5)
    cheap = a_plan_region("dublin", price=price, bound_c=10.0, flexible_frac=0.0)
    other = a_plan_region("ontario", price=25.0, bound_c=10.0, flexible_frac=0.0)
    problem = placement([dear, cheap, other])

    every = best_plan(problem, PRICES)
    few = best_plan(problem, PRICES, PlanRules(minimum_transfer_mwh=50.0))

    assert amounts_mwh(problem, every) == pytest.approx([20.0, 460.0])
    assert amounts_mwh(problem, few) == pytest.approx([480.0])
    assert few.out_mw[0].tolist() == every.out_mw[0].tolist()
    steep = PlanRules(minimum_transfer_mwh=50.0, cost_cap_usd=every.totals.cost_usd)
    assert len(amounts_mwh(problem, best_plan(problem, PRICES, steep))) == 2


def test_what_cools_a_region_above_its_limit_is_never_left_out() -> None:
    hot = a_plan_region("texas", bound_c=35.2, price=20.0, load_mw=40.0)
    cool = a_plan_region("dublin", bound_c=20.0, price=80.0, load_mw=40.0)
    problem = placement([hot, cool])
    plan = best_plan(problem, PRICES, PlanRules(minimum_transfer_mwh=1e6))
    assert plan.excess_c.max() == 0.0
    assert plan.out_mw[0].min() > 1.0


def test_a_least_transfer_that_is_no_amount_is_refused() -> None:
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(OutOfRange, match="minimum_transfer_mwh"):
            replace(PlanRules(), minimum_transfer_mwh=wrong)
