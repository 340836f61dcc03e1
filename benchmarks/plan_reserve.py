"""How often a plan turns a region BLOCKED at one of the next issues, and a reserve.

    .venv/bin/python benchmarks/plan_reserve.py TELEMETRY REGIONS DAYS.npz HOURS.npz

Plans every day of 2023 at 00:00 UTC as `benchmarks/bound_by_hour.py` does, whose
forecasts are read from DAYS.npz, and judges each region again at the issues of 1 to 6 h
with the plan recorded, and a day later by what came. HOURS.npz keeps the temperature
forecasts of those issues; the last 90 days of 2022 are the history that the first
reserves rest on. Prints a JSON object a line.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bound_by_hour import (
    ISSUES,
    N_CALIBRATION,
    TRAIN_UNTIL,
    Forecasts,
    forecasts_of,
)
from core.aliases import FloatArray
from core.conformity import ScoreTracker, conformity_score
from core.errors import PlanInfeasible
from core.forecasts import HourlyForecast, Target
from core.optimizer import best_plan
from core.outlooks import RegionOutlook
from core.placement import PlanPrices, PlanRegion, placement, totals
from core.plan_reserve import (
    NEXT_ISSUES_H,
    largest_moves_c,
    reserve_c,
    with_reserve,
)
from core.rescoring import WindowHours
from core.shift_rules import rise_of_change_c
from core.telemetry import Quantity
from models.backtest import own_limit_c
from models.export import export_onnx
from models.forecasting import hindcast
from models.observations import observed_windows
from models.onnx_model import OnnxModel
from models.train import train_model
from orchestrator.backtests.file_source import FileSource
from orchestrator.backtests.plan_backtest import PlanBacktestSetup
from orchestrator.backtests.plants import REGION_COLUMNS, assumed_region, plant_of
from orchestrator.telemetry.readers.frames import FleetFiles, read_fleet
from orchestrator.windows.assembly import Window

NEXT_H = range(1, NEXT_ISSUES_H + 1)
HISTORY_DAYS = 90
CHANCES = (0.0, 0.05)
PRICES = PlanPrices(carbon_usd_per_t=50.0, water_usd_per_m3=2.0)
HourlyRows = Mapping[str, FloatArray]
"""By region: means and scales, shape (n_days, 7 issues, 2, 24), NaN where refused."""


def hourly_rows(fleet: FleetFiles, cache: Path) -> HourlyRows:
    """Temperature forecasts at the issues of 0 to 6 h of every day, computed once."""
    if not cache.exists():
        trained = train_model(fleet.frames, Target.TEMPERATURE_C, TRAIN_UNTIL, seed=7)
        onnx_bytes = export_onnx(trained)
        model = OnnxModel(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())
        made = {}
        for slug, (frame, _) in fleet.frames.items():
            instants = [t + timedelta(hours=k) for t in ISSUES for k in range(7)]
            region = assumed_region(fleet.table[slug])
            rows = np.full((len(instants), 2, 24), np.nan)
            for number, answer in enumerate(hindcast(model, frame, region, instants)):
                if isinstance(answer, HourlyForecast):
                    rows[number] = answer.mean, answer.scale
            made[slug] = rows.reshape(len(ISSUES), 7, 2, 24)
        np.savez(cache, **made)
    return dict(np.load(cache))


@dataclass(frozen=True, kw_only=True)
class Issue:
    """A region at one issue: its outlook without a plan, None without a bound."""

    outlook: RegionOutlook | None


def walked(
    fleet: FleetFiles,
    forecasts: Forecasts,
    hourly: HourlyRows,
    limits_c: Mapping[str, float],
) -> Iterator[tuple[list[Window], dict[str, list[Issue]]]]:
    """Each day's windows, and every region at its seven issues; history comes first."""
    setup = PlanBacktestSetup(issues=ISSUES, n_calibration=N_CALIBRATION, prices=PRICES)
    alpha = 1 - setup.confidence
    trackers = {slug: [ScoreTracker(alpha) for _ in range(7)] for slug in fleet.frames}
    observed = {
        slug: [
            observed_windows(
                frame,
                Quantity.TEMPERATURE_C,
                [t + timedelta(hours=k) for t in ISSUES],
                24,
            )
            for k in range(7)
        ]
        for slug, (frame, _) in fleet.frames.items()
    }
    for number, issued_at_utc in enumerate(ISSUES):
        if number >= N_CALIBRATION - HISTORY_DAYS:
            windows = [
                FileSource(
                    region=assumed_region(fleet.table[slug]),
                    policy=setup.policy(limits_c[slug]),
                    frame=frame,
                    auctioned_h=plant_of(slug).auctioned_h,
                    issued_at_utc=issued_at_utc,
                    answers={
                        target: forecasts[slug, target][number] for target in Target
                    },
                    tracker=trackers[slug][0],
                ).window()
                for slug, (frame, _) in fleet.frames.items()
            ]
            yield (
                windows,
                {
                    window.region.slug: [
                        _issue(window, hourly, trackers, number, k) for k in range(7)
                    ]
                    for window in windows
                },
            )
        for slug in fleet.frames:
            for k in range(7):
                mean, scale = hourly[slug][number, k]
                came = observed[slug][k][number]
                if np.isfinite(mean).all() and np.isfinite(came).all():
                    trackers[slug][k].add(
                        conformity_score(float(came.max()), mean, scale),
                        WindowHours.observed(came, mean, scale),
                    )


def _issue(
    window: Window,
    hourly: HourlyRows,
    trackers: Mapping[str, list[ScoreTracker]],
    number: int,
    k: int,
) -> Issue:
    slug, outlook = window.region.slug, window.outlook
    mean, scale = hourly[slug][number, k]
    if outlook.forecast is None or not np.isfinite(mean).all():
        return Issue(outlook=None)
    return Issue(
        outlook=replace(
            outlook,
            forecast=replace(outlook.forecast, mean=mean, scale=scale),
            calibration=trackers[slug][k].calibration(),
        )
    )


@dataclass(frozen=True, kw_only=True)
class DayAfter:
    """A region that a plan changed, by what came.

    Attributes
    ----------
    passed_before, passed_after : bool
        Whether its day's maximum was above the limit, without and with the plan.
    is_approved : bool
        Whether its bound after the plan kept the limit.
    is_within_bound : bool
        Whether that bound held.
    """

    passed_before: bool
    passed_after: bool
    is_approved: bool
    is_within_bound: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One plan: what it saves, and which of the regions that it fills turn BLOCKED."""

    nothing_usd: float
    objective_usd: float
    filled: tuple[str, ...]
    turned: tuple[str, ...]
    day_after: tuple[DayAfter, ...]


def outcome(
    windows: Sequence[Window],
    issues: Mapping[str, list[Issue]],
    reserves_c: Mapping[str, float],
) -> Outcome:
    """Plan with reserves, and judge again at the next issues."""
    problem = placement(
        [
            PlanRegion(
                outlook=with_reserve(window.outlook, reserves_c[window.region.slug]),
                signals=window.expected,
            )
            for window in windows
        ]
    )
    plan = best_plan(problem, PRICES)
    stay = totals(problem, problem.load_mw, 0.0)
    filled, turned, day_after = [], [], []
    by_slug = {window.region.slug: window for window in windows}
    for row, slug in enumerate(problem.slugs):
        change_mw = plan.load_after_mw[row] - problem.load_mw[row]
        if change_mw.any() and (seen := _day_after(by_slug[slug], change_mw)):
            day_after.append(seen)
        if (change_mw > 0.0).any():
            rise_c = rise_of_change_c(problem.outlooks[row], change_mw)
            later = [np.concatenate([rise_c[k:], np.zeros(k)]) for k in NEXT_H]
            filled.append(slug)
            if any(map(_is_turned, issues[slug][1:], later)):
                turned.append(slug)
    return Outcome(
        nothing_usd=stay.objective_usd(PRICES),
        objective_usd=plan.objective_usd,
        filled=tuple(filled),
        turned=tuple(turned),
        day_after=tuple(day_after),
    )


def _day_after(window: Window, change_mw: FloatArray) -> DayAfter | None:
    """None where the day's maximum is not known."""
    came_c = window.telemetry.column(Quantity.TEMPERATURE_C)
    rise_c = rise_of_change_c(window.outlook, change_mw)
    after = window.outlook.check(rise_c)
    if after is None or not np.isfinite(came_c).all():
        return None
    limit_c = window.policy.thermal_limit_c
    highest_c = float((came_c + rise_c).max())
    return DayAfter(
        passed_before=float(came_c.max()) > limit_c,
        passed_after=highest_c > limit_c,
        is_approved=not after.is_exceeded,
        is_within_bound=highest_c <= after.bound,
    )


def _is_turned(issue: Issue, rise_c: FloatArray) -> bool:
    if issue.outlook is None:
        return False
    before, after = issue.outlook.check(), issue.outlook.check(rise_c)
    if before is None or before.is_exceeded:
        return False
    return after is None or after.is_exceeded


def _moves_c(issues: Sequence[Issue]) -> list[float]:
    checks = [issue.outlook.check() if issue.outlook else None for issue in issues]
    return largest_moves_c(
        {
            ISSUES[0] + timedelta(hours=k): check.bound
            for k, check in enumerate(checks)
            if check is not None
        }
    )


def main() -> None:
    """Measure and print."""
    telemetry, regions, days, hours = (Path(name) for name in sys.argv[1:5])
    now = datetime.now(UTC)
    fleet = read_fleet(
        telemetry, regions, now, lambda _text: None, columns=REGION_COLUMNS
    )
    forecasts, hourly = forecasts_of(fleet, days), hourly_rows(fleet, hours)
    own_c = {
        slug: own_limit_c(region, TRAIN_UNTIL.date())
        for slug, region in fleet.frames.items()
    }
    for name, limits_c in (("35 degC", dict.fromkeys(own_c, 35.0)), ("own", own_c)):
        moves_c: dict[str, list[float]] = defaultdict(list)
        found: dict[float, list[Outcome]] = defaultdict(list)
        for number, (windows, issues) in enumerate(
            walked(fleet, forecasts, hourly, limits_c)
        ):
            if number >= HISTORY_DAYS:
                for chance in CHANCES:
                    reserves = {
                        slug: reserve_c(moves_c[slug], chance) or 0.0 for slug in own_c
                    }
                    try:
                        found[chance].append(outcome(windows, issues, reserves))
                    except PlanInfeasible:
                        continue
            for slug, seen in issues.items():
                moves_c[slug] += _moves_c(seen)
        for chance, made in found.items():
            saved = sum(x.nothing_usd - x.objective_usd for x in made)
            row = {
                "limit": name,
                "chance": chance,
                "plans": len(made),
                "plans_that_turned_a_region": sum(bool(x.turned) for x in made),
                "filled": sum(len(x.filled) for x in made),
                "turned": sum(len(x.turned) for x in made),
                "day_after": {
                    "regions": sum(len(x.day_after) for x in made),
                    **{
                        name: sum(
                            getattr(seen, name) for x in made for seen in x.day_after
                        )
                        for name in ("passed_before", "passed_after", "is_within_bound")
                    },
                    "passed_although_approved": sum(
                        seen.passed_after and seen.is_approved
                        for x in made
                        for seen in x.day_after
                    ),
                },
                "saving_frac": saved / sum(x.nothing_usd for x in made),
                "reserve_c": {
                    slug: round(reserve_c(moves_c[slug], chance) or 0.0, 2)
                    for slug in own_c
                },
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
