"""What a plan keeps free for the bounds of the next issues.

Each hour's issue moves the bound of a region. A plan that fills a region to its limit
would turn it BLOCKED at the next issue that moves up. The history of these moves says
how much has to stay free so that this seldom happens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from core.conformity import MINIMUM_SCORES
from core.outlooks import RegionOutlook
from core.telemetry import HOUR

NEXT_ISSUES_H = 6
"""How far ahead a plan is to hold, in hourly issues."""
_LEAST_ABOVE_BOUND_C = 1e-9


def largest_moves_c(bounds_c: Mapping[datetime, float]) -> list[float]:
    """By how much the bound rose at most within the issues after each, degC.

    Parameters
    ----------
    bounds_c : Mapping of issue instant to bound without any shift, degC
        Issues that were not followed by all of the next ones give no move.
    """
    moves_c = []
    for issued_at_utc, bound_c in bounds_c.items():
        later = [issued_at_utc + k * HOUR for k in range(1, NEXT_ISSUES_H + 1)]
        if all(instant in bounds_c for instant in later):
            moves_c.append(max(bounds_c[instant] for instant in later) - bound_c)
    return moves_c


def reserve_c(moves_c: list[float], chance_frac: float) -> float | None:
    """The move that at most `chance_frac` of the moves pass, >= 0, degC.

    Parameters
    ----------
    chance_frac : float
        [0, 1); 0 keeps nothing free.

    Returns
    -------
    float | None
        None with fewer than 60 moves.

    Examples
    --------
    >>> reserve_c([step / 10 for step in range(-50, 50)], 0.05)
    4.5
    """
    if chance_frac == 0.0:
        return 0.0
    n_moves = len(moves_c)
    if n_moves < MINIMUM_SCORES:
        return None
    rank = n_moves + 1 - math.floor((n_moves + 1) * chance_frac)
    return max(sorted(moves_c)[min(rank, n_moves) - 1], 0.0)


def with_reserve(outlook: RegionOutlook, kept_free_c: float) -> RegionOutlook:
    """The outlook as a plan sees it: with a lower limit.

    A region that is approved as it is stays approved, without room; one that is BLOCKED
    keeps its limit, to which load has to leave.
    """
    check = outlook.check()
    if check is None or check.is_exceeded or kept_free_c == 0.0:
        return outlook
    limit_c = outlook.policy.thermal_limit_c
    least_c = min(check.bound + _LEAST_ABOVE_BOUND_C, limit_c)
    policy = replace(
        outlook.policy, thermal_limit_c=max(limit_c - kept_free_c, least_c)
    )
    return replace(outlook, policy=policy)
