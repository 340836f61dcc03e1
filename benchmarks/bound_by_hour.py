"""What a bound that follows the hours of a rise is worth, beside the worst-hour rule.

    .venv/bin/python benchmarks/bound_by_hour.py TELEMETRY REGIONS CACHE.npz [PART]

Trains on 2021, calibrates on 2022 and judges every day of 2023, issued at 00:00 UTC;
plans are made every day by the rule by hours, every third day by the other.
Forecasts are kept in CACHE.npz and read from there the next time. PART is `rises`,
`room` or `plans`; all by default. Prints a JSON object a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from core.aliases import FloatArray
from core.conformal import are_exceeded, check_limit, errors_quantile
from core.conformity import Calibration, ScoreTracker, conformity_score
from core.errors import CalibrationInsufficient
from core.forecasts import HourlyForecast, Refusal, RefusalCode, Target
from core.placement import PlanPrices
from core.rescoring import WindowHours
from core.telemetry import Quantity
from models.backtest import own_limit_c
from models.fleet_telemetry import RegionTelemetry
from models.observations import observed_windows
from orchestrator.backtests.day_ahead import day_ahead_forecasts
from orchestrator.backtests.plan_backtest import (
    BacktestRegion,
    PlanBacktestSetup,
    run_plan_backtest,
)
from orchestrator.backtests.plan_report import plan_backtest_document
from orchestrator.backtests.plants import REGION_COLUMNS, assumed_region, plant_of
from orchestrator.telemetry.readers.frames import FleetFiles, read_fleet

TRAIN_UNTIL, N_CALIBRATION, N_DAYS = datetime(2022, 1, 1, tzinfo=UTC), 365, 730
ISSUES = [TRAIN_UNTIL + timedelta(days=day) for day in range(N_DAYS)]
CONFIDENCE = PlanBacktestSetup(
    issues=ISSUES, n_calibration=N_CALIBRATION, prices=PlanPrices()
).confidence
ROOM_C = 1.5
"""How far a bound is above or below the limit that a chosen rise just keeps."""
STEPS_C = np.arange(0.0, 10.05, 0.1)
RULES = ("hours", "worst hour")

Forecasts = Mapping[tuple[str, Target], list[HourlyForecast | Refusal]]


@dataclass(frozen=True, kw_only=True)
class Day:
    """A judged day of one region."""

    local_hour: int  # of the issue
    mean: FloatArray
    scale: FloatArray
    observed: FloatArray
    calibrations: Mapping[str, Calibration]  # by rule


def forecasts_of(fleet: FleetFiles, cache: Path) -> Forecasts:
    """Every target at every issue, computed once."""
    if not cache.exists():
        plants = {slug: assumed_region(row) for slug, row in fleet.table.items()}
        made = day_ahead_forecasts(
            fleet.frames,
            plants,
            ISSUES,
            train_until_utc=TRAIN_UNTIL,
            seed=7,
            on_target=lambda target: print(f"forecasting {target}", file=sys.stderr),
        )
        np.savez(cache, **{f"{key[0]}|{key[1]}": _rows(made[key]) for key in made})
    found: dict[tuple[str, Target], list[HourlyForecast | Refusal]] = {}
    for name, rows in np.load(cache).items():
        slug, target = name.split("|")
        found[slug, Target(target)] = [
            HourlyForecast(
                region_slug=slug,
                target=Target(target),
                issued_at_utc=issue,
                mean=row[0],
                scale=row[1],
            )
            if np.isfinite(row).all()
            else Refusal(code=RefusalCode.TELEMETRY_GAP, text="refused.")
            for issue, row in zip(ISSUES, rows, strict=True)
        ]
    return found


def _rows(answers: list[HourlyForecast | Refusal]) -> FloatArray:
    """Means and scales, shape (n_days, 2, 24), NaN where refused."""
    rows = np.full((len(answers), 2, 24), np.nan)
    for number, answer in enumerate(answers):
        if isinstance(answer, HourlyForecast):
            rows[number] = answer.mean, answer.scale
    return rows


def days_of(
    region: RegionTelemetry, answers: list[HourlyForecast | Refusal]
) -> Iterator[Day]:
    """The test days, each calibrated by the days before it under both rules."""
    frame, time_zone = region
    observed = observed_windows(frame, Quantity.TEMPERATURE_C, ISSUES, 24)
    tracker = ScoreTracker(1 - CONFIDENCE)
    for number, (answer, came) in enumerate(zip(answers, observed, strict=True)):
        if isinstance(answer, Refusal) or not np.isfinite(came).all():
            continue
        mean, scale = answer.mean, answer.scale
        if number >= N_CALIBRATION:
            try:
                calibration = tracker.calibration()
            except CalibrationInsufficient:
                continue
            yield Day(
                local_hour=ISSUES[number].astimezone(ZoneInfo(time_zone)).hour,
                mean=mean,
                scale=scale,
                observed=came,
                calibrations={
                    "hours": calibration,
                    "worst hour": replace(calibration, windows=None),
                },
            )
        tracker.add(
            conformity_score(float(came.max()), mean, scale),
            WindowHours.observed(came, mean, scale),
        )


def profiles_of(day: Day) -> dict[str, FloatArray]:
    """Rises that nobody chose by looking at the forecast, degC."""
    hours = np.arange(24)
    local = (hours + day.local_hour) % 24
    return {
        "none": np.zeros(24),
        "-4 in every hour": np.full(24, -4.0),
        "-4 in all hours but the last": np.where(hours < 23, -4.0, 0.0),
        "-4 in the first twelve hours": np.where(hours < 12, -4.0, 0.0),
        "+4 from 22 to 6 h local": np.where((local >= 22) | (local < 6), 4.0, 0.0),
    }


def chosen_of(day: Day, rule: str) -> dict[str, FloatArray | None]:
    """Rises that are chosen each day so that the bound just keeps a limit, degC.

    Least falls for a limit below the bound, largest rises for one above it; None where
    no step keeps it.
    """
    hours = np.arange(24)
    local = (hours + day.local_hour) % 24
    load = 1.0 + 0.3 * np.sin(2 * np.pi * (hours - 4) / 24)  # as loads of two regions
    bound = check_limit(day.mean, day.scale, day.calibrations[rule], limit=0.0).bound
    night = ((local >= 22) | (local < 6)).astype(np.float64)
    return {
        "least fall, by load": _least(day, rule, -load, bound - ROOM_C),
        "least fall, six hottest hours": _least(
            day, rule, -_hottest(day.mean), bound - ROOM_C
        ),
        "most rise, by load": _most(day, rule, load, bound + ROOM_C),
        "most rise, at night": _most(day, rule, night, bound + ROOM_C),
        "most rise, levelled": _levelled(day, rule, bound + ROOM_C, by_errors=False),
        "most rise, levelled by a plan": _levelled(
            day, rule, bound + ROOM_C, by_errors=True
        ),
    }


def _hottest(mean: FloatArray) -> FloatArray:
    return (mean >= np.sort(mean)[-6]).astype(np.float64)


def _is_kept(day: Day, rule: str, rises: FloatArray, limit_c: float) -> FloatArray:
    return ~are_exceeded(
        day.mean,
        day.scale,
        day.calibrations[rule],
        limit=limit_c,
        rises_by_hour=rises,
    )


def _least(day: Day, rule: str, unit: FloatArray, limit_c: float) -> FloatArray | None:
    rises = STEPS_C[:, None] * unit
    kept = _is_kept(day, rule, rises, limit_c)
    return rises[int(np.argmax(kept))] if kept.any() else None


def _most(day: Day, rule: str, unit: FloatArray, limit_c: float) -> FloatArray:
    rises = STEPS_C[:, None] * unit
    refused = ~_is_kept(day, rule, rises, limit_c)
    first = int(np.argmax(refused)) if refused.any() else len(rises)
    return rises[max(first - 1, 0)]


def _levelled(day: Day, rule: str, limit_c: float, *, by_errors: bool) -> FloatArray:
    """Every hour raised to one level, as far as the bound keeps the limit.

    `by_errors`: as plans are judged, by past errors on the shifted forecast as well.
    """
    calibration = day.calibrations[rule]
    if calibration.windows is None:
        return np.full(24, ROOM_C)
    hottest = day.mean + calibration.quantile * day.scale
    levels_c = np.arange(0.0, 8.0, 0.1)  # below the limit
    rises_c = np.clip(limit_c - levels_c[:, None] - hottest, 0.0, None)
    kept = _is_kept(day, rule, rises_c, limit_c)
    if by_errors:
        kept &= [_errors_bound_c(day, rise_c) <= limit_c for rise_c in rises_c]
    return rises_c[int(np.argmax(kept))] if kept.any() else np.zeros(24)


def _errors_bound_c(day: Day, rise_c: FloatArray) -> float:
    quantile = errors_quantile(
        day.mean, day.scale, day.calibrations["hours"], rise_by_hour=rise_c
    )
    return float(np.max(day.mean + rise_c + quantile * day.scale))


def rises(region_days: Mapping[str, list[Day]]) -> Iterator[dict[str, object]]:
    """Coverage and margin of both rules, by the profile of the rise."""
    margins_c: dict[str, dict[str, dict[str, list[float]]]] = {}
    for slug, days in region_days.items():
        for day in days:
            for rule in RULES:
                for name, rise_c in (profiles_of(day) | chosen_of(day, rule)).items():
                    if rise_c is not None:
                        by_rule = margins_c.setdefault(name, {x: {} for x in RULES})
                        margin_c = _margin_c(day, rule, rise_c)
                        by_rule[rule].setdefault(slug, []).append(margin_c)
    for name, by_rule in margins_c.items():
        yield {"rise": name} | {
            rule: _figures(by_rule[rule], by_rule[RULES[0]]) for rule in RULES
        }


def _margin_c(day: Day, rule: str, rise_c: FloatArray) -> float:
    """Bound less the day's maximum, both after the rise."""
    check = check_limit(
        day.mean, day.scale, day.calibrations[rule], limit=0.0, rise_by_hour=rise_c
    )
    return check.bound - float((day.observed + rise_c).max())


def _figures(
    by_region: Mapping[str, list[float]], reference: Mapping[str, list[float]]
) -> dict[str, object]:
    """Pooled and by region; and the margin if it covered as often as the reference."""
    if not by_region:
        return {"days": 0}
    margins = {slug: np.array(values) for slug, values in by_region.items()}
    missed = {slug: np.mean(np.array(x) < 0.0) for slug, x in reference.items()}
    pooled = np.concatenate(list(margins.values()))
    equal = [
        margin - np.quantile(margin, missed[slug]) for slug, margin in margins.items()
    ]
    return {
        "days": len(pooled),
        "coverage": round(float(np.mean(pooled >= 0.0)), 4),
        "margin_c": round(float(np.mean(pooled)), 2),
        "margin_at_equal_coverage_c": round(float(np.mean(np.concatenate(equal))), 2),
        "coverage_by_region": {
            slug: round(float(np.mean(margin >= 0.0)), 3)
            for slug, margin in margins.items()
        },
    }


def room(
    region_days: Mapping[str, list[Day]], limits_c: Mapping[str, float]
) -> Iterator[dict[str, object]]:
    """Room of approved days by local hour, and safe days blocked after a rise."""
    for rule in RULES:
        by_hour: list[list[float]] = [[] for _ in range(24)]
        for slug, days in region_days.items():
            for day in days[::3]:
                if not _is_kept(day, rule, np.zeros((1, 24)), limits_c[slug])[0]:
                    continue
                for hour in range(24):
                    unit = np.zeros(24)
                    unit[hour] = 1.0
                    most = _most(day, rule, unit, limits_c[slug])[hour]
                    by_hour[(hour + day.local_hour) % 24].append(float(most))
        yield {
            "rule": rule,
            "room_c_by_local_hour": [round(float(np.mean(x)), 2) for x in by_hour],
        }
    for name in profiles_of(next(iter(region_days.values()))[0]):
        yield {"rise": name} | {
            rule: _verdicts(region_days, limits_c, rule, name) for rule in RULES
        }


def _verdicts(
    region_days: Mapping[str, list[Day]],
    limits_c: Mapping[str, float],
    rule: str,
    name: str,
) -> dict[str, int]:
    counts = {"safe": 0, "safe_blocked": 0, "passed": 0, "passed_approved": 0}
    for slug, days in region_days.items():
        for day in days:
            rise_c = profiles_of(day)[name]
            kept = bool(_is_kept(day, rule, rise_c[None], limits_c[slug])[0])
            is_safe = bool((day.observed + rise_c).max() <= limits_c[slug])
            counts["safe"] += is_safe
            counts["safe_blocked"] += is_safe and not kept
            counts["passed"] += not is_safe
            counts["passed_approved"] += not is_safe and kept
    return counts


def plans(
    fleet: FleetFiles, forecasts: Forecasts, limits_c: Mapping[str, float]
) -> Iterator[dict[str, object]]:
    """The backtest of plans under both rules, at 35 degC and at each region's limit."""
    prices = PlanPrices(carbon_usd_per_t=50.0, water_usd_per_m3=2.0)
    for limit, by_region in (("35 degC", None), ("own", limits_c)):
        for rule in RULES:
            setup = PlanBacktestSetup(
                issues=ISSUES,
                n_calibration=N_CALIBRATION,
                prices=prices,
                every=1 if rule == "hours" else 3,
                keeps_hours=rule == "hours",
            )
            found = run_plan_backtest(
                [
                    BacktestRegion(
                        region=assumed_region(fleet.table[slug]),
                        frame=frame,
                        limit_c=by_region[slug] if by_region else 35.0,
                        auctioned_h=plant_of(slug).auctioned_h,
                    )
                    for slug, (frame, _) in fleet.frames.items()
                ],
                forecasts,
                setup,
            )
            document = plan_backtest_document(found, prices, setup={}, timings_s={})
            yield {
                "limit": limit,
                "rule": rule,
                "ways": document["ways"],
                "share_of_oracle": document["share_of_oracle_frac"],
                "share_of_clairvoyant": document["share_of_clairvoyant_frac"],
                "heat": document["heat"],
                "infeasible": len(found.infeasible),
            }


def main() -> None:
    """Measure and print."""
    telemetry, regions, cache = (Path(name) for name in sys.argv[1:4])
    parts = sys.argv[4:] or ["rises", "room", "plans"]
    fleet = read_fleet(
        telemetry,
        regions,
        datetime.now(UTC),
        lambda _text: None,
        columns=REGION_COLUMNS,
    )
    forecasts = forecasts_of(fleet, cache)
    limits_c = {
        slug: own_limit_c(region, TRAIN_UNTIL.date())
        for slug, region in fleet.frames.items()
    }
    region_days = {
        slug: list(days_of(region, forecasts[slug, Target.TEMPERATURE_C]))
        for slug, region in fleet.frames.items()
    }
    made: dict[str, Callable[[], Iterator[dict[str, object]]]] = {
        "rises": lambda: rises(region_days),
        "room": lambda: room(region_days, limits_c),
        "plans": lambda: plans(fleet, forecasts, limits_c),
    }
    for part in parts:
        for row in made[part]():
            print(json.dumps({"part": part, **row}), flush=True)


if __name__ == "__main__":
    main()
