"""A trained model with weather forecasts, and one without for when there are none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray, IntArray
from models.boosting import TrainedBoosting
from models.catalogue import RunStatistic
from models.metadata import ModelContract
from models.ridge import TrainedRidge
from models.tree_inputs import columns_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedWithRuns:
    """Two models of one family in one file; each hour is that of the better informed.

    Where weather forecasts lack an hour, the model that uses them is given the mean of
    the other one in its place, and the other one answers that hour.

    Attributes
    ----------
    contract : ModelContract
        Its features are those of `with_runs`, those of `without` first.
    without : TrainedRidge | TrainedBoosting
        Uses telemetry alone.
    with_runs : TrainedRidge | TrainedBoosting
        For the same regions.
    """

    contract: ModelContract
    without: TrainedRidge | TrainedBoosting
    with_runs: TrainedRidge | TrainedBoosting

    @property
    def known_columns(self) -> tuple[int, ...]:
        """Columns that say which hours weather forecasts have."""
        return self._columns(RunStatistic.KNOWN)

    @property
    def corrected_columns(self) -> tuple[int, ...]:
        """Columns of the corrected weather forecast."""
        return self._columns(RunStatistic.CORRECTED)

    @property
    def n_without(self) -> int:
        """Features of the model without weather forecasts, the first ones."""
        return len(self.without.contract.feature_names)

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales, each of shape (N, H), by scikit-learn's own predict."""
        mean, scale = self.without.predict(features[:, : self.n_without], region_index)
        known = features[:, self.known_columns].astype(np.float64)
        filled = features.astype(np.float64)
        corrected = filled[:, self.corrected_columns]
        filled[:, self.corrected_columns] = corrected + (mean - corrected) * (1 - known)
        run_mean, run_scale = self.with_runs.predict(
            filled.astype(np.float32), region_index
        )
        has_run = known > 0.5
        return np.where(has_run, run_mean, mean), np.where(has_run, run_scale, scale)

    def _columns(self, statistic: RunStatistic) -> tuple[int, ...]:
        guide = self.contract.guiding_quantity
        assert guide is not None  # noqa: S101 -- the contract of a model with runs
        return columns_of(self.contract, guide, statistic)
