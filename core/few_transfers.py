"""Plans without small transfers: few pairs of regions, for hardly any saving."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from operator import itemgetter

import numpy as np

from core.aliases import FloatArray
from core.placement import Placement, PlanPrices, PlanRules, totals
from core.plan_limits import keeps_limit_by_plan
from core.plans import PlanTransfer, transfers
from core.shift_rules import LOAD_TOLERANCE_MW

LARGEST_LOSS_FRAC = 0.01
"""Of a plan's saving: what leaving small transfers out may cost."""


Flows = tuple[FloatArray, FloatArray]
"""Out and in, shape (n_regions, n_hours), MW, in the order of the problem."""


def without_small_transfers(
    problem: Placement,
    out_mw: FloatArray,
    in_mw: FloatArray,
    prices: PlanPrices,
    rules: PlanRules,
) -> Flows:
    """The flows of a plan with fewer transfers below `rules.minimum_transfer_mwh`.

    The smallest come first. Each is left out or sent to another target of its source,
    whichever costs less, where every limit is kept without it and there are fewer
    transfers in all; together they cost at most a hundredth of the plan's saving. A
    region that is above its limit before the plan goes on giving what it gave.

    Parameters
    ----------
    out_mw, in_mw : ndarray, shape (n_regions, n_hours)
        Balanced in every hour; heat, capacity, budgets and ramps are kept.
    """
    flows = out_mw, in_mw
    moves = transfers(problem.slugs, *flows)
    left_usd = LARGEST_LOSS_FRAC * sum(
        _value_usd(problem, move, prices, rules) for move in moves
    )
    tried: set[tuple[str, str]] = set()
    while (small := _smallest(moves, tried)) is not None:
        if float(small.moved_mw.sum()) >= rules.minimum_transfer_mwh:
            break
        tried.add((small.source, small.target))
        value_usd = _value_usd(problem, small, prices, rules)
        others = [
            replace(small, target=move.target)
            for move in moves
            if move.source == small.source and move.target != small.target
        ]
        options = [(value_usd, None)] + [
            (value_usd - _value_usd(problem, other, prices, rules), other)
            for other in others
        ]
        for loss_usd, other in sorted(options, key=itemgetter(0)):
            changed = _changed(problem, flows, small, other)
            if (
                loss_usd <= left_usd
                and _is_kept(problem, flows, changed, rules)
                and len(fewer := transfers(problem.slugs, *changed)) < len(moves)
            ):
                flows, moves = changed, fewer
                left_usd -= max(loss_usd, 0.0)
                break
    return flows


def _smallest(
    moves: Sequence[PlanTransfer], tried: Set[tuple[str, str]]
) -> PlanTransfer | None:
    left = [move for move in moves if (move.source, move.target) not in tried]
    return min(left, key=lambda move: float(move.moved_mw.sum()), default=None)


def _rows(problem: Placement, move: PlanTransfer) -> tuple[int, int]:
    return problem.slugs.index(move.source), problem.slugs.index(move.target)


def _changed(
    problem: Placement, flows: Flows, small: PlanTransfer, other: PlanTransfer | None
) -> Flows:
    """The flows without a transfer, or with another in its place."""
    out_mw, in_mw = flows[0].copy(), flows[1].copy()
    source, target = _rows(problem, small)
    in_mw[target] = np.maximum(in_mw[target] - small.moved_mw, 0.0)
    if other is None:
        out_mw[source] = np.maximum(out_mw[source] - small.moved_mw, 0.0)
    else:
        in_mw[_rows(problem, other)[1]] += small.moved_mw
    return out_mw, in_mw


def _value_usd(
    problem: Placement, move: PlanTransfer, prices: PlanPrices, rules: PlanRules
) -> float:
    """What a transfer saves; the load's costs are linear, so transfers add up."""
    rates = problem.rates.priced(prices)
    source, target = _rows(problem, move)
    gain = 1.0 + rules.migration_energy_frac
    saved = rates[source] - gain * rates[target] - prices.migration_usd_per_mwh
    return float(np.sum(move.moved_mw * saved))


def _is_kept(problem: Placement, before: Flows, after: Flows, rules: PlanRules) -> bool:
    """Whether the changed regions keep their limits, and the plan its rules."""
    gain = 1.0 + rules.migration_energy_frac
    change_mw = gain * after[1] - after[0]
    heated = ((gain * before[1] - before[0]) != change_mw).any(axis=1)
    gives_less = (after[0] != before[0]).any(axis=1)
    receives = after[1].any(axis=1) & heated
    return (
        not (gives_less & (problem.over_c > 0.0)).any()
        and not (receives[:, None] & (after[0] > 0.0) & (after[1] > 0.0)).any()
        and bool((change_mw <= problem.free_mw + LOAD_TOLERANCE_MW)[heated].all())
        and all(
            keeps_limit_by_plan(problem.outlooks[row], change_mw[row])
            for row in np.flatnonzero(heated & (problem.over_c == 0.0)).tolist()
        )
        and _are_rules_kept(problem, change_mw, float(after[1].sum()), rules)
    )


def _are_rules_kept(
    problem: Placement, change_mw: FloatArray, moved_mwh: float, rules: PlanRules
) -> bool:
    found = totals(problem, problem.load_mw + change_mw, moved_mwh)
    caps = (
        (rules.carbon_cap_t, found.carbon_t),
        (rules.water_cap_m3, found.water_m3),
        (rules.cost_cap_usd, found.cost_usd),
    )
    if any(cap is not None and value > cap for cap, value in caps):
        return False
    ramp_mw = np.abs(np.diff(change_mw, axis=1)).max(initial=0.0)
    steepest_mw = rules.ramp_mw_per_h
    return steepest_mw is None or bool(ramp_mw <= steepest_mw + LOAD_TOLERANCE_MW)
