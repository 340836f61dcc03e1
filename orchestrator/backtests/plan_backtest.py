"""Plans of past days, made on day-ahead forecasts and judged by what came.

Works on arrays, without a database: who calls it brings telemetry and forecasts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from core.conformal import ScoreTracker, conformity_score
from core.days import WINDOW_H
from core.errors import InvalidInput, PlanInfeasible
from core.footprints import hourly_rates
from core.forecasts import HourlyForecast, Target
from core.greedy import greedy_plan
from core.hindsight import true_flows
from core.optimizer import best_plan
from core.outlooks import RegionOutlook
from core.placement import Placement, PlanPrices, PlanRules, Totals, placement, totals
from core.policies import Policy
from core.shift import net_rise_c
from core.telemetry import HOUR, Quantity
from orchestrator.backtests.plan_backtest_days import (
    BacktestRegion,
    Forecasts,
    KnownDay,
    true_signals,
)

__all__ = ["BacktestRegion", "Forecasts", "PlanBacktestSetup", "run_plan_backtest"]

FloatArray = NDArray[np.float64]
Flows = tuple[FloatArray, FloatArray]
"""Out and in, shape (n_regions, n_hours), MW."""

WAYS = ("nothing", "greedy", "plan", "oracle", "clairvoyant")
"""The oracle knows loads, weather, carbon and prices, but keeps to the bounds on heat
that were known; the clairvoyant knows the day's maximum too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBacktestSetup:
    """What is asked of every day.

    Attributes
    ----------
    issues : sequence of datetime
        One a day, ascending; the first `n_calibration` only give scores.
    """

    issues: Sequence[datetime]
    n_calibration: int
    prices: PlanPrices
    rules: PlanRules = field(default_factory=PlanRules)
    confidence: Decimal = Decimal("0.95")
    cooling_factor_c_per_pct: float = 0.05
    counts_hydro_water: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.n_calibration < len(self.issues):
            message = "There is no day left to test after the calibration."
            raise InvalidInput(message)

    def policy(self, limit_c: float) -> Policy:
        """The policy of a region with this limit."""
        return Policy(
            thermal_limit_c=limit_c,
            confidence=self.confidence,
            cooling_factor_c_per_pct=self.cooling_factor_c_per_pct,
            migration_energy_frac=self.rules.migration_energy_frac,
            counts_hydro_water=self.counts_hydro_water,
        )


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
    """

    judged: int = 0
    blocked_before: int = 0
    blocked_after: int = 0
    exceeded_before: int = 0
    exceeded_after: int = 0
    missed_before: int = 0
    missed_after: int = 0

    def __add__(self, other: HeatCounts) -> HeatCounts:
        return HeatCounts(
            **{
                name: getattr(self, name) + getattr(other, name)
                for name in HeatCounts.__slots__
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDay:
    """One day: totals by way of running the fleet, on the true values."""

    issued_at_utc: datetime
    totals: Mapping[str, Totals]
    heat: HeatCounts
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRates:
    """What a MWh of IT load cost in a region over the test days, as it came."""

    it_energy_mwh: float
    facility_mwh_per_mwh: float
    emissions_kgco2e_per_mwh: float
    water_on_site_l_per_mwh: float
    water_off_site_l_per_mwh: float
    cost_usd_per_mwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBacktestResult:
    """Every test day, and the rates of every region.

    Attributes
    ----------
    infeasible : Mapping of instant to sentence
        Days on which no plan kept capacity and ramps; they are in no sum.
    """

    days: tuple[PlanDay, ...]
    rates: Mapping[str, RegionRates]
    infeasible: Mapping[datetime, str]


def run_plan_backtest(
    regions: Sequence[BacktestRegion],
    forecasts: Forecasts,
    setup: PlanBacktestSetup,
    on_day: Callable[[datetime], None] | None = None,
) -> PlanBacktestResult:
    """Plan every test day on what was known at its issue, and judge it by what came.

    Raises
    ------
    InvalidInput
        When there is no region or the forecasts are of other days.
    """
    if not regions:
        message = "There is no region to plan for."
        raise InvalidInput(message)
    for key, answers in forecasts.items():
        if len(answers) != len(setup.issues):
            message = f"Forecasts of {key[1]} in {key[0]} are of other days."
            raise InvalidInput(message)
    trackers = {item.region.slug: ScoreTracker(_alpha(setup)) for item in regions}
    days: list[PlanDay] = []
    infeasible: dict[datetime, str] = {}
    for number, issued_at_utc in enumerate(setup.issues):
        if number >= setup.n_calibration:
            if on_day is not None:
                on_day(issued_at_utc)
            known = [
                KnownDay(
                    item,
                    {t: forecasts[item.region.slug, t][number] for t in Target},
                    issued_at_utc,
                    trackers[item.region.slug],
                    setup.policy(item.limit_c),
                )
                for item in regions
            ]
            try:
                days.append(_plan_day(known, issued_at_utc, setup))
            except PlanInfeasible as exc:
                infeasible[issued_at_utc] = exc.message
        for item in regions:
            _learn(trackers[item.region.slug], item, forecasts, number, issued_at_utc)
    tested = setup.issues[setup.n_calibration :]
    return PlanBacktestResult(
        days=tuple(days),
        infeasible=infeasible,
        rates={
            item.region.slug: _rates(item, tested, setup.counts_hydro_water)
            for item in regions
        },
    )


def _plan_day(
    regions: Sequence[KnownDay], issued_at_utc: datetime, setup: PlanBacktestSetup
) -> PlanDay:
    left_out: dict[str, str] = {}
    inside = list(regions)
    for make in (KnownDay.as_forecast, KnownDay.as_it_came):
        problem = placement([make(known) for known in inside])
        left_out |= {item.slug: item.reason for item in problem.left_out}
        inside = [known for known in inside if known.item.region.slug not in left_out]
    known = placement([item.as_forecast() for item in inside])
    truth = placement([item.as_it_came() for item in inside])
    prices, rules = setup.prices, setup.rules
    frac = rules.migration_energy_frac
    plan = best_plan(known, prices, rules)
    greedy = greedy_plan(known, prices, migration_energy_frac=frac)
    oracle = best_plan(truth, prices, rules)
    certain = placement([item.as_it_came(heat_is_known=True) for item in inside])
    clairvoyant = best_plan(certain, prices, rules)
    stay = np.zeros_like(truth.load_mw)

    def carried_out(out: FloatArray, inward: FloatArray) -> Flows:
        return true_flows(known, truth, out, inward, migration_energy_frac=frac)

    flows = {
        "nothing": (stay, stay),
        "greedy": carried_out(greedy.out_mw, greedy.in_mw),
        "plan": carried_out(plan.out_mw, plan.in_mw),
        "oracle": (oracle.out_mw, oracle.in_mw),
        "clairvoyant": (clairvoyant.out_mw, clairvoyant.in_mw),
    }
    return PlanDay(
        issued_at_utc=issued_at_utc,
        totals={
            way: _totals(truth, out, inward, frac)
            for way, (out, inward) in flows.items()
        },
        heat=_heat_of_plan(inside, (plan.out_mw, plan.in_mw), flows["plan"], frac),
        left_out=left_out,
    )


def _totals(
    truth: Placement, out: FloatArray, inward: FloatArray, frac: float
) -> Totals:
    load = truth.load_mw - out + (1.0 + frac) * inward
    return totals(truth, load, float(inward.sum()))


def _heat_of_plan(
    regions: Sequence[KnownDay], planned: Flows, came: Flows, frac: float
) -> HeatCounts:
    counts = HeatCounts()
    for row, known in enumerate(regions):
        expected, actual = known.as_forecast().outlook, known.as_it_came().outlook
        planned_mw = (1.0 + frac) * planned[1][row] - planned[0][row]
        came_mw = (1.0 + frac) * came[1][row] - came[0][row]
        counts += _heat(
            known, expected, _rise_c(expected, planned_mw), _rise_c(actual, came_mw)
        )
    return counts


def _rise_c(outlook: RegionOutlook, change_mw: FloatArray) -> FloatArray:
    return net_rise_c(
        change_mw,
        reference_mw=outlook.it_load_mw,
        factor_c_per_pct=outlook.policy.cooling_factor_c_per_pct,
    )


def _heat(
    known: KnownDay,
    outlook: RegionOutlook,
    planned_rise_c: FloatArray,
    actual_rise_c: FloatArray,
) -> HeatCounts:
    temperature = known.came.column(Quantity.TEMPERATURE_C)
    before, after = outlook.check(), outlook.check(planned_rise_c)
    if before is None or not np.isfinite(temperature).all():
        return HeatCounts()
    limit_c = outlook.policy.thermal_limit_c
    is_blocked = after is None or after.is_exceeded
    exceeded_before = bool(temperature.max() > limit_c)
    exceeded_after = bool((temperature + actual_rise_c).max() > limit_c)
    return HeatCounts(
        judged=1,
        blocked_before=int(before.is_exceeded),
        blocked_after=int(is_blocked),
        exceeded_before=int(exceeded_before),
        exceeded_after=int(exceeded_after),
        missed_before=int(exceeded_before and not before.is_exceeded),
        missed_after=int(exceeded_after and not is_blocked),
    )


def _learn(
    tracker: ScoreTracker,
    item: BacktestRegion,
    forecasts: Forecasts,
    number: int,
    issued_at_utc: datetime,
) -> None:
    """The score of the day that ends when the next one is issued."""
    answer = forecasts[item.region.slug, Target.TEMPERATURE_C][number]
    came = item.frame.window(issued_at_utc, issued_at_utc + WINDOW_H * HOUR)
    temperature = came.column(Quantity.TEMPERATURE_C)
    if isinstance(answer, HourlyForecast) and np.isfinite(temperature).all():
        tracker.add(
            conformity_score(float(temperature.max()), answer.mean, answer.scale)
        )


def _alpha(setup: PlanBacktestSetup) -> Decimal:
    return 1 - setup.confidence


def _rates(
    item: BacktestRegion, issues: Sequence[datetime], counts_hydro_water: bool
) -> RegionRates:
    """Over the hours in which everything is known, doing nothing."""
    window = item.frame.window(issues[0], issues[-1] + WINDOW_H * HOUR)
    signals = true_signals(item.region, window, counts_hydro_water=counts_hydro_water)
    rates = hourly_rates(signals)
    columns = (
        rates.facility_mwh,
        rates.emissions_kgco2e,
        rates.water_on_site_l,
        rates.water_off_site_l,
        rates.cost_usd,
    )
    load = signals.it_load_mw
    known = np.isfinite(load) & np.isfinite(np.vstack(columns)).all(axis=0)
    energy_mwh = float(load[known].sum())
    if energy_mwh <= 0.0:
        message = f"{item.region.slug} has no hour in which all is known."
        raise InvalidInput(message)
    sums = [float((column[known] * load[known]).sum()) for column in columns]
    return RegionRates(
        it_energy_mwh=energy_mwh,
        facility_mwh_per_mwh=sums[0] / energy_mwh,
        emissions_kgco2e_per_mwh=sums[1] / energy_mwh,
        water_on_site_l_per_mwh=sums[2] / energy_mwh,
        water_off_site_l_per_mwh=sums[3] / energy_mwh,
        cost_usd_per_mwh=sums[4] / energy_mwh,
    )
