"""Granularity of telemetry: found from the stamps, named, and refused when coarse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median

from orchestrator.telemetry.readers.rows import BadFile, Sample

HOUR_S = 3600
_DAY_S = 24 * HOUR_S
_NICE_STEPS_S = (
    *(1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 300, 360, 600, 720, 900, 1200),
    *(1800, HOUR_S),
)
_GAPS_TO_BELIEVE = 6
_COARSE_STEPS_DAYS = frozenset({1, 7, 28, 29, 30, 31, 90, 91, 92, 365, 366})
_COARSE = ((350, "yearly"), (80, "quarterly"), (27, "monthly"), (6.5, "weekly"))


def coarser(step_s: float) -> BadFile:
    """Why a file with steps of more than an hour is refused."""
    days = step_s / _DAY_S
    word = next((word for least, word in _COARSE if days >= least), "daily")
    if days < 0.9:
        word = f"{step_s / HOUR_S:g}-hourly"
    message = (
        f"The file holds {word} values; the portal needs hourly ones or finer."
        " Download the hourly file."
    )
    return BadFile(message)


def step_words(step_s: int) -> str:
    """A granularity in words.

    Examples
    --------
    >>> step_words(300), step_words(3600), step_words(30)
    ('5-minute', 'hourly', '30-second')
    """
    if step_s == HOUR_S:
        return "hourly"
    return f"{step_s}-second" if step_s % 60 else f"{step_s // 60}-minute"


def find_step_s(stamps: Sequence[datetime]) -> int:
    """Granularity of a series that begins with these stamps, seconds.

    Raises
    ------
    BadFile
        When they lie further apart than an hour, or follow no step.
    """
    distinct = sorted(set(stamps))
    gaps_s = [(after - before).total_seconds() for before, after in pairwise(distinct)]
    if not gaps_s:
        return HOUR_S
    if min(gaps_s) > HOUR_S and _are_regular(gaps_s):
        raise coarser(median(gaps_s))
    fine_s = [gap_s for gap_s in gaps_s if gap_s <= HOUR_S]
    if not fine_s:
        return HOUR_S
    coarse_s = [gap_s for gap_s in gaps_s if gap_s > HOUR_S]
    if len(coarse_s) >= 9 * len(fine_s) and _are_regular(coarse_s):
        raise coarser(median(coarse_s))
    usual_s = median(fine_s)
    step_s = next(
        (nice for nice in _NICE_STEPS_S if abs(nice - usual_s) <= 0.1 * nice),
        round(usual_s) or 1,
    )
    near = [gap_s for gap_s in fine_s if _is_multiple(gap_s, step_s)]
    if 2 * len(near) < len(fine_s):
        message = (
            f"The stamps follow no regular step (gaps of {min(fine_s) / 60:.3g} to"
            f" {max(fine_s) / 60:.3g} minutes); export the values at a fixed interval."
        )
        raise BadFile(message)
    return step_s


def _are_regular(gaps_s: Sequence[float]) -> bool:
    """Whether gaps of more than an hour are those of a coarser file, not of holes."""
    if len(gaps_s) == 1:
        # Two rows of a correction may be days apart; coarse files have these steps.
        return gaps_s[0] / _DAY_S in _COARSE_STEPS_DAYS
    least_s = min(gaps_s)
    exact = [gap_s for gap_s in gaps_s if gap_s % _DAY_S == 0]
    # Local days have 23 or 25 hours twice a year; months and years vary by days.
    are_days = least_s >= 0.9 * _DAY_S and all(
        abs(gap_s / _DAY_S - round(gap_s / _DAY_S)) <= 1.01 / 24 for gap_s in gaps_s
    )
    if are_days and 2 * len(exact) >= len(gaps_s):
        return True
    few = len(gaps_s) < _GAPS_TO_BELIEVE
    return all(gap_s == least_s if few else gap_s % least_s == 0 for gap_s in gaps_s)


def _is_multiple(gap_s: float, step_s: float) -> bool:
    count = gap_s / step_s
    return count > 0.5 and abs(count - round(count)) <= 0.15


def is_sorted(samples: Sequence[Sample]) -> bool:
    """Whether stamps mostly rise or mostly fall, as in a file that is in order."""
    rising = sum(one.stamp <= other.stamp for one, other in pairwise(samples))
    falling = sum(one.stamp >= other.stamp for one, other in pairwise(samples))
    return 10 * max(rising, falling) >= 9 * (len(samples) - 1)


def even_step_s(own: Sequence[Sample], *, is_end: bool) -> int:
    """Step of samples that divide their hour evenly, seconds; 0 when they do not."""
    seconds = sorted({second_of_hour(sample.stamp) for sample in own})
    if is_end:
        seconds = sorted((HOUR_S - second) % HOUR_S for second in seconds)
    step_s, rest = divmod(HOUR_S, len(seconds))
    is_even = all(second == i * step_s for i, second in enumerate(seconds))
    return step_s if is_even and not rest else 0


def second_of_hour(stamp: datetime) -> float:
    """Seconds since the full hour."""
    return stamp.minute * 60 + stamp.second + stamp.microsecond / 1e6
