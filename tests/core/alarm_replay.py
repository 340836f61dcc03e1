"""A synthetic fleet over weeks: heat, late and failing feeds, silences, bad models."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np

from core.alarm_conditions import (
    FeedReading,
    RegionReading,
    feed_condition,
    populations_of,
    region_conditions,
)
from core.alarm_figures import AlarmFigures, Raised, figures
from core.alarm_kinds import AlarmKind
from core.alarms import (
    INSTALLATION,
    AlarmChange,
    AlarmCondition,
    AlarmKey,
    AlarmState,
    evaluate,
)
from core.outcomes import ReasonCode
from core.telemetry import HOUR

START = datetime(2025, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=10)
STEPS_A_DAY = 144
N_FEEDS = 7
MAX_AGE_H = 3.0
FORECAST_ERROR_C = 1.5

Steps: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"


@dataclass
class Replay:
    """What was raised, and what is active at the end."""

    raised: list[Raised] = field(default_factory=list)
    states: dict[AlarmKey, AlarmState] = field(default_factory=dict)
    raised_at: dict[AlarmKey, datetime] = field(default_factory=dict)
    most_conditions: int = 0

    def figures(self, end_utc: datetime) -> AlarmFigures:
        """Of one operator."""
        active = [
            self.raised_at[key] for key, state in self.states.items() if state.is_active
        ]
        return figures(self.raised, active, start_utc=START, end_utc=end_utc)


def replay(n_regions: int, n_days: int, seed: int) -> Replay:
    """Evaluate every ten minutes; people acknowledge everything at once."""
    rng = np.random.default_rng(seed)
    weather = _Weather(rng, n_regions, n_days)
    faults = _Faults(rng, n_regions, n_days)
    made = Replay()
    for step in range(n_days * STEPS_A_DAY):
        if faults.worker[step]:
            continue
        now = START + step * STEP
        conditions, populations = _what_holds(weather, faults, step)
        made.most_conditions = max(made.most_conditions, len(conditions))
        found = evaluate(made.states, conditions, populations=populations, now=now)
        for state in found.states:
            made.states[state.key] = replace(state, is_acknowledged=True)
        for state, change in found.changes:
            if change is AlarmChange.RAISED:
                made.raised_at[state.key] = now
                priority = state.definition.priority
                name = f"{state.kind} {state.cause}"
                made.raised.append(Raised(alarm=name, priority=priority, at_utc=now))
    return made


class _Weather:
    """Hourly maxima of each region, and the chance that its day exceeds the limit.

    The limits lie so that a tenth of the regions' days in summer are near or above
    them: most alarms of a fleet would come of such margins.
    """

    def __init__(self, rng: np.random.Generator, n_regions: int, n_days: int) -> None:
        hours = np.arange((n_days + 2) * 24)
        season = 9 * np.sin(2 * np.pi * (hours / 24 - 100) / 365)
        self.temperature_c = np.empty((n_regions, hours.size))
        self.chance = np.empty((n_regions, hours.size))
        self.limit_c = np.empty(n_regions)
        for region in range(n_regions):
            daily = 5 * np.sin(2 * np.pi * (hours - rng.integers(24)) / 24)
            days = _ar1(rng, hours.size // 24 + 1, 0.7, 2.5).repeat(24)[: hours.size]
            noise = rng.normal(0, 0.6, hours.size)
            series = 22 + season + daily + days + noise
            self.temperature_c[region] = series
            self.limit_c[region] = np.quantile(series, 0.995)
            ahead = np.lib.stride_tricks.sliding_window_view(series, 24).max(axis=1)
            ahead = np.pad(ahead, (0, hours.size - ahead.size), mode="edge")
            seen = ahead + rng.normal(0, 0.5, hours.size)
            z = (seen - self.limit_c[region]) / FORECAST_ERROR_C
            self.chance[region] = 1 / (1 + np.exp(-1.7 * z))
        self.misses = rng.random((n_regions, hours.size)) < 0.05 / 24


class _Faults:
    """Episodes of faults on the grid of looks: begins are Poisson, lengths exponential.

    Telemetry of an hour comes up to 1.9 h late, by turns. What came stays, and while a
    sensor, its feed, the network or the worker fails, nothing comes.
    """

    def __init__(self, rng: np.random.Generator, n_regions: int, n_days: int) -> None:
        self._rng, self._n_steps = rng, n_days * STEPS_A_DAY
        self.worker = self._episodes(1 / 30, 1.5)
        self.network = self._episodes(1 / 20, 3)
        self.feeds = [self._episodes(1 / 7, 4) for _ in range(N_FEEDS)]
        self.suspect = [self._episodes(1 / 20, 5) for _ in range(n_regions)]
        self.model = self._episodes(1 / 60, 6)
        self.known_h = np.array([self._known_h(r) for r in range(n_regions)])

    def silent_since(self, step: int) -> int | None:
        """First step of a silence that ended just before this one."""
        if step == 0 or not self.worker[step - 1]:
            return None
        return step - int(self.worker[step - 1])

    def failing_for(self, feed: int, step: int) -> int:
        """For how many steps a feed or the network has failed."""
        return int(max(self.feeds[feed][step], self.network[step]))

    def _episodes(self, a_day: float, hours: float) -> Steps:
        """At each step, for how many steps an episode has lasted; 0 without one."""
        rng, lasting = self._rng, np.zeros(self._n_steps, dtype=np.int64)
        n_begins = rng.poisson(a_day * self._n_steps / STEPS_A_DAY)
        for begin in rng.integers(0, self._n_steps, n_begins):
            length = int(np.ceil(rng.exponential(hours) * 6))
            part = lasting[begin : begin + length]
            part[:] = np.maximum(part, np.arange(1, part.size + 1))
        return lasting

    def _known_h(self, region: int) -> Steps:
        """Hours since the start whose telemetry is there, at each step."""
        sensor = self._episodes(1 / 20, 8)
        ways = (sensor, self.feeds[region % N_FEEDS], self.network, self.worker)
        is_open = ~np.any([way > 0 for way in ways], axis=0)
        steps = np.arange(self._n_steps)
        late = self._rng.uniform(0.1, 1.9, self._n_steps // 6 + 3)
        came = np.ceil((np.arange(late.size) + late) * 6).astype(np.int64)
        newest = np.zeros(self._n_steps, dtype=np.int64)
        known = came < self._n_steps
        np.maximum.at(newest, came[known], np.arange(late.size)[known])
        newest = np.maximum.accumulate(newest)
        last_open = np.maximum.accumulate(np.where(is_open, steps, 0))
        return newest[last_open]


def _what_holds(
    weather: _Weather, faults: _Faults, step: int
) -> tuple[list[AlarmCondition], dict[tuple[AlarmKind, str], int]]:
    now = START + step * STEP
    readings = [
        _reading(weather, faults, region, step)
        for region in range(len(weather.limit_c))
    ]
    feeds = [_feed(faults, feed, step) for feed in range(N_FEEDS)]
    found = [item for one in readings for item in region_conditions(one, now)]
    found += [item for one in feeds if (item := feed_condition(one)) is not None]
    silent_step = faults.silent_since(step)
    if silent_step is not None:
        since = START + silent_step * STEP
        found.append(_of_installation(AlarmKind.WORKER_SILENT, since))
    if faults.model[step]:
        found.append(_of_installation(AlarmKind.MODEL_UNAVAILABLE, now))
    return found, populations_of(readings, feeds)


def _of_installation(kind: AlarmKind, since: datetime) -> AlarmCondition:
    return AlarmCondition(kind=kind, cause=INSTALLATION, text="", since_utc=since)


def _reading(
    weather: _Weather, faults: _Faults, region: int, step: int
) -> RegionReading:
    now, hour = START + step * STEP, step // 6
    known_h = int(faults.known_h[region, step])
    known_until = START + known_h * HOUR
    code = ReasonCode.WITHIN_ENVELOPE
    if faults.suspect[region][step]:
        code = ReasonCode.TELEMETRY_SUSPECT
    elif now - known_until > MAX_AGE_H * HOUR:
        code = ReasonCode.TELEMETRY_STALE
    is_miss = bool(weather.misses[region, hour])
    return RegionReading(
        slug=f"r{region}",
        name=f"Region {region}",
        limit_c=float(weather.limit_c[region]),
        max_age_h=MAX_AGE_H,
        it_capacity_mw=100.0,
        created_at_utc=START,
        temperature_c=float(weather.temperature_c[region, max(known_h - 1, 0)]),
        known_until_utc=known_until,
        it_load_mw=92 + 3 * math.sin(hour / 24 + region),
        issued_at_utc=START + hour * HOUR,
        reason_code=code,
        chance=None if code.is_data_problem else float(weather.chance[region, hour]),
        model_version_id=1,
        temperature_feed=f"f{region % N_FEEDS}",
        above_bound_text="above" if is_miss else None,
        above_bound_since_utc=now,
    )


def _feed(faults: _Faults, feed: int, step: int) -> FeedReading:
    """A feed is asked every 20 minutes; the network fails for all of them."""
    lasting = faults.failing_for(feed, step)
    return FeedReading(
        name=f"f{feed}",
        failures_in_a_row=lasting // 2,
        failing_since_utc=START + (step - lasting) * STEP,
    )


def _ar1(
    rng: np.random.Generator, n: int, rho: float, spread: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.empty(n)
    values[0] = rng.normal(0, spread)
    for day in range(1, n):
        step = rng.normal(0, spread * math.sqrt(1 - rho**2))
        values[day] = rho * values[day - 1] + step
    return values
