"""Plans are judged by the bound of their own rise, whatever their rows promised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import optimizer
from core.aliases import FloatArray
from core.greedy import greedy_plan
from core.hindsight import true_flows
from core.optimizer import best_plan, pareto
from core.placement import (
    Placement,
    PlanPrices,
    PlanRegion,
    PlanRules,
    placement,
)
from core.plan_limits import ROUNDS, within_limits
from core.plans import judge_plan, transfers
from core.shift_rules import PLAN_MARGIN_C, rise_of_change_c
from tests.core.placement_cases import a_tight_fleet

PRICES = PlanPrices(carbon_usd_per_t=50.0, water_usd_per_m3=2.0)
SEEDS = st.integers(0, 10_000)


def by_the_worst_hour(fleet: Sequence[PlanRegion]) -> list[PlanRegion]:
    """The same fleet without the hours of its windows."""
    plain = []
    for region in fleet:
        calibration = region.outlook.calibration
        assert calibration is not None
        outlook = replace(
            region.outlook, calibration=replace(calibration, windows=None)
        )
        plain.append(replace(region, outlook=outlook))
    return plain


def blocked(problem: Placement, change_mw: FloatArray) -> list[str]:
    """Regions within their limits before, and above them after the change."""
    found = []
    for row, outlook in enumerate(problem.outlooks):
        before = outlook.check()
        after = outlook.check(rise_of_change_c(outlook, change_mw[row]))
        assert before is not None
        if not before.is_exceeded and (after is None or after.is_exceeded):
            found.append(problem.slugs[row])
    return found


@given(seed=SEEDS, n_regions=st.integers(2, 5), frac=st.sampled_from([0.0, 0.03]))
@settings(max_examples=25, deadline=None)
def test_no_plan_turns_a_region_blocked_by_its_own_bound(
    seed: int, n_regions: int, frac: float
) -> None:
    fleet = a_tight_fleet(n_regions, seed)
    problem = placement(fleet)
    plan = best_plan(problem, PRICES, PlanRules(migration_energy_frac=frac))
    assert blocked(problem, plan.load_after_mw - problem.load_mw) == []
    assert np.abs(plan.out_mw.sum(axis=0) - plan.in_mw.sum(axis=0)).max() <= 1e-9
    judged = judge_plan(
        [region.outlook for region in fleet],
        transfers(problem.slugs, plan.out_mw, plan.in_mw),
        migration_energy_frac=frac,
    )
    for change in judged.changes:
        assert change.before is not None
        assert change.after is not None
        assert change.before.is_exceeded or not change.after.is_exceeded

    greedy = greedy_plan(problem, PRICES, migration_energy_frac=frac)
    assert blocked(problem, (1.0 + frac) * greedy.in_mw - greedy.out_mw) == []


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_flows_under_other_loads_than_expected_turn_no_region_blocked(
    seed: int,
) -> None:
    fleet = a_tight_fleet(4, seed, hot_frac=0.0)
    known = placement(fleet)
    random = np.random.default_rng(seed)
    came = []
    for region in fleet:
        load_mw = region.outlook.it_load_mw * random.uniform(0.8, 1.2, 24)
        load_mw = np.minimum(load_mw, region.outlook.region.it_capacity_mw)
        came.append(
            PlanRegion(
                outlook=replace(region.outlook, it_load_mw=load_mw),
                signals=replace(region.signals, it_load_mw=load_mw),
            )
        )
    truth = placement(came)
    plan = best_plan(known, PRICES)
    out, inward = true_flows(known, truth, plan.out_mw, plan.in_mw)
    assert blocked(truth, inward - out) == []
    assert np.abs(out.sum(axis=0) - inward.sum(axis=0)).max() <= 1e-9


def test_cool_hours_take_load_that_the_worst_hour_refused() -> None:
    """Room at night is worth its own degrees, not those of the afternoon."""
    saved: dict[str, float] = {"hours": 0.0, "worst hour": 0.0}
    for seed in range(6):
        fleet = a_tight_fleet(4, seed, hot_frac=0.0)
        for rule, regions in (
            ("hours", fleet),
            ("worst hour", by_the_worst_hour(fleet)),
        ):
            problem = placement(regions)
            plan = best_plan(problem, PRICES)
            nothing = np.sum(problem.load_mw * problem.rates.priced(PRICES))
            saved[rule] += float(nothing) - plan.objective_usd
    assert saved["hours"] > 1.5 * saved["worst hour"] > 0.0


def test_a_front_is_judged_point_by_point(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = placement(a_tight_fleet(4, 3, hot_frac=0.0))
    kept: list[FloatArray] = []

    def watched(
        rows: Placement,
        make: Callable[[Placement], Any],
        changes_mw: Callable[[Any], Sequence[FloatArray]],
    ) -> tuple[Any, Placement]:
        made, last = within_limits(rows, make, changes_mw)
        kept.extend(changes_mw(made))
        return made, last

    monkeypatch.setattr(optimizer, "within_limits", watched)
    front = pareto(problem, n_points=5)
    assert len(front.points) == 5
    assert len(kept) == 6, "both ends, three between, and the last under its cap"
    assert all(blocked(problem, change_mw) == [] for change_mw in kept)


def test_rows_that_keep_every_limit_are_left_as_they_are() -> None:
    problem = placement(a_tight_fleet(3, 1, hot_frac=0.0))
    stay = np.zeros_like(problem.load_mw)
    made, kept = within_limits(problem, lambda _rows: stay, lambda made: [made])
    assert made is stay
    assert kept is problem


@pytest.mark.parametrize("seed", range(3))
def test_what_cannot_be_kept_ends_with_the_load_as_it_is(seed: int) -> None:
    """A planner that fills its rows to the brim, however they are drawn."""
    problem = placement(a_tight_fleet(3, seed, hot_frac=0.0))
    rounds: list[Placement] = []

    def stubborn(rows: Placement) -> FloatArray:
        rounds.append(rows)
        filled = rows.load_mw * np.linspace(0.2, 0.6, 24)
        return np.where(rows.may_receive, filled, 0.0)

    change_mw, last = within_limits(problem, stubborn, lambda made: [made])
    assert 1 < len(rounds) <= ROUNDS + len(problem.slugs)
    assert not change_mw.any()
    assert sorted(item.slug for item in last.frozen) == sorted(problem.slugs)
    assert not last.movable_mw.any()


def test_a_room_at_a_higher_quantile_is_smaller_by_the_scale() -> None:
    fleet = a_tight_fleet(1, 2, hot_frac=0.0)
    (outlook,) = (region.outlook for region in fleet)
    problem = placement(fleet)
    assert outlook.forecast is not None
    limit_c = outlook.policy.thermal_limit_c - PLAN_MARGIN_C
    level_c = outlook.forecast.mean + problem.quantiles[0] * outlook.forecast.scale
    expected = np.maximum(limit_c - level_c, 0.0) * outlook.it_load_mw / 10.0
    np.testing.assert_allclose(problem.room_mw[0], expected, rtol=1e-12)
