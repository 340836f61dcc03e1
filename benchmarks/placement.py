"""What-ifs, plans, the front of plans and the judgement of transfers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import highspy

from benchmarks.figures import ROUNDS, Clock, Figure
from core.greedy import greedy_plan
from core.optimizer import best_plan, pareto
from core.placement import PlanPrices, PlanRules, placement
from core.plans import judge_plan
from core.safe_shifts import SafeShifts
from core.scheduler import decide
from core.shift import shift_impact
from tests.core.placement_cases import a_fleet, a_tight_fleet

PLAN_SIZES = (200, 600, 1_000, 10_000)
SIZE_OF_OTHERS = 1_000

Made = TypeVar("Made")


def plans(_folder: Path) -> Iterator[Figure]:
    """The best plan with few transfers, beside what it cannot do without.

    That is HiGHS, and each region's limits as the problem has them.
    What else is done for 1,000 regions stands beside the same.
    The plan of 10,000 regions is made once. A what-if stands beside the verdict in it.
    """
    prices = PlanPrices(carbon_usd_per_t=50.0, water_usd_per_m3=2.0)
    rules = PlanRules(minimum_transfer_mwh=10.0)
    yield from what_ifs()
    in_plan_s = 0.0
    for n_regions in PLAN_SIZES:
        n_rounds = 1 if n_regions > SIZE_OF_OTHERS else ROUNDS
        fleet = a_fleet(n_regions)
        placed_s, _, problem = solved(partial(placement, fleet), n_rounds)
        spent_s, solved_s, plan = solved(
            partial(best_plan, problem, prices, rules), n_rounds
        )
        gap_frac = (plan.objective_usd - plan.least_usd) / plan.least_usd
        yield Figure(
            name=f"plan of {n_regions:,} regions x 24 h",
            spent=spent_s,
            limit="HiGHS in it, and each region's limits",
            limited=placed_s + solved_s,
            goal="5 s at 1,000, 60 s at 10,000;"
            f" at most {100 * gap_frac:.3f} % above the least cost",
        )
        if n_regions != SIZE_OF_OTHERS:
            continue
        in_plan_s = placed_s + solved_s
        steep = replace(rules, ramp_mw_per_h=5.0)
        for name, work in (
            ("plan with ramps", partial(best_plan, problem, prices, steep)),
            ("front of 12 points", partial(pareto, problem)),
            ("greedy plan", partial(greedy_plan, problem, prices)),
            (
                "transfers of its plan judged",
                partial(judge_plan, problem.outlooks, plan.moves),
            ),
        ):
            yield Figure(
                name=f"{name} of {n_regions:,} regions",
                spent=solved(work)[0],
                limit="those of the plan",
                limited=in_plan_s,
                goal="5 s",
            )


def what_ifs() -> Iterator[Figure]:
    """A what-if of two regions with a year of windows."""
    one, other = a_tight_fleet(2, 8, hot_frac=0.0, n_days=365)
    source, target = one.outlook, other.outlook
    moved_mw = 0.1 * source.it_load_mw

    def safe_shifts() -> tuple[object, ...]:
        safe = SafeShifts(source=source, target=target)
        return safe.minimum_pct, safe.for_margin_pct, safe.maximum_pct

    def spent_s(work: Callable[[], object]) -> float:
        return statistics.median(Clock().of(work, 20) for _ in range(ROUNDS))

    verdict_s = spent_s(lambda: decide(source, target, 10.0))
    for name, work in (
        ("impact", lambda: shift_impact(one.signals, other.signals, moved_mw)),
        ("safe shifts", safe_shifts),
    ):
        yield Figure(
            name=f"{name} of a what-if",
            spent=spent_s(work),
            limit="its verdict",
            limited=verdict_s,
            goal="0.15 s",
        )


def solved(
    work: Callable[[], Made], n_rounds: int = ROUNDS
) -> tuple[float, float, Made]:
    """Median seconds of some work, those of HiGHS in it, and what it made."""
    clock, spent_s, solver = Clock(), [], []
    made: list[Made] = []
    for _ in range(n_rounds):
        with solver_s() as in_solver:
            spent_s.append(clock.of(lambda: made.append(work())))
        solver.append(sum(in_solver))
    return statistics.median(spent_s), statistics.median(solver), made[-1]


@contextmanager
def solver_s() -> Iterator[list[float]]:
    """Processor seconds of each run of HiGHS meanwhile."""
    run, spent = highspy.Highs.run, []

    def timed(solver: highspy.Highs) -> object:
        started = time.process_time()
        answer = run(solver)
        spent.append(time.process_time() - started)
        return answer

    highspy.Highs.run = timed
    try:
        yield spent
    finally:
        highspy.Highs.run = run
