"""Plans of past days, made on day-ahead forecasts and judged by what came.

Works on arrays, without a database: who calls it brings telemetry and forecasts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import numpy as np

from core.conformity import ScoreTracker, conformity_score
from core.days import WINDOW_H, window_end
from core.errors import InvalidInput, PlanInfeasible
from core.footprints import hourly_rates
from core.forecasts import HourlyForecast, Refusal, Target
from core.placement import PlanPrices, PlanRules
from core.policies import Policy
from core.regions import Region
from core.rescoring import WindowHours
from core.telemetry import HOUR, Quantity, TelemetryFrame
from orchestrator.backtests.file_source import FileSource
from orchestrator.backtests.plan_days import PlanDay, plan_day
from orchestrator.windows.assembly import actual_signals

Forecasts = Mapping[tuple[str, Target], Sequence[HourlyForecast | Refusal]]
"""By region and target, one answer for each issue instant."""

WAYS = ("nothing", "greedy", "plan", "oracle", "clairvoyant")
"""The oracle knows loads, weather, carbon and prices, but keeps to the bounds on heat
that were known; the clairvoyant knows the day's maximum too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRegion:
    """A region with its limit, and its telemetry before and after every issue.

    `auctioned_h` is how many hours of the window have a known price at the issue.
    """

    region: Region
    frame: TelemetryFrame
    limit_c: float
    auctioned_h: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBacktestSetup:
    """What is asked of every day.

    Attributes
    ----------
    issues : sequence of datetime
        One a day, ascending; the first `n_calibration` only give scores.
    every : int
        Plan every n-th of the test days, n >= 1; all of them give scores.
    keeps_hours : bool
        Whether scored windows keep their hours; without them bounds move by the largest
        hour of a rise.
    """

    issues: Sequence[datetime]
    n_calibration: int
    prices: PlanPrices
    rules: PlanRules = field(default_factory=PlanRules)
    confidence: Decimal = Decimal("0.95")
    cooling_factor_c_per_pct: float = 0.05
    counts_hydro_water: bool = False
    every: int = 1
    keeps_hours: bool = True

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
    alpha = 1 - setup.confidence
    trackers = {item.region.slug: ScoreTracker(alpha) for item in regions}
    days: list[PlanDay] = []
    infeasible: dict[datetime, str] = {}
    for number, issued_at_utc in enumerate(setup.issues):
        sources = [
            _source(item, forecasts, number, trackers[item.region.slug], setup)
            for item in regions
        ]
        past_first = number - setup.n_calibration
        if past_first >= 0 and past_first % setup.every == 0:
            if on_day is not None:
                on_day(issued_at_utc)
            windows = [source.window() for source in sources]
            try:
                days.append(plan_day(windows, setup.prices, setup.rules))
            except PlanInfeasible as exc:
                infeasible[issued_at_utc] = exc.message
        for source in sources:
            _learn(source, keeps_hours=setup.keeps_hours)
    tested = setup.issues[setup.n_calibration :]
    return PlanBacktestResult(
        days=tuple(days),
        infeasible=infeasible,
        rates={item.region.slug: _rates(item, tested, setup) for item in regions},
    )


def _source(
    item: BacktestRegion,
    forecasts: Forecasts,
    number: int,
    tracker: ScoreTracker,
    setup: PlanBacktestSetup,
) -> FileSource:
    return FileSource(
        region=item.region,
        policy=setup.policy(item.limit_c),
        frame=item.frame,
        auctioned_h=item.auctioned_h,
        issued_at_utc=setup.issues[number],
        answers={
            target: forecasts[item.region.slug, target][number] for target in Target
        },
        tracker=tracker,
    )


def _learn(source: FileSource, *, keeps_hours: bool) -> None:
    """The score of the day that ends when the next one is issued."""
    answer = source.answers[Target.TEMPERATURE_C]
    came = source.telemetry(source.issued_at_utc, window_end(source.issued_at_utc))
    temperature = came.column(Quantity.TEMPERATURE_C)
    if isinstance(answer, HourlyForecast) and np.isfinite(temperature).all():
        source.tracker.add(
            conformity_score(float(temperature.max()), answer.mean, answer.scale),
            WindowHours.observed(temperature, answer.mean, answer.scale)
            if keeps_hours
            else None,
        )


def _rates(
    item: BacktestRegion, issues: Sequence[datetime], setup: PlanBacktestSetup
) -> RegionRates:
    """Over the hours in which everything is known, doing nothing."""
    signals = actual_signals(
        item.region,
        item.frame.window(issues[0], issues[-1] + WINDOW_H * HOUR),
        carbon_kind=None,
        counts_hydro_water=setup.counts_hydro_water,
    )
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
