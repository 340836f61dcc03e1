"""Which shifts are safe: the least that clears the source, the most a target takes.

Both answers come in steps of 0.1 %, rounded to the safe side, in closed form: every
hour sets a bound on the shift that is linear in it, and the tightest hour decides. The
step that this gives is held against the very test that `core.scheduler.decide` applies,
so that no rounding can part the two. A larger shift never warms the source and never
cools or empties the target, in exact arithmetic and in floats alike, so the safe shifts
of either end form one interval; if rounding moved its end, bisection finds it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.conformal import LimitCheck
from core.outlooks import RegionOutlook
from core.shift import LoadShift, shift_load, source_rise_c

STEPS_PER_PCT = 10
_STEPS = range(100 * STEPS_PER_PCT + 1)
_STEP_NOISE = 1e-6
"""Of a step: what rounding may add to a shift that is a whole number of them."""

PCT_TOLERANCE = 1e-9
"""Rounding allowed when a shift is compared with the flexible share, in %."""
LOAD_TOLERANCE_MW = 1e-6
"""Rounding allowed when a load is compared with a capacity: one watt."""
COMFORT_MARGIN_C = 2.0
"""Margin that HIGH risk is advised to reach, degC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeShifts:
    """What can be said of all shifts from a source to a target, %.

    Attributes
    ----------
    minimum_pct, for_margin_pct : float | None
        Least that clears the source, and that leaves it the comfort margin.
    maximum_pct : float | None
        Most that the source may give and the target take.
    """

    minimum_pct: float | None
    for_margin_pct: float | None
    maximum_pct: float | None


def safe_shifts(source: RegionOutlook, target: RegionOutlook | None) -> SafeShifts:
    """The ends of the safe interval, which no single shift that is asked for moves."""
    return SafeShifts(
        minimum_pct=minimum_shift_pct(source),
        for_margin_pct=minimum_shift_pct(source, margin_c=COMFORT_MARGIN_C),
        maximum_pct=maximum_safe_shift_pct(source, target),
    )


def minimum_shift_pct(source: RegionOutlook, *, margin_c: float = 0.0) -> float | None:
    """Smallest shift in steps of 0.1 % after which the source itself is approved.

    Neither the flexible share nor a target is asked. An hour without load is not
    cooled by moving nothing away; an hour whose load is unknown counts as loaded, so
    the answer is a proposal until the load is known.

    Parameters
    ----------
    margin_c : float
        Margin to be left below the limit, degC.

    Returns
    -------
    float | None
        0 when no shift is needed; None when 100 % is not enough or there is no bound.
    """
    first_clear = _first_step(
        lambda pct: _clears(source, pct, margin_c), _least_clearing(source, margin_c)
    )
    return None if first_clear == len(_STEPS) else _pct(first_clear)


def maximum_safe_shift_pct(
    source: RegionOutlook, target: RegionOutlook | None
) -> float | None:
    """Largest shift in steps of 0.1 % that the source may give and the target take.

    Bounded by the source's flexible share, the target's capacity in every hour, and
    the target's bound after the rise. Every smaller shift is safe for the target too.
    None without a target, a load or a bound; 0 when the target can take nothing.
    """
    if target is None or target.check() is None:
        return None
    if not (source.load_is_known and target.load_is_known):
        return None
    # The first step that is too much lies one above the last that is taken.
    largest_step = np.floor(_most_taken(source, target) * STEPS_PER_PCT + _STEP_NOISE)
    first_unsafe = _first_step(
        lambda pct: not _is_taken(source, target, pct),
        float(largest_step + 1) / STEPS_PER_PCT,
    )
    return _pct(max(first_unsafe - 1, 0))


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
        source_cooling_factor_c_per_pct=source.policy.cooling_factor_c_per_pct,
        target_cooling_factor_c_per_pct=target.policy.cooling_factor_c_per_pct,
        source_reference_mw=source.rise_load_mw,
        target_reference_mw=target.rise_load_mw,
        migration_energy_frac=source.policy.migration_energy_frac,
    )


def flexible_pct(source: RegionOutlook) -> float:
    """Largest share of its load that the source may give in every hour, %.

    Recorded decisions add up here too: what may not move of the load before them has
    to stay, however many steps the rest takes.
    """
    flexible_frac = source.region.flexible_load_frac
    if source.reference_load_mw is None or not source.load_is_known:
        return 100.0 * flexible_frac
    loaded = source.it_load_mw > 0.0
    shares = movable_mw(source)[loaded] / source.it_load_mw[loaded]
    return 100.0 * float(np.min(shares, initial=flexible_frac))


def movable_mw(source: RegionOutlook) -> NDArray[np.float64]:
    """Load that the source may still give in each hour, MW, shape (n_hours,)."""
    flexible_frac = source.region.flexible_load_frac
    rigid_mw = (1.0 - flexible_frac) * source.rise_load_mw
    free_mw = np.maximum(source.it_load_mw - rigid_mw, 0.0)
    return np.minimum(flexible_frac * source.it_load_mw, free_mw)


def is_flexible(source: RegionOutlook, shift_pct: float) -> bool:
    """Whether the source may give `shift_pct` of its load."""
    return shift_pct <= flexible_pct(source) + PCT_TOLERANCE


def leaves_what_must_stay(shift: LoadShift, source: RegionOutlook) -> bool:
    """Whether no hour of a shift takes more than the source may still give."""
    given_mw = shift.source_load_before_mw - shift.source_load_after_mw
    largest_mw = movable_mw(source) * (1.0 + PCT_TOLERANCE) + LOAD_TOLERANCE_MW
    return bool((given_mw <= largest_mw).all())


def is_within_capacity(shift: LoadShift, target: RegionOutlook) -> bool:
    """Whether the target can carry its load after the shift in every hour."""
    largest_mw = target.region.it_capacity_mw + LOAD_TOLERANCE_MW
    return bool((shift.target_load_after_mw <= largest_mw).all())


def _clears(source: RegionOutlook, shift_pct: float, margin_c: float) -> bool:
    rise_c = source_rise_c(
        shift_pct,
        load_mw=source.it_load_mw,
        reference_mw=source.rise_load_mw,
        factor_c_per_pct=source.policy.cooling_factor_c_per_pct,
    )
    after = source.check(margin_c + rise_c)
    return after is not None and not after.is_exceeded


def _is_taken(source: RegionOutlook, target: RegionOutlook, shift_pct: float) -> bool:
    shift = hourly_shift(source, target, shift_pct)
    if shift is None or not is_flexible(source, shift_pct):
        return False
    after = target.check(shift.target_rise_c)
    return (
        after is not None
        and not after.is_exceeded
        and is_within_capacity(shift, target)
    )


def _least_clearing(source: RegionOutlook, margin_c: float) -> float:
    """Shift at which the last hour comes under the limit, %; NaN where none does."""
    check = source.check()
    if check is None:
        return np.nan
    policy = source.policy
    over_c = _bound_by_hour(source, check) + margin_c - policy.thermal_limit_c
    fall_c = -source_rise_c(
        1.0,
        load_mw=source.it_load_mw,
        reference_mw=source.rise_load_mw,
        factor_c_per_pct=policy.cooling_factor_c_per_pct,
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        needed = np.where(over_c > 0.0, over_c / fall_c, 0.0)
    return float(np.max(needed))


def _most_taken(source: RegionOutlook, target: RegionOutlook) -> float:
    """Tightest of flexible share, capacity and heat over all hours, %."""
    check, unit = target.check(), hourly_shift(source, target, 1.0)
    if check is None or unit is None:
        return np.nan
    free_mw = target.region.it_capacity_mw - target.it_load_mw
    free_c = target.policy.thermal_limit_c - _bound_by_hour(target, check)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        by_capacity = np.where(unit.arrived_mw > 0.0, free_mw / unit.arrived_mw, np.inf)
        by_heat = np.where(
            unit.target_rise_c > 0.0, free_c / unit.target_rise_c, np.inf
        )
    tightest = min(float(np.min(by_capacity)), float(np.min(by_heat)))
    return max(min(tightest, flexible_pct(source), 100.0), 0.0)


def _bound_by_hour(end: RegionOutlook, check: LimitCheck) -> NDArray[np.float64]:
    """The bound, were each hour's earlier rise the largest, degC."""
    return check.bound - float(np.max(end.prior_rise_c)) + end.prior_rise_c


def _first_step(is_past: Callable[[float], bool], expected_pct: float) -> int:
    """The first step at which a condition that never turns back holds."""
    if np.isfinite(expected_pct):
        step = int(
            np.clip(np.ceil(expected_pct * STEPS_PER_PCT - _STEP_NOISE), 0, 1001)
        )
        is_reached = step == len(_STEPS) or is_past(_pct(step))
        if is_reached and (step == 0 or not is_past(_pct(step - 1))):
            return step
    return bisect_left(_STEPS, True, key=lambda step: is_past(_pct(step)))


def _pct(step: int) -> float:
    return step / STEPS_PER_PCT
