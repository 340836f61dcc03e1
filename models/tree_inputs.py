"""Inputs of the boosted family's trees, in units of the linear model's scale.

Differences are divided by the linear model's scale for that region, hour and season,
which makes regions comparable: one set of trees learns from all regions and serves all
of them.

Both training and the exported graph compute these inputs in float64 and round them to
float32 before the comparison with a threshold. Two computations that differ in the last
digits then still take the same branch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray
from core.days import WINDOW_H
from core.telemetry import Quantity
from models.catalogue import (
    COVARIATE_LAGS_H,
    STAND_INS,
    RunStatistic,
    hour_harmonic_names,
    lag_name,
    run_names,
    year_harmonic_names,
)
from models.metadata import ModelContract

DAY_H = 24
MIN_SCALE_RATIO = 0.3
"""Smallest factor that the trees may apply to the linear model's scale. Assumed: a
scale near 0 makes scores explode. On real regions it never binds."""

RECENT_LAGS_H = (1, 3, 6, 24)
"""Lag 1, and those that it is compared with."""

N_BY_HOUR = 8
"""Inputs that differ from hour to hour of one forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeInputs:
    """How the trees' inputs derive from a row; weights are whole numbers or 1/24, 1/6.

    Attributes
    ----------
    day_columns, day_before_columns : tuple of int, length 24
        The target's hours of the last day and of the one before, newest first.
    row_weights : ndarray, shape (F, 5)
        From a row to: mean of the last day, mean of the day before, and lag 1 less lag
        24, 3 and 6.
    raw_weights : ndarray, shape (F, K)
        From a row to inputs that are not scaled: per covariate the newest hour, the
        mean of its hours and their change; the season; age and error of the run.
    same_hour_columns : tuple of int, length H
        For each hour of the forecast, that of the last day at the same time of day.
    clock_columns : tuple of int, length 2
        Sine and cosine of the local hour of issue.
    clock_turns : ndarray, shape (2, 2H)
        From these to the sine, then the cosine, of each hour's own local time.
    run_columns : tuple of int, length H or 0
        The corrected weather forecast of each hour.
    hourly_columns : tuple of tuple of int, length H each
        Other statistics of weather forecasts of each hour, not scaled.
    """

    day_columns: tuple[int, ...]
    day_before_columns: tuple[int, ...]
    row_weights: FloatArray
    raw_weights: FloatArray
    same_hour_columns: tuple[int, ...]
    clock_columns: tuple[int, ...]
    clock_turns: FloatArray
    run_columns: tuple[int, ...] = ()
    hourly_columns: tuple[tuple[int, ...], ...] = ()

    @property
    def n_columns(self) -> int:
        """Inputs of one hour, C."""
        by_row = int(DIFFERENCES.shape[1] + self.raw_weights.shape[1])
        return by_row + N_BY_HOUR + bool(self.run_columns) + len(self.hourly_columns)

    def table(
        self, features: FloatArray, mean: FloatArray, scale: FloatArray
    ) -> NDArray[np.float32]:
        """Inputs of every hour of every row, shape (N, H, C).

        Parameters
        ----------
        features : ndarray, shape (N, F)
        mean, scale : ndarray, shape (N, H)
            Predictions of the linear model for the rows; scale > 0.
        """
        by_row = np.concatenate(
            (self._differences(features, mean, scale), features @ self.raw_weights),
            axis=1,
        )
        by_hour = self._by_hour(features, mean, scale)
        repeated = np.repeat(by_row[:, None, :], WINDOW_H, axis=1)
        table: NDArray[np.float32] = np.concatenate(
            (repeated, by_hour), axis=2, dtype=np.float32
        )
        return table

    def _differences(
        self, features: FloatArray, mean: FloatArray, scale: FloatArray
    ) -> FloatArray:
        day = features[:, self.day_columns]
        day_before = features[:, self.day_before_columns]
        terms = np.column_stack(
            (
                features @ self.row_weights,
                day.max(axis=1),
                day.min(axis=1),
                day_before.max(axis=1),
                day_before.min(axis=1),
                mean.mean(axis=1),
                mean.max(axis=1),
                mean.min(axis=1),
            )
        )
        unit = scale.mean(axis=1)[:, None]
        compared: FloatArray = terms @ DIFFERENCES / unit
        return compared

    def _by_hour(
        self, features: FloatArray, mean: FloatArray, scale: FloatArray
    ) -> FloatArray:
        day_mean = (features @ self.row_weights)[:, :1]
        clock = features[:, self.clock_columns] @ self.clock_turns
        hours = np.broadcast_to(np.arange(WINDOW_H, dtype=np.float64), mean.shape)
        runs = [features[:, columns] for columns in self.hourly_columns]
        if self.run_columns:
            runs.insert(0, (features[:, self.run_columns] - mean) / scale)
        return np.stack(
            (
                (mean - features[:, self.same_hour_columns]) / scale,
                (mean - day_mean) / scale,
                (mean.max(axis=1, keepdims=True) - mean) / scale,
                mean,
                scale,
                hours,
                clock[:, :WINDOW_H],
                clock[:, WINDOW_H:],
                *runs,
            ),
            axis=2,
        )


def _differences() -> FloatArray:
    """From the terms of a row to the differences that are inputs, shape (12, 11)."""
    (
        day_mean, day_before_mean, since_24, since_3, since_6, day_max, day_min,
        day_before_max, day_before_min, mean, mean_max, mean_min,
    ) = np.eye(12)  # fmt: skip
    return np.stack(
        (
            mean - day_mean,
            day_mean - day_before_mean,
            since_24,
            since_3,
            since_6,
            day_max - day_min,
            day_before_max - day_before_min,
            day_max - day_before_max,
            day_min - day_before_min,
            mean_max - day_max,
            mean_max - mean_min,
        ),
        axis=1,
    )


DIFFERENCES = _differences()


def tree_inputs(contract: ModelContract) -> TreeInputs:
    """The trees' inputs of a model of this contract."""
    place = {name: column for column, name in enumerate(contract.feature_names)}
    own = contract.target.quantity
    lags = [place[lag_name(own, lag)] for lag in range(1, 2 * DAY_H + 1)]
    hours = np.arange(WINDOW_H)
    angle = 2.0 * np.pi * hours / DAY_H
    guide = contract.guiding_quantity
    return TreeInputs(
        day_columns=tuple(lags[:DAY_H]),
        day_before_columns=tuple(lags[DAY_H:]),
        row_weights=_row_weights(len(place), lags),
        raw_weights=_raw_weights(place, own),
        same_hour_columns=tuple(lags[DAY_H - 1 - hour] for hour in hours),
        clock_columns=tuple(place[name] for name in hour_harmonic_names()[:2]),
        clock_turns=np.block(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        ),
        run_columns=()
        if guide is None
        else columns_of(contract, guide, RunStatistic.CORRECTED),
        hourly_columns=tuple(
            columns_of(contract, quantity, statistic)
            for quantity in STAND_INS
            for statistic in (
                RunStatistic.MEAN,
                RunStatistic.SPREAD,
                RunStatistic.CHANGE,
            )
            if run_names(quantity, statistic)[0] in place
        ),
    )


def columns_of(
    contract: ModelContract, quantity: Quantity, statistic: RunStatistic
) -> tuple[int, ...]:
    """Columns of a statistic of weather forecasts, in order."""
    place = {name: column for column, name in enumerate(contract.feature_names)}
    return tuple(place[name] for name in run_names(quantity, statistic))


def _row_weights(n_features: int, lags: list[int]) -> FloatArray:
    weights = np.zeros((n_features, 5))
    weights[lags[:DAY_H], 0] = 1.0 / DAY_H
    weights[lags[DAY_H:], 1] = 1.0 / DAY_H
    newest, three_ago, six_ago, day_ago = (lags[lag - 1] for lag in RECENT_LAGS_H)
    weights[newest, 2:] = 1.0
    weights[[day_ago, three_ago, six_ago], [2, 3, 4]] = -1.0
    return weights


def _raw_weights(place: dict[str, int], own: Quantity) -> FloatArray:
    columns = []
    for quantity in STAND_INS:
        names = [lag_name(quantity, lag) for lag in COVARIATE_LAGS_H]
        if quantity is own or not all(name in place for name in names):
            continue
        lags = [place[name] for name in names]
        newest, mean, change = np.zeros((3, len(place)))
        newest[lags[0]] = 1.0
        mean[lags] = 1.0 / len(lags)
        change[lags[0]], change[lags[-1]] = 1.0, -1.0
        columns += [newest, mean, change]
    singles = year_harmonic_names(1)
    for quantity in STAND_INS:
        singles += run_names(quantity, RunStatistic.AGE)
        singles += run_names(quantity, RunStatistic.ERROR_LAG)[:1]
    for name in singles:
        if name in place:
            single = np.zeros(len(place))
            single[place[name]] = 1.0
            columns.append(single)
    return np.stack(columns, axis=1) if columns else np.zeros((len(place), 0))
