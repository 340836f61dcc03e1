"""Train the boosted family: trees on out-of-fold residuals of a ridge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from core.aliases import FloatArray
from core.days import WINDOW_H
from core.forecasts import Target
from models.boosting import TrainedBoosting, predict_trees
from models.fleet_telemetry import RegionTelemetry
from models.metadata import Family
from models.ridge_training import RidgeTraining, learn_ridge
from models.tails import tail_factor
from models.tree_inputs import MIN_SCALE_RATIO, TreeInputs, tree_inputs

SAMPLED_HOURS = 480_000
"""Hours of forecasts that the trees learn from, over all regions, drawn evenly. Twice
as many changed no figure by more than its noise."""

ITERATIONS = 150
LEARNING_RATE = 0.05
MAX_LEAVES = 12
MIN_LEAF_FRAC = 1 / 240
"""Hours of one day are correlated, so a leaf needs many: with a tenth of it the trees
overfitted the weather of the training year (docs/forecast-quality.md)."""

MIN_LEAF_HOURS = 20
FEATURE_FRAC = 0.3
RUN_CORRECTION_SHARE = 0.5
"""Share of the residuals that trees correct beside weather forecasts: on calibration
months half of it left smaller errors than all of it, and more trees than fewer."""

L2 = 10.0


def train_boosting(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    seed: int = 0,
    base: TrainedBoosting | None = None,
    *,
    room_bytes: int | None = None,
) -> TrainedBoosting:
    """Train on every window that ended by `until_utc`.

    The ridge is trained first, as in `models.ridge_training`. The trees then learn its
    residuals on held-out blocks of time, because these are as large as its errors in
    service; residuals of the rows that it was fitted on are smaller.

    Parameters
    ----------
    frames : Mapping of slug to (TelemetryFrame, IANA time zone)
    seed : int
        Of the hours and features that are drawn: the same seed gives the same bytes.
    base : TrainedBoosting | None
        As `models.ridge_training.learn_ridge`.
    room_bytes : int | None
        Of its weights in the file; None when they are known to fit.

    Raises
    ------
    InvalidInput
        As `models.ridge_training.learn_ridge`.
    """
    linear = learn_ridge(
        frames,
        target,
        until_utc,
        seed,
        None if base is None else base.ridge,
        room_bytes=room_bytes,
    )
    contract = replace(linear.trained.contract, family=Family.BOOSTING.value)
    inputs = tree_inputs(contract)
    sample = _draw(linear, inputs, seed)
    with threadpool_limits(limits=1):
        share = 1.0 if contract.guiding_quantity is None else RUN_CORRECTION_SHARE
        correction = _fit(sample.table, share * sample.missed, seed)
        ratio = _fit(sample.table, np.abs(sample.missed), seed)
        left_over = np.abs(sample.missed - predict_trees(correction, sample.table))
        expected = np.maximum(predict_trees(ratio, sample.table), MIN_SCALE_RATIO)
    return TrainedBoosting(
        contract=contract,
        ridge=linear.trained,
        inputs=inputs,
        correction=correction,
        ratio=ratio,
        tail_factor=tail_factor(_by_hour(left_over / expected, sample.hours)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _HourSample:
    """Hours of forecasts to learn from.

    Attributes
    ----------
    table : ndarray of float32, shape (n, C)
    missed : ndarray, shape (n,)
        Observed less the ridge's mean, in its scales.
    hours : ndarray of int, shape (n,)
        Which hour of its forecast each one is.
    """

    table: NDArray[np.float32]
    missed: FloatArray
    hours: NDArray[np.int64]


def _draw(linear: RidgeTraining, inputs: TreeInputs, seed: int) -> _HourSample:
    parts = list(_drawn_by_region(linear, inputs, np.random.default_rng(seed)))
    return _HourSample(
        table=np.concatenate([part.table for part in parts]),
        missed=np.concatenate([part.missed for part in parts]),
        hours=np.concatenate([part.hours for part in parts]),
    )


def _drawn_by_region(
    linear: RidgeTraining, inputs: TreeInputs, random: np.random.Generator
) -> Iterator[_HourSample]:
    per_region = SAMPLED_HOURS // len(linear.rows)
    for index, (rows, mean) in enumerate(
        zip(linear.rows, linear.out_of_fold, strict=True), start=1
    ):
        n_hours = len(rows) * WINDOW_H
        # Without replacement: equal rows would make thresholds equal to input values.
        chosen = random.choice(n_hours, min(per_region, n_hours), replace=False)
        row, hour = np.divmod(chosen, WINDOW_H)
        used, position = np.unique(row, return_inverse=True)
        features = rows.features[used]
        scale = linear.trained.predict_scale(
            features, np.full(len(used), index, dtype=np.int64)
        )
        missed = (rows.observed[used] - mean[used]) / scale
        yield _HourSample(
            table=_chosen_hours(inputs, features, mean[used], scale, position, hour),
            missed=missed[position, hour],
            hours=hour,
        )


def _chosen_hours(
    inputs: TreeInputs,
    features: NDArray[np.float32],
    mean: FloatArray,
    scale: FloatArray,
    position: NDArray[np.int64],
    hour: NDArray[np.int64],
    chunk_rows: int = 4_096,
) -> NDArray[np.float32]:
    """Inputs of the drawn hours only; the whole table would take gigabytes."""
    drawn: NDArray[np.float32] | None = None
    for start in range(0, len(features), chunk_rows):
        rows = slice(start, start + chunk_rows)
        table = inputs.table(features[rows].astype(np.float64), mean[rows], scale[rows])
        inside = np.flatnonzero((position >= start) & (position < start + chunk_rows))
        if drawn is None:
            drawn = np.empty((len(position), table.shape[2]), dtype=np.float32)
        drawn[inside] = table[position[inside] - start, hour[inside]]
    assert drawn is not None  # noqa: S101 -- every region has rows
    return drawn


def _fit(
    table: NDArray[np.float32], outcome: FloatArray, seed: int
) -> HistGradientBoostingRegressor:
    trees = HistGradientBoostingRegressor(
        max_iter=ITERATIONS,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=MAX_LEAVES,
        min_samples_leaf=max(round(MIN_LEAF_FRAC * len(table)), MIN_LEAF_HOURS),
        max_features=FEATURE_FRAC,
        l2_regularization=L2,
        early_stopping=False,
        random_state=seed,
    )
    return trees.fit(table, outcome)


def _by_hour(values: FloatArray, hours: NDArray[np.int64]) -> FloatArray:
    """The values with a column per hour of the forecast, NaN elsewhere."""
    spread = np.full((len(values), WINDOW_H), np.nan)
    spread[np.arange(len(values)), hours] = values
    return spread
