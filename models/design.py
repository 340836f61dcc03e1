"""The design matrix of the ridge family.

The weights change with the hour of issue: every feature is multiplied with 1 and with
the harmonics of the local hour. Against separate weights for each of the 24 issue
hours this is a fifth of the size and more accurate (docs/forecast-quality.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray
from core.days import WINDOW_H
from core.forecasts import Target
from core.telemetry import Quantity
from models.catalogue import (
    Feature,
    RunStatistic,
    features_named,
    hour_harmonic_names,
    year_harmonic_names,
)
from models.directions import Directions
from models.metadata import ModelContract

LOWEST_MEAN: Mapping[Target, float] = {
    Target.CARBON_INTENSITY_GCO2_KWH: 0.0,
    Target.IT_LOAD_MW: 0.0,
}
"""Neither quantity can be negative, but a linear mean can be, at high wind or low load;
it would turn emissions into credits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignLayout:
    """The roles of the columns of `features`.

    Attributes
    ----------
    hour_columns : tuple of int
        Harmonics of the local hour of issue, which multiply all columns.
    state_columns : tuple of int
        All other columns, standardised for the mean.
    season_columns : tuple of int
        Harmonics of the year among them.
    size_columns : tuple of int
        How far the weather forecasts are apart. The scale depends on these, the season
        and the hour.
    hour_share : float
        What the products with the hour are multiplied by: less than 1 penalises them
        more than the columns themselves.
    directions : Directions | None
        What the regions share of their weights of the mean; None when each has all.
    """

    hour_columns: tuple[int, ...]
    state_columns: tuple[int, ...]
    season_columns: tuple[int, ...]
    size_columns: tuple[int, ...] = ()
    hour_share: float = 1.0
    directions: Directions | None = None

    @property
    def scale_columns(self) -> tuple[int, ...]:
        """What the scale depends on beside the hour."""
        return (*self.season_columns, *self.size_columns)

    @property
    def n_inputs(self) -> int:
        """Columns of the mean's design before it is reduced to directions."""
        return (len(self.hour_columns) + 1) * (len(self.state_columns) + 1)

    @property
    def n_scale_weights(self) -> int:
        """Weights of the scale of one region, and its floor."""
        n_inputs = (len(self.hour_columns) + 1) * (len(self.scale_columns) + 1)
        return (n_inputs + 1) * WINDOW_H

    def file_bytes(self, n_regions: int, weight_bytes: int = 4) -> int:
        """Of the weights of a model of this layout."""
        of_scale = (n_regions + 1) * self.n_scale_weights * weight_bytes
        if self.directions is not None:
            return of_scale + self.directions.file_bytes(n_regions)
        of_mean = (n_regions + 1) * self.n_inputs * WINDOW_H * weight_bytes
        return of_scale + of_mean

    @property
    def own_hours(self) -> FloatArray | None:
        """Courses over the forecast in which regions differ; None for each hour."""
        return None if self.directions is None else self.directions.hours

    def column_of(self, place: int) -> int:
        """Column of the mean's design that is a state column, by its place."""
        if self.directions is None:
            return 1 + place
        return int(np.argmax(np.abs(self.directions.inputs[1 + place])))

    @property
    def mean_factors(self) -> FloatArray:
        """What each column of the mean's design is multiplied by."""
        n_columns = len(self.state_columns) + 1
        factors = np.full(n_columns * (len(self.hour_columns) + 1), self.hour_share)
        factors[:n_columns] = 1.0
        return factors

    def mean_design(self, features: FloatArray, standardised: FloatArray) -> FloatArray:
        """Design of the mean, shape (N, weights of the mean).

        Parameters
        ----------
        features : ndarray, shape (N, F)
        standardised : ndarray, shape (N, len(state_columns))
            The state columns, centred and divided by their spread.
        """
        products = interaction(features[:, self.hour_columns], standardised)
        design = products * self.mean_factors
        return design if self.directions is None else design @ self.directions.inputs

    def scale_design(self, features: FloatArray) -> FloatArray:
        """Design of the scale, shape (N, weights of the scale)."""
        columns = features[:, self.scale_columns]
        return interaction(features[:, self.hour_columns], columns)

    def seasonal_mean_weights(self) -> NDArray[np.bool_]:
        """True where a weight of the mean belongs to the season."""
        columns = np.isin(self.state_columns, self.season_columns)
        block = np.concatenate(([False], columns))
        seasonal = np.tile(block, len(self.hour_columns) + 1)
        if self.directions is None:
            return seasonal
        return np.asarray(self.directions.inputs[seasonal].any(axis=0))

    def seasonal_scale_weights(self) -> NDArray[np.bool_]:
        """True where a weight of the scale belongs to the season."""
        seasonal = np.isin(self.scale_columns, self.season_columns)
        block = np.concatenate(([False], seasonal))
        return np.tile(block, len(self.hour_columns) + 1)


RUN_LAGS_H = 24
"""The target's hours before the issue that matter beside a weather forecast."""

RUN_STEP_H = 3
"""Every third hour of other quantities: with all of them the error is the same."""

RUN_HOUR_SHARE = 0.15
"""The clock hardly changes what a weather forecast is worth: on calibration months the
error was 2 % smaller than with 1, and the same from 0.1 to 0.2."""

_STATE_STATISTICS = {
    RunStatistic.CORRECTED,
    RunStatistic.CHANGE,
    RunStatistic.BIAS,
    RunStatistic.ERROR_LAG,
    RunStatistic.AGE,
}


_SIZES = {RunStatistic.SPREAD_SIZE, RunStatistic.CHANGE_SIZE}


def layout_for(contract: ModelContract, *, with_season: bool = True) -> DesignLayout:
    """The roles of the contract's features.

    Beside weather forecasts, older hours and other measured quantities add nothing,
    and of forecasts of other quantities every third hour suffices.
    """
    names = contract.feature_names
    hours, seasons = set(hour_harmonic_names()), set(year_harmonic_names())
    left_out = set(hours) if with_season else hours | seasons
    has_runs = contract.guiding_quantity is not None
    state_columns = tuple(
        column
        for column, feature in enumerate(features_named(names))
        if feature.name not in left_out
        and (not has_runs or _is_state(feature, contract.target.quantity))
    )
    return DesignLayout(
        hour_columns=tuple(i for i, name in enumerate(names) if name in hours),
        state_columns=state_columns,
        season_columns=tuple(
            i for i, name in enumerate(names) if name in seasons - left_out
        ),
        size_columns=tuple(
            column
            for column, feature in enumerate(features_named(names))
            if feature.statistic in _SIZES
        ),
        hour_share=RUN_HOUR_SHARE if has_runs else 1.0,
    )


def _is_state(feature: Feature, own: Quantity) -> bool:
    if feature.lag_h is not None:
        return feature.quantity is own and feature.lag_h <= RUN_LAGS_H
    if feature.statistic is RunStatistic.MEAN:
        return feature.place % RUN_STEP_H == 0
    return feature.statistic is None or feature.statistic in _STATE_STATISTICS


def interaction(waves: FloatArray, columns: FloatArray) -> FloatArray:
    """Products of (1, waves) with (1, columns), row by row; column 0 is constant.

    Examples
    --------
    >>> interaction(np.array([[2.0]]), np.array([[3.0, 5.0]])).tolist()
    [[1.0, 3.0, 5.0, 2.0, 6.0, 10.0]]
    """
    one = np.ones((len(columns), 1))
    left = np.concatenate((one, waves), axis=1)
    right = np.concatenate((one, columns), axis=1)
    return (left[:, :, None] * right[:, None, :]).reshape(len(columns), -1)
