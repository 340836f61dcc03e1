"""How often the watch of a serving model is wrong, and how soon it is right.

    .venv/bin/python benchmarks/model_watch.py [TELEMETRY REGIONS [fleet]]

Without files: false alarms on simulated scores that do not change, independent ones and
ones that last for days, for hours of issue that share their weather. With files: both
families and persistence, trained on 2021, watched in 2022 and 2023 on every hour of
issue; then the same with lies and lost skill from a day in 2023 on. With `fleet`: the
watch of skill over six regions, over each three and over each one; the same two years
and decades resampled from them, and lost skill from days of 2023 on, one start a month.
"""

from __future__ import annotations

import sys
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.model_guard import ALPHA, PERSISTENCE, answered, every_hour, trained
from core.conformity import MINIMUM_SCORES, SCORE_WINDOW, ScoreTracker
from core.model_watch import (
    ALARM_DAYS,
    SETTLED_AFTER,
    SKILL_DAYS,
    SKILL_EVERY_H,
    Evidence,
    combined,
    fleet_p_value,
    log_error_ratios,
    rank_p_value,
    skill_evidence,
)
from models.fleet_telemetry import RegionTelemetry
from models.metadata import Family
from models.plain_model import plain_forecasts
from models.rolling import RegionDays
from orchestrator.telemetry.readers.frames import read_fleet

Floats = NDArray[np.float64]
TRAIN, START, END = (datetime(year, 1, 1, tzinfo=UTC) for year in (2022, 2023, 2024))
LIES_C = (3.0, 5.0, 8.0, 15.0)
EVERY_H = 4
LESS_SKILL = 0.8 / 0.7
"""Errors grow by so much when skill falls from 30 to 20 %."""
BLOCK_DAYS, SEASON_DAYS, N_DECADES = 14, 20, 60
"""Days that a resampled decade keeps together, how far from their place in the year
they are taken, and how many decades."""


def alarms(
    scores: Sequence[float], *, since: int, every_h: int = 1
) -> tuple[int, int | None, float]:
    """Alarms, position of the first and largest evidence; the watch restarts after one.

    Parameters
    ----------
    scores : sequence of float, length n_hours
        By hour of issue, NaN where unscored; a window is known 24 h after.
    since : int
        Alarms before it are not counted, the evidence of before is.
    every_h : int
        Only each of so many hours of issue is watched, to save time.
    """
    trackers = defaultdict(lambda: ScoreTracker(ALPHA))
    ordered: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=SCORE_WINDOW))
    evidence = dict.fromkeys(range(0, 24, every_h), Evidence())
    n_alarms, first, largest = 0, None, 0.0
    for position in range(0, len(scores), every_h):
        score, hour = scores[position], position % 24
        if np.isnan(score):
            continue
        if len(ordered[hour]) >= MINIMUM_SCORES:
            # The bound was exceeded exactly when the score is above its quantile.
            is_missed = score > trackers[hour].calibration().quantile
            evidence[hour] = evidence[hour].after(
                p_value=rank_p_value(score, sorted(ordered[hour])),
                is_missed=is_missed,
                alpha=ALPHA,
            )
            found = combined(evidence.values())
            if position >= since:
                largest = max(largest, found)
            if found >= ALARM_DAYS:
                evidence = dict.fromkeys(evidence, Evidence())
                if position >= since:
                    n_alarms += 1
                    first = position if first is None else first
        ordered[hour].append(score)
        trackers[hour].add(score)
    return n_alarms, first, largest


def simulated(
    n_days: int, *, lasting: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Hourly scores of an unchanged model.

    The window of an hour shares most of its maximum with the hour before, and weather
    that lasts makes the errors of a day like those of the day before.
    """
    day = np.empty(n_days + 2)
    day[0] = random.normal()
    for i, step in enumerate(random.normal(size=n_days + 1)):
        day[i + 1] = lasting * day[i] + np.sqrt(1 - lasting**2) * step
    hour = np.arange(24 * n_days)
    share = (hour % 24) / 24.0
    mixed = (1 - share) * day[hour // 24] + share * day[hour // 24 + 1]
    return mixed / np.hypot(1 - share, share) + random.normal(0, 0.2, len(hour))


def scores_of(mean: Floats, scale: Floats, observed: Floats) -> Floats:
    """Conformity score of each window, shape (n,)."""
    scores: Floats = ((observed.max(axis=1)[:, None] - mean) / scale).min(axis=1)
    return scores


def main(arguments: Sequence[str]) -> None:
    """Print the figures."""
    if not arguments:
        _simulate()
        return
    telemetry, regions = (Path(text) for text in arguments[:2])
    frames = read_fleet(telemetry, regions, datetime.now(UTC), print).frames
    if arguments[2:]:
        watch_fleets(frames)
        return
    instants = every_hour(TRAIN, END)
    since = every_hour(TRAIN, START)
    for name in (*(family.value for family in Family), PERSISTENCE):
        model = None if name == PERSISTENCE else trained(frames, Family(name), TRAIN)
        for slug in sorted(frames):
            days = answered(model, frames[slug], instants)
            say(name, slug, days, since=len(since))


def say(name: str, slug: str, days: RegionDays, *, since: int) -> None:
    """Print one line for a model and region."""
    honest = scores_of(days.mean, days.scale, days.observed)
    n_alarms, _, largest = alarms(honest, since=MINIMUM_SCORES * 24)
    delays = {f"{lie_c:g} °C": _delays(days, lie_c, since) for lie_c in LIES_C}
    delays["less skill"] = _delays(days, None, since)
    found = ", ".join(
        f"{text}: {_median(found_after)} d ({sum(d is not None for d in found_after)}"
        f" of {len(found_after)})"
        for text, found_after in delays.items()
    )
    print(
        f"| {name} | {slug} | {n_alarms} | {largest:,.0f} | {found} |",
        flush=True,
    )


def _delays(days: RegionDays, lie_c: float | None, since: int) -> list[float | None]:
    """Days from each start of a lie to its alarm; None where it is not found."""
    delays: list[float | None] = []
    for begin in range(since, len(days.issues) - 90 * 24, 61 * 24):
        mean = days.mean.copy()
        if lie_c is None:
            error = days.observed - days.mean
            mean[begin:] = days.observed[begin:] - LESS_SKILL * error[begin:]
        else:
            mean[begin:] -= lie_c
        changed = scores_of(mean, days.scale, days.observed)[: begin + 90 * 24]
        _, first, _ = alarms(changed, since=begin, every_h=EVERY_H)
        delays.append(None if first is None else (first - begin) / 24 + 1)
    return delays


def _median(delays: Sequence[float | None]) -> str:
    known = [delay if delay is not None else np.inf for delay in delays]
    middle = float(np.median(known))
    return f"{middle:.0f}" if np.isfinite(middle) else "over 90"


def watch_fleets(frames: Mapping[str, RegionTelemetry]) -> None:
    """Print a line for each family and size of a fleet."""
    issues = every_hour(TRAIN, END)[::SKILL_EVERY_H]
    plain = {
        slug: np.stack(
            [
                np.full(24, np.nan) if one is None else one.hours_c
                for one in plain_forecasts(frames[slug][0], issues)
            ]
        )
        for slug in sorted(frames)
    }
    for family in Family:
        model = trained(frames, family, TRAIN)
        ratios = []
        for slug in sorted(frames):
            days = answered(model, frames[slug], issues)
            ratios.append(log_error_ratios(days.mean, plain[slug], days.observed))
        say_fleets(family.value, daily(np.stack(ratios, axis=1)))


def daily(ratios: Floats) -> Floats:
    """Means of whole days, shape (n_days, n_regions), NaN where nothing is known."""
    by_day = 24 // SKILL_EVERY_H
    whole = ratios[: len(ratios) // by_day * by_day]
    known = np.isfinite(whole).reshape(-1, by_day, ratios.shape[1]).sum(axis=1)
    sums = np.nan_to_num(whole).reshape(-1, by_day, ratios.shape[1]).sum(axis=1)
    means: Floats = np.where(known > 0, sums / np.maximum(known, 1), np.nan)
    return means


def say_fleets(name: str, ratios: Floats) -> None:
    """Print false alarms, and how soon lost skill is found, by size of the fleet."""
    random = np.random.default_rng(23)
    starts = range((START - TRAIN).days, len(ratios) - 90, 30)
    for size in (6, 3, 1):
        fleets = [ratios[:, chosen] for chosen in combinations(range(6), size)]
        honest = [skill_run(fleet) for fleet in fleets]
        delays = [
            skill_delay(fleet, run, begin)
            for fleet, run in zip(fleets, honest, strict=True)
            for begin in starts
        ]
        decades = [
            skill_run(resampled(ratios, random)[:, random.permutation(6)[:size]])
            for _ in range(N_DECADES)
        ]
        years = len(fleets) * (len(ratios) - MINIMUM_SCORES) / 365
        within = np.mean([delay is not None and delay <= 30 for delay in delays])
        known = [np.inf if delay is None else delay for delay in delays]
        print(
            f"| {name} | {size} | {sum(n for n, _ in honest)} in {years:.0f} years,"
            f" {max(max(run) for _, run in honest):,.0f} | {sum(n for n, _ in decades)}"
            f" in {N_DECADES} decades | {_median(delays)} d; 9 of 10"
            f" {np.quantile(known, 0.9, method='higher'):.0f} d, largest"
            f" {max(known):.0f} d | {within:.0%} of {len(delays)} |",
            flush=True,
        )


def skill_run(ratios: Floats) -> tuple[int, list[float]]:
    """Alarms of a fleet, and its evidence after each day; anew after an alarm."""
    evidence, found = 0.0, [0.0] * len(ratios)
    for day in range(MINIMUM_SCORES, len(ratios)):
        evidence = 0.0 if evidence >= ALARM_DAYS else evidence
        evidence = _counted(ratios, day, evidence)
        found[day] = evidence
    return sum(one >= ALARM_DAYS for one in found), found


def _counted(ratios: Floats, day: int, evidence: float) -> float:
    p_value = fleet_p_value(ratios[max(0, day - SKILL_DAYS) : day + 1])
    return evidence if p_value is None else skill_evidence(evidence, p_value)


def skill_delay(
    ratios: Floats, honest: tuple[int, list[float]], begin: int
) -> int | None:
    """Days from a loss of skill to its alarm; None where 90 do not find it."""
    lost = ratios[: begin + 90].copy()
    lost[begin:] += np.log(LESS_SKILL)
    evidence = honest[1][begin - 1]
    for day in range(begin, len(lost)):
        evidence = _counted(lost, day, evidence)
        if evidence >= ALARM_DAYS:
            return day - begin + SETTLED_AFTER.days
    return None


def resampled(ratios: Floats, random: np.random.Generator) -> Floats:
    """Ten years out of blocks of days of about the same season, each region its own."""
    n_days, n_known = 3_650, len(ratios)
    made = np.empty((n_days, ratios.shape[1]))
    for region in range(ratios.shape[1]):
        for day in range(0, n_days, BLOCK_DAYS):
            near = day % 365 + random.integers(-SEASON_DAYS, SEASON_DAYS + 1)
            first = int(near + 365 * random.integers(0, 2))
            first = min(max(first, 0), n_known - BLOCK_DAYS)
            length = min(BLOCK_DAYS, n_days - day)
            made[day : day + length, region] = ratios[first : first + length, region]
    return made


def _simulate() -> None:
    random = np.random.default_rng(11)
    n_years, n_runs = 10, 30
    for lasting in (0.0, 0.3, 0.6):
        found = [
            alarms(
                simulated(n_years * 365, lasting=lasting, random=random),
                since=0,
                every_h=EVERY_H,
            )[0]
            for _ in range(n_runs)
        ]
        decades = n_years * n_runs / 10
        print(
            f"errors of a day shared with the next {lasting:g}: {sum(found)} alarms in"
            f" {decades:g} region-decades",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
