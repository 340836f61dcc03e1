"""Features of weather forecasts: only runs that were known at the issue instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray
from core.forecasts import InputMode
from core.telemetry import Quantity, TelemetryFrame
from core.weather_runs import RunsAtIssue, WeatherRuns, hours_since_1970
from models.catalogue import HORIZON_H, STAND_INS, Feature, RunStatistic

_MODE_AGES_H = (
    (12, InputMode.RUN_12H),
    (24, InputMode.RUN_24H),
    (48, InputMode.RUN_48H),
)


def input_mode(age_h: FloatArray) -> InputMode:
    """The mode of a forecast whose hours come from runs of these ages, NaN for none.

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
    oldest_h = float(age_h.max())
    return next(mode for limit_h, mode in _MODE_AGES_H if oldest_h <= limit_h)


def put_runs(
    features: NDArray[np.float32],
    chosen: Sequence[Feature],
    frame: TelemetryFrame,
    issue_instants: Sequence[datetime],
    youngest_run_h: int | None,
) -> FloatArray:
    """Fill the columns of weather forecasts; returns the ages that decide the mode.

    Parameters
    ----------
    features : ndarray of float32, shape (N, F)
        Changed in place.
    youngest_run_h : int | None
        Age from which on runs are used; None for no run.

    Returns
    -------
    ndarray, shape (N, H)
        Age of the newest run that has each hour of the first quantity named, h; NaN
        where none has.
    """
    by_quantity: dict[Quantity, list[tuple[int, Feature]]] = {}
    for column, feature in enumerate(chosen):
        if feature.statistic is not None and feature.quantity is not None:
            by_quantity.setdefault(feature.quantity, []).append((column, feature))
    guiding: FloatArray | None = None
    for quantity, columns in by_quantity.items():
        runs = _runs_at_issue(frame, quantity, issue_instants, youngest_run_h)
        tables: dict[RunStatistic, FloatArray] = {}
        for column, feature in columns:
            statistic = feature.statistic
            assert statistic is not None  # noqa: S101 -- chosen above
            if statistic not in tables:
                tables[statistic] = _table(runs, statistic, STAND_INS[quantity])
            features[:, column] = tables[statistic][:, feature.place]
        guiding = runs.age_h if guiding is None else guiding
    if guiding is None:
        return np.full((len(issue_instants), HORIZON_H), np.nan)
    return guiding


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


def _table(runs: RunsAtIssue, statistic: RunStatistic, stand_in: float) -> FloatArray:
    """The columns of a statistic, all finite, shape (N, its places)."""
    if statistic in {RunStatistic.MEAN, RunStatistic.CORRECTED}:
        corrects = statistic is RunStatistic.CORRECTED
        return _nearest(runs.mean + runs.bias * corrects, stand_in)
    oldest_h = np.nan_to_num(runs.age_h).max(axis=1, initial=0.0)
    tables: Mapping[RunStatistic, FloatArray] = {
        RunStatistic.BIAS: runs.bias,
        RunStatistic.SPREAD: runs.spread,
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
