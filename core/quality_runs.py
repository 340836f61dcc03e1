"""Measured values against what the weather runs of their region said of the hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.daily_course import DAY_H, median_of_known, usual_quantile
from core.quality import (
    HISTORY_DAYS,
    MIN_HISTORY_DAYS,
    PROFILE_DAYS,
    RUN_KNOWN_FRAC,
    RUN_MULTIPLES,
    UNUSUAL_QUANTILE,
)
from core.telemetry import Quantity
from core.weather_runs import WeatherRuns, instant_of

LONGEST_RUN_WINDOW_H = max(hours for hours, _ in RUN_MULTIPLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDepartures:
    """Windows of one length, by the hour they end with, whose runs are too far off.

    Attributes
    ----------
    found : ndarray of bool, shape (n_hours,)
    mean : ndarray, shape (n_hours,)
        Measured less what the run said, less its usual error; mean of the window.
    expected : ndarray, shape (n_hours,)
        What the run said of the last hour, with its usual error.
    issue_hours : ndarray, shape (n_hours,)
        When that run was issued, hours since 1970.
    allowed : float
        Largest mean that is no finding.
    """

    hours: int
    found: BoolArray
    mean: FloatArray
    expected: FloatArray
    issue_hours: FloatArray
    allowed: float

    def run_at(
        self, runs: WeatherRuns, quantity: Quantity, first: int, position: int
    ) -> str:
        """The run of an hour, and the mean that was compared, in words.

        `position` counts from `first`.
        """
        issue_hour = int(self.issue_hours[first + position])
        issued = f"{instant_of(issue_hour):%Y-%m-%d %H:%M} UTC"
        name = f"{runs.issued_by(quantity, issue_hour)} of {issued}"
        if self.hours == 1:
            return name
        return (
            f"{name} ({self.mean[first + position]:+.1f} in the mean of {self.hours} h)"
        )


def run_departures(
    past: FloatArray,
    values: FloatArray,
    said: FloatArray,
    age_h: FloatArray,
    *,
    first_hour: int,
    floor: float,
) -> list[RunDepartures]:
    """Hold hours against the runs that were known when each of them began.

    The errors of the runs over the history are the scale: their median at each hour of
    the day is taken off, and the usual largest mean of so many hours is the unit of
    `RUN_MULTIPLES`.

    Parameters
    ----------
    past : ndarray, shape (HISTORY_DAYS * 24,)
        Trusted values of the days before the block of the hours to judge, less what the
        runs said of them, in the quantity's unit; from 00:00 UTC on.
    values : ndarray, shape (n_hours,)
        Values from `first_hour` on, the hours to judge with
        `LONGEST_RUN_WINDOW_H` before them, as measured.
    said, age_h : ndarray, shape (n_hours,)
        As of `WeatherRuns.known_at_hours`, of the same hours.
    first_hour : int
        Hours since 1970.
    floor : float
        Least usual error, in the quantity's unit.

    Returns
    -------
    list of RunDepartures
        One for each line of `RUN_MULTIPLES`; empty with fewer than
        `MIN_HISTORY_DAYS` of errors.
    """
    if np.isfinite(past).sum() < MIN_HISTORY_DAYS * DAY_H:
        return []
    days = past.reshape(HISTORY_DAYS, DAY_H)
    usual = median_of_known(days[-PROFILE_DAYS:].T)
    hours = first_hour + np.arange(len(values))
    expected = said + usual[hours % DAY_H]
    past_departures = (days - usual).ravel()
    found = []
    for n_hours, multiple in RUN_MULTIPLES:
        mean = _rolling_mean(values - expected, n_hours)
        past_means = np.abs(_rolling_mean(past_departures, n_hours))
        largest = max(float(usual_quantile(past_means, UNUSUAL_QUANTILE)), floor)
        found.append(
            RunDepartures(
                hours=n_hours,
                found=(np.abs(mean) > multiple * largest) & np.isfinite(expected),
                mean=mean,
                expected=expected,
                issue_hours=hours - age_h,
                allowed=multiple * largest,
            )
        )
    return found


def _rolling_mean(departures: FloatArray, hours: int) -> FloatArray:
    """Mean of the hours up to each, NaN where too few of them are known."""
    known = np.isfinite(departures)
    total = _rolling_sum(np.where(known, departures, 0.0), hours)
    n_known = _rolling_sum(known.astype(np.float64), hours)
    mean: FloatArray = np.full(len(departures), np.nan)
    np.divide(total, n_known, out=mean, where=n_known >= max(RUN_KNOWN_FRAC * hours, 1))
    return mean


def _rolling_sum(column: FloatArray, hours: int) -> FloatArray:
    running = np.cumsum(column)
    running[hours:] -= running[:-hours].copy()
    return running
