"""Plans without small transfers: few pairs of regions, for hardly any saving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

import numpy as np

from core.aliases import FloatArray
from core.placement import Placement, PlanPrices, PlanRules, totals
from core.plan_limits import keeps_limit_by_plan
from core.plans import PlanTransfer, transfers
from core.shift_rules import LOAD_TOLERANCE_MW

LARGEST_LOSS_FRAC = 0.01
"""Of a plan's saving: what leaving small transfers out may cost."""


_HARDLY_FRAC = 1e-3
"""Of that loss: when no more is left, no further transfer is tried."""

Flows = tuple[FloatArray, FloatArray]
"""Out and in, shape (n_regions, n_hours), MW, in the order of the problem."""


def without_small_transfers(
    problem: Placement,
    out_mw: FloatArray,
    in_mw: FloatArray,
    prices: PlanPrices,
    rules: PlanRules,
) -> tuple[FloatArray, FloatArray, tuple[PlanTransfer, ...]]:
    """The flows of a plan and its transfers, few below `rules.minimum_transfer_mwh`.

    The smallest come first. Each is left out or sent to another target of its source,
    whichever costs less, where every limit is kept without it. Together they cost at
    most a hundredth of the plan's saving. A region that is above its limit before the
    plan goes on giving what it gave.

    Parameters
    ----------
    out_mw, in_mw : ndarray, shape (n_regions, n_hours)
        Balanced in every hour; heat, capacity, budgets and ramps are kept.
    """
    pairs = {
        (move.source, move.target): move.moved_mw
        for move in transfers(problem.slugs, out_mw, in_mw)
    }
    thinning = _Thinning(problem, (out_mw.copy(), in_mw.copy()), prices, rules, pairs)
    thinning.carry_out()
    return (*thinning.flows, thinning.moves())


class _Thinning:
    """The flows while small transfers leave them."""

    def __init__(
        self,
        problem: Placement,
        flows: Flows,
        prices: PlanPrices,
        rules: PlanRules,
        pairs: Mapping[tuple[str, str], FloatArray],
    ) -> None:
        rows = {slug: row for row, slug in enumerate(problem.slugs)}
        self.flows = flows
        self._problem, self._rules = problem, rules
        self._gain = 1.0 + rules.migration_energy_frac
        self._rates = problem.rates.priced(prices)
        self._migration_usd = prices.migration_usd_per_mwh
        # Computed once: each transfer would compute them for the whole fleet.
        self._free_mw = problem.free_mw + LOAD_TOLERANCE_MW
        self._room_mw = np.minimum(problem.room_mw + LOAD_TOLERANCE_MW, self._free_mw)
        self._budgets = _Budgets(problem, rules, flows)
        self._targets: dict[int, dict[int, FloatArray]] = {}
        for (source, target), moved_mw in pairs.items():
            self._targets.setdefault(rows[source], {})[rows[target]] = moved_mw
        self._left_usd = LARGEST_LOSS_FRAC * sum(
            self._values_usd(source, list(moved), np.array([*moved.values()])).sum()
            for source, moved in self._targets.items()
        )

    def carry_out(self) -> None:
        """Leave out, or join with others, the small transfers, the smallest first."""
        least_mwh = self._rules.minimum_transfer_mwh
        hardly_usd = _HARDLY_FRAC * self._left_usd
        small = [
            (float(moved_mw.sum()), source, target)
            for source, targets in self._targets.items()
            for target, moved_mw in targets.items()
        ]
        heapify(small)
        while small:
            size_mwh, source, target = heappop(small)
            # What is left of the loss would not pay for another transfer.
            if size_mwh >= least_mwh or self._left_usd <= hardly_usd:
                break
            moved_mw = self._targets[source].get(target)
            if moved_mw is None or float(moved_mw.sum()) != size_mwh:
                continue  # it grew meanwhile, and is there again with its new size
            joined = self._leave_out(source, target, moved_mw)
            if joined is not None:
                joined_mwh = float(self._targets[source][joined].sum())
                heappush(small, (joined_mwh, source, joined))

    def moves(self) -> tuple[PlanTransfer, ...]:
        """The transfers that are left, in the order of the problem."""
        slugs = self._problem.slugs
        return tuple(
            PlanTransfer(source=slugs[source], target=slugs[target], moved_mw=moved_mw)
            for source in sorted(self._targets)
            for target, moved_mw in sorted(self._targets[source].items())
        )

    def _leave_out(self, source: int, target: int, moved_mw: FloatArray) -> int | None:
        """Leave one transfer out where that may be; the target that it joined."""
        others = [other for other in self._targets[source] if other != target]
        (value_usd,) = self._values_usd(source, [target], moved_mw[np.newaxis])
        losses_usd = value_usd - np.append(
            self._values_usd(source, others, moved_mw[np.newaxis]), 0.0
        )
        # What has no room by the program's rows need not be judged.
        change_mw = self._gain * (self.flows[1][others] + moved_mw)
        has_room = (change_mw <= self._room_mw[others]).all(axis=1)
        may_stay = not self._problem.over_c[source] > 0.0
        is_open = np.append(has_room, may_stay) & (losses_usd <= self._left_usd)
        for number in np.argsort(losses_usd, kind="stable").tolist():
            other = others[number] if number < len(others) else None
            if not (is_open[number] and self._is_made(source, target, other, moved_mw)):
                continue
            self._left_usd -= max(losses_usd[number], 0.0)
            del self._targets[source][target]
            if other is not None:
                joined_mw = self._targets[source][other] + moved_mw
                self._targets[source][other] = joined_mw
            return other
        return None

    def _values_usd(
        self, source: int, targets: Sequence[int], moved_mw: FloatArray
    ) -> FloatArray:
        """What transfers save; costs are linear, so transfers add up.

        `moved_mw` has a row for each target, or one for all.
        """
        saved = self._rates[source] - self._gain * self._rates[targets]
        return np.asarray((moved_mw * (saved - self._migration_usd)).sum(axis=1))

    def _is_made(
        self, source: int, target: int, other: int | None, moved_mw: FloatArray
    ) -> bool:
        """Change the flows, unless a region or a rule of the plan would not be kept."""
        out_mw, in_mw = self.flows
        changed = [target, source if other is None else other]
        before = out_mw[changed], in_mw[changed]
        before_mw = self._changes_mw(changed)
        in_mw[target] = np.maximum(in_mw[target] - moved_mw, 0.0)
        if other is None:
            out_mw[source] = np.maximum(out_mw[source] - moved_mw, 0.0)
        else:
            in_mw[other] += moved_mw
        change_mw = self._changes_mw(changed)
        if self._are_kept(changed, change_mw) and self._budgets.are_kept(
            changed, change_mw - before_mw
        ):
            return True
        out_mw[changed], in_mw[changed] = before
        return False

    def _changes_mw(self, rows: list[int]) -> FloatArray:
        out_mw, in_mw = self.flows
        return self._gain * in_mw[rows] - out_mw[rows]

    def _are_kept(self, changed: list[int], change_mw: FloatArray) -> bool:
        """Whether the changed regions keep their limits and their ramps."""
        problem, (out_mw, in_mw) = self._problem, self.flows
        is_turned = (out_mw[changed] > 0.0) & (in_mw[changed] > 0.0)
        return (
            not is_turned.any()
            and bool((change_mw <= self._free_mw[changed]).all())
            and self._is_ramp_kept(change_mw)
            and all(
                keeps_limit_by_plan(problem.outlooks[row], change)
                for row, change in zip(changed, change_mw, strict=True)
                if problem.over_c[row] == 0.0
            )
        )

    def _is_ramp_kept(self, change_mw: FloatArray) -> bool:
        steepest_mw = self._rules.ramp_mw_per_h
        ramp_mw = np.abs(np.diff(change_mw, axis=1)).max(initial=0.0)
        return steepest_mw is None or bool(ramp_mw <= steepest_mw + LOAD_TOLERANCE_MW)


class _Budgets:
    """What is left of a plan's budgets while its flows change."""

    def __init__(self, problem: Placement, rules: PlanRules, flows: Flows) -> None:
        out_mw, in_mw = flows
        load_mw = problem.load_mw + (1.0 + rules.migration_energy_frac) * in_mw - out_mw
        used = totals(problem, load_mw, 0.0)
        rates = problem.rates
        self._budgets = [
            (rates_of, cap - spent)
            for rates_of, cap, spent in (
                (rates.carbon_t, rules.carbon_cap_t, used.carbon_t),
                (rates.water_m3, rules.water_cap_m3, used.water_m3),
                (rates.cost_usd, rules.cost_cap_usd, used.cost_usd),
            )
            if cap is not None
        ]

    def are_kept(self, rows: list[int], change_mw: FloatArray) -> bool:
        """Whether loads may change so; what is left is then less by it."""
        left = [
            (rates, left - float((change_mw * rates[rows]).sum()))
            for rates, left in self._budgets
        ]
        if any(after < 0.0 for _, after in left):
            return False
        self._budgets = left
        return True
