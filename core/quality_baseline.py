"""What is usual of one quantity and region, from its own last weeks."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from core.aliases import BoolArray, FloatArray, IntArray
from core.daily_course import DAY_H, median_of_known, usual_quantile
from core.quality import (
    BLOCK_H,
    FLAT_HOURS_WITHOUT_HISTORY,
    FLAT_PROBABILITY,
    HISTORY_DAYS,
    MIN_HISTORY_DAYS,
    PROFILE_DAYS,
    STEP_MULTIPLES,
    UNUSUAL_QUANTILE,
    QualityChecks,
)

LEADS_H = np.array([1, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48])
"""Times between two hours whose departures are measured; on a line between."""
MAX_LEAD_H = 48
HISTORY_H = HISTORY_DAYS * DAY_H


class Baseline:
    """Figures of the `HISTORY_DAYS` before a block of hours, or before each of many.

    A figure is computed when it is first asked for. Each has the leading axes of the
    histories; `usual_departure` and `limit` are of a single one.

    Attributes
    ----------
    history : ndarray, shape (..., HISTORY_H)
        Values from 00:00 UTC on, NaN where unknown.
    is_known : ndarray of bool, shape (...)
        Whether there was enough history; without, `profile` is 0 and the limits are
        those of the table.
    """

    def __init__(self, history: FloatArray, checks: QualityChecks) -> None:
        self.history = history
        self.is_known: BoolArray = (
            np.isfinite(history).sum(axis=-1) >= MIN_HISTORY_DAYS * DAY_H
        )
        self._checks = checks

    @cached_property
    def profile(self) -> FloatArray:
        """Usual value of each UTC hour of the day: the median of `PROFILE_DAYS`."""
        days = self._days()[..., -PROFILE_DAYS:, :]
        return np.where(
            self.is_known[..., None], median_of_known(days.swapaxes(-1, -2)), 0.0
        )

    @cached_property
    def usual_anomaly(self) -> FloatArray:
        """Usual largest departure from the profile; infinite without history."""
        usual = np.maximum(_usual(np.abs(self._anomalies)), self._checks.step_floor)
        return np.where(self.is_known, usual, np.inf)

    @cached_property
    def usual_step(self) -> FloatArray:
        """Usual largest change of the departure from one hour to the next."""
        usual = np.maximum(self._usual_change(1), self._checks.step_floor)
        return np.where(self.is_known, usual, self._table_limit)

    @cached_property
    def usual_departure(self) -> FloatArray:
        """Usual largest change within so many hours, shape (MAX_LEAD_H + 1,)."""
        leads = np.arange(MAX_LEAD_H + 1)
        if not self.is_known:
            usual = np.zeros(len(leads))
            usual[1:] = self._table_limit * np.sqrt(leads[1:])
            return usual
        measured = [self._usual_change(int(lead_h)) for lead_h in LEADS_H]
        rising = np.maximum.accumulate(np.maximum(measured, self._checks.step_floor))
        usual = np.interp(leads, LEADS_H, rising)
        usual[0] = 0.0
        return usual

    @cached_property
    def limit(self) -> FloatArray:
        """Change that is a finding, by hours, shape (MAX_LEAD_H + 1,)."""
        return self.usual_departure * (_MULTIPLES if self.is_known else 1.0)

    @cached_property
    def step_limit(self) -> FloatArray:
        """Change from one hour to the next that is a finding: `limit` of 1 h."""
        return self.usual_step * np.where(self.is_known, _MULTIPLES[1], 1.0)

    @cached_property
    def log_equal(self) -> FloatArray:
        """Logarithm of how often an hour equals the one before it, shape (..., 24).

        By hour of the day, counted over it and its neighbours; never certain.
        """
        known = np.isfinite(self.history)
        both, equal = np.zeros_like(known), np.zeros_like(known)
        both[..., 1:] = known[..., 1:] & known[..., :-1]
        equal[..., 1:] = self.history[..., 1:] == self.history[..., :-1]
        n_both, n_equal = (_by_hour_of_day(hours) for hours in (both, equal))
        without = np.log(FLAT_PROBABILITY) / (FLAT_HOURS_WITHOUT_HISTORY - 1.5)
        return np.where(
            self.is_known[..., None], np.log((n_equal + 1.0) / (n_both + 2.0)), without
        )

    @cached_property
    def typical_size(self) -> FloatArray:
        """Median of the absolute values."""
        return median_of_known(np.abs(self.history))

    @cached_property
    def least(self) -> FloatArray:
        """Smallest value; infinite without any."""
        smallest: FloatArray = np.fmin.reduce(self.history, axis=-1, initial=np.inf)
        return smallest

    @cached_property
    def _anomalies(self) -> FloatArray:
        departures = self._days() - self.profile[..., None, :]
        return departures.reshape(self.history.shape)

    @property
    def _table_limit(self) -> float:
        limit = self._checks.step_limit
        return np.inf if limit is None else limit

    def _days(self) -> FloatArray:
        return self.history.reshape(*self.history.shape[:-1], HISTORY_DAYS, DAY_H)

    def _usual_change(self, lead_h: int) -> FloatArray:
        anomalies = self._anomalies
        return _usual(np.abs(anomalies[..., lead_h:] - anomalies[..., :-lead_h]))


def block_start(hour: int) -> int:
    """First hour, since 1970, of the block of `hour`."""
    return hour // BLOCK_H * BLOCK_H


def _usual(sizes: FloatArray) -> FloatArray:
    return usual_quantile(sizes, UNUSUAL_QUANTILE)


_MULTIPLES = np.interp(
    np.arange(MAX_LEAD_H + 1),
    [lead_h for lead_h, _ in STEP_MULTIPLES],
    [multiple for _, multiple in STEP_MULTIPLES],
)


def _by_hour_of_day(hours: BoolArray) -> IntArray:
    """How many of the hours are true at each hour of the day or its neighbours."""
    counts = hours.reshape(*hours.shape[:-1], HISTORY_DAYS, DAY_H).sum(axis=-2)
    around: IntArray = (
        counts + np.roll(counts, 1, axis=-1) + np.roll(counts, -1, axis=-1)
    )
    return around
