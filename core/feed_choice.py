"""Which of several sources of one quantity is used: the first that is fresh, steadily.

Sources have an order. The one in use stays in use while it is fresh. When it is stale,
or fails while another has newer hours, the first fresh one takes over. A source before
it in the order returns only when it has been fresh, without a failure, for
`RETURN_AFTER`: it does not take the place of one that works every time that it answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.telemetry import HOUR

RETURN_AFTER = 3 * HOUR
"""Assumed. Each return costs this long on the second source; none costs a switch at
every hour that the first one fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSource:
    """A source of one quantity of one region.

    Attributes
    ----------
    priority : int
        The lowest is the first choice.
    good_until_utc : datetime | None
        End of the newest hour that it gave a good value for.
    good_since_utc : datetime | None
        Since when it has been fresh without a failure; None while it is not.
    stale_after : timedelta
        Age of `good_until_utc` from which it counts as stale.
    is_paused : bool
        Whether nobody asks it.
    """

    feed_id: int
    name: str
    priority: int
    good_until_utc: datetime | None
    good_since_utc: datetime | None
    stale_after: timedelta
    is_paused: bool = False

    def is_fresh(self, now: datetime) -> bool:
        """Whether it is asked, and its newest good hour is young enough."""
        return (
            not self.is_paused
            and self.good_until_utc is not None
            and now - self.good_until_utc <= self.stale_after
        )

    def is_steady(self, now: datetime) -> bool:
        """Whether it has been fresh long enough to return."""
        return (
            self.is_fresh(now)
            and self.good_since_utc is not None
            and now - self.good_since_utc >= RETURN_AFTER
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChoice:
    """The source to use, and why."""

    source: FeedSource
    reason: str


def choose_source(
    sources: Sequence[FeedSource], current_id: int | None, now: datetime
) -> SourceChoice | None:
    """The source to use from now on; None without any.

    Parameters
    ----------
    sources : sequence of FeedSource
        Of one quantity of one region, in any order.
    current_id : int | None
        The one in use, if any.

    Examples
    --------
    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> first, second = (
    ...     FeedSource(feed_id=n, name=f"feed {n}", priority=n, stale_after=3 * HOUR,
    ...            good_until_utc=now - age * HOUR, good_since_utc=now - 9 * HOUR)
    ...     for n, age in ((1, 5), (2, 1))
    ... )
    >>> choose_source([first, second], 1, now).reason
    'feed 1 is stale.'
    """
    if not sources:
        return None
    order = sorted(sources, key=lambda source: (source.priority, source.feed_id))
    current = next((one for one in order if one.feed_id == current_id), None)
    fresh = next((one for one in order if one.is_fresh(now)), None)
    if current is None:
        asked = next((one for one in order if not one.is_paused), order[0])
        return SourceChoice(
            source=fresh or asked, reason="It is the first of the order."
        )
    if current.is_fresh(now):
        before = order[: order.index(current)]
        steady = next((one for one in before if one.is_steady(now)), None)
        if steady is None:
            return _instead_of_failing(current, order, now)
        reason = f"It has been fresh for {RETURN_AFTER // HOUR} h and comes first."
        return SourceChoice(source=steady, reason=reason)
    if fresh is None:
        return SourceChoice(source=current, reason="")
    state = "paused" if current.is_paused else "stale"
    return SourceChoice(source=fresh, reason=f"{current.name} is {state}.")


def _instead_of_failing(
    current: FeedSource, order: Sequence[FeedSource], now: datetime
) -> SourceChoice:
    """Another one that has newer hours, where the one in use fails; else that one."""
    if current.good_since_utc is None and current.good_until_utc is not None:
        for one in order:
            is_newer = (
                one.good_since_utc is not None
                and one.good_until_utc is not None
                and one.good_until_utc > current.good_until_utc
            )
            if is_newer and one.is_fresh(now):
                reason = f"{current.name} fails, and this one has newer hours."
                return SourceChoice(source=one, reason=reason)
    return SourceChoice(source=current, reason="")
