"""The portal's own plain model of a day's maximum, which nobody uploads.

A ridge per region and hour of issue, fitted anew for every issue on the days of the
year before it, and its errors on the year before, each made with the fit of its day.
It needs no file and no training job: it is a function of the region's telemetry.
Serving models are held against it (`core.plausibility`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.aliases import FloatArray, IntArray
from core.conformal import SCORE_WINDOW, Calibration
from core.days import WINDOW_H
from core.errors import CalibrationInsufficient
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between
from models.catalogue import STAND_INS
from models.features import YEAR_H
from models.gaps import held
from models.training_rows import EPOCH

FIT_DAYS = 365
"""Days before an issue that its weights are fitted on."""

MIN_FIT_DAYS = 30
"""Fewest of them. Assumed: 18 weights, shrunk, are then worse than later but usable."""

PENALTY = 0.01
"""Of a weight, as a share of the variance of its column; errors hardly depend on it."""

MIN_ERROR_C = 0.25
"""Smallest mean error: where telemetry is constant it would be 0. Assumed, about the
resolution of a sensor."""

FLOOR_FRAC = 0.4
"""Smallest mean error as a share of its yearly mean, as in `models.ridge_training`."""

MIN_KNOWN_H = 12
"""Hours of the last 24 whose temperature must be known."""

_LOOK_BACK_H = 168
HISTORY_H = (FIT_DAYS + SCORE_WINDOW) * WINDOW_H + _LOOK_BACK_H
"""Telemetry before an issue that its forecast is made from."""

_TEMPERATURE_MEANS = ((1, 24), (1, 1), (25, 25), (1, 6), (49, _LOOK_BACK_H))
_TEMPERATURE_MAXIMA = ((1, 24), (25, 48))
_WEATHER_MEANS = ((1, 3), (4, 6), (7, 24))
"""Lags, in hours before the issue."""
_WEATHER = (
    Quantity.RELATIVE_HUMIDITY_PCT,
    Quantity.WIND_SPEED_KMH,
    Quantity.CLOUD_COVER_PCT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainForecast:
    """The plain model's forecast of one day's maximum.

    Attributes
    ----------
    day_max_c, error_c : float
        Expected maximum and the mean error that is usual for it, degC.
    scores : ndarray, shape (n_scores,)
        (maximum - expected) / error of the last 365 finished days of this hour of
        issue, in any order.
    """

    day_max_c: float
    error_c: float
    scores: FloatArray

    def bound_c(self, alpha: Decimal) -> float | None:
        """Bound on the maximum at a risk; None with too few scores for it."""
        try:
            calibration = Calibration(
                ordered_scores=tuple(np.sort(self.scores).tolist()),
                offset=0.0,
                alpha=alpha,
            )
        except CalibrationInsufficient:
            return None
        return self.day_max_c + calibration.quantile * self.error_c


class _Hours(NamedTuple):
    """By the hour of `frame`, as if each were an issue: shape (n_hours, ...)."""

    state: FloatArray
    season: FloatArray
    day_max_c: FloatArray


def plain_forecasts(
    frame: TelemetryFrame, issue_instants: Sequence[datetime]
) -> list[PlainForecast | None]:
    """Forecasts as they would have been made at each instant; None where none can be.

    Parameters
    ----------
    frame : TelemetryFrame
        For each issue only hours that ended by it are used, of the `HISTORY_H` before.
    issue_instants : sequence of datetime
        Full UTC hours, in any order.
    """
    if not issue_instants:
        return []
    start_utc = min(issue_instants) - HISTORY_H * HOUR
    history = frame.window(start_utc, max(issue_instants) + HOUR)
    hours = _hours(history)
    by_hour: dict[int, list[int]] = defaultdict(list)
    for number, instant in enumerate(issue_instants):
        by_hour[hours_between(start_utc, instant) % WINDOW_H].append(number)
    answers: list[PlainForecast | None] = [None] * len(issue_instants)
    for first, numbers in by_hour.items():
        series = _Series.of(hours, first)
        for number in numbers:
            offset = hours_between(start_utc, issue_instants[number])
            answers[number] = series.forecast((offset - first) // WINDOW_H)
    return answers


def _hours(history: TelemetryFrame) -> _Hours:
    measured = history.column(Quantity.TEMPERATURE_C)
    known = np.isfinite(measured)
    filled = held(measured, STAND_INS[Quantity.TEMPERATURE_C])
    columns = [_lag_means(filled, *lags) for lags in _TEMPERATURE_MEANS]
    columns += [_lag_maxima(filled, *lags) for lags in _TEMPERATURE_MAXIMA]
    for quantity in _WEATHER:
        weather = held(history.column(quantity), STAND_INS[quantity])
        columns += [_lag_means(weather, *lags) for lags in _WEATHER_MEANS]
    first_hour = hours_between(EPOCH, history.start_utc)
    turns = 2.0 * np.pi * (first_hour + np.arange(history.n_hours)) / YEAR_H
    season = np.stack((np.sin(turns), np.cos(turns)), axis=1)
    state = np.concatenate((np.stack(columns, axis=1), season), axis=1)
    is_usable = _lag_means(known.astype(np.float64), 1, WINDOW_H) * WINDOW_H
    # Sums of whole numbers, up to their rounding.
    state[~(is_usable > MIN_KNOWN_H - 0.5)] = np.nan
    day_max_c = np.full(history.n_hours, np.nan)
    if history.n_hours >= WINDOW_H:
        windows = sliding_window_view(measured, WINDOW_H)
        day_max_c[: len(windows)] = windows.max(axis=1)
    return _Hours(state=state, season=season, day_max_c=day_max_c)


def _lag_means(values: FloatArray, newest: int, oldest: int) -> FloatArray:
    """Mean of the lags `newest` to `oldest` h before each hour, NaN where they end."""
    means = sliding_window_view(values, oldest - newest + 1).mean(axis=1)
    return _before(means, oldest, len(values))


def _lag_maxima(values: FloatArray, newest: int, oldest: int) -> FloatArray:
    """Largest of the lags, as `_lag_means`."""
    maxima = sliding_window_view(values, oldest - newest + 1).max(axis=1)
    return _before(maxima, oldest, len(values))


def _before(of_windows: FloatArray, oldest: int, n_hours: int) -> FloatArray:
    """By hour, what belongs to the window that begins `oldest` hours before it."""
    by_hour = np.full(n_hours, np.nan)
    by_hour[oldest:] = of_windows[: n_hours - oldest]
    return by_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """One hour of issue, day by day; each day's values from the days before it.

    Attributes
    ----------
    expected_c, missed_c : ndarray, shape (n_days,)
        Expected maximum, and what really came less that; NaN where there are too few
        days before, or the day is not finished.
    season : ndarray, shape (n_days, 2)
    error_fits : ndarray, shape (n_days, 3)
        Constant and weights of the season in the mean error.
    """

    expected_c: FloatArray
    missed_c: FloatArray
    season: FloatArray
    error_fits: FloatArray

    @classmethod
    def of(cls, hours: _Hours, first: int) -> _Series:
        """The series of hours `first`, `first` + 24, …"""
        days = slice(first, None, WINDOW_H)
        state, season, day_max_c = (
            hours.state[days],
            hours.season[days],
            hours.day_max_c,
        )
        fits = _rolling_ridge(state, day_max_c[days])
        expected_c = fits[:, 0] + np.sum(state * fits[:, 1:], axis=1)
        missed_c = day_max_c[days] - expected_c
        return cls(
            expected_c=expected_c,
            missed_c=missed_c,
            season=season,
            error_fits=_rolling_ridge(season, np.abs(missed_c)),
        )

    def forecast(self, day: int) -> PlainForecast | None:
        """The forecast of a day by its position."""
        before = slice(max(day - SCORE_WINDOW, 0), day)
        known = np.isfinite(self.missed_c[before])
        missed_c, season = self.missed_c[before][known], self.season[before][known]
        fit = self.error_fits[day]
        if not np.isfinite([self.expected_c[day], *fit]).all():
            return None
        floor_c = max(FLOOR_FRAC * float(np.abs(missed_c).mean()), MIN_ERROR_C)
        errors_c = np.maximum(fit[0] + season @ fit[1:], floor_c)
        return PlainForecast(
            day_max_c=float(self.expected_c[day]),
            error_c=float(np.maximum(fit[0] + self.season[day] @ fit[1:], floor_c)),
            scores=missed_c / errors_c,
        )


def _rolling_ridge(columns: FloatArray, outcome: FloatArray) -> FloatArray:
    """Constant and weights of a ridge on the `FIT_DAYS` rows before each row.

    The sums of running products give every fit at the cost of one, as in
    `models.moments`.

    Returns
    -------
    ndarray, shape (n, 1 + n_columns)
        NaN with fewer than `MIN_FIT_DAYS` complete rows.
    """
    complete = np.isfinite(columns).all(axis=1) & np.isfinite(outcome)
    design = np.column_stack((np.ones(len(columns)), columns))
    design = np.where(complete[:, None], design, 0.0)
    known = np.where(complete, outcome, 0.0)
    xx = _sums_before(design[:, :, None] * design[:, None, :])
    xy = _sums_before(design * known[:, None])
    fitted = np.flatnonzero(xx[:, 0, 0] > MIN_FIT_DAYS - 0.5)
    count = xx[fitted, 0, 0][:, None]
    mean_x, mean_y = xx[fitted, 0, 1:] / count, xy[fitted, :1] / count
    products = mean_x[:, :, None] * mean_x[:, None, :]
    centred = xx[fitted, 1:, 1:] - count[:, :, None] * products
    diagonal = np.arange(columns.shape[1])
    # The constant part keeps a column that never varies from making it singular.
    centred[:, diagonal, diagonal] *= 1.0 + PENALTY
    centred[:, diagonal, diagonal] += 1e-6 * count
    together = xy[fitted, 1:] - count * mean_x * mean_y
    weights = np.linalg.solve(centred, together[:, :, None])[:, :, 0]
    constant = mean_y[:, 0] - np.sum(mean_x * weights, axis=1)
    fits = np.full((len(columns), 1 + columns.shape[1]), np.nan)
    fits[fitted] = np.column_stack((constant, weights))
    return fits


def _sums_before(values: FloatArray) -> FloatArray:
    """Sums over the `FIT_DAYS` rows before each row, the row itself left out."""
    running = np.concatenate((np.zeros((1, *values.shape[1:])), np.cumsum(values, 0)))
    rows: IntArray = np.arange(len(values))
    sums: FloatArray = running[rows] - running[np.maximum(rows - FIT_DAYS, 0)]
    return sums
