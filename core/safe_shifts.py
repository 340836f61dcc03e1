"""Which shifts are safe, in steps of 0.1 %, and both bounds after each step.

A larger shift never warms the source and never cools or empties the target, in exact
arithmetic and in floats alike. So the steps that clear the source, and those that the
target takes, each form one interval, whose end is found by testing a few steps with the
limits of `core.shift_rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.conformal import LimitChecks
from core.outlooks import RegionOutlook
from core.shift_rules import are_possible, checks_of_source, checks_of_target

STEPS_PER_PCT = 10
N_STEPS = 100 * STEPS_PER_PCT + 1

COMFORT_MARGIN_C = 2.0
"""Margin that HIGH risk is advised to reach, degC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeShifts:
    """What holds for all shifts from a source to a target, %.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksByStep:
    """Bounds of both ends after each step of 0.1 %, from 0; None without a bound."""

    source: LimitChecks | None
    target: LimitChecks | None


def safe_shifts(source: RegionOutlook, target: RegionOutlook | None) -> SafeShifts:
    """Both ends of the safe interval; they do not depend on the shift under test."""
    return SafeShifts(
        minimum_pct=minimum_shift_pct(source),
        for_margin_pct=minimum_shift_pct(source, margin_c=COMFORT_MARGIN_C),
        maximum_pct=maximum_safe_shift_pct(source, target),
    )


def minimum_shift_pct(source: RegionOutlook, *, margin_c: float = 0.0) -> float | None:
    """Smallest shift in steps of 0.1 % after which the source itself is approved.

    Neither the flexible share nor a target is considered. An hour without load is not
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

    def clears(shifts_pct: FloatArray) -> BoolArray:
        after = checks_of_source(source, shifts_pct, margin_c=margin_c)
        return np.zeros(shifts_pct.shape, bool) if after is None else ~after.is_exceeded

    first_clear = _first_step(clears)
    return None if first_clear == N_STEPS else first_clear / STEPS_PER_PCT


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

    first_refused = _first_step(
        lambda shifts_pct: ~are_possible(source, target, shifts_pct)
    )
    return max(first_refused - 1, 0) / STEPS_PER_PCT


def checks_by_step(source: RegionOutlook, target: RegionOutlook | None) -> ChecksByStep:
    """Bounds of both ends after each step, as `decide` computes them one by one.

    Only those of the step of 0 % where no shift can be computed: without a target, or
    where a load is not known.
    """
    if target is None or not (source.load_is_known and target.load_is_known):
        unshifted_c = np.zeros((1, source.it_load_mw.size))
        return ChecksByStep(
            source=source.checks(unshifted_c),
            target=target.checks(unshifted_c) if target else None,
        )
    shifts_pct = np.arange(N_STEPS) / STEPS_PER_PCT
    return ChecksByStep(
        source=checks_of_source(source, shifts_pct),
        target=checks_of_target(source, target, shifts_pct),
    )


def _first_step(holds: Callable[[FloatArray], BoolArray]) -> int:
    """The first step at which a condition that never turns back holds, or N_STEPS.

    Looked for in steps of 10 %, then of 1 % between two of those, then of 0.1 %.
    """
    low, high = 0, N_STEPS
    for stride in (100, 10, 1):
        steps = np.arange(low, high, stride)
        n_before = int(np.count_nonzero(~holds(steps / STEPS_PER_PCT)))
        low, high = (
            max(low, low + (n_before - 1) * stride + 1),
            min(low + n_before * stride, high),
        )
    return high
