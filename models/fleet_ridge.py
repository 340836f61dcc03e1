"""Train the ridge family for any number of regions.

A few hundred regions are trained together. Of more a sample is trained so, to learn the
pooled weights; then each region is read and learned by itself, and only its weights are
kept. Where a file has no room for all weights of each, the sample also tells the
directions in which regions differ (`models.directions`), and they are learned in these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
from threadpoolctl import threadpool_limits

from core.forecasts import Target
from models.chronology import Timeline
from models.design import DesignLayout, layout_for
from models.directions import common_directions
from models.file_room import ROOM_BYTES
from models.fleet_telemetry import SAMPLE_REGIONS, RegionTelemetry, evenly_chosen
from models.ridge import TrainedRidge
from models.ridge_learning import LearnedRegion, Prior, RidgeLearner
from models.ridge_training import (
    RidgeTraining,
    contract_before_training,
    learn_ridge,
    train_ridge,
)
from models.training_rows import (
    MIN_WINDOWS,
    hour_stride,
    pooled_rows,
    region_rows,
)

ROWS_PER_REGION = 2_500
"""Most that a region is learned from, as many as one of a whole sample. With half of
them the error is 2 % larger, and training takes four fifths of the time."""


def train_fleet_ridge(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    seed: int = 0,
    base: TrainedRidge | None = None,
    *,
    room_bytes: int = ROOM_BYTES,
) -> TrainedRidge:
    """Train on every window that ended by `until_utc`.

    Parameters
    ----------
    frames, seed, base
        As `models.ridge_training.learn_ridge`.
    room_bytes : int
        Of its weights in the file.

    Raises
    ------
    InvalidInput
        When no region has enough complete windows.
    """
    contract = contract_before_training(frames, target, until_utc, seed, base)
    layout = layout_for(contract)
    n_regions = len((base.contract if base else contract).region_slugs)
    fits = layout.file_bytes(n_regions) <= room_bytes
    if fits and len(frames) <= SAMPLE_REGIONS:
        return train_ridge(frames, target, until_utc, seed, base)
    some = evenly_chosen(frames)
    sample = learn_ridge(some, target, until_utc, seed, base)
    with threadpool_limits(limits=1):
        layout = sample.trained.layout
        if not fits:
            layout = _reduced(sample, n_regions, room_bytes)
        return _one_by_one(frames, sample, layout)


def _one_by_one(
    frames: Mapping[str, RegionTelemetry], sample: RidgeTraining, layout: DesignLayout
) -> TrainedRidge:
    """The model of all regions, read and learned one by one.

    From hours of the sample's span: its splits of time are those of all.
    """
    contract = sample.trained.contract
    first_hour = min(int(rows.issue_hours[0]) for rows in sample.rows)
    last_hour = max(int(rows.issue_hours[-1]) for rows in sample.rows)
    learner = RidgeLearner.over(
        contract,
        layout,
        pooled_rows(sample.rows),
        Timeline.over(first_hour, last_hour),
        is_short=not layout.season_columns,
    )
    learned: dict[str, LearnedRegion] = {}
    for slug in sorted(frames):
        frame, _ = region = frames[slug]
        stride = hour_stride(frame.n_hours, ROWS_PER_REGION)
        rows = region_rows(
            slug,
            region,
            contract.target,
            contract.feature_names,
            contract.trained_until_utc,
            stride,
            whole_runs=contract.guiding_quantity is not None,
        )
        hours = rows.issue_hours
        rows = rows.where((hours >= first_hour) & (hours <= last_hour))
        if len(rows) * stride >= MIN_WINDOWS:
            learned[slug] = replace(learner.learn(rows), out_of_fold=np.empty(0))
    contract = replace(contract, region_slugs=tuple(learned))
    # How the tails of the hours differ is the same for all regions.
    return learner.trained(contract, list(learned.values()), sample.trained.tail_factor)


def _reduced(sample: RidgeTraining, n_regions: int, room_bytes: int) -> DesignLayout:
    """The layout with the directions in which the regions of a sample differ.

    The season stays as it is, because young regions use the pooled one, and so does
    what the mean is before it learns.
    """
    trained = sample.trained
    layout = trained.layout
    wide = pooled_rows(sample.rows).features.astype(np.float64)
    design = layout.mean_design(
        wide, trained.scaler.transform(wide[:, layout.state_columns])
    )
    kept = layout.seasonal_mean_weights()
    kept[0] = True
    for column in Prior.of(trained.contract).columns:
        kept[1 + layout.state_columns.index(column)] = True
    directions = common_directions(
        trained.mean_model.weights()[1:],
        design,
        kept,
        n_regions=n_regions,
        room_bytes=room_bytes - 4 * (n_regions + 1) * layout.n_scale_weights,
    )
    return replace(layout, directions=directions)
