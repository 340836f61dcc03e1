"""One day of a backtest of plans: the portal's planner, and what came of its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import numpy as np

from core.aliases import FloatArray
from core.conformity import MINIMUM_SCORES, Calibration
from core.days import WINDOW_H
from core.errors import PlanInfeasible
from core.few_transfers import Flows
from core.hindsight import true_flows
from core.optimizer import best_plan
from core.outlooks import RegionOutlook
from core.placement import PlanPrices, PlanRegion, PlanRules, Totals, placement
from core.rescoring import CalibrationWindows, WindowHours
from core.shift import net_rise_c
from core.telemetry import Quantity
from orchestrator.plans.comparison import compare
from orchestrator.plans.problem import as_it_came, plan_problems
from orchestrator.windows.assembly import Window

_NO_ERROR = np.stack([np.zeros(WINDOW_H), np.ones(WINDOW_H), np.zeros(WINDOW_H)])
_CERTAIN = Calibration(
    ordered_scores=(0.0,) * MINIMUM_SCORES,
    offset=0.0,
    alpha=Decimal("0.5"),
    windows=CalibrationWindows.stacked(
        [WindowHours(day_max=0.0, hours=_NO_ERROR.astype(np.float32))] * MINIMUM_SCORES
    ),
)
"""Of a forecast that is the truth: its bound is its maximum, after a rise too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCounts:
    """Region-days by what was said of them at the issue, and by what came.

    Attributes
    ----------
    blocked_before, blocked_after : int
        BLOCKED at the issue, doing nothing and under the plan.
    exceeded_before, exceeded_after : int
        The limit was really passed, doing nothing and under the plan's true flows.
    missed_before, missed_after : int
        APPROVED and yet passed.
    changed, held : int
        Days on which the plan changes the load of a region with a bound, and those of
        them whose maximum, moved by the planned rise, stayed within the bound.
    margin_sum_c : float
        Bound less that maximum, summed over the changed days, degC.
    """

    judged: int = 0
    blocked_before: int = 0
    blocked_after: int = 0
    exceeded_before: int = 0
    exceeded_after: int = 0
    missed_before: int = 0
    missed_after: int = 0
    changed: int = 0
    held: int = 0
    margin_sum_c: float = 0.0

    def __add__(self, other: HeatCounts) -> HeatCounts:
        return HeatCounts(
            **{
                name: getattr(self, name) + getattr(other, name)
                for name in HeatCounts.__slots__
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDay:
    """One day: totals by way of running the fleet, on the true values.

    Attributes
    ----------
    transfers_mwh : tuple of float
        What each transfer of the plan moves.
    """

    issued_at_utc: datetime
    totals: Mapping[str, Totals]
    heat: HeatCounts
    left_out: Mapping[str, str]
    transfers_mwh: tuple[float, ...]


def plan_day(
    windows: Sequence[Window], prices: PlanPrices, rules: PlanRules
) -> PlanDay:
    """Plan a day on what was known at its issue, and judge the plan by what came.

    Raises
    ------
    PlanInfeasible
        When no plan keeps every limit, or no region is fully known.
    """
    problems = plan_problems(windows)
    known, truth = problems.known, problems.truth
    if truth is None:
        message = "No region is fully known."
        raise PlanInfeasible(message)
    plan = best_plan(known, prices, rules)
    planned = (plan.out_mw, plan.in_mw)
    compared = compare(problems, planned, prices, rules)
    if "oracle" not in compared.came:
        message = "No plan keeps every limit under what came."
        raise PlanInfeasible(message)
    by_slug = {window.region.slug: window for window in windows}
    inside = [by_slug[slug] for slug in known.slugs]
    certain = placement([_heat_known(as_it_came(window)) for window in inside])
    clairvoyant = best_plan(certain, prices, rules)
    frac = rules.migration_energy_frac
    carried_out = true_flows(known, truth, *planned, migration_energy_frac=frac)
    return PlanDay(
        issued_at_utc=windows[0].issued_at_utc,
        totals={**compared.came, "clairvoyant": clairvoyant.totals},
        heat=_heat_of_plan(inside, planned, carried_out, frac),
        left_out={item.slug: item.reason for item in known.left_out},
        transfers_mwh=tuple(float(move.moved_mw.sum()) for move in plan.moves),
    )


def _heat_known(region: PlanRegion) -> PlanRegion:
    """The region for somebody who knows the temperatures already."""
    outlook, temperature_c = region.outlook, region.signals.dry_bulb_c
    if outlook.forecast is None or not np.isfinite(temperature_c).all():
        return region
    certain = replace(
        outlook,
        policy=replace(outlook.policy, confidence=1 - _CERTAIN.alpha),
        forecast=replace(outlook.forecast, mean=temperature_c, scale=np.ones(WINDOW_H)),
        calibration=_CERTAIN,
    )
    return replace(region, outlook=certain)


def _heat_of_plan(
    windows: Sequence[Window], planned: Flows, carried_out: Flows, frac: float
) -> HeatCounts:
    planned_mw, actual_mw = (
        (1.0 + frac) * in_mw - out_mw for out_mw, in_mw in (planned, carried_out)
    )
    counts = HeatCounts()
    for row, window in enumerate(windows):
        planned_rise_c = _rise_c(window.outlook, planned_mw[row])
        actual_rise_c = _rise_c(as_it_came(window).outlook, actual_mw[row])
        counts += _heat(window, planned_rise_c, actual_rise_c)
    return counts


def _rise_c(outlook: RegionOutlook, change_mw: FloatArray) -> FloatArray:
    return net_rise_c(
        change_mw,
        reference_mw=outlook.it_load_mw,
        factor_c_per_pct=outlook.policy.cooling_factor_c_per_pct,
    )


def _heat(
    window: Window, planned_rise_c: FloatArray, actual_rise_c: FloatArray
) -> HeatCounts:
    temperature = window.telemetry.column(Quantity.TEMPERATURE_C)
    before, after = window.outlook.check(), window.outlook.check(planned_rise_c)
    if before is None or not np.isfinite(temperature).all():
        return HeatCounts()
    limit_c = window.policy.thermal_limit_c
    is_blocked = after is None or after.is_exceeded
    exceeded_before = bool(temperature.max() > limit_c)
    exceeded_after = bool((temperature + actual_rise_c).max() > limit_c)
    is_changed = after is not None and bool(planned_rise_c.any())
    margin_c = 0.0
    if after is not None and is_changed:
        margin_c = after.bound - float((temperature + planned_rise_c).max())
    return HeatCounts(
        judged=1,
        blocked_before=int(before.is_exceeded),
        blocked_after=int(is_blocked),
        exceeded_before=int(exceeded_before),
        exceeded_after=int(exceeded_after),
        missed_before=int(exceeded_before and not before.is_exceeded),
        missed_after=int(exceeded_after and not is_blocked),
        changed=int(is_changed),
        held=int(is_changed and margin_c >= 0.0),
        margin_sum_c=margin_c,
    )
