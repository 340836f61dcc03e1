"""Figures of EEMUA 191 over what was raised: rate, floods, chattering, standing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.alarm_kinds import AlarmPriority

FLOOD_WINDOW = timedelta(minutes=10)
MOST_IN_WINDOW = 10
"""More alarms in ten minutes are a flood, more than a person can take in."""

CHATTER_WINDOW = timedelta(hours=8)
CHATTER_RAISES = 3
"""Telemetry is hourly, so one alarm raised so often within a shift chatters. EEMUA
counts by the minute, for signals of seconds."""

STANDING_AFTER = timedelta(hours=24)
"""An alarm that is active for longer is standing, or stale."""

MOST_A_DAY = 150
"""Alarms of an operator and day that EEMUA calls very likely acceptable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alarm that was raised."""

    alarm: str
    priority: AlarmPriority
    at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFigures:
    """How alarms did in [start_utc, end_utc).

    Attributes
    ----------
    a_day : float
        Raised for each operator and day.
    most_a_day : int
        On the busiest day in UTC, of all operators.
    flood_frac : float
        Share of time, in periods of ten minutes, with a flood.
    chattering : tuple of str
        Alarms raised three times or more within eight hours.
    standing : int
        Alarms that have been active for more than a day now.
    by_priority : mapping
        Share of what was raised, by priority; empty where nothing was.
    """

    start_utc: datetime
    end_utc: datetime
    raised: int
    a_day: float
    most_a_day: int
    flood_frac: float
    chattering: tuple[str, ...]
    standing: int
    by_priority: Mapping[AlarmPriority, float]


def figures(
    raised: Sequence[Raised],
    active_since_utc: Iterable[datetime],
    *,
    start_utc: datetime,
    end_utc: datetime,
    n_operators: int = 1,
) -> AlarmFigures:
    """The figures of what was raised in [start_utc, end_utc).

    Parameters
    ----------
    raised : sequence of Raised
        In order of time.
    active_since_utc : iterable of datetime
        When the alarms that are active at `end_utc` were raised.
    """
    days = max((end_utc - start_utc) / timedelta(days=1), 1e-9)
    n_windows = max((end_utc - start_utc) / FLOOD_WINDOW, 1.0)
    by_window = Counter((one.at_utc - start_utc) // FLOOD_WINDOW for one in raised)
    by_day = Counter(one.at_utc.astimezone(UTC).date() for one in raised)
    by_priority = Counter(one.priority for one in raised)
    return AlarmFigures(
        start_utc=start_utc,
        end_utc=end_utc,
        raised=len(raised),
        a_day=len(raised) / days / max(n_operators, 1),
        most_a_day=max(by_day.values(), default=0),
        flood_frac=sum(n > MOST_IN_WINDOW for n in by_window.values()) / n_windows,
        chattering=_chattering(raised),
        standing=sum(end_utc - since > STANDING_AFTER for since in active_since_utc),
        by_priority={
            priority: by_priority[priority] / len(raised)
            for priority in AlarmPriority
            if raised
        },
    )


def _chattering(raised: Iterable[Raised]) -> tuple[str, ...]:
    times: defaultdict[str, list[datetime]] = defaultdict(list)
    for one in raised:
        times[one.alarm].append(one.at_utc)
    return tuple(
        alarm
        for alarm, found in times.items()
        if any(
            last - first < CHATTER_WINDOW
            for first, last in zip(found, found[CHATTER_RAISES - 1 :], strict=False)
        )
    )
