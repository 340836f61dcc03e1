"""A plan beside its alternatives: doing nothing, greedy, and the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.errors import PlanInfeasible
from core.few_transfers import Flows
from core.greedy import greedy_plan
from core.hindsight import true_totals
from core.optimizer import best_plan
from core.placement import Placement, PlanPrices, PlanRules, Totals, totals
from orchestrator.plans.problem import PlanProblems


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Ways to run the fleet, by their keys: nothing, greedy, plan and oracle.

    Attributes
    ----------
    flows : Mapping of str to Flows
        As they were made on what was known; without the oracle's.
    expected : Mapping of str to Totals
        On what was known at the issue; without the oracle.
    came : Mapping of str to Totals
        On what came; empty for coming days, without an oracle that no plan can be.
    """

    flows: Mapping[str, Flows]
    expected: Mapping[str, Totals]
    came: Mapping[str, Totals]


def compare(
    problems: PlanProblems, plan: Flows, prices: PlanPrices, rules: PlanRules
) -> Comparison:
    """The plan, doing nothing, greedy and, where the truth is known, the oracle."""
    known, truth = problems.known, problems.truth
    frac = rules.migration_energy_frac
    stay = np.zeros_like(known.load_mw)
    greedy = greedy_plan(known, prices, migration_energy_frac=frac)
    flows = {
        "nothing": (stay, stay),
        "greedy": (greedy.out_mw, greedy.in_mw),
        "plan": plan,
    }
    came: dict[str, Totals] = {}
    if truth is not None:
        came = {
            key: true_totals(known, truth, *moved, migration_energy_frac=frac)
            for key, moved in flows.items()
        }
        came |= _oracle(truth, prices, rules)
    return Comparison(
        flows=flows,
        expected={
            key: _expected_totals(known, moved, frac) for key, moved in flows.items()
        },
        came=came,
    )


def _oracle(
    truth: Placement, prices: PlanPrices, rules: PlanRules
) -> dict[str, Totals]:
    try:
        return {"oracle": best_plan(truth, prices, rules).totals}
    except PlanInfeasible:
        return {}


def _expected_totals(known: Placement, flows: Flows, frac: float) -> Totals:
    out_mw, in_mw = flows
    load_mw = known.load_mw - out_mw + (1.0 + frac) * in_mw
    return totals(known, load_mw, float(in_mw.sum()))
