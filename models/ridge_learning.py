"""Learn the weights of the ridge family: the pooled ones, then each region's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from core.aliases import BoolArray, FloatArray
from models.catalogue import RunStatistic
from models.chronology import Timeline
from models.design import LOWEST_MEAN, DesignLayout
from models.metadata import ModelContract
from models.moments import Moments, Weights
from models.ridge import (
    ShrunkenRidge,
    TrainedRidge,
    fit_ridge,
    in_half_precision,
    predict_ridge,
)
from models.training_rows import TrainingRows
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

SEASON_MIN_H = 300 * 24
"""Shorter history does not cover the yearly cycle, so no season is fitted."""

SCALE_FLOOR_FRAC = 0.4
"""Floor of the scale as a share of the mean absolute residual. Assumed: a scale
near 0 makes scores explode. On real temperatures it binds in under 0.1 % of hours, on
Singapore's nearly constant carbon intensity in 3 %."""

MIN_SCALE = 1e-3
"""In the target's unit: keeps the scale positive where telemetry is constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeLearner:
    """The pooled fit, and what learns each region beside it.

    Attributes
    ----------
    penalties : sequence of float
        Of a region's own weights.
    """

    layout: DesignLayout
    scaler: StandardScaler
    prior: Prior
    timeline: Timeline
    pooled: _LearnedPooled
    penalties: Sequence[float]
    lowest: float

    @classmethod
    def over(
        cls,
        contract: ModelContract,
        layout: DesignLayout,
        shared: TrainingRows,
        timeline: Timeline,
        *,
        is_short: bool,
    ) -> RidgeLearner:
        """Learn the pooled weights from rows of all regions, or of a sample."""
        scaler = StandardScaler()
        scaler.fit(shared.features[:, layout.state_columns].astype(np.float64))
        prior = Prior.of(contract)
        penalties: Sequence[float] = POOLED_PENALTIES
        if contract.guiding_quantity is not None:
            penalties = RUN_PENALTIES
        elif is_short:
            penalties = SHORT_PENALTIES
        return cls(
            layout=layout,
            scaler=scaler,
            prior=prior,
            timeline=timeline,
            pooled=_learn_pooled(
                _sample(shared, layout, scaler, prior), timeline, penalties
            ),
            penalties=SHORT_OWN_PENALTIES if is_short else OWN_PENALTIES,
            lowest=LOWEST_MEAN.get(contract.target, -np.inf),
        )

    def learn(self, rows: TrainingRows) -> LearnedRegion:
        """A region's own weights, and out-of-fold means of its rows."""
        sample = _sample(rows, self.layout, self.scaler, self.prior)
        own = _learn_own(
            sample, self.pooled, self.timeline, self.layout, self.penalties
        )
        out_of_fold = np.maximum(
            own.out_of_fold + self.prior.of_rows(rows), self.lowest
        )
        return replace(own, out_of_fold=out_of_fold)

    def trained(
        self,
        contract: ModelContract,
        own: Sequence[LearnedRegion],
        tail_factor: FloatArray,
    ) -> TrainedRidge:
        """The model of the regions of `contract`, in their order."""
        pooled, hours = self.pooled, self.layout.own_hours
        return TrainedRidge(
            contract=contract,
            layout=self.layout,
            scaler=self.scaler,
            mean_model=ShrunkenRidge(
                pooled=self.prior.added(pooled.mean, self.layout, self.scaler),
                own=tuple(part.mean for part in own),
                hours=hours,
            ),
            scale_model=ShrunkenRidge(
                pooled=pooled.scale, own=tuple(part.scale for part in own)
            ),
            scale_floor=np.stack([part.scale_floor for part in (pooled, *own)]),
            tail_factor=tail_factor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the mean is before weights are learned: a share of the weather forecast.

    Attributes
    ----------
    columns : tuple of int, length H or 0
        Features of the corrected forecast of the target itself; none without it.
    """

    columns: tuple[int, ...]

    @classmethod
    def of(cls, contract: ModelContract) -> Prior:
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
            slope = layout.column_of(place) - 1
            ridge.coef_[hour, slope] += RUN_PRIOR * scaler.scale_[place]
            ridge.intercept_[hour] += RUN_PRIOR * scaler.mean_[place]
        return ridge


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
class LearnedRegion:
    """Weights of one fit for the mean and the scale."""

    mean: Ridge
    scale: Ridge
    scale_floor: FloatArray
    out_of_fold: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _LearnedPooled(LearnedRegion):
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


def _sample(
    rows: TrainingRows, layout: DesignLayout, scaler: StandardScaler, prior: Prior
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
) -> LearnedRegion:
    hours = sample.issue_hours
    everything = sample.moments()
    earlier = sample.moments(timeline.before_split(hours))

    courses = layout.own_hours

    def own_weights(moments: Moments, shared: Weights, penalty: float) -> Weights:
        own = moments.left_over(shared).masked(sample.is_own).solve(penalty)
        return shared + (own if courses is None else own.within(courses))

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
    if courses is None:
        mean = fit_ridge(own_design, left_over, penalty)
    else:
        mean = in_half_precision(fit_ridge(own_design, left_over @ courses, penalty))
    return LearnedRegion(
        mean=mean,
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
