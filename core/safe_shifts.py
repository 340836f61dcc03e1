"""Which shifts are safe, in steps of 0.1 %, and both bounds after each step.

Every step is judged by the limits of `core.shift_rules`. A larger shift never cools or
empties the target's hours and never warms the source's, but a bound follows the profile
of a rise, so that a larger shift may be safe where a smaller one is not. What is called
the safe interval holds no such step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.conformal import LimitChecks
from core.outlooks import RegionOutlook
from core.shift_rules import (
    are_possible,
    checks_of_source,
    checks_of_target,
    clears_source,
)

STEPS_PER_PCT = 10
N_STEPS = 100 * STEPS_PER_PCT + 1

_STEPS_PCT = np.arange(N_STEPS) / STEPS_PER_PCT

COMFORT_MARGIN_C = 2.0
"""Margin that HIGH risk is advised to reach, degC."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SafeShifts:
    """What holds for all shifts from a source to a target, %; found when first asked.

    It does not depend on the shift under test.
    """

    source: RegionOutlook
    target: RegionOutlook | None

    @cached_property
    def minimum_pct(self) -> float | None:
        """Least that clears the source."""
        return minimum_shift_pct(self.source)

    @cached_property
    def for_margin_pct(self) -> float | None:
        """Least that leaves the source the comfort margin."""
        return minimum_shift_pct(self.source, margin_c=COMFORT_MARGIN_C)

    @cached_property
    def maximum_pct(self) -> float | None:
        """Most that the source may give and the target take, and all less as well.

        From `minimum_pct` up to it each step clears the source.
        """
        return maximum_safe_shift_pct(self.source, self.target)


def safe_intervals(
    source: RegionOutlook, target: RegionOutlook | None
) -> tuple[tuple[float, float], ...]:
    """Every run of steps that `decide` approves, as its least and its largest share, %.

    No shift at most without a target, a known load or a bound of the target. A bound
    follows the profile of a rise, so there may be several.
    """
    is_safe = clears_source(source, _STEPS_PCT)
    is_known = source.load_is_known and target is not None and target.load_is_known
    if target is None or not is_known:
        is_safe[1:] = False
    else:
        is_safe[1:] &= are_possible(source, target, _STEPS_PCT[1:])
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_safe, [False]))))
    return tuple(
        (int(first) / STEPS_PER_PCT, (int(after) - 1) / STEPS_PER_PCT)
        for first, after in edges.reshape(-1, 2)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksByStep:
    """Bounds of both ends after each step of 0.1 %, from 0; None without a bound."""

    source: LimitChecks | None
    target: LimitChecks | None


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
    if clears_source(source, _STEPS_PCT[:1], margin_c=margin_c).all():
        return 0.0  # as most do: the other steps need not be judged
    is_clear = clears_source(source, _STEPS_PCT, margin_c=margin_c)
    return int(np.argmax(is_clear)) / STEPS_PER_PCT if is_clear.any() else None


def maximum_safe_shift_pct(
    source: RegionOutlook, target: RegionOutlook | None
) -> float | None:
    """Largest shift in steps of 0.1 % that the source may give and the target take.

    Bounded by the source's flexible share, the target's capacity in every hour, and
    the target's bound after the rise. Every smaller shift is safe for the target too,
    and from the smallest that clears the source on each one clears it. None without a
    target, a load or a bound; 0 when the target can take nothing.
    """
    if target is None or target.check() is None:
        return None
    if not (source.load_is_known and target.load_is_known):
        return None
    is_clear = clears_source(source, _STEPS_PCT)
    turns_back = np.logical_or.accumulate(is_clear) & ~is_clear
    is_refused = turns_back | ~are_possible(source, target, _STEPS_PCT)
    first_refused = int(np.argmax(is_refused)) if is_refused.any() else N_STEPS
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
    return ChecksByStep(
        source=checks_of_source(source, _STEPS_PCT),
        target=checks_of_target(source, target, _STEPS_PCT),
    )
