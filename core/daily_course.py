"""Where the course of the day lies in a window of hours, against the usual course."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.quality import (
    COURSE_KNOWN_FRAC,
    COURSE_LAG_FLOOR_H,
    COURSE_LAG_RATIO,
    COURSE_LAGS,
    COURSE_MISFIT_QUANTILE,
    COURSE_NOISE_FRAC,
    COURSE_RATIOS,
    UNUSUAL_QUANTILE,
)

DAY_H = 24

LONGEST_COURSE_H = max(hours for hours, _ in (*COURSE_RATIOS, *COURSE_LAGS))
"""Hours before the first hour to judge that a check of the daily course looks at."""

_LAGS_H = np.arange(-DAY_H // 2, DAY_H // 2)
_TURN = np.exp(2j * np.pi * _LAGS_H / DAY_H)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFit:
    """How the usual course of the day fits windows of hours, one entry a window.

    Attributes
    ----------
    misfit : ndarray
        Mean square of the departures where the course belongs, levels left out, in the
        quantity's unit squared; NaN where too much is missing.
    ratio : ndarray
        How many times better it fits when moved to its best hour, at least 1.
    lag_h : ndarray
        Hours by which the window is early, -12 to 12: the first harmonic of how well
        the moved course fits, so that it is finer than an hour.
    """

    misfit: FloatArray
    ratio: FloatArray
    lag_h: FloatArray

    @classmethod
    def of(
        cls, values: FloatArray, profile: FloatArray, first_hour: int, hours: int
    ) -> CourseFit:
        """Fit every window of `hours`, whole days, of values from `first_hour` on."""
        n_windows, n_days = len(values) - hours + 1, hours // DAY_H
        course = profile[(first_hour + np.arange(len(values))) % DAY_H]
        whole = _bridged(values, course)
        n_known = _window_sums(np.isfinite(values).astype(np.float64), hours)
        # Each window as the sum of its days: the course is the same on all of them.
        days = sum(
            whole[day * DAY_H : len(values) - (n_days - 1 - day) * DAY_H]
            for day in range(n_days)
        )
        folded = np.lib.stride_tricks.sliding_window_view(days, DAY_H)[:n_windows]
        courses = profile[np.add.outer(np.arange(DAY_H), np.arange(DAY_H)) % DAY_H]
        courses -= courses.mean(axis=1, keepdims=True)
        belongs = (first_hour + np.arange(n_windows)) % DAY_H
        moved = (belongs[:, None] + _LAGS_H) % DAY_H
        product = np.take_along_axis(folded @ courses.T, moved, axis=1)
        product[n_known < COURSE_KNOWN_FRAC * hours] = np.nan
        level = _window_sums(whole, hours) / hours
        centre = profile.mean()
        spread = _window_sums((whole - centre) ** 2, hours)
        spread -= hours * (level - centre) ** 2
        size = n_days * float((courses[0] ** 2).sum())
        misfit = np.maximum(spread[:, None] - 2.0 * product + size, 0.0)
        own = misfit[:, DAY_H // 2]
        best = np.maximum(misfit.min(axis=1), COURSE_NOISE_FRAC**2 * size)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.maximum(own / best, 1.0)
        angle = np.angle((product * _TURN).sum(axis=1))
        return cls(
            misfit=own / hours, ratio=ratio, lag_h=angle * DAY_H / (2.0 * math.pi)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualCourse:
    """How windows of so many hours lay in the day, in a history.

    Attributes
    ----------
    misfit, ratio : float
        Usual largest; infinite without windows.
    lag_h : float
        Usual place in the day, hours early of the usual course.
    lag_departure_h : float
        Usual largest departure from it.
    """

    misfit: float
    ratio: float
    lag_h: float
    lag_departure_h: float

    @classmethod
    def of(cls, history: FloatArray, profile: FloatArray, hours: int) -> UsualCourse:
        """The figures of a history that begins at 00:00 UTC."""
        fit = CourseFit.of(history, profile, 0, hours)
        known = np.isfinite(fit.misfit)
        lag_h = float(np.median(fit.lag_h[known])) if known.any() else 0.0
        away_h = np.abs(lag_between(fit.lag_h, lag_h))
        return cls(
            misfit=usual_quantile(fit.misfit, COURSE_MISFIT_QUANTILE),
            ratio=usual_quantile(fit.ratio, UNUSUAL_QUANTILE),
            lag_h=lag_h,
            lag_departure_h=max(
                usual_quantile(away_h, UNUSUAL_QUANTILE), COURSE_LAG_FLOOR_H
            ),
        )

    @staticmethod
    def may_be_misplaced(fit: CourseFit, hours: int) -> bool:
        """Whether any history would make a window of `hours` a finding.

        It saves fitting the history, which is most of a judgement.
        """
        least = min(
            [multiple for n_hours, multiple in COURSE_RATIOS if n_hours == hours]
            + [COURSE_LAG_RATIO for n_hours, _ in COURSE_LAGS if n_hours == hours]
        )
        return bool((fit.ratio > least).any())

    def misplaced(self, fit: CourseFit, hours: int) -> BoolArray:
        """Windows of `hours` whose course lies where it does not usually lie."""
        found = np.zeros(len(fit.ratio), dtype=np.bool_)
        for n_hours, multiple in COURSE_RATIOS:
            if n_hours == hours:
                found |= (fit.ratio > multiple * self.ratio) & (
                    fit.misfit > self.misfit
                )
        for n_hours, multiple in COURSE_LAGS:
            if n_hours == hours:
                away_h = np.abs(lag_between(fit.lag_h, self.lag_h))
                found |= (fit.ratio > COURSE_LAG_RATIO) & (
                    away_h > multiple * self.lag_departure_h
                )
        return found


def lag_between(lag_h: FloatArray, other_h: float) -> FloatArray:
    """Hours from one place in the day to another, -12 to 12.

    Examples
    --------
    >>> lag_between(np.array([11.0]), -11.0).tolist()
    [-2.0]
    """
    half = DAY_H / 2.0
    between: FloatArray = (lag_h - other_h + half) % DAY_H - half
    return between


def _window_sums(column: FloatArray, hours: int) -> FloatArray:
    """The sum of every window; NaN where it has one."""
    unknown = np.isnan(column)
    running = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, column))))
    sums: FloatArray = running[hours:] - running[:-hours]
    if unknown.any():
        gaps = np.concatenate(([0], np.cumsum(unknown)))
        sums[gaps[hours:] > gaps[:-hours]] = np.nan
    return sums


def _bridged(values: FloatArray, course: FloatArray) -> FloatArray:
    """The values with gaps bridged along the usual course; NaN before and after all."""
    known = np.isfinite(values)
    if known.all() or not known.any():
        return values
    places = np.arange(len(values))
    departures = np.interp(
        places, places[known], (values - course)[known], left=np.nan, right=np.nan
    )
    return departures + course


def median_of_rows(rows: FloatArray) -> FloatArray:
    """Median of each column without its NaN; NaN sorts last."""
    ordered = np.sort(rows, axis=0)
    n_known = np.isfinite(rows).sum(axis=0)
    last = np.maximum(n_known - 1, 0)
    columns = np.arange(rows.shape[1])
    middle: FloatArray = (
        ordered[last // 2, columns] + ordered[(last + 1) // 2, columns]
    ) / 2.0
    return middle


def usual_quantile(sizes: FloatArray, share: float) -> float:
    """The smallest that is at least `share` of the known ones; infinite without any."""
    known = sizes[np.isfinite(sizes)]
    if not len(known):
        return math.inf
    # A third of the time of np.quantile, which is most of a judgement.
    rank = math.ceil(share * len(known)) - 1
    return float(np.partition(known, rank)[rank])
