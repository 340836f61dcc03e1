"""Imputation of missing telemetry, and gaps that are too long for a forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.aliases import BoolArray, FloatArray, IntArray
from core.forecasts import Refusal, RefusalCode
from core.quality import findings_text
from core.telemetry import HOUR, Quantity, TelemetryFrame

MAX_FILLED_GAP_H = 3
"""Longest run of missing target hours that is interpolated linearly."""

MAX_FILLED_HOURS = 6
"""Most target hours of one look-back that may be interpolated."""

MAX_HELD_H = 3
"""Longest time for which another quantity's last known value is held."""

MEAN_WINDOW_H = 168
"""Hours before a longer gap whose mean replaces the quantity."""


def bridged(values: FloatArray) -> FloatArray:
    """Target hours with gaps of at most `MAX_FILLED_GAP_H` interpolated linearly.

    The interpolation uses the first known hour after the gap. That is no look-ahead: a
    forecast whose newest hour is missing is refused, so every gap in the look-back of a
    forecast has ended before the issue instant.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.full(values.shape, np.nan)
    hours = np.arange(len(values))
    line = np.interp(hours, hours[known], values[known])
    first, last = np.flatnonzero(known)[[0, -1]]
    inside = (hours > first) & (hours < last)
    short = ~known & inside & (gap_lengths(known) <= MAX_FILLED_GAP_H)
    return np.where(known, values, np.where(short, line, np.nan))


def held(values: FloatArray, stand_in: float) -> FloatArray:
    """Any other quantity without gaps; each hour depends on earlier hours only.

    A missing hour takes the last known value while that is at most `MAX_HELD_H` old,
    then the mean of the known values among the `MEAN_WINDOW_H` hours before it, then
    `stand_in`.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.full(values.shape, stand_in)
    hours = np.arange(len(values))
    last_known = np.maximum.accumulate(np.where(known, hours, -1))
    age_h = hours - last_known
    fresh = (last_known >= 0) & (age_h <= MAX_HELD_H)
    complete = values[np.maximum(last_known, 0)]
    complete[~fresh] = _trailing_means(values, np.flatnonzero(~fresh), stand_in)
    return complete


def _trailing_means(values: FloatArray, hours: IntArray, stand_in: float) -> FloatArray:
    # Each mean is summed from its own window, not from running totals: an imputed value
    # must not depend, even in the last digit, on how much history was read.
    padded = np.concatenate((np.full(MEAN_WINDOW_H, np.nan), values))
    counted = _running_count(np.isfinite(padded))
    n_known = counted[hours + MEAN_WINDOW_H] - counted[hours]
    has_mean = n_known > 0
    windows = np.lib.stride_tricks.sliding_window_view(padded, MEAN_WINDOW_H)
    before = windows[hours[has_mean]]
    total = np.where(np.isfinite(before), before, 0.0).sum(axis=1)
    means = np.full(len(hours), stand_in)
    means[has_mean] = total / n_known[has_mean]
    return means


def gap_lengths(known: BoolArray) -> IntArray:
    """Length in hours of the run of missing hours around each hour, 0 when known."""
    missing = np.concatenate(([False], ~known, [False])).astype(np.int8)
    steps = np.diff(missing)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    lengths = np.zeros(len(known), dtype=np.int64)
    for start, end in zip(starts, ends, strict=True):
        lengths[start:end] = end - start
    return lengths


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBack:
    """Which issue positions have enough target hours for a forecast.

    Attributes
    ----------
    known : ndarray of bool, shape (n_hours,)
        Target hours that were measured.
    findings : ndarray of int8, shape (n_hours,)
        Codes of the quality rules that hours failed: they count as missing.
    gap_h : ndarray of int, shape (n_hours,)
        Length of the run of missing hours around each hour, 0 when known.
    start_utc : datetime
        Start of hour 0.
    hours : int
        How far the model looks back, h, >= 1.
    """

    quantity: Quantity
    known: BoolArray
    findings: NDArray[np.int8]
    gap_h: IntArray
    start_utc: datetime
    hours: int

    @classmethod
    def over(cls, history: TelemetryFrame, quantity: Quantity, hours: int) -> LookBack:
        """Look back `hours` on `quantity` in `history`."""
        findings = history.finding_codes(quantity)
        known = np.isfinite(history.column(quantity)) & (findings == 0)
        return cls(
            quantity=quantity,
            known=known,
            findings=findings,
            gap_h=gap_lengths(known),
            start_utc=history.start_utc,
            hours=hours,
        )

    def accepted(self, positions: IntArray) -> BoolArray:
        """True where the newest hour is known and all gaps are short and few.

        Parameters
        ----------
        positions : ndarray of int, shape (N,)
            Issue instants as hour indices; `hours` <= position <= n_hours.
        """
        missing = _running_count(~self.known)
        too_long = _running_count(self.gap_h > MAX_FILLED_GAP_H)
        oldest = positions - self.hours
        newest_known: BoolArray = self.known[positions - 1]
        few: BoolArray = missing[positions] - missing[oldest] <= MAX_FILLED_HOURS
        short: BoolArray = too_long[positions] == too_long[oldest]
        return newest_known & few & short

    def refusal(self, position: int) -> Refusal:
        """Why the issue at `position`, which is not accepted, is refused."""
        known = self.known[position - self.hours : position]
        issue = f"{self.start_utc + position * HOUR:%Y-%m-%d %H:%M} UTC"
        suspect = self._suspect_refusal(position, issue)
        if suspect is not None:
            return suspect
        if not known.any():
            return Refusal(
                code=RefusalCode.TELEMETRY_MISSING,
                text=f"No {self.quantity} is known for the {self.hours} h before"
                f" {issue}.",
            )
        n_newest_missing = int(np.argmax(known[::-1]))
        if n_newest_missing:
            return Refusal(
                code=RefusalCode.TELEMETRY_STALE,
                text=f"The newest {self.quantity} is {n_newest_missing} h older than"
                f" the hour that ended at {issue}; a forecast needs that hour.",
            )
        return self._gap_refusal(position, issue)

    def _suspect_refusal(self, position: int, issue: str) -> Refusal | None:
        """The refusal for suspect hours; None where the newest is missing, or none is.

        A newest hour that never came is what must be waited for.
        """
        window = slice(position - self.hours, position)
        found = self.findings[window]
        if not found.any() or not (self.known[position - 1] or found[-1]):
            return None
        hours = findings_text(found, self.start_utc + (position - self.hours) * HOUR)
        return Refusal(
            code=RefusalCode.TELEMETRY_SUSPECT,
            text=f"{self.quantity} is suspect in {np.count_nonzero(found)}"
            f" of the {self.hours} h before {issue}: {hours}. Correct the hours, or"
            " accept them with a reason.",
        )

    def _gap_refusal(self, position: int, issue: str) -> Refusal:
        window = slice(position - self.hours, position)
        longest = int(self.gap_h[window].max())
        n_missing = int((~self.known[window]).sum())
        return Refusal(
            code=RefusalCode.TELEMETRY_GAP,
            text=f"{n_missing} of the {self.hours} h of {self.quantity} before {issue}"
            f" are missing, the longest gap being {longest} h; the model was trained"
            f" for gaps of at most {MAX_FILLED_GAP_H} h, {MAX_FILLED_HOURS} h in all.",
        )


def _running_count(flags: BoolArray) -> IntArray:
    return np.concatenate(([0], np.cumsum(flags))).astype(np.int64)
