"""What is usual of one quantity and region, from its own last weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.aliases import FloatArray, IntArray
from core.daily_course import DAY_H, median_of_rows, usual_quantile
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Figures of the `HISTORY_DAYS` before a block of hours.

    Attributes
    ----------
    is_known : bool
        Whether there was enough history; without, `profile` is 0 and the limits are
        those of the table.
    profile : ndarray, shape (24,)
        Usual value of each UTC hour of the day: the median of `PROFILE_DAYS`.
    usual_departure : ndarray, shape (MAX_LEAD_H + 1,)
        Usual largest change of the departure from the profile within so many hours.
    limit : ndarray, shape (MAX_LEAD_H + 1,)
        Change that is a finding.
    usual_anomaly : float
        Usual largest departure from the profile; infinite without history.
    log_equal : ndarray, shape (24,)
        Logarithm of how often an hour equals the one before it.
    history : ndarray, shape (HISTORY_DAYS * 24,)
        The values that these figures are of.
    typical_size : float
        Median of the absolute values; NaN without history.
    least : float
        Smallest value; NaN without history.
    """

    is_known: bool
    profile: FloatArray
    usual_departure: FloatArray
    limit: FloatArray
    usual_anomaly: float
    log_equal: FloatArray
    history: FloatArray
    typical_size: float
    least: float

    @classmethod
    def of(cls, history: FloatArray, checks: QualityChecks) -> Baseline:
        """The figures of `history`, shape (HISTORY_DAYS * 24,), NaN where unknown.

        The first hour is 00:00 UTC.
        """
        known = history[np.isfinite(history)]
        if len(known) < MIN_HISTORY_DAYS * DAY_H:
            return _without_history(checks)
        days = history.reshape(HISTORY_DAYS, DAY_H)
        profile = median_of_rows(days[-PROFILE_DAYS:])
        anomalies = (days - profile).ravel()
        usual = np.full(MAX_LEAD_H + 1, np.inf)
        if checks.step_limit is not None:
            usual = _usual_departures(anomalies, checks.step_floor)
        return cls(
            is_known=True,
            profile=profile,
            usual_departure=usual,
            limit=usual * _multiples(),
            usual_anomaly=max(_usual(np.abs(anomalies)), checks.step_floor),
            log_equal=_log_equal(history) if checks.flat_line else np.zeros(DAY_H),
            history=history,
            typical_size=float(np.median(np.abs(known))),
            least=float(known.min()),
        )


def block_start(hour: int) -> int:
    """First hour, since 1970, of the block of `hour`."""
    return hour // BLOCK_H * BLOCK_H


def _without_history(checks: QualityChecks) -> Baseline:
    leads = np.arange(MAX_LEAD_H + 1)
    step = np.inf if checks.step_limit is None else checks.step_limit
    limit = np.zeros(len(leads))
    limit[1:] = step * np.sqrt(leads[1:])
    return Baseline(
        is_known=False,
        profile=np.zeros(DAY_H),
        usual_departure=limit,
        limit=limit,
        usual_anomaly=np.inf,
        log_equal=np.full(
            DAY_H, np.log(FLAT_PROBABILITY) / (FLAT_HOURS_WITHOUT_HISTORY - 1.5)
        ),
        history=np.full(HISTORY_DAYS * DAY_H, np.nan),
        typical_size=np.nan,
        least=np.nan,
    )


def _usual(sizes: FloatArray) -> float:
    return usual_quantile(sizes, UNUSUAL_QUANTILE)


def _usual_departures(anomalies: FloatArray, floor: float) -> FloatArray:
    measured = [_usual(np.abs(anomalies[h:] - anomalies[:-h])) for h in LEADS_H]
    rising = np.maximum.accumulate(np.maximum(measured, floor))
    usual: FloatArray = np.interp(np.arange(MAX_LEAD_H + 1), LEADS_H, rising)
    usual[0] = 0.0
    return usual


def _multiples() -> FloatArray:
    leads, multiples = zip(*STEP_MULTIPLES, strict=True)
    return np.interp(np.arange(MAX_LEAD_H + 1), leads, multiples)


def _log_equal(history: FloatArray) -> FloatArray:
    """By hour of the day, counted over it and its neighbours; never certain."""
    both = np.isfinite(history[1:]) & np.isfinite(history[:-1])
    equal = both & (history[1:] == history[:-1])
    hour_of_day = np.arange(1, len(history)) % DAY_H
    n_both = _with_neighbours(np.bincount(hour_of_day[both], minlength=DAY_H))
    n_equal = _with_neighbours(np.bincount(hour_of_day[equal], minlength=DAY_H))
    log_equal: FloatArray = np.log((n_equal + 1.0) / (n_both + 2.0))
    return log_equal


def _with_neighbours(counts: IntArray) -> IntArray:
    return counts + np.roll(counts, 1) + np.roll(counts, -1)
