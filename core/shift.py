"""What moving load does to two regions: load, heat, energy, carbon, water and cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput, OutOfRange
from core.footprints import (
    Footprint,
    RegionSignals,
    SignalBasis,
    footprint,
    has_one_carbon_kind,
    require_load,
    require_same_hours,
    total_footprint,
    with_extra_cost,
)

__all__ = [
    "Footprint",
    "LoadShift",
    "RegionSignals",
    "ShiftImpact",
    "SignalBasis",
    "footprint",
    "shift_impact",
    "shift_load",
    "total_footprint",
]

_MOVED_TOLERANCE_MW = 1e-9
"""Rounding allowed when load that is moved is compared with load that is there."""
_LARGEST_RATIO = 1e300
"""Keeps a fall finite, and so comparable, against a load next to 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadShift:
    """Loads and temperature rises of a shift, hour by hour, shape (n_hours,).

    Attributes
    ----------
    shift_pct : float
        Share of the source's load that is to move, %, [0, 100].
    moved_mw, arrived_mw : ndarray
        What leaves the source, and what the target carries for it: the same, plus the
        energy of the migration where that is configured.
    source_rise_c : ndarray
        degC, <= 0: minus the source's factor times what the hour gives of its load
        before all decisions, %; 0 in an hour in which the source has no load, since
        moving nothing cools nothing.
    target_rise_c : ndarray
        degC, >= 0: the target's factor times the rise of its load in %. +inf in an
        hour in which load moves to a target that has none, so that it is never safe.
    """

    shift_pct: float
    moved_mw: NDArray[np.float64]
    arrived_mw: NDArray[np.float64]
    source_load_before_mw: NDArray[np.float64]
    source_load_after_mw: NDArray[np.float64]
    target_load_before_mw: NDArray[np.float64]
    target_load_after_mw: NDArray[np.float64]
    source_rise_c: NDArray[np.float64]
    target_rise_c: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftImpact:
    """Footprints of both regions and their sum, before and after a shift.

    What the migration costs is the source's: it is in `source_after.cost_usd`.
    """

    source_before: Footprint
    source_after: Footprint
    target_before: Footprint
    target_after: Footprint
    fleet_before: Footprint
    fleet_after: Footprint


def shift_load(
    *,
    source_load_mw: NDArray[np.float64],
    target_load_mw: NDArray[np.float64],
    shift_pct: float,
    source_cooling_factor_c_per_pct: float,
    target_cooling_factor_c_per_pct: float,
    source_reference_mw: NDArray[np.float64] | None = None,
    target_reference_mw: NDArray[np.float64] | None = None,
    migration_energy_frac: float = 0.0,
    given_pct: NDArray[np.float64] | None = None,
) -> LoadShift:
    """Move a share of the source's load to the target, hour by hour.

    Load is conserved: what leaves the source arrives at the target, plus the energy of
    the migration. Whether that much may move (flexible share, capacity, limits) is
    decided by `core.shift_rules`.

    Parameters
    ----------
    source_load_mw, target_load_mw : ndarray of float64, shape (n_hours,)
        Loads before the shift, MW, finite, >= 0.
    shift_pct : float
        Share of the source's load, %, [0, 100].
    source_cooling_factor_c_per_pct, target_cooling_factor_c_per_pct : float
        degC per percentage point of the region's own load, finite, >= 0.
    source_reference_mw, target_reference_mw : ndarray of float64, shape (n_hours,)
        Loads before any recorded decision of the window, MW, of which heat takes its
        percentages. By default the loads before the shift.
    migration_energy_frac : float
        Energy of the migration over the energy moved, [0, 1]; the target carries it.
    given_pct : ndarray of float64, shape (n_hours,)
        What each hour gives of the source's reference load, %; by default `shift_pct`
        of its load before the shift, in every hour.

    Raises
    ------
    OutOfRange
        When the shift is not within 0 to 100 %, a factor is negative or not finite, or
        the migration's energy not within [0, 1].
    InvalidInput
        When a load is missing, negative or infinite, or the windows differ in length.

    Notes
    -----
    Temperature is taken to follow the load itself, not the steps that led to it:
    `rise = factor * 100 * (load - reference) / reference`. Two shifts, one after the
    other, so heat a target and cool a source exactly as one shift of both would.

    Examples
    --------
    >>> shift = shift_load(
    ...     source_load_mw=np.array([60.0]),
    ...     target_load_mw=np.array([30.0]),
    ...     shift_pct=20.0,
    ...     source_cooling_factor_c_per_pct=0.05,
    ...     target_cooling_factor_c_per_pct=0.05,
    ... )
    >>> shift.target_load_after_mw.tolist()
    [42.0]
    >>> shift.source_rise_c.tolist(), shift.target_rise_c.tolist()
    ([-1.0], [2.0])
    """
    require_load("The source's load", source_load_mw)
    require_load("The target's load", target_load_mw)
    require_same_hours(source_load_mw, target_load_mw)
    _require_shift_pct(shift_pct)
    _require_factor("source", source_cooling_factor_c_per_pct)
    _require_factor("target", target_cooling_factor_c_per_pct)
    _require_migration_energy(migration_energy_frac)
    source_reference = _reference("source", source_reference_mw, source_load_mw)
    target_reference = _reference("target", target_reference_mw, target_load_mw)
    share_load_mw = source_load_mw if given_pct is None else source_reference
    leaves_pct = shift_pct if given_pct is None else given_pct
    moved_mw, arrived_mw = moved_and_arrived_mw(
        share_load_mw, leaves_pct, migration_energy_frac, most_mw=source_load_mw
    )
    return LoadShift(
        shift_pct=shift_pct,
        moved_mw=moved_mw,
        arrived_mw=arrived_mw,
        source_load_before_mw=source_load_mw,
        source_load_after_mw=source_load_mw - moved_mw,
        target_load_before_mw=target_load_mw,
        target_load_after_mw=target_load_mw + arrived_mw,
        source_rise_c=source_rise_c(
            leaves_pct,
            load_mw=share_load_mw,
            reference_mw=source_reference,
            factor_c_per_pct=source_cooling_factor_c_per_pct,
        ),
        target_rise_c=target_rise_c(
            arrived_mw, target_reference, target_cooling_factor_c_per_pct
        ),
    )


def moved_and_arrived_mw(
    share_load_mw: NDArray[np.float64],
    given_pct: float | NDArray[np.float64],
    migration_energy_frac: float,
    *,
    most_mw: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What leaves the source in each hour, and what the target carries for it, MW.

    An array of shifts, shape (n_shifts, 1) or (n_shifts, n_hours), gives a row of hours
    for each. `most_mw` is the load that is there: rounding moves no more than that.
    """
    moved_mw = np.minimum(share_load_mw * (given_pct / 100.0), most_mw)
    return moved_mw, moved_mw * (1.0 + migration_energy_frac)


def source_rise_c(
    shift_pct: float | NDArray[np.float64],
    *,
    load_mw: NDArray[np.float64],
    reference_mw: NDArray[np.float64],
    factor_c_per_pct: float,
) -> NDArray[np.float64]:
    """What giving `shift_pct` % of its load does to a source, degC, <= 0.

    0 in an hour without load. An hour whose load is unknown (NaN) counts as one in
    which nothing was moved before. A larger shift never gives a smaller fall, in
    floats too.

    Parameters
    ----------
    shift_pct : float or ndarray, shape (n_hours,), (n_shifts, 1) or both
        Share of `load_mw`, %; an array of shifts gives a row of hours for each.
    load_mw, reference_mw : ndarray of float64, shape (n_hours,)
        Load that the share is of, and before any recorded decision of the window, MW.

    Examples
    --------
    >>> half_left, whole = np.array([20.0]), np.array([40.0])
    >>> source_rise_c(
    ...     10.0, load_mw=half_left, reference_mw=whole, factor_c_per_pct=0.05
    ... ).tolist()
    [-0.25]
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        left = np.minimum(load_mw / reference_mw, _LARGEST_RATIO)
    left = np.where(reference_mw > 0.0, left, 0.0)
    unshifted = (load_mw == reference_mw) | np.isnan(load_mw) | np.isnan(reference_mw)
    left = np.where(load_mw <= 0.0, 0.0, np.where(unshifted, 1.0, left))
    # Written as a difference so that no shift gives 0 and not -0.
    return np.asarray(0.0 - factor_c_per_pct * shift_pct * left)


def target_rise_c(
    arrived_mw: NDArray[np.float64],
    reference_mw: NDArray[np.float64],
    factor_c_per_pct: float,
) -> NDArray[np.float64]:
    """What load that arrives does to a target, degC, >= 0.

    +inf in an hour in which load arrives at a region that has none: the percentage of
    nothing is unbounded, even for a factor of 0.

    Parameters
    ----------
    arrived_mw : ndarray of float64, shape (n_hours,) or (n_shifts, n_hours)
    reference_mw : ndarray of float64, shape (n_hours,)
        The target's load before any recorded decision of the window, MW.
    """
    rise_c = np.where(arrived_mw > 0.0, np.inf, 0.0)
    loaded = reference_mw > 0.0
    # Against a load next to 0 the quotient overflows to the same +inf.
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = arrived_mw[..., loaded] / reference_mw[loaded]
        rise_c[..., loaded] = np.where(
            ratio < np.inf, factor_c_per_pct * 100 * ratio, np.inf
        )
    return rise_c


def net_rise_c(
    change_mw: NDArray[np.float64],
    *,
    reference_mw: NDArray[np.float64],
    factor_c_per_pct: float,
) -> NDArray[np.float64]:
    """Rise of a region whose load changes by `change_mw`, degC; a fall is negative.

    `factor * 100 * change / reference`, hour by hour. Where the region has no load of
    its own, load that arrives raises it by +inf and nothing cools it.

    Examples
    --------
    >>> net_rise_c(
    ...     np.array([4.0, -4.0]),
    ...     reference_mw=np.array([40.0, 40.0]),
    ...     factor_c_per_pct=0.05,
    ... ).tolist()
    [0.5, -0.5]
    """
    rise_c = target_rise_c(np.maximum(change_mw, 0.0), reference_mw, factor_c_per_pct)
    fall_c = target_rise_c(
        np.maximum(-change_mw, 0.0),
        np.where(reference_mw > 0.0, reference_mw, 1.0),
        factor_c_per_pct,
    )
    return np.where(
        change_mw < 0.0, np.where(reference_mw > 0.0, 0.0 - fall_c, 0.0), rise_c
    )


def shift_impact(
    source: RegionSignals,
    target: RegionSignals,
    moved_mw: NDArray[np.float64],
    *,
    migration_energy_frac: float = 0.0,
    migration_usd_per_mwh: float = 0.0,
) -> ShiftImpact:
    """Recompute both regions' footprints after `moved_mw` leaves one for the other.

    Each region keeps its own weather, grid and price, so a shift that saves at the
    source and spends more at the target shows as a loss of the fleet.

    Parameters
    ----------
    source, target : RegionSignals
        Two different regions over the same hours.
    moved_mw : ndarray of float64, shape (n_hours,)
        Load moved in each hour, MW, finite, >= 0, at most the source's load.
    migration_energy_frac : float
        Energy of the migration over the energy moved, [0, 1]; the target carries it.
    migration_usd_per_mwh : float
        Money that moving a MWh costs besides, USD, >= 0; the source pays it.

    Raises
    ------
    OutOfRange
        When the migration's energy or price is out of its range.
    InvalidInput
        When source and target are one region, their hours differ, their carbon
        intensities are of different kinds, or more moves than the source has.
    """
    _require_comparable(source, target)
    require_load("The moved load", moved_mw)
    require_same_hours(source.it_load_mw, moved_mw)
    left_mw = source.it_load_mw - moved_mw
    if (left_mw < -_MOVED_TOLERANCE_MW).any():
        message = (
            f"More load is moved than {source.region.slug} has in some hour; move at"
            " most its load."
        )
        raise InvalidInput(message)
    _require_migration_energy(migration_energy_frac)
    if not 0.0 <= migration_usd_per_mwh < np.inf:
        message = f"Moving a MWh costs {migration_usd_per_mwh} USD; it must be >= 0."
        raise OutOfRange(message)
    arrived_mw = moved_mw * (1.0 + migration_energy_frac)
    source_before = footprint(source)
    source_after = with_extra_cost(
        footprint(source, np.maximum(left_mw, 0.0)),
        migration_usd_per_mwh * float(moved_mw.sum()),
    )
    target_before = footprint(target)
    target_after = footprint(target, target.it_load_mw + arrived_mw)
    return ShiftImpact(
        source_before=source_before,
        source_after=source_after,
        target_before=target_before,
        target_after=target_after,
        fleet_before=total_footprint([source_before, target_before]),
        fleet_after=total_footprint([source_after, target_after]),
    )


def _require_shift_pct(shift_pct: float) -> None:
    if not 0.0 <= shift_pct <= 100.0:
        message = f"A shift of {shift_pct} % is outside 0 to 100 %."
        raise OutOfRange(message)


def _require_factor(end: str, factor_c_per_pct: float) -> None:
    if not 0.0 <= factor_c_per_pct < np.inf:
        message = (
            f"The {end}'s cooling factor is {factor_c_per_pct} degC per percentage"
            " point; it must be finite and >= 0."
        )
        raise OutOfRange(message)


def _require_migration_energy(frac: float) -> None:
    if not 0.0 <= frac <= 1.0:
        message = f"The migration's energy is {frac} of what is moved, outside 0 to 1."
        raise OutOfRange(message)


def _reference(
    end: str, reference_mw: NDArray[np.float64] | None, load_mw: NDArray[np.float64]
) -> NDArray[np.float64]:
    if reference_mw is None:
        return load_mw
    require_load(f"The {end}'s load before any decision", reference_mw)
    require_same_hours(load_mw, reference_mw)
    return reference_mw


def _require_comparable(source: RegionSignals, target: RegionSignals) -> None:
    if source.region.slug == target.region.slug:
        message = f"Source and target are both {source.region.slug}; choose another."
        raise InvalidInput(message)
    require_same_hours(source.it_load_mw, target.it_load_mw)
    if not has_one_carbon_kind(source, target):
        message = (
            f"Carbon intensity is {source.carbon_kind} in {source.region.slug} and"
            f" {target.carbon_kind} in {target.region.slug}; import the same kind for"
            " both."
        )
        raise InvalidInput(message)
