"""What the browser needs to follow the slider without asking the server.

All of it is computed here: `webapp/assets/what_if.js` looks up the step of the slider
and draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.scheduler import Outcome
from orchestrator.decisions.views import ShiftEnd, WhatIfView
from orchestrator.windows.views import Series
from pages.addresses import instant_text
from pages.what_if.content import shown_window
from pages.what_if.figures import shift_chart
from pages.words import (
    allowed,
    bound,
    degrees,
    probability,
    share,
    verdict_shape,
)

LAST_STEP = 1000
"""The slider's steps are 0, 0.1, ... 100 %."""

Runs = list[tuple[int, str]]
"""Words in the order of the steps, each with the first step that they are for."""


def preview_data(view: WhatIfView, *, may_decide: bool) -> dict[str, Any]:
    """Figures, hourly curves, and what each step of the slider shows."""
    target, shift_pct = view.target, view.shift_pct
    names = [end.region.name for end in (view.source, target) if end is not None]
    return {
        "title": f"{' → '.join(names)}, {shown_window(view)}",
        "is_newest": not view.is_simulation,
        "issue": instant_text(view.hours_utc[0]),
        "is_issued": view.issued_at_utc is not None,
        "named": {
            "source": view.source.region.slug,
            "target": target.region.slug if target else None,
        },
        "source": _end(view.source, view),
        "target": None if target is None else _end(target, view),
        "day": view.local_day.isoformat() if view.local_day else None,
        "shift_pct": shift_pct,
        "hours": view.hours_of_day,
        "shares": {
            "flexible_pct": view.flexible_pct,
            "left_pct": view.left_pct,
            "used_pct": view.used_pct,
        },
        "verdicts": _verdicts(view),
        "is_look": not view.can_be_decided,
        "may_decide": may_decide and view.can_be_decided,
    }


def _end(end: ShiftEnd, view: WhatIfView) -> dict[str, Any]:
    allowed_frac = end.allowed_probability
    return {
        "slug": end.region.slug,
        "name": end.region.name,
        "mean_c": end.mean_c,
        "lower_c": end.lower_c,
        "upper_c": end.upper_c,
        "rise_by_hour_c_per_pct": end.rise_by_hour_c_per_pct,
        "bound_by_pct_c": _by_pct(end.bound_by_step_c),
        "bounds": _runs(end.bound_by_step_c, bound),
        "chances": _runs(
            end.exceedance_probability_by_step,
            lambda chance: probability(chance, allowed_frac),
        ),
        "limit": degrees(end.thermal_limit_c),
        "allowed": allowed(allowed_frac),
        "figure": shift_chart(
            end,
            view.hours_utc,
            shift_pct=view.shift_pct,
            given_pct=view.given_pct,
            ends=[item for item in (view.source, view.target) if item is not None],
        ),
    }


def _verdicts(view: WhatIfView) -> Runs:
    """APPROVED where a share is safe; elsewhere BLOCKED, why, and which one passes."""
    least_pct, most_pct = view.minimum_shift_pct, view.maximum_safe_shift_pct
    is_unjudged = view.baseline.data_problem
    shape = verdict_shape(Outcome.BLOCKED, data_problem=is_unjudged)
    blocked = f"{shape} {Outcome.BLOCKED.value}"
    if least_pct is None:
        why = "the source has no bound" if is_unjudged else "no shift clears the source"
        return [(0, f"{blocked}: {why}")]
    least = round(10 * least_pct)
    runs = [(0, f"{blocked}: at least {share(least_pct)} is needed")] if least else []
    largest = f"at most {share(most_pct)}" if most_pct else "no shift"
    after = round(10 * (most_pct or 0.0)) + 1
    intervals = view.safe_intervals_pct
    for place, (first_pct, last_pct) in enumerate(intervals):
        after = round(10 * last_pct) + 1
        runs.append((round(10 * first_pct), f"✓ {Outcome.APPROVED.value}"))
        if place + 1 < len(intervals):
            next_pct = intervals[place + 1][0]
            words = f"{blocked}: the next share that passes is {share(next_pct)}"
            runs.append((after, words))
        largest = f"at most {share(last_pct)}" if last_pct else largest
    if after <= LAST_STEP:
        runs.append((after, f"{blocked}: {largest} can be called safe"))
    return runs


def _by_pct(values: Series) -> list[float | None]:
    """At whole percents, to hundredths: finer than a chart can show, and small."""
    return [None if value is None else round(value, 2) for value in values[::10]]


def _runs(values: Series, words: Callable[[float | None], str]) -> Runs:
    """The words of every step; those of a missing value where the values end early."""
    runs: Runs = []
    for step, value in enumerate(values):
        if step and value == values[step - 1]:
            continue
        text = words(value)
        if not runs or runs[-1][1] != text:
            runs.append((step, text))
    if len(values) <= LAST_STEP:
        runs.append((len(values), words(None)))
    return runs
