"""Where the course of the day lies in a window of hours, against the usual course."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.aliases import BoolArray, FloatArray, IntArray
from core.quality import (
    BLOCK_H,
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

LEAST_RATIOS = {
    **dict(COURSE_RATIOS),
    **dict.fromkeys((hours for hours, _ in COURSE_LAGS), COURSE_LAG_RATIO),
}
"""Windows whose ratio is no more than this are no finding, whatever the history."""

SURE_FRAC = 0.999
"""What the rounding of two ways to one ratio cannot change."""

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
            misfit=float(usual_quantile(fit.misfit, COURSE_MISFIT_QUANTILE)),
            ratio=float(usual_quantile(fit.ratio, UNUSUAL_QUANTILE)),
            lag_h=lag_h,
            lag_departure_h=max(
                float(usual_quantile(away_h, UNUSUAL_QUANTILE)), COURSE_LAG_FLOOR_H
            ),
        )

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


def may_be_misplaced(values: FloatArray, profile: FloatArray) -> dict[int, BoolArray]:
    """Blocks that end a window of more than its `LEAST_RATIOS`, by its hours.

    A window is the sum of its days, whatever its length: each day is held against the
    course once.

    Parameters
    ----------
    values : ndarray, shape (n_blocks, LONGEST_COURSE_H + BLOCK_H)
        The hours of each block and those before them, from 00:00 UTC on.
    profile : ndarray, shape (n_blocks, 24)
    """
    course = np.tile(profile, values.shape[1] // DAY_H)
    whole = np.stack([_bridged(*row) for row in zip(values, course, strict=True)])
    whole -= profile.mean(axis=1, keepdims=True)
    courses = profile[:, np.add.outer(np.arange(DAY_H), np.arange(DAY_H)) % DAY_H]
    courses -= courses.mean(axis=2, keepdims=True)
    day_size = (courses[:, :1] ** 2).sum(axis=2)
    days = np.lib.stride_tricks.sliding_window_view(whole, DAY_H, axis=1)
    products = courses @ days.swapaxes(1, 2)
    ends = np.arange(BLOCK_H)
    day_squares, day_sums = (_window_sums(x, DAY_H) for x in (whole**2, whole))
    total = np.zeros((len(values), DAY_H, BLOCK_H))
    squares, sums = np.zeros((2, len(values), BLOCK_H))
    found = {}
    for hours in range(DAY_H, LONGEST_COURSE_H + 1, DAY_H):
        first = LONGEST_COURSE_H - hours + 1
        day = slice(first, first + BLOCK_H)
        total += products[:, :, day]
        squares += day_squares[:, day]
        sums += day_sums[:, day]
        if hours not in LEAST_RATIOS:
            continue
        spread = squares - sums**2 / hours
        size = hours // DAY_H * day_size
        own = spread - 2.0 * total[:, (first + ends) % DAY_H, ends] + size
        best = np.maximum(
            spread - 2.0 * total.max(axis=1) + size, COURSE_NOISE_FRAC**2 * size
        )
        found[hours] = (own > SURE_FRAC * LEAST_RATIOS[hours] * best).any(axis=1)
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
    sums = _differences(np.cumsum(np.where(unknown, 0.0, column), axis=-1), hours)
    if unknown.any():
        sums[_differences(np.cumsum(unknown, axis=-1), hours) > 0] = np.nan
    return sums


def _differences(running: FloatArray, hours: int) -> FloatArray:
    """Of running sums, the sum of every window along the last axis."""
    sums = running[..., hours - 1 :].copy()
    sums[..., 1:] -= running[..., :-hours]
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


def median_of_known(sizes: FloatArray) -> FloatArray:
    """Median along the last axis, without NaN; NaN where there is nothing else."""
    last = np.maximum(np.isfinite(sizes).sum(axis=-1) - 1, 0)
    lower, upper = _at_ranks(sizes, last // 2, (last + 1) // 2)
    middle: FloatArray = (lower + upper) / 2.0
    return middle


def usual_quantile(sizes: FloatArray, share: float) -> FloatArray:
    """The smallest that is at least `share` of the known ones, along the last axis.

    Infinite where none is known. A third of the time of np.quantile.
    """
    n_known = np.isfinite(sizes).sum(axis=-1)
    rank = np.ceil(share * n_known).astype(np.int64) - 1
    return np.where(n_known > 0, _at_ranks(sizes, np.maximum(rank, 0))[0], np.inf)


def _at_ranks(sizes: FloatArray, *ranks: IntArray) -> list[FloatArray]:
    """The values of these ranks along the last axis; NaN are the largest."""
    ordered = np.partition(sizes, np.unique(np.stack(ranks)), axis=-1)
    return [
        np.take_along_axis(ordered, np.asarray(rank)[..., None], axis=-1)[..., 0]
        for rank in ranks
    ]
