"""Plans that keep the limits as the scheduler judges them, not as their rows say.

A program's rows of heat hold the bound of each hour at one quantile, but a plan's own
rise moves the quantile. So every plan is judged after it is made; where a region would
pass its limit the rows are drawn at the quantile that the judge found, and the plan is
made again. A region that still passes its limit after some rounds keeps its load.

A plan chooses its rises by looking at the forecast, and that costs coverage where it
levels a region's hours. So a region that receives load has to keep its limit at the
quantile of past errors laid on its shifted forecast as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.outlooks import RegionOutlook
from core.placement import LeftOut, Placement
from core.shift_rules import keeps_limit, load_limits, rise_of_change_c

ROUNDS = 6
"""Plans made with ever higher quantiles, before regions are left as they are."""
_FIRST_STEP, _STEP_GROWTH = 0.02, 3.0
"""By which a quantile is raised beyond the judge's, in scales, and the growth of that
from round to round: a little costs little, and the last rounds reach what has to be."""
_ADDED_C = 0.1
"""What a plan may add to a bound by errors that is above the limit without it."""

Made = TypeVar("Made")


def within_limits(
    problem: Placement,
    make: Callable[[Placement], Made],
    changes_mw: Callable[[Made], Iterable[FloatArray]],
) -> tuple[Made, Placement]:
    """What `make` finds for the problem, and the problem that it found it for.

    Parameters
    ----------
    make : callable
        Plans for a problem; called again with tighter rows until every plan is kept.
    changes_mw : callable
        The changes of the loads by those plans, shape (n_regions, n_hours) each, MW.
    """
    round_number = 1
    while True:
        made = make(problem)
        may_redraw = round_number < ROUNDS
        step = _FIRST_STEP * _STEP_GROWTH ** (round_number - 1) if may_redraw else None
        tighter = _tightened(problem, changes_mw(made), step)
        if tighter is None:
            return made, problem
        problem, round_number = tighter, round_number + 1


def _tightened(
    problem: Placement, changes_mw: Iterable[FloatArray], step: float | None
) -> Placement | None:
    """The problem with tighter limits where a plan passes them; None where none does.

    Without a step no row is redrawn any more.

    A region that is above its limit before the plan only gives load; its rows are
    redrawn so that it gives what it must, and it is never frozen.
    """
    quantiles, passes = problem.quantiles.copy(), np.zeros(len(problem.slugs), np.bool_)
    changes = np.array(list(changes_mw))
    for row in np.flatnonzero(changes.any(axis=(0, 2))).tolist():
        # Neighbouring plans of a front mostly do the same to a region.
        of_region = {change.tobytes(): change for change in changes[:, row]}
        passes[row], found = _judged(problem, row, np.array([*of_region.values()]))
        quantiles[row] = max(quantiles[row], found)
    redraws = passes & (step is not None)
    freezes = passes & ~redraws & (problem.over_c == 0.0)
    if not (redraws | freezes).any():
        return None
    return _frozen(_redrawn(problem, redraws, quantiles + (step or 0.0)), freezes)


def keeps_limit_by_plan(outlook: RegionOutlook, change_mw: FloatArray) -> bool:
    """Whether a region that is within its limit may change its load so in a plan."""
    rise_c = rise_of_change_c(outlook, change_mw)
    return keeps_limit(outlook.check(rise_c)) and (
        not (change_mw > 0.0).any()
        or _errors_keep_limit(outlook, rise_c, outlook.errors_quantile(rise_c))
    )


def _judged(problem: Placement, row: int, changes_mw: FloatArray) -> tuple[bool, float]:
    """Whether one of several changes passes a region's limit, and at which quantile.

    At that quantile the rows of the region would have kept its limit.
    """
    outlook = problem.outlooks[row]
    rises_c = rise_of_change_c(outlook, changes_mw)
    checks = outlook.checks(rises_c)
    if checks is None:
        return bool(problem.over_c[row] == 0.0), -np.inf
    # Without a bound the quantile is NaN.
    found = float(np.fmax.reduce(checks.quantile, initial=-np.inf))
    is_over = bool(problem.over_c[row] > 0.0)
    # Above its limit anyway: only rows that promise too much are drawn again.
    is_passed = found > problem.quantiles[row] if is_over else checks.is_exceeded.any()
    for rise_c, change_mw in zip(rises_c, changes_mw, strict=True):
        if (change_mw > 0.0).any() and np.isfinite(rise_c).all():
            quantile = outlook.errors_quantile(rise_c)
            found = max(found, quantile or found)
            is_passed |= not (is_over or _errors_keep_limit(outlook, rise_c, quantile))
    return bool(is_passed), found


def _errors_keep_limit(
    outlook: RegionOutlook, rise_c: FloatArray, quantile: float | None
) -> bool:
    """Whether past errors on the shifted forecast keep the limit, or add hardly any."""
    bound_c = _bound_at_c(outlook, rise_c, quantile)
    if bound_c <= outlook.policy.thermal_limit_c:
        return True
    nothing = np.zeros_like(rise_c)
    without_c = _bound_at_c(outlook, nothing, outlook.errors_quantile(nothing))
    return bound_c <= without_c + _ADDED_C


def _bound_at_c(
    outlook: RegionOutlook, rise_c: FloatArray, quantile: float | None
) -> float:
    bound_c = None if quantile is None else outlook.bound_by_hour_c(quantile)
    return -np.inf if bound_c is None else float(np.max(bound_c + rise_c))


def _redrawn(problem: Placement, chosen: BoolArray, quantiles: FloatArray) -> Placement:
    room_mw = problem.room_mw.copy()
    for row in np.flatnonzero(chosen).tolist():
        limits = load_limits(problem.outlooks[row], quantile=float(quantiles[row]))
        room_mw[row] = np.minimum(room_mw[row], limits.room_mw)
    return replace(
        problem,
        room_mw=room_mw,
        quantiles=np.where(chosen, quantiles, problem.quantiles),
    )


def _frozen(problem: Placement, chosen: BoolArray) -> Placement:
    rows = chosen[:, np.newaxis]
    reason = "no change that was found keeps its bound within the limit."
    return replace(
        problem,
        movable_mw=np.where(rows, 0.0, problem.movable_mw),
        may_receive=problem.may_receive & ~rows,
        room_mw=np.where(rows, np.inf, problem.room_mw),
        frozen=(
            *problem.frozen,
            *(
                LeftOut(slug=problem.slugs[row], reason=reason)
                for row in np.flatnonzero(chosen).tolist()
            ),
        ),
    )
