"""A trained model of the boosted family: a ridge, and trees on its residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from core.aliases import FloatArray, IntArray
from models.design import LOWEST_MEAN
from models.metadata import ModelContract
from models.ridge import TrainedRidge
from models.tree_inputs import MIN_SCALE_RATIO, TreeInputs

CHUNK_ROWS = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedBoosting:
    """A trained model of the boosted family, ready for export.

    mean = ridge mean + correction * ridge scale, and
    scale = ridge scale * max(ratio, 0.3) * tail factor.

    Attributes
    ----------
    correction : HistGradientBoostingRegressor
        Residuals of the ridge, in its scales.
    ratio : HistGradientBoostingRegressor
        Absolute residuals of the ridge, in its scales.
    tail_factor : ndarray, shape (H,)
        As `models.tails`, for the scale that the trees give.
    """

    contract: ModelContract
    ridge: TrainedRidge
    inputs: TreeInputs
    correction: HistGradientBoostingRegressor
    ratio: HistGradientBoostingRegressor
    tail_factor: FloatArray

    @property
    def weight_bytes(self) -> int:
        """Of its ridge's weights in a file of float64."""
        return self.ridge.layout.file_bytes(len(self.contract.region_slugs), 8)

    def for_regions(self, slugs: Sequence[str]) -> TrainedBoosting:
        """The same model for these regions; those it does not know are pooled."""
        return replace(
            self,
            contract=replace(self.contract, region_slugs=tuple(slugs)),
            ridge=self.ridge.for_regions(slugs),
        )

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales, each of shape (N, H), by scikit-learn's own predict."""
        mean, scale = self.ridge.predict(features, region_index)
        lowest = LOWEST_MEAN.get(self.contract.target, -np.inf)
        for start in range(0, len(features), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            wide = features[rows].astype(np.float64)
            table = self.inputs.table(wide, mean[rows], scale[rows])
            correction = predict_trees(self.correction, table)
            ratio = np.maximum(predict_trees(self.ratio, table), MIN_SCALE_RATIO)
            mean[rows] = np.maximum(mean[rows] + correction * scale[rows], lowest)
            scale[rows] *= ratio * self.tail_factor
        return mean, scale


def predict_trees(
    trees: HistGradientBoostingRegressor, table: NDArray[np.float32]
) -> FloatArray:
    """scikit-learn's prediction for a table (..., C), shape (...)."""
    flat = table.reshape(-1, table.shape[-1])
    predicted = np.asarray(trees.predict(flat), dtype=np.float64)
    return predicted.reshape(table.shape[:-1])
