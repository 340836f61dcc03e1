"""The portal's own plain model of a day's maximum, which nobody uploads.

A ridge per region and hour of issue, fitted once a week on the days of the year before
it, and its errors of a year, each made with the fit of its week. It needs no file and
no training job: it is a function of the region's telemetry, and of the weather
forecasts known at the issue where those cover the window. Serving models are held
against it (`core.plausibility`).

`weekly_fits` reads two years once a week; `plain_forecast` then needs `RECENT_H` hours.
`plain_forecasts` makes the same forecasts, to the bit, from the whole history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Self
from zlib import crc32

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.aliases import BoolArray, FloatArray, IntArray
from core.conformity import MINIMUM_SCORES, SCORE_WINDOW, Calibration
from core.days import WINDOW_H
from core.errors import CalibrationInsufficient
from core.plausibility import DayShape
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between
from core.weather_runs import BIAS_DAYS
from models.catalogue import STAND_INS
from models.features import YEAR_H
from models.gaps import MEAN_WINDOW_H, held
from models.training_rows import EPOCH

WEEK_DAYS = 7
WEEK_H = WEEK_DAYS * WINDOW_H

FIT_WEEKS = 52
"""Weeks of days before a week that its weights are fitted on."""

SETTLED_DAYS = 3
"""Days before a week that its fit leaves out: the others ended 48 h before the week,
when late telemetry has come (`orchestrator.forecasts.scoring`)."""

MIN_FIT_DAYS = 30
"""Fewest of them. Assumed: 18 weights, shrunk, are then worse than later but usable."""

PENALTY = 0.01
"""Of a weight, as a share of the variance of its column; errors hardly depend on it."""

MIN_ERROR_C = 0.25
"""Smallest mean error: where telemetry is constant it would be 0. Assumed, about the
resolution of a sensor."""

FLOOR_FRAC = 0.4
"""Smallest mean error as a share of its yearly mean, as in `models.ridge_learning`."""

MIN_KNOWN_H = 12
"""Hours of the last 24 whose temperature must be known."""

COURSE_DAYS, MIN_COURSE_DAYS = 28, 14
"""Days before an issue that show the usual course of a day, and fewest of them."""

_LOOK_BACK_H = 168
_WARM_UP_H = max(_LOOK_BACK_H + MEAN_WINDOW_H, (BIAS_DAYS + 1) * WINDOW_H)
"""Hours before a day that are read: its lags, what stands in for their gaps, and the
days whose errors correct a weather forecast."""

_SCORED_WEEKS = -(-(SCORE_WINDOW + SETTLED_DAYS) // WEEK_DAYS)
_PAST_WEEKS = FIT_WEEKS + 1 + _SCORED_WEEKS
HISTORY_H = (_PAST_WEEKS + 1) * WEEK_H + _WARM_UP_H
"""Telemetry before an issue that the fits of its week are made from."""

RECENT_ISSUES_H = WEEK_H + SETTLED_DAYS * WINDOW_H
"""How far back the days lie that a week's fit does not count yet."""

RECENT_H = RECENT_ISSUES_H + _WARM_UP_H
"""Telemetry before an issue that its forecast is made from once its week is fitted."""

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
    hours_c : ndarray, shape (24,)
        Expected temperature of each hour, degC: what the skill of a serving model is
        held against. Fitted apart; its largest is not `day_max_c`.
    """

    day_max_c: float
    error_c: float
    scores: FloatArray
    hours_c: FloatArray

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainFit:
    """What one week's forecasts of one hour of issue rest on.

    Attributes
    ----------
    former, weights : ndarray, shape (1 + n_columns,)
        Constant and weights of the week before and of this week; NaN where too few
        days are known.
    hour_weights : ndarray, shape (24, 1 + n_columns)
        Those of this week for the temperature of each hour of the window.
    error_fit : ndarray, shape (3,)
        Constant and weights of the season in the mean error.
    floor_c : float
        Smallest mean error, degC; NaN without any.
    missed_c : ndarray, shape (365,)
        Maximum less the expected one of the days up to `SETTLED_DAYS` before the week,
        the newest last; NaN where one is not known.
    """

    former: FloatArray
    weights: FloatArray
    hour_weights: FloatArray
    error_fit: FloatArray
    floor_c: float
    missed_c: FloatArray

    def to_bytes(self) -> tuple[bytes, bytes]:
        """The values as float64 in the order of the fields, the weights of hours apart.

        A release that knows only the first part may run beside this one.
        """
        parts = (self.former, self.weights, self.error_fit, [self.floor_c])
        content = np.concatenate((*parts, self.missed_c)).astype("<f8")
        return content.tobytes(), self.hour_weights.astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, content: bytes, hour_weights: bytes) -> Self:
        """The fit of `to_bytes`."""
        values = np.frombuffer(content, "<f8")
        n_weights = (len(values) - SCORE_WINDOW - 4) // 2
        former, weights, error_fit, floor_c, missed_c = np.split(
            values, np.cumsum((n_weights, n_weights, 3, 1))
        )
        return cls(
            former=former,
            weights=weights,
            hour_weights=np.frombuffer(hour_weights, "<f8").reshape(WINDOW_H, -1),
            error_fit=error_fit,
            floor_c=float(floor_c[0]),
            missed_c=missed_c,
        )


class _Hours(NamedTuple):
    """By the hour of a frame, as if each were an issue: shape (n_hours, ...).

    What really came is the window's maximum and its 24 hours, all NaN unless all are
    known: shape (n_hours, 25).
    """

    state: FloatArray
    season: FloatArray
    outcome_c: FloatArray

    def at(self, hours: slice, run_max_c: FloatArray | None = None) -> _Hours:
        """Some of them, with the maxima of weather forecasts if given."""
        state = self.state[hours]
        if run_max_c is not None:
            state = np.column_stack((state, run_max_c))
        return _Hours(state, self.season[hours], self.outcome_c[hours])


def week_start(region_slug: str, instant: datetime) -> datetime:
    """Start of the week of fits that an instant lies in.

    Weeks begin at an hour that follows from the region's name, so that not all regions
    of a fleet are fitted at once.

    Examples
    --------
    >>> from datetime import UTC
    >>> str(week_start("arizona", datetime(2026, 7, 1, 12, tzinfo=UTC)))
    '2026-06-25 03:00:00+00:00'
    """
    phase_h = crc32(region_slug.encode()) % WEEK_H
    return instant - (hours_between(EPOCH, instant) - phase_h) % WEEK_H * HOUR


def weekly_fits(
    frame: TelemetryFrame, week_start_utc: datetime
) -> dict[tuple[int, bool], PlainFit]:
    """Fits of a week by UTC hour of issue, without and, where any are known, with runs.

    Parameters
    ----------
    frame : TelemetryFrame
        Only trusted hours that ended before the week are used, of the `HISTORY_H`
        before it.
    week_start_utc : datetime
        Of `week_start`.
    """
    start_utc = week_start_utc - _PAST_WEEKS * WEEK_H * HOUR
    end_utc = week_start_utc + WEEK_H * HOUR
    history = frame.window(start_utc - _WARM_UP_H * HOUR, end_utc).trusted()
    (hours,) = _hours([history])
    run_max_c = _run_maxima(history, slice(_WARM_UP_H, None))
    fits = {}
    for slot in range(WINDOW_H):
        days = slice(_WARM_UP_H + slot, None, WINDOW_H)
        hour = (start_utc + slot * HOUR).hour
        fits[hour, False] = _Series.of(hours.at(days)).fit(_PAST_WEEKS)
        if run_max_c is not None:
            with_runs = hours.at(days, run_max_c[slot::WINDOW_H])
            fits[hour, True] = _Series.of(with_runs).fit(_PAST_WEEKS)
    return fits


class RecentIssue(NamedTuple):
    """An issue of a region whose week and hour are fitted.

    Attributes
    ----------
    frame : TelemetryFrame
        Only trusted hours that ended by the issue are used, of the `RECENT_H` before,
        and weather forecasts known by the issue instants of those days.
    uses_runs : bool
        Whether the fit is one on weather forecasts.
    """

    frame: TelemetryFrame
    fit: PlainFit
    uses_runs: bool


def plain_forecast(
    frame: TelemetryFrame, issued_at_utc: datetime, fit: PlainFit, *, uses_runs: bool
) -> PlainForecast | None:
    """The forecast of one issue; see `recent_forecasts`."""
    return recent_forecasts([RecentIssue(frame, fit, uses_runs)], issued_at_utc)[0]


def recent_forecasts(
    issues: Sequence[RecentIssue], issued_at_utc: datetime
) -> list[PlainForecast | None]:
    """Forecasts of one instant by fits of its week and hour; None where none can be.

    What each region gets does not depend, even in the last digit, on the others.
    """
    if not issues:
        return []
    start_utc = issued_at_utc - RECENT_H * HOUR
    histories = [
        issue.frame.window(start_utc, issued_at_utc + HOUR).trusted()
        for issue in issues
    ]
    days = slice(_WARM_UP_H, None, WINDOW_H)
    seasons = _seasons(
        hours_between(EPOCH, issued_at_utc) - WINDOW_H * np.arange(SCORE_WINDOW, 0, -1)
    )
    found: list[PlainForecast | None] = []
    for issue, history, rows in zip(
        issues, histories, _hours(histories, days), strict=True
    ):
        run_max_c = _run_maxima(history, days) if issue.uses_runs else None
        if issue.uses_runs and run_max_c is None:
            found.append(None)
            continue
        into_week_h = hours_between(
            week_start(issue.frame.region_slug, issued_at_utc), issued_at_utc
        )
        n_days = SETTLED_DAYS + into_week_h // WINDOW_H
        state, season, outcome_c = (
            column[len(column) - 1 - n_days :]
            for column in rows.at(slice(None), run_max_c)
        )
        is_former = np.arange(len(state))[:, None] < SETTLED_DAYS
        weights = np.where(is_former, issue.fit.former, issue.fit.weights)
        expected_c = _expected(state, weights)
        found.append(
            _forecast(
                issue.fit,
                expected_c=float(expected_c[-1]),
                hours_c=_expected(state[-1], issue.fit.hour_weights),
                newer_missed_c=(outcome_c[:, 0] - expected_c)[:-1],
                season=season[-1],
                seasons=seasons,
            )
        )
    return found


def usual_shape(
    frame: TelemetryFrame, issued_at_utc: datetime, error_c: float, *, uses_runs: bool
) -> DayShape | None:
    """How the hours of an issue's window usually lie below the warmest.

    A weather forecast that covers the window says it, with the plain model's error as
    the spread: it sees a front that comes. Else the days before say it.

    Parameters
    ----------
    frame : TelemetryFrame
        As for `RecentIssue`.

    Returns
    -------
    DayShape | None
        None with fewer than `MIN_COURSE_DAYS` known days of the last `COURSE_DAYS`.
    """
    start_utc = issued_at_utc - RECENT_H * HOUR
    history = frame.window(start_utc, issued_at_utc + HOUR).trusted()
    run_c = _run_hours(history, slice(RECENT_H, None)) if uses_runs else None
    if run_c is not None and np.isfinite(run_c[-1]).all():
        below_c = run_c[-1].max() - run_c[-1]
        return DayShape(below_c=below_c, spread_c=np.full(WINDOW_H, error_c))
    measured = history.column(Quantity.TEMPERATURE_C)[:-1]
    days = measured[-COURSE_DAYS * WINDOW_H :].reshape(COURSE_DAYS, WINDOW_H)
    days = days[np.isfinite(days).all(axis=1)]
    if len(days) < MIN_COURSE_DAYS:
        return None
    below = days.max(axis=1)[:, None] - days
    return DayShape(below_c=below.mean(axis=0), spread_c=below.std(axis=0))


def plain_forecasts(
    frame: TelemetryFrame,
    issue_instants: Sequence[datetime],
    *,
    runs_used: Sequence[bool] | None = None,
    least_scores: int = MINIMUM_SCORES,
) -> list[PlainForecast | None]:
    """Forecasts as they would have been made at each instant; None where none can be.

    Parameters
    ----------
    frame : TelemetryFrame
        For each issue only trusted hours that ended by it are used, of the `HISTORY_H`
        before, and weather forecasts known by it.
    issue_instants : sequence of datetime
        Full UTC hours, in any order.
    runs_used : sequence of bool, length N, optional
        Where weather forecasts may be used: beside models that used them too. A model
        without them is no liar because it knows less.
    least_scores : int
        With fewer scores a weather forecast is left aside.
    """
    if not issue_instants:
        return []
    first_week_utc = week_start(frame.region_slug, min(issue_instants))
    start_utc = first_week_utc - _PAST_WEEKS * WEEK_H * HOUR
    end_utc = week_start(frame.region_slug, max(issue_instants)) + WEEK_H * HOUR
    history = frame.window(start_utc - _WARM_UP_H * HOUR, end_utc).trusted()
    (hours,) = _hours([history])
    by_slot: dict[int, list[int]] = defaultdict(list)
    for number, instant in enumerate(issue_instants):
        by_slot[hours_between(start_utc, instant) % WINDOW_H].append(number)
    answers: list[PlainForecast | None] = [None] * len(issue_instants)
    for slot, numbers in by_slot.items():
        days = slice(_WARM_UP_H + slot, None, WINDOW_H)
        may_use = runs_used is not None and any(runs_used[i] for i in numbers)
        run_max_c = _run_maxima(history, days) if may_use else None
        with_runs = None if run_max_c is None else _Series.of(hours.at(days, run_max_c))
        without = _Series.of(hours.at(days))
        for number in numbers:
            day = hours_between(start_utc, issue_instants[number]) // WINDOW_H
            found = None
            if with_runs is not None and runs_used is not None and runs_used[number]:
                found = with_runs.forecast(day)
            if found is None or len(found.scores) < least_scores:
                found = without.forecast(day)
            answers[number] = found
    return answers


def _forecast(
    fit: PlainFit,
    *,
    expected_c: float,
    hours_c: FloatArray,
    newer_missed_c: FloatArray,
    season: FloatArray,
    seasons: FloatArray,
) -> PlainForecast | None:
    """The forecast of a day, from the fit of its week and the days after the fit's.

    Parameters
    ----------
    newer_missed_c : ndarray, shape (n,)
        Of the days that the fit does not count, the newest last.
    season, seasons : ndarray, shape (2,), (365, 2)
        Of the day and of those before it.
    """
    missed_c = np.concatenate((fit.missed_c, newer_missed_c))[-SCORE_WINDOW:]
    known = np.isfinite(missed_c)
    if not np.isfinite([expected_c, fit.floor_c, *fit.error_fit, *hours_c]).all():
        return None
    errors_c = np.maximum(
        fit.error_fit[0] + np.sum(seasons[known] * fit.error_fit[1:], axis=1),
        fit.floor_c,
    )
    usual_c = fit.error_fit[0] + float(np.sum(season * fit.error_fit[1:]))
    return PlainForecast(
        day_max_c=expected_c,
        error_c=float(max(usual_c, fit.floor_c)),
        scores=missed_c[known] / errors_c,
        hours_c=hours_c,
    )


def _run_maxima(history: TelemetryFrame, hours: slice) -> FloatArray | None:
    """Largest corrected hour of the weather forecasts known at issues of these hours.

    Returns
    -------
    ndarray, shape (n,) | None
        NaN where no run covers the whole window; None without any such issue.
    """
    run_c = _run_hours(history, hours)
    if run_c is None:
        return None
    maxima: FloatArray = run_c.max(axis=1)
    return maxima if np.isfinite(maxima).any() else None


def _run_hours(history: TelemetryFrame, hours: slice) -> FloatArray | None:
    """Corrected weather forecasts known at issues of these hours, shape (n, 24)."""
    if history.runs is None:
        return None
    quantity = Quantity.TEMPERATURE_C
    start = hours_between(EPOCH, history.start_utc)
    found = history.runs.around(
        quantity,
        history.column(quantity),
        start,
        start + np.arange(history.n_hours, dtype=np.int64)[hours],
        horizon_h=WINDOW_H,
    )
    corrected: FloatArray = found.mean + found.bias
    return corrected


def _hours(
    histories: Sequence[TelemetryFrame], chosen: slice = slice(None)
) -> list[_Hours]:
    """By the chosen hours of histories that begin and end together, for each."""

    def stacked(quantity: Quantity) -> FloatArray:
        return np.stack([history.column(quantity) for history in histories])

    def without_gaps(values: FloatArray, quantity: Quantity) -> FloatArray:
        has_gap = ~np.isfinite(values).all(axis=1)
        if not has_gap.any():
            return values
        filled = values.copy()
        for row in np.flatnonzero(has_gap):
            filled[row] = held(values[row], STAND_INS[quantity])
        return filled

    measured = stacked(Quantity.TEMPERATURE_C)
    filled = without_gaps(measured, Quantity.TEMPERATURE_C)
    columns = [_lag_means(filled, *lags, chosen) for lags in _TEMPERATURE_MEANS]
    columns += [_lag_maxima(filled, *lags, chosen) for lags in _TEMPERATURE_MAXIMA]
    for quantity in _WEATHER:
        weather = without_gaps(stacked(quantity), quantity)
        columns += [_lag_means(weather, *lags, chosen) for lags in _WEATHER_MEANS]
    n_hours = measured.shape[1]
    hours = np.arange(n_hours)[chosen]
    season = _seasons(hours_between(EPOCH, histories[0].start_utc) + hours)
    by_region = np.broadcast_to(season, (len(histories), *season.shape))
    state = np.concatenate((np.stack(columns, axis=2), by_region), axis=2)
    known = np.isfinite(measured).astype(np.float64)
    # Sums of whole numbers, up to their rounding.
    n_known = _lag_means(known, 1, WINDOW_H, chosen) * WINDOW_H
    state[~(n_known > MIN_KNOWN_H - 0.5)] = np.nan
    outcome_c = np.full((len(histories), len(hours), 1 + WINDOW_H), np.nan)
    is_whole = hours + WINDOW_H <= n_hours
    if is_whole.any():
        windows = sliding_window_view(measured, WINDOW_H, axis=1)[:, hours[is_whole]]
        highest_c = windows.max(axis=2, keepdims=True)
        came = np.concatenate((highest_c, windows), axis=2)
        outcome_c[:, is_whole] = np.where(np.isfinite(highest_c), came, np.nan)
    return [
        _Hours(state=state[n], season=season, outcome_c=outcome_c[n])
        for n in range(len(histories))
    ]


def _seasons(hours: IntArray) -> FloatArray:
    """Sine and cosine of the year by hours since 1970, shape (n, 2)."""
    turns = 2.0 * np.pi * hours / YEAR_H
    return np.stack((np.sin(turns), np.cos(turns)), axis=1)


def _lag_means(
    values: FloatArray, newest: int, oldest: int, chosen: slice
) -> FloatArray:
    """Mean of the lags `newest` to `oldest` h before the chosen hours, NaN at first."""
    windows, by_hour, known = _lags(values, newest, oldest, chosen)
    by_hour[:, known] = windows.mean(axis=2)
    return by_hour


def _lag_maxima(
    values: FloatArray, newest: int, oldest: int, chosen: slice
) -> FloatArray:
    """Largest of the lags, as `_lag_means`."""
    windows, by_hour, known = _lags(values, newest, oldest, chosen)
    by_hour[:, known] = windows.max(axis=2)
    return by_hour


def _lags(
    values: FloatArray, newest: int, oldest: int, chosen: slice
) -> tuple[FloatArray, FloatArray, slice]:
    """Lags before the chosen hours of histories, shape (n_regions, n, n_lags).

    With an array of NaN for what is made of them by hour, and which of its hours.
    """
    n_hours = values.shape[1]
    hours = range(*chosen.indices(n_hours))
    first = next((n for n, hour in enumerate(hours) if hour >= oldest), len(hours))
    by_hour = np.full((len(values), len(hours)), np.nan)
    windows = sliding_window_view(values, oldest - newest + 1, axis=1)
    begin = hours[first] - oldest if first < len(hours) else n_hours
    return (
        windows[:, begin : n_hours - oldest : hours.step],
        by_hour,
        slice(first, None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """One hour of issue, day by day from the start of a week; fits week by week.

    Attributes
    ----------
    expected_c, missed_c : ndarray, shape (n_days,)
        Expected maximum, and what really came less that; NaN where there are too few
        days before, or the day is not finished.
    season : ndarray, shape (n_days, 2)
    state : ndarray, shape (n_days, n_columns)
    weights : ndarray, shape (n_weeks, 25, 1 + n_columns)
        For the maximum and for each hour.
    error_fits : ndarray, shape (n_weeks, 3)
    """

    expected_c: FloatArray
    missed_c: FloatArray
    season: FloatArray
    state: FloatArray
    weights: FloatArray
    error_fits: FloatArray

    @classmethod
    def of(cls, days: _Hours) -> _Series:
        """The series of whole weeks of days."""
        weights = _weekly_ridge(days.state, days.outcome_c)
        of_day_max = np.repeat(weights[:, 0], WEEK_DAYS, axis=0)
        expected_c = _expected(days.state, of_day_max)
        missed_c = days.outcome_c[:, 0] - expected_c
        return cls(
            expected_c=expected_c,
            missed_c=missed_c,
            season=days.season,
            state=days.state,
            weights=weights,
            error_fits=_weekly_ridge(days.season, np.abs(missed_c)[:, None])[:, 0],
        )

    def fit(self, week: int) -> PlainFit:
        """The fit of a week by its position, at least `_PAST_WEEKS`."""
        settled = week * WEEK_DAYS - SETTLED_DAYS
        missed_c = self.missed_c[settled - SCORE_WINDOW : settled]
        known = np.abs(missed_c[np.isfinite(missed_c)])
        mean_c = float(known.mean()) if len(known) else np.nan
        return PlainFit(
            former=self.weights[week - 1, 0],
            weights=self.weights[week, 0],
            hour_weights=self.weights[week, 1:],
            error_fit=self.error_fits[week],
            floor_c=float(np.maximum(FLOOR_FRAC * mean_c, MIN_ERROR_C)),
            missed_c=missed_c,
        )

    def forecast(self, day: int) -> PlainForecast | None:
        """The forecast of a day by its position."""
        week = day // WEEK_DAYS
        return _forecast(
            self.fit(week),
            expected_c=float(self.expected_c[day]),
            hours_c=_expected(self.state[day], self.weights[week, 1:]),
            newer_missed_c=self.missed_c[week * WEEK_DAYS - SETTLED_DAYS : day],
            season=self.season[day],
            seasons=self.season[day - SCORE_WINDOW : day],
        )


def _expected(state: FloatArray, weights: FloatArray) -> FloatArray:
    """What weights, a row for each row of the state or for a single one, make of it."""
    expected: FloatArray = weights[:, 0] + np.sum(state * weights[:, 1:], axis=1)
    return expected


def _weekly_ridge(columns: FloatArray, outcomes: FloatArray) -> FloatArray:
    """Constant and weights of ridges for each week, on settled days before it.

    Each fit sums its own `FIT_WEEKS` blocks of seven days, not running totals: it must
    not depend, even in the last digit, on how much history was read.

    Returns
    -------
    ndarray, shape (n_weeks, n_outcomes, 1 + n_columns)
        NaN with fewer than `MIN_FIT_DAYS` complete rows.
    """
    known = np.isfinite(np.column_stack((columns, outcomes)))
    complete: BoolArray = np.all(known, axis=1)
    design = np.column_stack((np.ones(len(columns)), columns, outcomes))
    design = np.where(complete[:, None], design, 0.0)
    n_weeks, n_columns = len(design) // WEEK_DAYS, design.shape[1]
    padding = np.zeros((FIT_WEEKS * WEEK_DAYS + SETTLED_DAYS, n_columns))
    padded = np.concatenate((padding, design))[: (n_weeks + FIT_WEEKS) * WEEK_DAYS]
    blocks = padded.reshape(-1, WEEK_DAYS, n_columns)
    n_in = 1 + columns.shape[1]
    products = blocks[:, :, :n_in].transpose(0, 2, 1) @ blocks
    sums = sliding_window_view(products, FIT_WEEKS, axis=0)[:n_weeks]
    moments = np.moveaxis(sums, -1, 0).sum(axis=0)
    fits = np.full((n_weeks, outcomes.shape[1], n_in), np.nan)
    fitted = np.flatnonzero(moments[:, 0, 0] > MIN_FIT_DAYS - 0.5)
    xx, xy = moments[fitted, :n_in, :n_in], moments[fitted, :n_in, n_in:]
    count = xx[:, :1, :1]
    mean_x, mean_y = xx[:, 1:, :1] / count, xy[:, :1] / count
    centred = xx[:, 1:, 1:] - count * (mean_x * mean_x.transpose(0, 2, 1))
    diagonal = np.arange(columns.shape[1])
    # The constant part keeps a column that never varies from making it singular.
    centred[:, diagonal, diagonal] *= 1.0 + PENALTY
    centred[:, diagonal, diagonal] += 1e-6 * count[:, 0]
    slopes = np.linalg.solve(centred, xy[:, 1:] - count * mean_x * mean_y)
    constant = mean_y - np.sum(mean_x * slopes, axis=1, keepdims=True)
    fits[fitted] = np.concatenate((constant, slopes), axis=1).transpose(0, 2, 1)
    return fits
