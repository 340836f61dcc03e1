"""Rows for comparing an export with scikit-learn: from telemetry and on thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray
from core.telemetry import HOUR
from models.features import feature_matrix
from models.fleet_telemetry import RegionTelemetry, evenly_chosen
from models.metadata import Family, ModelContract
from models.tree_inputs import DIFFERENCES

if TYPE_CHECKING:  # scikit-learn takes seconds to import
    from sklearn.ensemble import HistGradientBoostingRegressor

    from models.boosting import TrainedBoosting
    from models.train import TrainedModel
    from models.with_runs import TrainedWithRuns


PARITY_ROWS = 10_000
MAX_THRESHOLD_ROWS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRows:
    """Inputs to compare two models on.

    Attributes
    ----------
    features : ndarray of float32, shape (n, F)
    region_index : ndarray of int64, shape (n,)
    origins : tuple of str, length n
        Where each row comes from, in words.
    """

    features: NDArray[np.float32]
    region_index: NDArray[np.int64]
    origins: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.features)

    def and_these(self, other: ParityRows) -> ParityRows:
        """The rows of both."""
        return ParityRows(
            features=np.concatenate((self.features, other.features)),
            region_index=np.concatenate((self.region_index, other.region_index)),
            origins=self.origins + other.origins,
        )


def real_rows(
    frames: Mapping[str, RegionTelemetry],
    contract: ModelContract,
    n_rows: int = PARITY_ROWS,
) -> ParityRows:
    """About `n_rows` rows of telemetry, spread over regions, time and hours of issue.

    Every fourth uses the pooled weights, as a region outside the training data does.
    """
    per_region = -(-n_rows // max(len(frames), 1))
    features, indices, origins = [], [], []
    for slug, (frame, time_zone) in sorted(frames.items()):
        stride = _stride(frame.n_hours, per_region)
        instants = [frame.start_utc + i * HOUR for i in range(0, frame.n_hours, stride)]
        rows = feature_matrix(
            frame, time_zone, instants, contract.feature_names, target=contract.target
        )
        own = contract.region_index(slug)
        kept = np.flatnonzero(rows.usable)
        features.append(rows.features[kept])
        indices.append(np.where(np.arange(len(kept)) % 4 == 0, 0, own))
        origins += [f"{slug} issued {instants[i]:%Y-%m-%d %H:%M} UTC" for i in kept]
    if not features:
        return ParityRows(
            features=np.empty((0, len(contract.feature_names)), np.float32),
            region_index=np.empty(0, np.int64),
            origins=(),
        )
    return ParityRows(
        features=np.concatenate(features),
        region_index=np.concatenate(indices).astype(np.int64),
        origins=tuple(origins),
    )


def comparison_rows(
    trained: TrainedModel, frames: Mapping[str, RegionTelemetry]
) -> ParityRows:
    """The rows on which a trained model and its export are compared."""
    rows = real_rows(evenly_chosen(frames), trained.contract)
    if trained.contract.family == Family.BOOSTING and len(rows):
        trees = trained
        if trained.contract.guiding_quantity is not None:
            trees = cast("TrainedWithRuns", trained).with_runs
        return rows.and_these(threshold_rows(cast("TrainedBoosting", trees), rows))
    return rows


def _stride(n_hours: int, least: int) -> int:
    """Largest stride that keeps `least` hours and still visits every hour of the day.

    Examples
    --------
    >>> _stride(1000, 60), _stride(26_280, 1_667), _stride(10, 60)
    (13, 13, 1)
    """
    stride = max(n_hours // least, 1)
    while math.gcd(stride, 24) != 1:
        stride -= 1
    return stride


def threshold_rows(trained: TrainedBoosting, rows: ParityRows) -> ParityRows:
    """Rows moved exactly onto the trees' thresholds, one threshold a row.

    Only inputs that reach the trees unchanged can be set by a feature. They are set to
    the float32 threshold and to the next larger float32.
    """
    raw = trained.inputs.raw_weights
    cells: list[tuple[int, np.float32]] = []
    for column in np.flatnonzero(np.count_nonzero(raw, axis=0) == 1).tolist():
        (feature,) = np.flatnonzero(raw[:, column]).tolist()
        for trees in (trained.correction, trained.ratio):
            for threshold in _thresholds(trees, DIFFERENCES.shape[1] + column):
                cells += [(feature, value) for value in _on_and_beyond(threshold)]
    cells = cells[:: max(-(-len(cells) // MAX_THRESHOLD_ROWS), 1)]
    chosen = np.resize(np.arange(len(rows)), len(cells))
    features = rows.features[chosen].copy()
    names = trained.contract.feature_names
    for row, (feature, value) in enumerate(cells):
        features[row, feature] = value
    return ParityRows(
        features=features,
        region_index=rows.region_index[chosen],
        origins=tuple(
            f"{rows.origins[i]} with {names[feature]} on a threshold, {value!r}"
            for i, (feature, value) in zip(chosen, cells, strict=True)
        ),
    )


def _thresholds(trees: HistGradientBoostingRegressor, column: int) -> FloatArray:
    nodes = np.concatenate([iteration[0].nodes for iteration in trees._predictors])
    splits = (nodes["is_leaf"] == 0) & (nodes["feature_idx"] == column)
    return np.unique(nodes["num_threshold"][splits])


def _on_and_beyond(threshold: float) -> tuple[np.float32, np.float32]:
    """The largest float32 that is at most the threshold, and the next one above."""
    nearest = np.float32(threshold)
    on = nearest
    if float(nearest) > threshold:
        on = np.nextafter(nearest, np.float32(-np.inf))
    return on, np.nextafter(on, np.float32(np.inf))
