"""Feeds as people and monitoring see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from core.access import Permission
from db import feeds
from db.feeds import FeedProgress, StoredFeed, Switch
from db.regions import list_regions
from orchestrator.feeds.kinds.known_kinds import KINDS
from orchestrator.feeds.views import (
    FeedPage,
    FeedPlaceView,
    FeedView,
    SwitchView,
    health_of,
    lag_h,
)
from orchestrator.regions.region_choice import region_choice
from orchestrator.regions.views import RegionChoice
from orchestrator.use_cases import Request, query

RUNS_SHOWN = 30
SWITCHES_SHOWN = 20


@query(Permission.MANAGE_TELEMETRY)
def list_feed_views(request: Request) -> list[FeedView]:
    """Every feed with its state, by name."""
    return feed_views(request.session, request.now)


def feed_views(session: Session, now: datetime) -> list[FeedView]:
    """Every feed with its state, by name."""
    return _views(session, feeds.list_feeds(session), now)


def _views(
    session: Session, found: Sequence[StoredFeed], now: datetime
) -> list[FeedView]:
    if not found:
        return []
    ids = {r.slug: r.region_id for r in list_regions(session, active_only=False)}
    progress, switches = feeds.progress_of(session), feeds.newest_switches(session)
    return [_view(feed, ids, progress, switches, now) for feed in found]


@query(Permission.MANAGE_TELEMETRY)
def feed_page(request: Request, name: str) -> FeedPage:
    """One feed with its history; raises NotFound without one."""
    session = request.session
    feed = feeds.find_feed(session, name)
    (view,) = _views(session, [feed], request.now)
    slugs = {r.region_id: r.slug for r in list_regions(session, active_only=False)}
    return FeedPage(
        feed=view,
        runs=tuple(feeds.list_runs(session, feed.feed_id, limit=RUNS_SHOWN)),
        switches=tuple(
            SwitchView(
                at_utc=switch.at_utc,
                region_slug=slugs[switch.region_id],
                quantity=switch.quantity,
                reason=switch.reason,
            )
            for switch in feeds.list_switches(
                session, feed.feed_id, limit=SWITCHES_SHOWN
            )
        ),
    )


@query(Permission.MANAGE_TELEMETRY)
def kept_answer(request: Request, digest: str) -> bytes:
    """An answer as it came, by its SHA-256; raises NotFound when it is not kept."""
    return feeds.kept_answer(request.session, digest)


@query(Permission.MANAGE_TELEMETRY)
def regions_for_feeds(request: Request) -> list[RegionChoice]:
    """The regions that a feed can be for."""
    return [
        region_choice(stored.region)
        for stored in list_regions(request.session, active_only=False)
        if not stored.region.is_synthetic
    ]


def _view(
    feed: StoredFeed,
    ids: dict[str, int],
    progress: dict[tuple[int, int], FeedProgress],
    switches: dict[tuple[int, str], Switch],
    now: datetime,
) -> FeedView:
    places = []
    for slug, place in sorted(feed.facts.regions.items()):
        came = progress.get((feed.feed_id, ids[slug]), FeedProgress())
        places.append(
            FeedPlaceView(
                region_slug=slug,
                place=place,
                good_until_utc=came.good_until_utc,
                lag_h=lag_h(came.good_until_utc, now),
                source_of=feed.source_of(ids[slug], switches),
            )
        )
    known = [p.good_until_utc for p in places if p.good_until_utc is not None]
    until = min(known) if len(known) == len(places) else None
    return FeedView(
        facts=feed.facts,
        kind_words=KINDS[feed.facts.kind].words,
        health=health_of(feed, tuple(places)),
        places=tuple(places),
        good_until_utc=until,
        lag_h=lag_h(until, now),
        last_run_at_utc=feed.state.last_run_at_utc,
        next_run_at_utc=None if feed.facts.is_paused else feed.state.next_run_at_utc,
        quota_left=feed.state.quota_left,
        problem=feed.state.last_problem,
        failures_in_a_row=feed.state.failures_in_a_row,
    )
