"""When a delivery that failed is tried again, and when it is given up."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

WAITS_S = (
    *(5, 30, 120, 600, 1_800, 3_600, 7_200),
    *(14_400, 14_400, 14_400, 14_400, 14_400),
)
"""After each failed try; 24 h in all. Each is made up to a fifth shorter or longer."""

LONGEST = timedelta(days=1)
"""From when a delivery began to wait. What waited behind another that failed for a day
does not get a day of its own after it."""

_JITTER = 0.2


def next_try(
    now: datetime,
    *,
    failures: int,
    waiting_since_utc: datetime,
    not_before_utc: datetime | None = None,
) -> datetime | None:
    """When to try again; None when it is given up.

    Parameters
    ----------
    failures : int
        Tries that failed, this one included.
    not_before_utc : datetime, optional
        When the receiver wants to be asked again.
    """
    end = waiting_since_utc + LONGEST
    if failures > len(WAITS_S) or now >= end:
        return None
    wait_s = WAITS_S[failures - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 -- spreads tries, guards nothing
    planned = min(now + timedelta(seconds=wait_s), end)
    return planned if not_before_utc is None else max(planned, not_before_utc)
