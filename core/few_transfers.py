"""Plans without small transfers: few pairs of regions, for hardly any saving."""

from __future__ import annotations

from collections.abc import Mapping
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
    whichever costs less, where every limit is kept without it; the flows stay as they
    are unless there are fewer transfers in all. Together they cost at most a hundredth
    of the plan's saving. A region that is above its limit before the plan goes on
    giving what it gave.

    Parameters
    ----------
    out_mw, in_mw : ndarray, shape (n_regions, n_hours)
        Balanced in every hour; heat, capacity, budgets and ramps are kept.
    """
    flows = out_mw, in_mw
    pairs = {
        (move.source, move.target): move for move in transfers(problem.slugs, *flows)
    }
    n_before = len(pairs)
    rates = problem.rates.priced(prices)
    rows = {slug: row for row, slug in enumerate(problem.slugs)}
    gain = 1.0 + rules.migration_energy_frac

    def value_of(move: PlanTransfer) -> float:
        """What a transfer saves, USD; costs are linear, so transfers add up."""
        saved = (
            rates[rows[move.source]]
            - gain * rates[rows[move.target]]
            - prices.migration_usd_per_mwh
        )
        return float(np.sum(move.moved_mw * saved))

    left_usd = LARGEST_LOSS_FRAC * sum(map(value_of, pairs.values()))
    sizes_mwh = {pair: float(move.moved_mw.sum()) for pair, move in pairs.items()}
    while sizes_mwh:
        pair = min(sizes_mwh, key=sizes_mwh.__getitem__)
        if sizes_mwh.pop(pair) >= rules.minimum_transfer_mwh:
            break
        small = pairs[pair]
        value_usd = value_of(small)
        options = [(value_usd, None)] + [
            (value_usd - value_of(other), other)
            for move in pairs.values()
            if move.source == small.source and move.target != small.target
            for other in [replace(small, target=move.target)]
        ]
        for loss_usd, other in sorted(options, key=itemgetter(0)):
            if loss_usd > left_usd:
                break
            changed = _changed(flows, rows, small, other)
            if not _is_kept(problem, flows, changed, rules):
                continue
            flows = changed
            left_usd -= max(loss_usd, 0.0)
            del pairs[pair]
            if other is not None:
                # The rest of the pairs stays, so there is one transfer less.
                other_pair = other.source, other.target
                moved_mw = pairs[other_pair].moved_mw + other.moved_mw
                pairs[other_pair] = replace(other, moved_mw=moved_mw)
                if other_pair in sizes_mwh:
                    sizes_mwh[other_pair] = float(moved_mw.sum())
            break
    # The pairs of the changed flows are found anew by whoever carries them out.
    are_fewer = len(transfers(problem.slugs, *flows)) < n_before
    return flows if are_fewer else (out_mw, in_mw)


def _changed(
    flows: Flows,
    rows: Mapping[str, int],
    small: PlanTransfer,
    other: PlanTransfer | None,
) -> Flows:
    """The flows without a transfer, or with another in its place."""
    out_mw, in_mw = flows[0].copy(), flows[1].copy()
    source, target = rows[small.source], rows[small.target]
    in_mw[target] = np.maximum(in_mw[target] - small.moved_mw, 0.0)
    if other is None:
        out_mw[source] = np.maximum(out_mw[source] - small.moved_mw, 0.0)
    else:
        in_mw[rows[other.target]] += small.moved_mw
    return out_mw, in_mw


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
