"""The placement program against brute force, against re-solves, and its promises."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from core import optimizer
from core.errors import InvalidInput, OutOfRange, PlanInfeasible
from core.greedy import greedy_plan
from core.optimizer import Plan, best_plan, pareto
from core.placement import (
    Placement,
    PlanPrices,
    PlanRegion,
    PlanRules,
    Totals,
    placement,
    totals,
)
from core.plans import judge_plan, transfers
from tests.core.conformal_cases import worst_hour_bound
from tests.core.outlook_cases import an_hour_at, without_forecast
from tests.core.placement_cases import a_fleet, a_plan_region

PRICES = PlanPrices(carbon_usd_per_t=60.0, water_usd_per_m3=2.0)
SEEDS = st.integers(0, 10_000)


def _base(problem: Placement) -> Totals:
    return totals(problem, problem.load_mw, 0.0)


def _least_by_enumeration(
    rates: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    migration: float,
) -> float:
    """Least cost of one hour: every region but one at a bound or at rest."""
    best = np.inf
    n_regions = len(rates)
    for free in range(n_regions):
        others = [i for i in range(n_regions) if i != free]
        for ends in itertools.product(*[(low[i], 0.0, high[i]) for i in others]):
            net = np.zeros(n_regions)
            net[others] = ends
            net[free] = -net.sum()
            if not low[free] - 1e-12 <= net[free] <= high[free] + 1e-12:
                continue
            moved = float(np.maximum(net, 0.0).sum())
            best = min(best, float(net @ np.asarray(rates)) + migration * moved)
    return best


def _bounds(problem: Placement, hour: int) -> tuple[list[float], list[float]]:
    free = problem.capacity_mw - problem.load_mw[:, hour]
    room = np.minimum(problem.room_mw[:, hour], free)
    high = np.where(problem.may_receive[:, hour], np.maximum(room, 0.0), 0.0)
    return (-problem.movable_mw[:, hour]).tolist(), high.tolist()


def _brute_force(problem: Placement, rates: np.ndarray, migration: float) -> float:
    """Hours that no rule ties together, each by enumeration."""
    return sum(
        _least_by_enumeration(
            rates[:, hour].tolist(), *_bounds(problem, hour), migration
        )
        for hour in range(problem.n_hours)
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n_regions", [2, 3, 4])
def test_the_plan_costs_what_brute_force_finds(n_regions: int, seed: int) -> None:
    problem = placement(a_fleet(n_regions, n_hours=2, seed=seed, hot_frac=0.0))
    least = _brute_force(problem, problem.rates.priced(PRICES), 0.1)

    plan = best_plan(problem, PRICES)

    saving = plan.objective_usd - _base(problem).objective_usd(PRICES)
    assert saving == pytest.approx(least, abs=1e-5)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 6])  # fleets with a conflict
def test_a_budget_costs_what_its_lagrangian_finds(seed: int) -> None:
    """Strong duality: the best plan under a cap is the best multiplier's bound."""
    problem = placement(a_fleet(3, n_hours=2, seed=seed, hot_frac=0.0))
    prices = PlanPrices(water_usd_per_m3=2.0)
    rates, carbon = problem.rates.priced(prices), problem.rates.carbon_t
    base = _base(problem)
    free, clean = best_plan(problem, prices), pareto(problem).points[0].totals
    cap = (free.totals.carbon_t + clean.carbon_t) / 2.0
    assert cap < free.totals.carbon_t

    plan = best_plan(problem, prices, PlanRules(carbon_cap_t=cap))

    def bound(multiplier: float) -> float:
        inner = _brute_force(problem, rates + multiplier * carbon, 0.1)
        return inner + multiplier * (base.carbon_t - cap)

    price = plan.shadow.carbon_usd_per_t
    saving = plan.objective_usd - base.objective_usd(prices)
    assert plan.totals.carbon_t == pytest.approx(cap, rel=1e-7)
    assert saving == pytest.approx(bound(price), abs=1e-4)
    for other in (0.0, 0.5 * price, 0.9 * price, 1.1 * price, 2.0 * price):
        assert bound(other) <= bound(price) + 1e-6


@given(seed=SEEDS, n_regions=st.integers(2, 6), frac=st.sampled_from([0.0, 0.03]))
@settings(max_examples=40, deadline=None)
def test_every_plan_keeps_what_it_promises(
    seed: int, n_regions: int, frac: float
) -> None:
    fleet = a_fleet(n_regions, n_hours=6, seed=seed, hot_frac=0.3)
    problem = placement(fleet)
    plan = best_plan(problem, PRICES, PlanRules(migration_energy_frac=frac))

    moved = plan.in_mw.sum(axis=0)
    assert np.abs(plan.out_mw.sum(axis=0) - moved).max() <= 1e-9
    grown = plan.load_after_mw.sum(axis=0) - problem.load_mw.sum(axis=0)
    assert np.abs(grown - frac * moved).max() <= 1e-9
    assert not ((plan.out_mw > 0) & (plan.in_mw > 0)).any()
    assert (plan.out_mw <= problem.movable_mw + 1e-6).all()
    assert (plan.load_after_mw <= problem.capacity_mw[:, None] + 1e-6).all()
    moves = transfers(problem.slugs, plan.out_mw, plan.in_mw)
    judged = judge_plan([r.outlook for r in fleet], moves, migration_energy_frac=frac)
    for change, excess_c in zip(judged.changes, plan.excess_c.tolist(), strict=True):
        assert change.before is not None
        assert change.after is not None
        # The very bound of the scheduler and the what-if, moved by the plan's rise.
        moved_bound = worst_hour_bound(change.before.bound, change.rise_c)
        assert change.after.bound == pytest.approx(moved_bound, abs=1e-9)
        if not change.before.is_exceeded:
            assert not change.after.is_exceeded
        else:
            assert not change.in_mw.any()
            assert change.after.bound <= change.before.bound + 1e-9
        assert change.blocked_by_c == pytest.approx(excess_c, abs=1e-4)


@given(seed=SEEDS, n_regions=st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_no_plan_costs_more_than_doing_nothing_or_greedy(
    seed: int, n_regions: int
) -> None:
    problem = placement(a_fleet(n_regions, n_hours=6, seed=seed, hot_frac=0.0))
    plan = best_plan(problem, PRICES)
    greedy = greedy_plan(problem, PRICES)

    load = problem.load_mw - greedy.out_mw + greedy.in_mw
    by_hand = totals(problem, load, float(greedy.in_mw.sum())).objective_usd(PRICES)
    nothing = _base(problem).objective_usd(PRICES)
    assert plan.objective_usd <= by_hand + 1e-6
    assert by_hand <= nothing + 1e-6


@given(seed=SEEDS, n_regions=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_the_greedy_plan_is_feasible(seed: int, n_regions: int) -> None:
    fleet = a_fleet(n_regions, n_hours=4, seed=seed, hot_frac=0.3)
    problem = placement(fleet)
    greedy = greedy_plan(problem, PRICES)

    assert (greedy.out_mw <= problem.movable_mw + 1e-9).all()
    assert np.abs(greedy.out_mw.sum(axis=0) - greedy.in_mw.sum(axis=0)).max() < 1e-9
    load = problem.load_mw - greedy.out_mw + greedy.in_mw
    assert (load <= problem.capacity_mw[:, None] + 1e-9).all()
    moves = transfers(problem.slugs, greedy.out_mw, greedy.in_mw)
    for change in judge_plan([r.outlook for r in fleet], moves).changes:
        assert change.before is not None
        assert change.after is not None
        assert change.before.is_exceeded or not change.after.is_exceeded


def test_equal_regions_move_nothing() -> None:
    """Negative prices breed no empty flows either."""
    for price in (50.0, -50.0):
        twins = [a_plan_region(slug, price=price) for slug in ("texas", "dublin")]
        plan = best_plan(placement(twins), PRICES)
        assert plan.totals.moved_mwh == 0.0


def _hot_and_cool(room_mw: float, over_c: float = 1.0) -> list[PlanRegion]:
    return [
        a_plan_region("texas", bound_c=35.0 + over_c, load_mw=40.0, flexible_frac=0.9),
        a_plan_region("dublin", bound_c=20.0, load_mw=40.0, capacity_mw=40.0 + room_mw),
    ]


def test_heat_is_cleared_whatever_it_costs() -> None:
    hot, cool = _hot_and_cool(room_mw=60.0)
    dear = replace(
        cool, signals=replace(cool.signals, price_usd_mwh=np.full(24, 9_000.0))
    )
    plan = best_plan(placement([hot, dear]), PRICES)

    # 1 degC at 0.05 degC per percentage point is 20 % of 40 MW.
    assert plan.out_mw[0] == pytest.approx(np.full(24, 8.0), abs=1e-3)
    assert plan.excess_c.max() == 0.0


def test_what_cannot_be_cleared_stays_blocked_by_the_least_excess() -> None:
    """6 MW of room are 15 % of the load or 0.75 degC of the 2 that are needed."""
    plan = best_plan(placement(_hot_and_cool(room_mw=6.0, over_c=2.0)), PRICES)

    assert plan.excess_c[0] == pytest.approx(1.25, abs=1e-4)
    assert plan.out_mw[0] == pytest.approx(np.full(24, 6.0), abs=1e-6)


def test_an_hour_that_cannot_be_cooled_leaves_the_region_blocked() -> None:
    _, cool = _hot_and_cool(room_mw=60.0)
    idle = a_plan_region("texas", bound_c=36.0, load_mw=an_hour_at(0.0))
    plan = best_plan(placement([idle, cool]), PRICES)
    assert plan.excess_c[0] == pytest.approx(1.0, abs=1e-6)
    assert plan.in_mw[0].max() == 0.0


def test_exactly_at_its_limit_a_region_may_stay_but_take_nothing() -> None:
    at_limit = a_plan_region("dublin", bound_c=35.0, price=1.0)
    check = at_limit.outlook.check()
    assert check is not None
    assert not check.is_exceeded
    plan = best_plan(placement([a_plan_region("texas"), at_limit]), PRICES)

    assert plan.in_mw[1].max() == 0.0
    assert plan.excess_c.max() == 0.0


def test_a_region_without_a_bound_neither_gives_nor_takes() -> None:
    cheap = a_plan_region("dublin", price=1.0)
    blind = replace(cheap, outlook=without_forecast(cheap.outlook))
    problem = placement([a_plan_region("texas"), blind])

    assert [item.slug for item in problem.frozen] == ["dublin"]
    assert best_plan(problem, PRICES).totals.moved_mwh == 0.0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"carbon_intensity_gco2_kwh": an_hour_at(np.nan)}, "carbon"),
        ({"carbon_intensity_gco2_kwh": np.zeros(24)}, "implausible"),
        ({"price_usd_mwh": an_hour_at(np.nan)}, "price"),
        ({"wet_bulb_c": np.full(24, np.nan)}, "weather"),
    ],
)
def test_a_region_whose_costs_are_not_known_is_left_out(
    changed: dict[str, np.ndarray], reason: str
) -> None:
    region = a_plan_region("dublin")
    unknown = replace(region, signals=replace(region.signals, **changed))
    problem = placement([a_plan_region("texas"), a_plan_region("oslo"), unknown])

    (left_out,) = problem.left_out
    assert left_out.slug == "dublin"
    assert reason in left_out.reason
    assert np.isfinite(best_plan(problem, PRICES).objective_usd)


def test_a_region_whose_load_is_not_known_is_left_out() -> None:
    unknown = a_plan_region("dublin", load_mw=an_hour_at(np.nan))
    problem = placement([a_plan_region("texas"), unknown])
    assert [item.reason for item in problem.left_out] == [
        "its load is not known for every hour."
    ]


def test_when_nothing_is_known_there_is_no_plan() -> None:
    unknown = a_plan_region("dublin", load_mw=an_hour_at(np.nan))
    with pytest.raises(PlanInfeasible, match="no region whose load"):
        best_plan(placement([unknown]), PRICES)


def test_bad_fleets_are_refused() -> None:
    texas = a_plan_region("texas")
    with pytest.raises(InvalidInput, match="no region to plan for"):
        placement([])
    with pytest.raises(InvalidInput, match="comes twice"):
        placement([texas, texas])
    with pytest.raises(InvalidInput, match="24 and 3 hours"):
        placement([texas, a_plan_region("dublin", n_hours=3)])
    with pytest.raises(InvalidInput, match="signals are of"):
        PlanRegion(outlook=texas.outlook, signals=a_plan_region("dublin").signals)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", [*PlanPrices.__slots__])
def test_impossible_prices_are_refused(name: str, value: float) -> None:
    with pytest.raises(OutOfRange, match=name):
        PlanPrices(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("carbon_cap_t", -1.0),
        ("water_cap_m3", np.nan),
        ("cost_cap_usd", np.inf),
        ("ramp_mw_per_h", -0.1),
        ("ramp_mw_per_h", np.nan),
        ("migration_energy_frac", 1.5),
    ],
)
def test_impossible_rules_are_refused(name: str, value: float) -> None:
    with pytest.raises(OutOfRange, match=name):
        PlanRules(**{name: value})


def test_infeasible_limits_are_named_in_words() -> None:
    problem = placement(a_fleet(3, n_hours=6, seed=3, hot_frac=0.0))
    clean = pareto(problem).points[0].totals
    over = placement(
        [a_plan_region("texas", load_mw=90.0, capacity_mw=80.0, flexible_frac=0.05),
         a_plan_region("dublin")]
    )  # fmt: skip
    with pytest.raises(PlanInfeasible, match=r"carbon budget of 1 t CO2e.*at least"):
        best_plan(problem, PRICES, PlanRules(carbon_cap_t=1.0))
    with pytest.raises(PlanInfeasible, match=rf"at least {clean.carbon_t:.6g} t"):
        best_plan(problem, PRICES, PlanRules(carbon_cap_t=1.0))
    with pytest.raises(PlanInfeasible, match=r"water budget of 2 m3"):
        best_plan(problem, PRICES, PlanRules(water_cap_m3=2.0))
    with pytest.raises(PlanInfeasible, match=r"cost budget of -1e\+06 USD"):
        best_plan(problem, PRICES, PlanRules(cost_cap_usd=-1e6))
    with pytest.raises(PlanInfeasible, match=r"texas would carry 5.5 MW more"):
        best_plan(over, PRICES)


def test_a_ramp_that_heat_does_not_allow_is_elastic_with_heat() -> None:
    """A region that must shed more in one hour than the ramp lets it."""
    problem = placement(a_fleet(4, n_hours=12, seed=1, hot_frac=0.0))
    free = best_plan(problem, PRICES)
    steep = best_plan(problem, PRICES, PlanRules(ramp_mw_per_h=1.0))
    net = steep.load_after_mw - problem.load_mw

    assert np.abs(np.diff(net, axis=1)).max() <= 1.0 + 1e-6
    assert np.abs(np.diff(free.load_after_mw - problem.load_mw, axis=1)).max() > 1.0
    assert steep.objective_usd >= free.objective_usd


def _sides(
    solve: Callable[[float], float], price: float, step: float, sign: float = 1.0
) -> None:
    """A dual lies between what a unit more saves and what a unit less costs."""
    here = solve(0.0)
    saved = (here - solve(sign * step)) / step
    lost = (solve(-sign * step) - here) / step
    slack = 1e-5 + 1e-4 * abs(price)
    assert saved - slack <= price <= lost + slack


@pytest.mark.parametrize("seed", range(4))
def test_prices_of_budgets_and_ramps_match_a_re_solve(seed: int) -> None:
    problem = placement(a_fleet(4, n_hours=8, seed=seed, hot_frac=0.0))
    free = best_plan(problem, PRICES).totals
    front = pareto(problem).points
    carbon = 0.5 * (free.carbon_t + front[0].totals.carbon_t)
    water = 0.5 * (free.water_m3 + front[-1].totals.water_m3)
    cases = (
        ("carbon_cap_t", carbon, lambda s: s.carbon_usd_per_t),
        ("water_cap_m3", water, lambda s: s.water_usd_per_m3),
        ("ramp_mw_per_h", 2.0, lambda s: float(s.ramp_usd_per_mw.sum())),
    )
    for name, value, price_of in cases:

        def solve(change: float, name: str = name, value: float = value) -> Plan:
            return best_plan(problem, PRICES, PlanRules(**{name: value + change}))

        price = price_of(solve(0.0).shadow)
        _sides(lambda change, f=solve: f(change).objective_usd, price, 1e-3)
        assert price >= 0.0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [0, 1, 2])
def test_prices_of_a_region_match_a_re_solve(seed: int, number: int) -> None:
    fleet = list(a_fleet(4, n_hours=8, seed=seed, hot_frac=0.4))
    problem = placement(fleet)
    shadow = best_plan(problem, PRICES).shadow

    def capacity(change: float) -> float:
        changed = problem.capacity_mw.copy()
        changed[number] += change
        return best_plan(replace(problem, capacity_mw=changed), PRICES).objective_usd

    def limit(change: float) -> float:
        room = problem.room_mw.copy()
        room[number] += change * problem.mw_per_c[number]
        return best_plan(replace(problem, room_mw=room), PRICES).objective_usd

    def flexible(change: float) -> float:
        movable = problem.movable_mw.copy()
        movable[number] += change / 100.0 * problem.load_mw[number]
        return best_plan(replace(problem, movable_mw=movable), PRICES).objective_usd

    _sides(capacity, float(shadow.capacity_usd_per_mw[number]), 1e-3)
    if best_plan(problem, PRICES).excess_c.max() == 0.0:
        _sides(limit, float(shadow.limit_usd_per_c[number]), 1e-4)
        _sides(flexible, float(shadow.flexible_usd_per_pct[number]), 1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_the_front_runs_from_least_carbon_to_least_water(seed: int) -> None:
    problem = placement(a_fleet(5, n_hours=8, seed=seed, hot_frac=0.2))
    points = pareto(problem, n_points=12).points
    carbon = np.array([point.totals.carbon_t for point in points])
    water = np.array([point.totals.water_m3 for point in points])

    assert len(points) == 12
    assert (np.diff(carbon) > 0).all()
    assert (np.diff(water) < 0).all()
    slopes = -np.diff(water) / np.diff(carbon) * 1000.0
    assert (np.diff(slopes) <= 1e-3).all(), "the front is convex"
    for number in range(1, 11):
        price = points[number].litres_per_t
        assert price is not None
        assert slopes[number] - 1e-3 <= price <= slopes[number - 1] + 1e-3
    greenest = best_plan(
        problem, PlanPrices(energy_price_weight=0.0, carbon_usd_per_t=1e3)
    )
    assert carbon[0] == pytest.approx(greenest.totals.carbon_t, rel=1e-6)


def test_a_front_without_a_conflict_is_one_point() -> None:
    clean_and_dry = a_plan_region("dublin", carbon=50.0, grid_water_l_per_kwh=0.1)
    dirty_and_wet = a_plan_region("texas", carbon=500.0, grid_water_l_per_kwh=3.0)
    front = pareto(placement([clean_and_dry, dirty_and_wet]))
    assert len(front.points) == 1


def test_a_front_keeps_to_the_budgets_it_is_given() -> None:
    problem = placement(a_fleet(5, n_hours=8, seed=2, hot_frac=0.0))
    free = pareto(problem).points
    cap = 0.5 * (free[0].totals.carbon_t + free[-1].totals.carbon_t)
    capped = pareto(problem, PlanRules(carbon_cap_t=cap)).points
    assert capped[-1].totals.carbon_t <= cap * (1 + 1e-9)
    assert capped[0].totals.carbon_t == pytest.approx(free[0].totals.carbon_t, rel=1e-6)


def _whole_program_usd(problem: Placement, rules: PlanRules) -> float:
    """Least objective by another formulation: rows for every limit, heat in two steps.

    Heat and capacity are rows of net gain, and slack is a column of each region.
    """
    n_regions, n_hours = problem.load_mw.shape
    gain, n_flows = 1.0 + rules.migration_energy_frac, problem.load_mw.size
    one = sparse.identity(n_flows, format="csr")
    net = sparse.hstack([-one, gain * one])
    region = np.repeat(np.arange(n_regions), n_hours)
    slack = sparse.csr_matrix(
        (problem.mw_per_c.ravel(), (np.arange(n_flows), region)),
        shape=(n_flows, n_regions),
    )
    nothing = sparse.csr_matrix((n_flows, n_regions))
    is_heat = np.isfinite(problem.room_mw.ravel())
    rows = [
        sparse.hstack([net, -slack]).tocsr()[is_heat],
        sparse.hstack([net, nothing]),
    ]
    upper = [problem.room_mw.ravel()[is_heat], problem.free_mw.ravel()]
    if rules.ramp_mw_per_h is not None:
        later = np.flatnonzero(np.tile(np.arange(n_hours), n_regions) > 0)
        step = (sparse.hstack([net, nothing]).tocsr())[later]
        step = step - (sparse.hstack([net, nothing]).tocsr())[later - 1]
        rows += [step, -step]
        upper += [np.full(len(later), rules.ramp_mw_per_h)] * 2
    if rules.carbon_cap_t is not None:
        rates = problem.rates.carbon_t.ravel()
        used = np.concatenate([-rates, gain * rates, np.zeros(n_regions)])
        rows.append(sparse.csr_matrix(used))
        upper.append(np.array([rules.carbon_cap_t - _base(problem).carbon_t]))
    hours = sparse.csr_matrix(
        (np.ones(n_flows), (np.tile(np.arange(n_hours), n_regions), np.arange(n_flows)))
    )
    balance = sparse.hstack([-hours, hours, sparse.csr_matrix((n_hours, n_regions))])

    def solve(cost: np.ndarray, most_c: np.ndarray) -> np.ndarray:
        receives = np.where(problem.may_receive, np.inf, 0.0).ravel()
        most = np.concatenate([problem.movable_mw.ravel(), receives, most_c])
        solved = linprog(
            cost,
            A_ub=sparse.vstack(rows),
            b_ub=np.concatenate(upper),
            A_eq=balance,
            b_eq=np.zeros(n_hours),
            bounds=np.column_stack([np.zeros(len(most)), most]),
        )
        assert solved.success
        return np.asarray(solved.x)

    heat = np.concatenate([np.zeros(2 * n_flows), np.ones(n_regions)])
    least_c = solve(heat, np.where(problem.over_c > 0.0, np.inf, 0.0))[2 * n_flows :]
    rates = problem.rates.priced(PRICES).ravel()
    cost = np.concatenate([-rates, gain * rates + 0.1, np.zeros(n_regions)])
    return _base(problem).objective_usd(PRICES) + float(
        cost @ solve(cost, least_c + 1e-7)
    )


@pytest.mark.parametrize(
    ("seed", "hot_frac", "rules"),
    [
        (1, 0.0, PlanRules()),
        (2, 0.2, PlanRules(minimum_transfer_mwh=10.0)),
        (3, 0.2, PlanRules(migration_energy_frac=0.03)),
        (4, 0.1, PlanRules(ramp_mw_per_h=4.0, minimum_transfer_mwh=10.0)),
        (5, 0.5, PlanRules(minimum_transfer_mwh=10.0)),
    ],
)
def test_the_gap_is_that_to_the_whole_program(
    seed: int, hot_frac: float, rules: PlanRules
) -> None:
    problem = placement(a_fleet(40, seed=seed, hot_frac=hot_frac))
    least_usd = _whole_program_usd(problem, rules)

    plan = best_plan(problem, PRICES, rules)

    assert plan.least_usd == pytest.approx(least_usd, rel=1e-8)
    assert plan.least_usd <= plan.objective_usd + 1e-6 * abs(least_usd)
    possible_usd = _base(problem).objective_usd(PRICES) - least_usd
    gap_usd = plan.objective_usd - plan.least_usd
    assert gap_usd <= 0.011 * max(possible_usd, 0.0) + 1e-6 * abs(least_usd)


def test_the_gap_to_a_budget_is_that_to_the_whole_program() -> None:
    problem = placement(a_fleet(20, seed=6, hot_frac=0.0))
    free = best_plan(problem, PRICES).totals
    clean = pareto(problem, n_points=2).points[0].totals
    rules = PlanRules(carbon_cap_t=0.5 * (free.carbon_t + clean.carbon_t))
    plan = best_plan(problem, PRICES, rules)
    least_usd = _whole_program_usd(problem, rules)
    assert plan.least_usd == pytest.approx(least_usd, rel=1e-8)


@pytest.mark.parametrize("name", ["plan", "front"])
def test_a_large_program_gives_the_same_by_the_interior_point(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = placement(a_fleet(30, seed=7))

    def figures() -> list[float]:
        if name == "plan":
            return [best_plan(problem, PRICES).objective_usd]
        return [point.totals.water_m3 for point in pareto(problem, n_points=4).points]

    by_simplex = figures()
    monkeypatch.setattr(optimizer, "LARGE_COLUMNS", 0)
    assert figures() == pytest.approx(by_simplex, rel=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_the_greedy_plan_is_that_of_trying_every_taker(seed: int) -> None:
    problem = placement(a_fleet(12, n_hours=3, seed=seed))
    rates, gain = problem.rates.priced(PRICES), 1.02
    out, inward = np.zeros_like(rates), np.zeros_like(rates)
    for hour in range(problem.n_hours):
        room = problem.receivable_mw[:, hour].copy()
        left = problem.movable_mw[:, hour].copy()

        def send(
            giver: int,
            wanted: float,
            least_usd: float,
            hour: int = hour,
            room: np.ndarray = room,
            left: np.ndarray = left,
        ) -> None:
            for taker in np.argsort(rates[:, hour], kind="stable"):
                if gain * rates[taker, hour] + 0.1 >= least_usd:
                    return
                if taker == giver or out[taker, hour] > 0.0:
                    continue
                amount = min(wanted, left[giver], room[taker] / gain)
                if amount > 0.0:
                    out[giver, hour] += amount
                    inward[taker, hour] += amount
                    left[giver] -= amount
                    room[taker] -= gain * amount
                    wanted -= amount

        for giver in range(len(rates)):
            send(giver, float(problem.excess_mw[giver, hour]), np.inf)
        for giver in range(len(rates)):
            if inward[giver, hour] == 0.0:
                send(giver, np.inf, float(rates[giver, hour]))

    greedy = greedy_plan(problem, PRICES, migration_energy_frac=0.02)
    np.testing.assert_array_equal(greedy.out_mw, out)
    np.testing.assert_array_equal(greedy.in_mw, inward)
