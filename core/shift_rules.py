"""What makes a shift safe: limits of heat, capacity and flexible load, and their test.

The only place where these limits are written. A verdict names the first `obstacle`; the
safe interval tests many shifts at once; the linear program, the greedy plan and the
true totals of a plan take `load_limits`. How far a rise moves a bound is computed by
`core.conformal` alone, through `RegionOutlook.check` and `checks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from core.aliases import BoolArray, FloatArray
from core.conformal import LimitCheck, LimitChecks
from core.outlooks import RegionOutlook
from core.shares import given_pct, used_pct
from core.shift import (
    LoadShift,
    moved_and_arrived_mw,
    net_rise_c,
    shift_load,
    source_rise_c,
    target_rise_c,
)

PCT_TOLERANCE = 1e-9
"""Rounding allowed when a shift is compared with the flexible share, %."""
LOAD_TOLERANCE_MW = 1e-6
"""Rounding allowed when a load is compared with a limit: one watt."""
PLAN_MARGIN_C = 1e-5
"""Kept free below a limit by a plan, so that a solver's rounding never passes it."""


class Obstacle(Enum):
    """The first limit that a shift would not keep."""

    FLEXIBLE_SHARE = auto()
    PRIOR_DECISIONS = auto()
    TARGET_UNJUDGED = auto()
    TARGET_CAPACITY = auto()
    TARGET_WITHOUT_LOAD = auto()
    TARGET_LIMIT = auto()


def keeps_limit(check: LimitCheck | None) -> bool:
    """Whether there is a finite bound that is at most the limit."""
    return check is not None and not check.is_exceeded


def obstacle(
    source: RegionOutlook,
    target: RegionOutlook | None,
    shift_pct: float,
    shift: LoadShift | None,
    target_after: LimitCheck | None,
) -> Obstacle | None:
    """Why a shift cannot be made, regardless of the source's bound after it.

    Parameters
    ----------
    shift : LoadShift | None
        Hourly loads of the shift; None without a target or a known load.
    target_after : LimitCheck | None
        The target's bound after the shift.

    Returns
    -------
    Obstacle | None
        None when the source may give this much and the target can take it, and where
        unknown loads leave only the flexible share to be tested.
    """
    if shift_pct == 0:
        return None
    if not is_flexible(source, shift_pct):
        return Obstacle.FLEXIBLE_SHARE
    if shift is not None and not _leaves_rigid_load(source, shift.source_load_after_mw):
        return Obstacle.PRIOR_DECISIONS
    return None if target is None else _target_obstacle(target, shift, target_after)


def are_possible(
    source: RegionOutlook, target: RegionOutlook, shifts_pct: FloatArray
) -> BoolArray:
    """Whether each of several shifts meets no obstacle; none does without a bound.

    Parameters
    ----------
    source, target : RegionOutlook
        With known loads.
    shifts_pct : ndarray, shape (n_shifts,)
        Shares of the source's load, %.
    """
    moved_mw, arrived_mw = _moved_and_arrived_mw(source, shifts_pct)
    is_possible = (
        is_flexible(source, shifts_pct)
        & _leaves_rigid_load(source, source.it_load_mw - moved_mw)
        & _is_within_capacity(target, target.it_load_mw + arrived_mw)
    )
    # Heat takes far longer to judge than the rest.
    rises_c = rise_of_arrival_c(target, arrived_mw[is_possible])
    is_possible[is_possible] = target.keeps_limit(rises_c)
    return is_possible


def clears_source(
    source: RegionOutlook, shifts_pct: FloatArray, *, margin_c: float = 0.0
) -> BoolArray:
    """Whether the source keeps its limit, less a margin, after each of several shifts.

    As `checks_of_source` says; never without a calibrated forecast.
    """
    return source.keeps_limit(margin_c + _falls_of_source_c(source, shifts_pct))


def checks_of_source(
    source: RegionOutlook, shifts_pct: FloatArray
) -> LimitChecks | None:
    """The source's limit after each of several shifts.

    An hour whose load is unknown counts as loaded. None without a calibrated forecast.
    """
    return source.checks(_falls_of_source_c(source, shifts_pct))


def checks_of_target(
    source: RegionOutlook, target: RegionOutlook, shifts_pct: FloatArray
) -> LimitChecks | None:
    """The target's limit after each of several shifts, of which both loads are known.

    None without a calibrated forecast.
    """
    _, arrived_mw = _moved_and_arrived_mw(source, shifts_pct)
    return target.checks(rise_of_arrival_c(target, arrived_mw))


def hourly_shift(
    source: RegionOutlook, target: RegionOutlook | None, shift_pct: float
) -> LoadShift | None:
    """Loads and rises of a shift; None without a target or a known load."""
    if target is None or not (source.load_is_known and target.load_is_known):
        return None
    return shift_load(
        source_load_mw=source.it_load_mw,
        target_load_mw=target.it_load_mw,
        shift_pct=shift_pct,
        given_pct=None
        if source.shares.is_of_load_left
        else given_by_hour_pct(source, shift_pct),
        source_cooling_factor_c_per_pct=source.policy.cooling_factor_c_per_pct,
        target_cooling_factor_c_per_pct=target.policy.cooling_factor_c_per_pct,
        source_reference_mw=source.rise_load_mw,
        target_reference_mw=target.rise_load_mw,
        migration_energy_frac=source.policy.migration_energy_frac,
    )


def rises_per_pct_c(
    source: RegionOutlook, target: RegionOutlook | None
) -> tuple[FloatArray, FloatArray] | None:
    """Rise of both ends for each percent that an hour gives; None as `hourly_shift`."""
    if target is None or not (source.load_is_known and target.load_is_known):
        return None
    load_mw = source.rise_load_mw
    fall_c = source_rise_c(
        1.0,
        load_mw=load_mw,
        reference_mw=load_mw,
        factor_c_per_pct=source.policy.cooling_factor_c_per_pct,
    )
    gain = 1.0 + source.policy.migration_energy_frac
    return fall_c, rise_of_arrival_c(target, gain * load_mw / 100.0)


def rise_of_change_c(end: RegionOutlook, change_mw: FloatArray) -> FloatArray:
    """Rise of a region whose load changes by `change_mw`, degC; negative for a fall."""
    return net_rise_c(
        change_mw,
        reference_mw=end.rise_load_mw,
        factor_c_per_pct=end.policy.cooling_factor_c_per_pct,
    )


def flexible_pct(source: RegionOutlook) -> float:
    """Largest share of its load that the source may give, %.

    That of the chosen hour that may still give most of its load before all decisions;
    an hour that may give less gives what it may.
    """
    flexible_frac = source.region.flexible_load_frac
    if source.reference_load_mw is None or not source.load_is_known:
        return 100.0 * flexible_frac
    if source.shares.is_of_load_left:
        loaded = source.it_load_mw > 0.0
        shares = movable_mw(source)[loaded] / source.it_load_mw[loaded]
        return 100.0 * float(np.min(shares, initial=flexible_frac))
    loaded = _chosen_hours(source) & (source.rise_load_mw > 0.0)
    if not loaded.any():
        return 100.0 * flexible_frac
    return float(np.max(left_by_hour_pct(source)[loaded]))


def left_by_hour_pct(source: RegionOutlook) -> FloatArray:
    """Most that each hour may still give of its load before all decisions, %.

    0 in hours that are not chosen; the whole flexible share where a load is unknown.
    """
    reference_mw = source.rise_load_mw
    flexible = np.full_like(reference_mw, 100.0 * source.region.flexible_load_frac)
    if source.reference_load_mw is not None and source.load_is_known:
        left = np.divide(
            100.0 * movable_mw(source),
            reference_mw,
            out=flexible.copy(),
            where=reference_mw > 0.0,
        )
        # What was not touched gives its share to the last digit.
        flexible = np.where(source.it_load_mw == reference_mw, flexible, left)
    return np.where(_chosen_hours(source), flexible, 0.0)


def used_by_hour_pct(source: RegionOutlook) -> FloatArray:
    """What earlier decisions took of each hour's load, %; 100 in hours not chosen."""
    used = used_pct(source.it_load_mw, source.rise_load_mw)
    return np.where(_chosen_hours(source), used, 100.0)


def given_by_hour_pct(
    source: RegionOutlook, shifts_pct: float | FloatArray
) -> FloatArray:
    """What each hour gives of its load before all decisions, %; see `core.shares`."""
    return given_pct(
        shifts_pct,
        left_pct=left_by_hour_pct(source),
        used=used_by_hour_pct(source),
        flexible_pct=flexible_pct(source) + PCT_TOLERANCE,
    )


def share_load_mw(source: RegionOutlook) -> FloatArray:
    """The load that a share of the source is of, MW, shape (n_hours,)."""
    return source.it_load_mw if source.shares.is_of_load_left else source.rise_load_mw


def given_mw(source: RegionOutlook, shift_pct: float) -> FloatArray:
    """What each hour gives in a shift, MW, shape (n_hours,)."""
    moved_mw, _ = _moved_and_arrived_mw(source, np.array([shift_pct]))
    return np.asarray(moved_mw[0], dtype=np.float64)


def _chosen_hours(source: RegionOutlook) -> BoolArray:
    hours = source.shares.hours
    return np.ones(source.it_load_mw.shape, np.bool_) if hours is None else hours


def is_flexible(source: RegionOutlook, shift_pct: float | FloatArray) -> BoolArray:
    """Whether the source may give `shift_pct` % of its load; one answer per shift."""
    return np.asarray(shift_pct <= flexible_pct(source) + PCT_TOLERANCE)


def movable_mw(source: RegionOutlook) -> FloatArray:
    """Load that the source may still give in each hour, MW, shape (n_hours,)."""
    flexible_frac = source.region.flexible_load_frac
    rigid_mw = (1.0 - flexible_frac) * source.rise_load_mw
    left_mw = np.maximum(source.it_load_mw - rigid_mw, 0.0)
    return np.minimum(flexible_frac * source.it_load_mw, left_mw)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadLimits:
    """Between which limits a plan may change the load of one region.

    Attributes
    ----------
    movable_mw : ndarray, shape (n_hours,)
        Most that may leave; 0 without a bound.
    room_mw : ndarray, shape (n_hours,)
        Rise of the load at which the hour's bound meets the limit; negative where load
        has to leave first, +inf where heat does not bind. It holds at one quantile,
        which the rise itself moves: what is made of it has to be judged.
    mw_per_c : ndarray, shape (n_hours,)
        Load that is worth one degree; 0 where moving load away cools nothing.
    over_c : float
        Degrees by which the bound passes the limit before the plan, >= 0.
    may_receive : ndarray of bool, shape (n_hours,)
    """

    movable_mw: FloatArray
    room_mw: FloatArray
    mw_per_c: FloatArray
    over_c: float
    may_receive: NDArray[np.bool_]


def load_limits(end: RegionOutlook, *, quantile: float | None = None) -> LoadLimits:
    """The limits that a plan keeps in one region, from the same check as a verdict.

    Parameters
    ----------
    quantile : float | None
        At which the hours' bounds are computed, as in `core.conformal.LimitCheck`; by
        default that of the load as it is.
    """
    check, nowhere = end.check(), np.zeros_like(end.it_load_mw)
    room_mw = np.full_like(end.it_load_mw, np.inf)
    if check is None:
        return LoadLimits(
            movable_mw=nowhere,
            room_mw=room_mw,
            mw_per_c=nowhere,
            over_c=0.0,
            may_receive=nowhere.astype(np.bool_),
        )
    limit_c, factor = end.policy.thermal_limit_c, end.policy.cooling_factor_c_per_pct
    reference_mw = end.rise_load_mw
    is_coolable = factor > 0.0 and bool((reference_mw > 0.0).all())
    bound_c = end.bound_by_hour_c(check.quantile if quantile is None else quantile)
    if bound_c is not None and factor > 0.0 and (is_coolable or keeps_limit(check)):
        free_c = (limit_c - PLAN_MARGIN_C) - bound_c
        if keeps_limit(check):
            # What is approved as it is may stay so, even exactly at its limit.
            free_c = np.maximum(free_c, 0.0)
        room_mw = free_c * reference_mw / (100.0 * factor)
    return LoadLimits(
        movable_mw=movable_mw(end),
        room_mw=room_mw,
        mw_per_c=reference_mw / (100.0 * factor) if is_coolable else nowhere,
        over_c=0.0 if keeps_limit(check) else check.bound - limit_c,
        may_receive=(reference_mw > 0.0) & keeps_limit(check),
    )


def free_capacity_mw(capacity_mw: FloatArray, load_mw: FloatArray) -> FloatArray:
    """Rise at which each load meets its region's capacity; negative above it.

    Parameters
    ----------
    capacity_mw : ndarray, shape (n_regions,)
    load_mw : ndarray, shape (n_regions, n_hours)
    """
    return capacity_mw[:, np.newaxis] - load_mw


def receivable_mw(
    room_mw: FloatArray, free_mw: FloatArray, may_receive: NDArray[np.bool_]
) -> FloatArray:
    """Most that may arrive, within the room for heat and the free capacity."""
    return np.where(may_receive, np.maximum(np.minimum(room_mw, free_mw), 0.0), 0.0)


def excess_mw(room_mw: FloatArray, free_mw: FloatArray) -> FloatArray:
    """Load that has to leave before the room and the capacity are kept, >= 0."""
    return np.maximum(-np.minimum(room_mw, free_mw), 0.0)


def _target_obstacle(
    target: RegionOutlook, shift: LoadShift | None, after: LimitCheck | None
) -> Obstacle | None:
    if after is None and target.check() is None:
        return Obstacle.TARGET_UNJUDGED
    if shift is None:
        return None
    if not _is_within_capacity(target, shift.target_load_after_mw):
        return Obstacle.TARGET_CAPACITY
    if after is None:
        return Obstacle.TARGET_WITHOUT_LOAD
    return None if keeps_limit(after) else Obstacle.TARGET_LIMIT


def _leaves_rigid_load(source: RegionOutlook, load_after_mw: FloatArray) -> BoolArray:
    """Whether no hour gives more than recorded decisions left to be moved."""
    given_mw = source.it_load_mw - load_after_mw
    largest_mw = movable_mw(source) * (1.0 + PCT_TOLERANCE) + LOAD_TOLERANCE_MW
    return np.asarray((given_mw <= largest_mw).all(axis=-1))


def _is_within_capacity(target: RegionOutlook, load_after_mw: FloatArray) -> BoolArray:
    largest_mw = target.region.it_capacity_mw + LOAD_TOLERANCE_MW
    return np.asarray((load_after_mw <= largest_mw).all(axis=-1))


def _moved_and_arrived_mw(
    source: RegionOutlook, shifts_pct: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Hours of each shift, shape (n_shifts, n_hours)."""
    return moved_and_arrived_mw(
        share_load_mw(source),
        _leaves_pct(source, shifts_pct),
        source.policy.migration_energy_frac,
        most_mw=source.it_load_mw,
    )


def _leaves_pct(source: RegionOutlook, shifts_pct: FloatArray) -> FloatArray:
    """What leaves the load that shares are of, in each hour of each shift, %."""
    by_shift = shifts_pct[:, np.newaxis]
    if source.shares.is_of_load_left:
        return by_shift
    return given_by_hour_pct(source, by_shift)


def _falls_of_source_c(source: RegionOutlook, shifts_pct: FloatArray) -> FloatArray:
    """Rises of the source, <= 0, degC, shape (n_shifts, n_hours)."""
    return source_rise_c(
        _leaves_pct(source, shifts_pct),
        load_mw=share_load_mw(source),
        reference_mw=source.rise_load_mw,
        factor_c_per_pct=source.policy.cooling_factor_c_per_pct,
    )


def rise_of_arrival_c(target: RegionOutlook, arrived_mw: FloatArray) -> FloatArray:
    """Rises of the target, degC, shape (n_shifts, n_hours)."""
    factor_c_per_pct = target.policy.cooling_factor_c_per_pct
    return target_rise_c(arrived_mw, target.rise_load_mw, factor_c_per_pct)
