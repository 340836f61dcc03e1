"""A greedy plan, as made by hand: hour by hour, to the cheapest region with room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.aliases import FloatArray
from core.placement import Placement, PlanPrices
from core.plan_limits import within_limits


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedyPlan:
    """Flows of the greedy plan, shape (n_regions, n_hours), MW."""

    out_mw: FloatArray
    in_mw: FloatArray


def greedy_plan(
    problem: Placement, prices: PlanPrices, *, migration_energy_frac: float = 0.0
) -> GreedyPlan:
    """Cheapest feasible region, hour by hour; budgets and ramps are ignored.

    First each region above its limit sheds what it must, in the order of the fleet;
    then each region, in the same order, sends what still may move to the cheapest
    region that has room, as long as that saves money. Heat and capacity are kept in
    every hour, so the plan is feasible wherever a plan is.
    """
    gain = 1.0 + migration_energy_frac
    plan, _ = within_limits(
        problem,
        lambda rows: _filled(rows, prices, gain),
        lambda plan: [gain * plan.in_mw - plan.out_mw],
    )
    return plan


def _filled(problem: Placement, prices: PlanPrices, gain: float) -> GreedyPlan:
    rates = problem.rates.priced(prices)
    shape = problem.load_mw.shape
    out, inward = np.zeros(shape), np.zeros(shape)
    for hour in range(shape[1]):
        state = _Hour(problem, rates[:, hour], hour, gain, prices.migration_usd_per_mwh)
        for giver in range(shape[0]):
            state.shed(giver)
        for giver in range(shape[0]):
            state.save(giver)
        out[:, hour], inward[:, hour] = state.out, state.inward
    return GreedyPlan(out_mw=out, in_mw=inward)


class _Hour:
    """One hour's flows while they are made."""

    def __init__(
        self,
        problem: Placement,
        rates: FloatArray,
        hour: int,
        gain: float,
        migration_usd_per_mwh: float,
    ) -> None:
        self._rates, self._gain = rates.tolist(), gain
        self._migration = migration_usd_per_mwh
        # Lists: one number at a time is read far faster from them.
        self._room = problem.receivable_mw[:, hour].tolist()
        self._must = problem.excess_mw[:, hour].tolist()
        self._left = problem.movable_mw[:, hour].tolist()
        cheapest = np.argsort(rates, kind="stable").tolist()
        self._order = [taker for taker in cheapest if self._room[taker] > 0.0]
        self._first = 0
        self.out, self.inward = [0.0] * len(rates), [0.0] * len(rates)

    def shed(self, giver: int) -> None:
        """Send away what has to leave, whatever it costs."""
        self._send(giver, self._must[giver], must_save=False)

    def save(self, giver: int) -> None:
        """Send away what is cheaper elsewhere, unless the region received load."""
        if self.inward[giver] == 0.0:
            self._send(giver, np.inf, must_save=True)

    def _send(self, giver: int, wanted_mw: float, *, must_save: bool) -> None:
        self._pass_over_the_full()
        for number in range(self._first, len(self._order)):
            taker = self._order[number]
            cost = self._gain * self._rates[taker] + self._migration
            if must_save and cost >= self._rates[giver]:
                return
            if taker == giver or self.out[taker] > 0.0:
                continue
            amount = min(wanted_mw, self._left[giver], self._room[taker] / self._gain)
            if amount > 0.0:
                self.out[giver] += amount
                self.inward[taker] += amount
                self._left[giver] -= amount
                self._room[taker] -= self._gain * amount
                wanted_mw -= amount
            if not (wanted_mw > 0.0 and self._left[giver] > 0.0):
                return

    def _pass_over_the_full(self) -> None:
        """Start at the cheapest taker that still may take: the others never will."""
        while self._first < len(self._order):
            taker = self._order[self._first]
            if self._room[taker] > 0.0 and self.out[taker] == 0.0:
                return
            self._first += 1
