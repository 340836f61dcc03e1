"""Train the ridge family with chronological splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from core.aliases import BoolArray, FloatArray
from core.days import WINDOW_H
from core.errors import InvalidInput
from core.forecasts import Target
from core.telemetry import HOUR, Quantity
from core.version import CODE_VERSION
from models.catalogue import (
    RunStatistic,
    default_feature_names,
    run_feature_names,
)
from models.chronology import Timeline
from models.design import LOWEST_MEAN, DesignLayout, layout_for
from models.metadata import (
    CONTRACT_VERSION,
    MAX_MODEL_BYTES,
    RUN_CONTRACT_VERSION,
    Family,
    ModelContract,
)
from models.moments import Moments, Weights
from models.ridge import ShrunkenRidge, TrainedRidge, fit_ridge, predict_ridge
from models.tails import tail_factor
from models.training_rows import (
    EPOCH,
    RegionTelemetry,
    TrainingRows,
    collect_rows,
    hour_stride,
)
from models.tree_inputs import columns_of

POOLED_PENALTIES = (3e-4, 1e-3, 3e-3)
RUN_PENALTIES = (1e-3, 3e-3, 1e-2)
"""Pooled ones beside weather forecasts, whose hours differ little from each other. 3e-2
was chosen on the first 70 % of a year, and was 1.5 % worse once all was learned."""

RUN_PRIOR = 0.5
"""Share of the corrected weather forecast that the mean is before it learns: penalties
then shrink towards it instead of the climate. On calibration months the error was the
same as with 0, and bounds 2 % narrower."""

OWN_PENALTIES = (1e-2, 3e-2, 1e-1, 3e-1, 1.0)
SHORT_PENALTIES = (*POOLED_PENALTIES, 1e-2, 3e-2, 1e-1, 3e-1)
SHORT_OWN_PENALTIES = (*OWN_PENALTIES, 3.0, 10.0)
"""Of a history shorter than `SEASON_MIN_H`: weak ones carry what a region showed in
some months into others. Chosen on held-out weeks, as all are."""

SCALE_PENALTY = 1e-2
"""Weak: the scale has 15 weights per horizon and thousands of rows."""

OTHER_BYTES = 2**20
"""Of a file beside the weights of its regions: their names, the graph and trees."""

MAX_POOLED_ROWS = 40_000

SEASON_MIN_H = 300 * 24
"""Shorter history does not cover the yearly cycle, so no season is fitted."""

SCALE_FLOOR_FRAC = 0.4
"""Floor of the scale as a share of the mean absolute residual. Assumed: a scale
near 0 makes scores explode. On real temperatures it binds in under 0.1 % of hours, on
Singapore's nearly constant carbon intensity in 3 %."""

MIN_SCALE = 1e-3
"""In the target's unit: keeps the scale positive where telemetry is constant."""


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
    base: ModelContract | None = None,
) -> TrainedRidge:
    """Train on every window that ended by `until_utc`; see `learn_ridge`."""
    return learn_ridge(frames, target, until_utc, seed, base).trained


def learn_ridge(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    seed: int = 0,
    base: ModelContract | None = None,
    *,
    weight_bytes: int = 4,
) -> RidgeTraining:
    """Train on every window that ended by `until_utc`.

    Regions with too little history get no weights of their own and are served by the
    pooled ones. Runs on one thread: on few cores more threads are far slower.

    Parameters
    ----------
    frames : Mapping of slug to (TelemetryFrame, IANA time zone)
    seed : int
        Recorded in the contract; nothing in this family is random.
    base : ModelContract | None
        Of the model that serves without weather forecasts. When given, this one is
        trained on the features of both, and on rows with whole weather forecasts.
    weight_bytes : int
        Of each weight in the file that is exported.

    Raises
    ------
    InvalidInput
        When no region has enough complete windows, or more have than a model file has
        room for.
    """
    names = default_feature_names(target, with_season=True)
    if base is not None:
        forecast = run_quantities(frames)
        names = (*base.feature_names, *run_feature_names(target, forecast))
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
    contract = ModelContract(
        target=target,
        feature_names=names,
        region_slugs=tuple(rows.slug for rows in regions),
        horizon_h=WINDOW_H,
        trained_from_utc=EPOCH + first_hour * HOUR,
        trained_until_utc=until_utc,
        family=Family.RIDGE.value,
        code_version=CODE_VERSION,
        seed=seed,
        contract_version=CONTRACT_VERSION if base is None else RUN_CONTRACT_VERSION,
    )
    layout = layout_for(contract, with_season=with_season)
    require_room(contract, layout, base, weight_bytes)
    with threadpool_limits(limits=1):
        timeline = Timeline.over(first_hour, last_hour)
        return _train(contract, layout, regions, timeline, is_short=not with_season)


def require_room(
    contract: ModelContract,
    layout: DesignLayout,
    base: ModelContract | None,
    weight_bytes: int,
) -> None:
    """Refuse more regions than a file has room for before they are learned.

    Their weights are nearly all of a file; beside weather forecasts it holds those of
    the model without them as well.

    Raises
    ------
    InvalidInput
        When there are more.
    """
    region_bytes = weight_bytes * layout.n_region_weights
    left_bytes = MAX_MODEL_BYTES - OTHER_BYTES
    if base is not None:
        of_base = weight_bytes * layout_for(base).n_region_weights
        left_bytes -= of_base * (len(base.region_slugs) + 1)
    most = max(left_bytes // region_bytes - 1, 0)
    if len(contract.region_slugs) > most:
        message = (
            f"A model file of {MAX_MODEL_BYTES // 2**20} MiB has room for the weights"
            f" of {most:,} regions, and {len(contract.region_slugs):,} have enough"
            f" {contract.target}. Deactivate some, choose ridge instead of boosting, or"
            " upload a model that needs no weights for each region."
        )
        raise InvalidInput(message)


def run_quantities(frames: Mapping[str, RegionTelemetry]) -> tuple[Quantity, ...]:
    """What the weather forecasts of at least one region have."""
    found = {
        quantity
        for frame, _ in frames.values()
        if frame.runs is not None
        for quantity in frame.runs.quantities
    }
    return tuple(quantity for quantity in Quantity if quantity in found)


def _train(
    contract: ModelContract,
    layout: DesignLayout,
    regions: Sequence[TrainingRows],
    timeline: Timeline,
    *,
    is_short: bool,
) -> RidgeTraining:
    shared = _thinned(regions)
    scaler = StandardScaler()
    scaler.fit(shared.features[:, layout.state_columns].astype(np.float64))
    prior = _Prior.of(contract)
    penalties: Sequence[float] = POOLED_PENALTIES
    if contract.guiding_quantity is not None:
        penalties = RUN_PENALTIES
    elif is_short:
        penalties = SHORT_PENALTIES
    pooled = _learn_pooled(_sample(shared, layout, scaler, prior), timeline, penalties)
    penalties = SHORT_OWN_PENALTIES if is_short else OWN_PENALTIES
    own = [
        _learn_own(
            _sample(rows, layout, scaler, prior), pooled, timeline, layout, penalties
        )
        for rows in regions
    ]
    lowest = LOWEST_MEAN.get(contract.target, -np.inf)
    training = RidgeTraining(
        trained=TrainedRidge(
            contract=contract,
            layout=layout,
            scaler=scaler,
            mean_model=ShrunkenRidge(
                pooled=prior.added(pooled.mean, layout, scaler),
                own=tuple(part.mean for part in own),
            ),
            scale_model=ShrunkenRidge(
                pooled=pooled.scale, own=tuple(part.scale for part in own)
            ),
            scale_floor=np.stack([part.scale_floor for part in (pooled, *own)]),
            tail_factor=np.ones(WINDOW_H),
        ),
        rows=tuple(regions),
        out_of_fold=tuple(
            np.maximum(part.out_of_fold + prior.of_rows(rows), lowest)
            for part, rows in zip(own, regions, strict=True)
        ),
    )
    return _with_tails(training)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prior:
    """What the mean is before weights are learned: a share of the weather forecast.

    Attributes
    ----------
    columns : tuple of int, length H or 0
        Features of the corrected forecast of the target itself; none without it.
    """

    columns: tuple[int, ...]

    @classmethod
    def of(cls, contract: ModelContract) -> _Prior:
        own = contract.target.quantity
        if contract.guiding_quantity is not own:
            return cls(columns=())
        return cls(columns=columns_of(contract, own, RunStatistic.CORRECTED))

    def of_rows(self, rows: TrainingRows) -> FloatArray:
        """The prior of each hour, shape (n, H)."""
        if not self.columns:
            return np.zeros_like(rows.observed)
        corrected = rows.features[:, self.columns].astype(np.float64)
        return np.asarray(RUN_PRIOR * corrected, dtype=np.float64)

    def added(
        self, ridge: Ridge, layout: DesignLayout, scaler: StandardScaler
    ) -> Ridge:
        """The ridge, fitted to what the prior leaves, with the prior in its weights."""
        for hour, column in enumerate(self.columns):
            place = layout.state_columns.index(column)
            ridge.coef_[hour, place] += RUN_PRIOR * scaler.scale_[place]
            ridge.intercept_[hour] += RUN_PRIOR * scaler.mean_[place]
        return ridge


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """Designs and outcomes of some rows.

    Attributes
    ----------
    observed : ndarray, shape (n, H)
        Less the prior.
    is_own : ndarray of bool, shape (D,)
        Weights of the mean, without the constant, that may differ by region.
    """

    issue_hours: NDArray[np.int64]
    mean_design: FloatArray
    scale_design: FloatArray
    observed: FloatArray
    is_own: BoolArray

    @property
    def slopes(self) -> FloatArray:
        """The mean's design without its constant."""
        return self.mean_design[:, 1:]

    def moments(self, rows: BoolArray | slice = slice(None)) -> Moments:
        """Sums over the chosen rows."""
        return Moments.of(self.slopes[rows], self.observed[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learned:
    """Weights of one fit for the mean and the scale."""

    mean: Ridge
    scale: Ridge
    scale_floor: FloatArray
    out_of_fold: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _LearnedPooled(_Learned):
    """The pooled fit, and those without held-out data for out-of-fold residuals.

    Attributes
    ----------
    at_split : Weights
        Fitted on windows that had ended by the split.
    folds : tuple of Weights
        Fitted without each block.
    """

    at_split: Weights
    folds: tuple[Weights, ...]


def _thinned(regions: Sequence[TrainingRows]) -> TrainingRows:
    stride = hour_stride(sum(len(rows) for rows in regions), MAX_POOLED_ROWS)
    parts = [rows.where(slice(None, None, stride)) for rows in regions]
    return TrainingRows(
        slug="pooled",
        issue_hours=np.concatenate([part.issue_hours for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        observed=np.concatenate([part.observed for part in parts]),
    )


def _sample(
    rows: TrainingRows, layout: DesignLayout, scaler: StandardScaler, prior: _Prior
) -> _Sample:
    wide = rows.features.astype(np.float64)
    standardised = scaler.transform(wide[:, layout.state_columns])
    seasonal = layout.seasonal_mean_weights()[1:]
    return _Sample(
        issue_hours=rows.issue_hours,
        mean_design=layout.mean_design(wide, standardised),
        scale_design=layout.scale_design(wide),
        observed=rows.observed - prior.of_rows(rows),
        # A region with less than a year of history uses the pooled season.
        is_own=~seasonal | (rows.span_h >= SEASON_MIN_H),
    )


def _learn_pooled(
    sample: _Sample, timeline: Timeline, penalties: Sequence[float]
) -> _LearnedPooled:
    hours, observed = sample.issue_hours, sample.observed
    everything = sample.moments()
    earlier = sample.moments(timeline.before_split(hours))
    penalty = _choose_penalty(sample, timeline, earlier.solve, penalties)
    folds = tuple(
        (everything - sample.moments(~timeline.apart(hours, block))).solve(penalty)
        for block in timeline.blocks
    )
    out_of_fold = np.empty_like(observed)
    for block, fold in zip(timeline.blocks, folds, strict=True):
        held_out = timeline.inside(hours, block)
        out_of_fold[held_out] = fold.predict(sample.slopes[held_out])
    misses = np.abs(observed - out_of_fold)
    return _LearnedPooled(
        mean=fit_ridge(sample.mean_design, observed, penalty),
        scale=fit_ridge(sample.scale_design, misses, SCALE_PENALTY),
        scale_floor=_scale_floor(misses),
        out_of_fold=out_of_fold,
        at_split=earlier.solve(penalty),
        folds=folds,
    )


def _learn_own(
    sample: _Sample,
    pooled: _LearnedPooled,
    timeline: Timeline,
    layout: DesignLayout,
    penalties: Sequence[float],
) -> _Learned:
    hours = sample.issue_hours
    everything = sample.moments()
    earlier = sample.moments(timeline.before_split(hours))

    def own_weights(moments: Moments, shared: Weights, penalty: float) -> Weights:
        return shared + moments.left_over(shared).masked(sample.is_own).solve(penalty)

    penalty = _choose_penalty(
        sample,
        timeline,
        partial(own_weights, earlier, pooled.at_split),
        penalties,
    )
    out_of_fold = np.empty_like(sample.observed)
    for block, fold in zip(timeline.blocks, pooled.folds, strict=True):
        held_out = timeline.inside(hours, block)
        if held_out.any():
            apart = everything - sample.moments(~timeline.apart(hours, block))
            weights = own_weights(apart, fold, penalty)
            out_of_fold[held_out] = weights.predict(sample.slopes[held_out])
    misses = np.abs(sample.observed - out_of_fold)
    own_design = sample.mean_design * np.concatenate(([True], sample.is_own))
    left_over = sample.observed - predict_ridge(pooled.mean, sample.mean_design)
    beyond_pooled = misses - predict_ridge(pooled.scale, sample.scale_design)
    has_season = bool(sample.is_own.all())
    own_scale = True if has_season else ~layout.seasonal_scale_weights()
    return _Learned(
        mean=fit_ridge(own_design, left_over, penalty),
        # A column of zeros gets a weight of exactly zero: the season stays pooled.
        scale=fit_ridge(sample.scale_design * own_scale, beyond_pooled, SCALE_PENALTY),
        scale_floor=_scale_floor(misses),
        out_of_fold=out_of_fold,
    )


def _choose_penalty(
    sample: _Sample,
    timeline: Timeline,
    weights_of: Callable[[float], Weights],
    penalties: Sequence[float],
) -> float:
    """The penalty with the smallest error after the split, fitted before it.

    The largest one when a region has no rows on one side of the split.
    """
    earlier = timeline.before_split(sample.issue_hours)
    later = timeline.after_split(sample.issue_hours)
    if not (earlier.any() and later.any()):
        return max(penalties)
    design, outcome = sample.slopes[later], sample.observed[later]
    errors = [
        float(np.mean((outcome - weights_of(penalty).predict(design)) ** 2))
        for penalty in penalties
    ]
    return penalties[int(np.argmin(errors))]


def _scale_floor(misses: FloatArray) -> FloatArray:
    floor: FloatArray = np.maximum(SCALE_FLOOR_FRAC * misses.mean(axis=0), MIN_SCALE)
    return floor
