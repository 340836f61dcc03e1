"""A plan beside its alternatives: doing nothing, greedy, and the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import PlanInfeasible
from core.greedy import greedy_plan
from core.hindsight import true_totals
from core.optimizer import Plan, best_plan
from core.placement import Placement, PlanPrices, Totals, totals
from core.plans import PlanJudgement, judge_plan, transfers
from orchestrator.plans.plan_setting import PlanProblems, PlanSetting
from orchestrator.plans.views import PlanComparison

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedWays:
    """Ways to run the fleet: as it came, and on past days as it was expected."""

    ways: tuple[PlanComparison, ...]
    expected: tuple[PlanComparison, ...]


def compare(
    setting: PlanSetting,
    problems: PlanProblems,
    flows: tuple[FloatArray, FloatArray],
    judgement: PlanJudgement,
    *,
    label: str = "Best plan",
) -> ComparedWays:
    """Doing nothing, greedy, the plan, and on past days the oracle.

    `flows` are the plan's out and in, in the order of the problem's regions.
    """
    known, prices = problems.known, setting.prices
    frac = setting.migration_energy_frac
    greedy = greedy_plan(known, prices, migration_energy_frac=frac)
    stay = np.zeros_like(known.load_mw)
    outlooks = [window.outlook for window in setting.windows]

    def blocked(out: FloatArray, inward: FloatArray) -> int:
        moves = transfers(known.slugs, out, inward)
        judged = judge_plan(outlooks, moves, migration_energy_frac=frac)
        return _blocked_count(judged)

    rows = [
        ("nothing", "Doing nothing", stay, stay, blocked(stay, stay)),
        (
            "greedy",
            "Greedy, hour by hour",
            greedy.out_mw,
            greedy.in_mw,
            blocked(greedy.out_mw, greedy.in_mw),
        ),
        ("plan", label, *flows, _blocked_count(judgement)),
    ]

    def valued(truth: Placement | None) -> list[PlanComparison]:
        found = [
            (key, name, _really(known, truth, out, inward, frac), count)
            for key, name, out, inward, count in rows
        ]
        baseline_usd = found[0][2].objective_usd(prices)
        return [
            _compared(key, name, total, prices, baseline_usd, count)
            for key, name, total, count in found
        ]

    compared = valued(problems.truth)
    oracle = _oracle(setting, problems)
    if oracle is not None:
        known_all = "Best plan, had all been known"
        compared.append(
            _compared(
                "oracle",
                known_all,
                oracle.totals,
                prices,
                compared[0].objective_usd,
                None,
            )
        )
    return ComparedWays(
        ways=tuple(compared),
        expected=() if problems.truth is None else tuple(valued(None)),
    )


def _compared(
    key: str,
    label: str,
    total: Totals,
    prices: PlanPrices,
    baseline_usd: float,
    blocked: int | None,
) -> PlanComparison:
    objective_usd = total.objective_usd(prices)
    return PlanComparison(
        key=key,
        label=label,
        objective_usd=objective_usd,
        saving_usd=baseline_usd - objective_usd,
        cost_usd=total.cost_usd,
        carbon_t=total.carbon_t,
        water_m3=total.water_m3,
        moved_mwh=total.moved_mwh,
        blocked_regions=blocked,
    )


def _really(
    known: Placement,
    truth: Placement | None,
    out: FloatArray,
    inward: FloatArray,
    frac: float,
) -> Totals:
    if truth is not None:
        return true_totals(known, truth, out, inward, migration_energy_frac=frac)
    load = known.load_mw - out + (1.0 + frac) * inward
    return totals(known, load, float(inward.sum()))


def _oracle(setting: PlanSetting, problems: PlanProblems) -> Plan | None:
    if problems.truth is None:
        return None
    try:
        return best_plan(problems.truth, setting.prices, setting.rules)
    except PlanInfeasible:
        return None


def oracle_gap_usd(comparison: Sequence[PlanComparison]) -> float | None:
    """What the plan costs more than the oracle; None without one."""
    by_key = {row.key: row.objective_usd for row in comparison}
    return by_key["plan"] - by_key["oracle"] if "oracle" in by_key else None


def _blocked_count(judgement: PlanJudgement) -> int:
    return sum(change.blocked_by_c != 0.0 for change in judgement.changes)
