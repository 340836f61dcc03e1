"""Features of weather forecasts: only runs that were known at the issue instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.aliases import BoolArray, FloatArray
from core.forecasts import InputMode
from core.telemetry import Quantity, TelemetryFrame
from core.weather_runs import (
    FRESHER_BY_H,
    RunsAtIssue,
    WeatherRuns,
    hours_since_1970,
)
from models.catalogue import HORIZON_H, STAND_INS, Feature, RunStatistic

_CHANGES = {RunStatistic.CHANGE, RunStatistic.CHANGE_SIZE}
_MODE_AGES_H = (
    (12, InputMode.RUN_12H),
    (24, InputMode.RUN_24H),
    (48, InputMode.RUN_48H),
)


def input_mode(age_h: FloatArray, *, has_day_max: bool = False) -> InputMode:
    """The mode of a forecast whose hours come from runs of these ages, NaN for none.

    Parameters
    ----------
    has_day_max : bool
        Whether a daily maximum stands in for some of the hours.

    Examples
    --------
    >>> input_mode(np.array([5.0, 11.0])).value
    'run_12h'
    >>> input_mode(np.array([5.0, np.nan])).value
    'run_partial'
    """
    known = np.isfinite(age_h)
    if not known.any():
        return InputMode.TELEMETRY
    if not known.all():
        return InputMode.RUN_PARTIAL
    if has_day_max:
        return InputMode.RUN_DAY_MAX
    oldest_h = float(age_h.max())
    return next(mode for limit_h, mode in _MODE_AGES_H if oldest_h <= limit_h)


class GuidingRuns(NamedTuple):
    """The runs of the first quantity that a model names, at N issue instants.

    Attributes
    ----------
    age_h : ndarray, shape (N, H)
        Age of the newest run that has each hour, h; NaN where none has.
    has_day_max : ndarray of bool, shape (N,)
        Whether a daily maximum stands in for some of the hours.
    """

    age_h: FloatArray
    has_day_max: BoolArray


def put_runs(
    features: NDArray[np.float32],
    chosen: Sequence[Feature],
    frame: TelemetryFrame,
    issue_instants: Sequence[datetime],
    youngest_run_h: int | None,
) -> GuidingRuns:
    """Fill the columns of weather forecasts; returns what decides the mode.

    Parameters
    ----------
    features : ndarray of float32, shape (N, F)
        Changed in place.
    youngest_run_h : int | None
        Age from which on runs are used; None for no run.
    """
    by_quantity: dict[Quantity, list[tuple[int, Feature]]] = {}
    for column, feature in enumerate(chosen):
        if feature.statistic is not None and feature.quantity is not None:
            by_quantity.setdefault(feature.quantity, []).append((column, feature))
    guiding: RunsAtIssue | None = None
    for quantity, columns in by_quantity.items():
        runs = _runs_at_issue(frame, quantity, issue_instants, youngest_run_h)
        change = np.zeros_like(runs.mean)
        if youngest_run_h is not None and any(
            feature.statistic in _CHANGES for _, feature in columns
        ):
            older = _runs_at_issue(
                frame, quantity, issue_instants, youngest_run_h + FRESHER_BY_H
            )
            change = np.nan_to_num(runs.mean + runs.bias - older.mean - older.bias)
        tables: dict[RunStatistic, FloatArray] = {}
        for column, feature in columns:
            statistic = feature.statistic
            assert statistic is not None  # noqa: S101 -- chosen above
            if statistic not in tables:
                tables[statistic] = _table(runs, statistic, STAND_INS[quantity], change)
            features[:, column] = tables[statistic][:, feature.place]
        guiding = runs if guiding is None else guiding
    guiding = guiding or RunsAtIssue.none(len(issue_instants), HORIZON_H)
    return GuidingRuns(
        age_h=guiding.age_h,
        has_day_max=np.asarray(guiding.is_day_max.any(axis=1), dtype=np.bool_),
    )


def _runs_at_issue(
    frame: TelemetryFrame,
    quantity: Quantity,
    issue_instants: Sequence[datetime],
    youngest_run_h: int | None,
) -> RunsAtIssue:
    instants = np.array(
        [round(hours_since_1970(instant)) for instant in issue_instants], np.int64
    )
    runs = frame.runs if frame.runs and youngest_run_h is not None else None
    return (runs or WeatherRuns(streams=())).around(
        quantity,
        frame.column(quantity),
        round(hours_since_1970(frame.start_utc)),
        instants,
        horizon_h=HORIZON_H,
        youngest_h=youngest_run_h or 0,
    )


def _table(
    runs: RunsAtIssue, statistic: RunStatistic, stand_in: float, change: FloatArray
) -> FloatArray:
    """The columns of a statistic, all finite, shape (N, its places)."""
    if statistic in {RunStatistic.MEAN, RunStatistic.CORRECTED}:
        corrects = statistic is RunStatistic.CORRECTED
        return _nearest(runs.mean + runs.bias * corrects, stand_in)
    oldest_h = np.nan_to_num(runs.age_h).max(axis=1, initial=0.0)
    tables: Mapping[RunStatistic, FloatArray] = {
        RunStatistic.BIAS: runs.bias,
        RunStatistic.SPREAD: runs.spread,
        RunStatistic.SPREAD_SIZE: runs.spread.mean(axis=1, keepdims=True),
        RunStatistic.CHANGE: change,
        RunStatistic.CHANGE_SIZE: np.abs(change).mean(axis=1, keepdims=True),
        RunStatistic.KNOWN: np.isfinite(runs.mean).astype(np.float64),
        RunStatistic.LEAD: runs.age_h + np.arange(runs.age_h.shape[1]),
        RunStatistic.ERROR_LAG: runs.error,
        RunStatistic.AGE: oldest_h[:, None],
    }
    return np.nan_to_num(tables[statistic])


def _nearest(values: FloatArray, stand_in: float) -> FloatArray:
    """Rows with the nearest known hour where one is missing, the earlier of two."""
    known = np.isfinite(values)
    if known.all():
        return values
    hours = np.arange(values.shape[1])
    distance = np.abs(hours[:, None] - hours[None, :]).astype(np.float64)
    nearest = np.where(known[:, None, :], distance, np.inf).argmin(axis=2)
    filled = np.take_along_axis(values, nearest, axis=1)
    return np.where(known.any(axis=1, keepdims=True), filled, stand_in)
