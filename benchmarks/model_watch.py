"""How often the watch of a serving model is wrong, and how soon it is right.

    .venv/bin/python benchmarks/model_watch.py [TELEMETRY REGIONS]

Without files: false alarms on simulated scores that do not change, independent ones and
ones that last for days, for hours of issue that share their weather. With files: both
families and persistence, trained on 2021, watched in 2022 and 2023 on every hour of
issue; then the same with lies and lost skill from a day in 2023 on, one start a month.
"""

from __future__ import annotations

import sys
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.model_guard import ALPHA, PERSISTENCE, answered, every_hour, trained
from core.conformal import MINIMUM_SCORES, SCORE_WINDOW, ScoreTracker
from core.model_watch import ALARM_DAYS, Evidence, combined, rank_p_value
from models.metadata import Family
from models.rolling import RegionDays
from orchestrator.telemetry.readers.frames import read_fleet

Floats = NDArray[np.float64]
TRAIN, START, END = (datetime(year, 1, 1, tzinfo=UTC) for year in (2022, 2023, 2024))
LIES_C = (3.0, 5.0, 8.0, 15.0)
EVERY_H = 4
LESS_SKILL = 0.8 / 0.7
"""Errors grow by so much when skill falls from 30 to 20 %."""


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
    telemetry, regions = (Path(text) for text in arguments)
    frames = read_fleet(telemetry, regions, datetime.now(UTC), print).frames
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
