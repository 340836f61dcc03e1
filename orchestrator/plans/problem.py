"""The placement problem of a fleet's windows: as known at the issue, and as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.footprints import SignalBasis
from core.placement import LeftOut, Placement, PlanRegion, placement
from core.plan_reserve import with_reserve
from orchestrator.windows.assembly import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProblems:
    """The problem as known at the issue, and as it came (None for coming days)."""

    known: Placement
    truth: Placement | None


def plan_problems(
    windows: Sequence[Window], reserves_c: Mapping[str, float] | None = None
) -> PlanProblems:
    """Both problems, of the same regions: those that are fully known in both.

    Parameters
    ----------
    reserves_c : mapping of slug to degC, optional
        What a plan keeps free below limits; the problem as it came keeps nothing free.
    """
    kept_free_c = reserves_c or {}
    regions = [
        PlanRegion(
            outlook=with_reserve(
                window.outlook, kept_free_c.get(window.region.slug, 0.0)
            ),
            signals=window.expected,
        )
        for window in windows
    ]
    known = placement(regions)
    if not are_over(windows):
        return PlanProblems(known=known, truth=None)
    true_regions = [as_it_came(window) for window in windows]
    truth = placement(true_regions)
    common = set(known.slugs) & set(truth.slugs)
    if not common:
        return PlanProblems(known=known, truth=None)
    if set(known.slugs) != common or set(truth.slugs) != common:
        # What is known on one side only cannot be compared: it is left out of both.
        known = _only(regions, common, (*known.left_out, *truth.left_out))
        truth = _only(true_regions, common, known.left_out)
    return PlanProblems(known=known, truth=truth)


def are_over(windows: Sequence[Window]) -> bool:
    """Whether the true values of every window are there to compare with."""
    return all(window.signals.basis is SignalBasis.ACTUAL for window in windows)


def as_it_came(window: Window) -> PlanRegion:
    """A region with its true values; its bound still rests on the forecast."""
    load_mw = window.signals.it_load_mw
    outlook = replace(
        window.outlook,
        it_load_mw=load_mw,
        prior_rise_c=np.zeros_like(load_mw),
        reference_load_mw=None,
    )
    return PlanRegion(outlook=outlook, signals=window.signals)


def _only(
    regions: Sequence[PlanRegion], slugs: set[str], left_out: Sequence[LeftOut]
) -> Placement:
    inside = placement([region for region in regions if region.slug in slugs])
    seen = {item.slug: item for item in left_out}
    return replace(inside, left_out=tuple(seen.values()))
