"""Feeds as people and monitoring see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from core.access import Permission
from db import feeds
from db.feeds import FeedProgress, StoredFeed, Switch
from db.regions import regions_by_slug, slugs_of
from orchestrator.feeds.kinds.known_kinds import KINDS
from orchestrator.feeds.views import (
    FeedPage,
    FeedPlaceView,
    FeedView,
    SwitchView,
    health_of,
    lag_h,
)
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
    named = sorted({slug for feed in found for slug in feed.facts.regions})
    ids = {item.slug: item.region_id for item in regions_by_slug(session, named)}
    progress, switches = feeds.progress_of(session), feeds.newest_switches(session)
    return [_view(feed, ids, progress, switches, now) for feed in found]


@query(Permission.MANAGE_TELEMETRY)
def feed_page(request: Request, name: str) -> FeedPage:
    """One feed with its history; raises NotFound without one."""
    session = request.session
    feed = feeds.find_feed(session, name)
    (view,) = _views(session, [feed], request.now)
    switches = feeds.list_switches(session, feed.feed_id, limit=SWITCHES_SHOWN)
    slugs = slugs_of(session, {switch.region_id for switch in switches})
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
            for switch in switches
        ),
    )


@query(Permission.MANAGE_TELEMETRY)
def kept_answer(request: Request, digest: str) -> bytes:
    """An answer as it came, by its SHA-256; raises NotFound when it is not kept."""
    return feeds.kept_answer(request.session, digest)


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
