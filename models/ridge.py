"""A trained model of the ridge family: scikit-learn estimators and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from core.aliases import FloatArray, IntArray
from core.days import WINDOW_H
from models.design import LOWEST_MEAN, DesignLayout
from models.metadata import POOLED_INDEX, ModelContract


def fit_ridge(design: FloatArray, target: FloatArray, penalty: float) -> Ridge:
    """Fit scikit-learn's Ridge to a design whose column 0 is constant.

    Parameters
    ----------
    design : ndarray, shape (n, D)
    target : ndarray, shape (n, H)
    penalty : float
        Per row, > 0; the constant is never penalised.
    """
    ridge = Ridge(alpha=penalty * len(design), solver="cholesky")
    return ridge.fit(design[:, 1:], target)


def in_half_precision(ridge: Ridge) -> Ridge:
    """The ridge with its weights rounded to float16, as a file keeps them."""
    ridge.coef_ = ridge.coef_.astype(np.float16).astype(np.float64)
    ridge.intercept_ = ridge.intercept_.astype(np.float16).astype(np.float64)
    return ridge


def predict_ridge(ridge: Ridge, design: FloatArray) -> FloatArray:
    """scikit-learn's own prediction, shape (n, H), float64."""
    predicted = np.asarray(ridge.predict(design[:, 1:]), dtype=np.float64)
    return predicted.reshape(len(design), -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkenRidge:
    """A pooled Ridge and, per region, a Ridge on the residuals of the pooled one.

    Penalising the difference shrinks a region's weights towards the pooled ones, the
    more the less history it has.

    Attributes
    ----------
    own : tuple of Ridge | None, length R
        The one of `region_index` i is own[i - 1]; None for a region that is served by
        the pooled one.
    hours : ndarray | None, shape (H, b)
        Courses over the forecast whose shares `own` predicts; None for the hours
        themselves.
    """

    pooled: Ridge
    own: tuple[Ridge | None, ...]
    hours: FloatArray | None = None

    def predict(self, design: FloatArray, region_index: IntArray) -> FloatArray:
        """Pooled prediction plus the region's own, shape (N, H)."""
        predicted = predict_ridge(self.pooled, design)
        for index in np.unique(region_index[region_index != POOLED_INDEX]):
            own = self.own[index - 1]
            if own is not None:
                rows = region_index == index
                beyond = predict_ridge(own, design[rows])
                predicted[rows] += (
                    beyond if self.hours is None else beyond @ self.hours.T
                )
        return predicted

    def weights(self) -> FloatArray:
        """One set of weights per `region_index`, shape (R + 1, D, H)."""
        if self.hours is not None:
            return self.pooled_weights() + self.own_weights() @ self.hours.T
        pooled = self.pooled_weights()
        own = (pooled if item is None else pooled + _weights(item) for item in self.own)
        return np.stack([pooled, *own])

    def pooled_weights(self) -> FloatArray:
        """Those of the pooled one, shape (D, H)."""
        return _weights(self.pooled)

    def own_weights(self) -> FloatArray:
        """Those beyond the pooled ones per `region_index`, shape (R + 1, D, b)."""
        n_inputs = len(self.pooled_weights())
        n_hours = WINDOW_H if self.hours is None else self.hours.shape[1]
        weights = np.zeros((len(self.own) + 1, n_inputs, n_hours))
        for index, item in enumerate(self.own, start=1):
            if item is not None:
                weights[index] = _weights(item)
        return weights

    def for_regions(self, places: Sequence[int | None]) -> ShrunkenRidge:
        """The same for other regions: each one's place among those of now, or None."""
        own = tuple(None if place is None else self.own[place] for place in places)
        return replace(self, own=own)


def _weights(ridge: Ridge) -> FloatArray:
    weights = np.vstack((np.atleast_1d(ridge.intercept_), np.atleast_2d(ridge.coef_).T))
    return np.asarray(weights, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRidge:
    """A trained model of the ridge family, ready for export.

    Attributes
    ----------
    scaler : StandardScaler
        Centre and spread of the state columns, the same for all regions.
    scale_floor : ndarray, shape (R + 1, H)
        Smallest scale, > 0, in the target's unit, before the tail factor.
    tail_factor : ndarray, shape (H,)
        What the scale of each hour is multiplied with (`models.tails`).
    """

    contract: ModelContract
    layout: DesignLayout
    scaler: StandardScaler
    mean_model: ShrunkenRidge
    scale_model: ShrunkenRidge
    scale_floor: FloatArray
    tail_factor: FloatArray

    @property
    def weight_bytes(self) -> int:
        """Of its weights in a file."""
        return self.layout.file_bytes(len(self.contract.region_slugs))

    def for_regions(self, slugs: Sequence[str]) -> TrainedRidge:
        """The same model for these regions; those it does not know are pooled."""
        known = self.contract.region_slugs
        places = [known.index(slug) if slug in known else None for slug in slugs]
        rows = [0, *(0 if place is None else place + 1 for place in places)]
        return replace(
            self,
            contract=replace(self.contract, region_slugs=tuple(slugs)),
            mean_model=self.mean_model.for_regions(places),
            scale_model=self.scale_model.for_regions(places),
            scale_floor=self.scale_floor[rows],
        )

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales, each of shape (N, H), by scikit-learn's own predict."""
        wide = features.astype(np.float64)
        standardised = self.scaler.transform(wide[:, self.layout.state_columns])
        mean = self.mean_model.predict(
            self.layout.mean_design(wide, standardised), region_index
        )
        lowest = LOWEST_MEAN.get(self.contract.target)
        if lowest is not None:
            mean = np.maximum(mean, lowest)
        return mean, self.predict_scale(features, region_index)

    def predict_scale(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> FloatArray:
        """The scales alone, shape (N, H)."""
        design = self.layout.scale_design(features.astype(np.float64))
        scale = self.scale_model.predict(design, region_index)
        return self.tail_factor * np.maximum(scale, self.scale_floor[region_index])
