"""Train the ridge family with all weights of each region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from threadpoolctl import threadpool_limits

from core.aliases import FloatArray
from core.days import WINDOW_H
from core.forecasts import Target
from core.telemetry import HOUR
from core.version import CODE_VERSION
from models.catalogue import default_feature_names, run_feature_names
from models.chronology import Timeline
from models.design import DesignLayout, layout_for
from models.file_room import require_room
from models.fleet_telemetry import RegionTelemetry, run_quantities, spans_of
from models.metadata import (
    CONTRACT_VERSION,
    RUN_CONTRACT_VERSION,
    Family,
    ModelContract,
)
from models.ridge import TrainedRidge
from models.ridge_learning import SEASON_MIN_H, RidgeLearner
from models.tails import tail_factor
from models.training_rows import EPOCH, TrainingRows, collect_rows, pooled_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeTraining:
    """A trained ridge and its out-of-fold predictions.

    Attributes
    ----------
    rows : tuple of TrainingRows
        Those of each region, in the order of the contract's slugs.
    out_of_fold : tuple of ndarray, shape (n, H) each
        Means of these rows, by weights that were fitted without them.
    """

    trained: TrainedRidge
    rows: tuple[TrainingRows, ...]
    out_of_fold: tuple[FloatArray, ...]


def train_ridge(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    seed: int = 0,
    base: TrainedRidge | None = None,
) -> TrainedRidge:
    """Train on every window that ended by `until_utc`; see `learn_ridge`."""
    return learn_ridge(frames, target, until_utc, seed, base).trained


def learn_ridge(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    seed: int = 0,
    base: TrainedRidge | None = None,
    *,
    room_bytes: int | None = None,
) -> RidgeTraining:
    """Train on every window that ended by `until_utc`, with all weights of each region.

    Regions with too little history get no weights of their own and are served by the
    pooled ones. Runs on one thread: on few cores more threads are far slower.

    Parameters
    ----------
    frames : Mapping of slug to (TelemetryFrame, IANA time zone)
    seed : int
        Recorded in the contract; nothing in this family is random.
    base : TrainedRidge | None
        The model that serves without weather forecasts. When given, this one is
        trained on the features of both, and on rows with whole weather forecasts.
    room_bytes : int | None
        Of its weights beside trees; None when they are known to fit.

    Raises
    ------
    InvalidInput
        When no region has enough complete windows, or more have than there is room for.
    """
    contract = contract_before_training(frames, target, until_utc, seed, base)
    names = contract.feature_names
    regions = collect_rows(
        frames, target, names, until_utc, whole_runs=base is not None
    )
    with_season = max(rows.span_h for rows in regions) >= SEASON_MIN_H
    if base is None and not with_season:
        kept = default_feature_names(target, with_season=False)
        columns = [names.index(name) for name in kept]
        regions, names = [rows.with_features(columns) for rows in regions], kept
    first_hour = min(int(rows.issue_hours[0]) for rows in regions)
    last_hour = max(int(rows.issue_hours[-1]) for rows in regions)
    contract = replace(
        contract,
        feature_names=names,
        region_slugs=tuple(rows.slug for rows in regions),
        trained_from_utc=EPOCH + first_hour * HOUR,
    )
    layout = layout_for(contract, with_season=with_season)
    if room_bytes is not None:
        require_room(contract, layout, base, room_bytes)
    with threadpool_limits(limits=1):
        timeline = Timeline.over(first_hour, last_hour)
        return _train(contract, layout, regions, timeline, is_short=not with_season)


def contract_before_training(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    seed: int,
    base: TrainedRidge | None,
) -> ModelContract:
    """The contract with a season and all regions, before their telemetry is read."""
    names = default_feature_names(target, with_season=True)
    if base is not None:
        forecast = run_quantities(frames)
        names = (*base.contract.feature_names, *run_feature_names(target, forecast))
    starts = (start_utc for start_utc, _ in spans_of(frames).values())
    return ModelContract(
        target=target,
        feature_names=names,
        region_slugs=tuple(sorted(frames)),
        horizon_h=WINDOW_H,
        trained_from_utc=min((*starts, until_utc - HOUR)),
        trained_until_utc=until_utc,
        family=Family.RIDGE.value,
        code_version=CODE_VERSION,
        seed=seed,
        contract_version=CONTRACT_VERSION if base is None else RUN_CONTRACT_VERSION,
    )


def _train(
    contract: ModelContract,
    layout: DesignLayout,
    regions: Sequence[TrainingRows],
    timeline: Timeline,
    *,
    is_short: bool,
) -> RidgeTraining:
    shared = pooled_rows(regions)
    learner = RidgeLearner.over(contract, layout, shared, timeline, is_short=is_short)
    own = [learner.learn(rows) for rows in regions]
    return _with_tails(
        RidgeTraining(
            trained=learner.trained(contract, own, np.ones(WINDOW_H)),
            rows=tuple(regions),
            out_of_fold=tuple(part.out_of_fold for part in own),
        )
    )


def _with_tails(training: RidgeTraining) -> RidgeTraining:
    """The same training, its scales matched to the tails of the residuals."""
    ratios = [
        np.abs(rows.observed - mean)
        / training.trained.predict_scale(
            rows.features, np.full(len(rows), index, dtype=np.int64)
        )
        for index, (rows, mean) in enumerate(
            zip(training.rows, training.out_of_fold, strict=True), start=1
        )
    ]
    factor = tail_factor(np.concatenate(ratios))
    return replace(training, trained=replace(training.trained, tail_factor=factor))
