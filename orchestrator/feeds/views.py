"""What pages and commands show of feeds, built from what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.telemetry import HOUR
from db.feeds import FeedFacts, FeedRun, StoredFeed


class FeedHealth(StrEnum):
    """A feed in a word."""

    GOOD = "good"
    WAITING = "waiting"
    STALE = "stale"
    FAILING = "failing"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlaceView:
    """How far a feed came in a region.

    Attributes
    ----------
    lag_h : float | None
        From the end of the newest good hour to now; of weather runs, from the issue of
        the newest one.
    source_of : tuple of str
        The quantities that this feed is the source of there.
    """

    region_slug: str
    place: str
    good_until_utc: datetime | None
    lag_h: float | None
    source_of: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """A feed with its state.

    Attributes
    ----------
    good_until_utc, lag_h : datetime | None, float | None
        Of the region that is furthest back; None until each has a good hour.
    """

    facts: FeedFacts
    kind_words: str
    health: FeedHealth
    places: tuple[FeedPlaceView, ...]
    good_until_utc: datetime | None
    lag_h: float | None
    last_run_at_utc: datetime | None
    next_run_at_utc: datetime | None
    quota_left: int | None
    problem: str | None
    failures_in_a_row: int

    @property
    def lag_words(self) -> str:
        """How far it is behind."""
        behind = self.lag_h
        return "no good hour yet" if behind is None else f"{behind:.1f} h behind"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchView:
    """When a feed became the source of a quantity in a region, and why."""

    at_utc: datetime
    region_slug: str
    quantity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """One feed with its newest runs and switches, newest first."""

    feed: FeedView
    runs: tuple[FeedRun, ...]
    switches: tuple[SwitchView, ...]


def health_of(feed: StoredFeed, places: tuple[FeedPlaceView, ...]) -> FeedHealth:
    """A feed in a word."""
    if feed.facts.is_paused:
        return FeedHealth.PAUSED
    if feed.state.failures_in_a_row:
        return FeedHealth.FAILING
    lags = [place.lag_h for place in places]
    if all(lag is None for lag in lags):
        return FeedHealth.WAITING
    if any(lag is None or lag > feed.facts.stale_after_h for lag in lags):
        return FeedHealth.STALE
    return FeedHealth.GOOD


def lag_h(good_until_utc: datetime | None, now: datetime) -> float | None:
    """Hours from the end of the newest good hour to now."""
    if good_until_utc is None:
        return None
    return round(max(now - good_until_utc, timedelta()) / HOUR, 2)
