"""Which feed is the source of each quantity in each region, chosen and kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from core.access import Permission
from core.audit import AuditAction
from core.feed_choice import FeedSource, choose_source
from db import feeds
from db.feeds import FeedProgress, StoredFeed, Switch
from db.regions import list_regions
from orchestrator.feeds.kinds.known_kinds import kind_named
from orchestrator.jobs import queue_feed_run
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)


@change(Permission.MANAGE_TELEMETRY, AuditAction.FEED_SWITCHED, repeat=None)
def choose_sources(request: Request) -> Done[int]:
    """Choose the source of every quantity; returns how many changed.

    A feed that takes over goes on where the one before it ended, and runs next.
    """
    session = request.session
    feeds.lock_choice(session)
    slugs = {r.region_id: r.slug for r in list_regions(session, active_only=False)}
    ids = {slug: region_id for region_id, slug in slugs.items()}
    stored = {feed.feed_id: feed for feed in feeds.list_feeds(session)}
    progress = feeds.progress_of(session)
    sources: dict[tuple[int, str], list[FeedSource]] = defaultdict(list)
    for feed in stored.values():
        if kind_named(feed.facts.kind).makes_runs:
            continue
        for slug in feed.facts.regions:
            came = progress.get((feed.feed_id, ids[slug]), FeedProgress())
            for quantity in feed.facts.quantities:
                sources[ids[slug], quantity].append(_source(feed, came))
    current = feeds.newest_switches(session)
    events = []
    for (region_id, quantity), candidates in sorted(sources.items()):
        before = current.get((region_id, quantity))
        before_id = before.feed_id if before else None
        choice = choose_source(candidates, before_id, request.now)
        if choice is None or choice.source.feed_id == before_id:
            continue
        feed_id = choice.source.feed_id
        switch = Switch(
            region_id=region_id,
            quantity=quantity,
            feed_id=feed_id,
            at_utc=request.now,
            reason=choice.reason,
        )
        feeds.insert_switch(session, switch)
        if before_id is not None:
            _go_on(request, progress, (before_id, feed_id), region_id)
        facts = {
            "region": slugs[region_id],
            "quantity": quantity,
            "from": stored[before_id].facts.name if before_id in stored else None,
            "to": choice.source.name,
        }
        events.append(
            Event(
                action=AuditAction.FEED_SWITCHED,
                object_type="feed",
                object_id=choice.source.name,
                after=facts,
                reason=choice.reason,
            )
        )
        log.info("feed_switched", **facts, reason=choice.reason)
    return Done(answer=len(events), events=tuple(events))


def _source(feed: StoredFeed, came: FeedProgress) -> FeedSource:
    return FeedSource(
        feed_id=feed.feed_id,
        name=feed.facts.name,
        priority=feed.facts.priority,
        good_until_utc=came.good_until_utc,
        good_since_utc=came.good_since_utc,
        stale_after=timedelta(hours=feed.facts.stale_after_h),
        is_paused=feed.facts.is_paused,
    )


def _go_on(
    request: Request,
    progress: dict[tuple[int, int], FeedProgress],
    change_of: tuple[int, int],
    region_id: int,
) -> None:
    """Have the new source ask from where the one before it ended.

    The one that is left has to be fresh anew before it returns.
    """
    session = request.session
    before_id, feed_id = change_of
    ended = progress.get((before_id, region_id), FeedProgress())
    came = progress.get((feed_id, region_id), FeedProgress())
    if ended.good_since_utc is not None:
        left = replace(ended, good_since_utc=None)
        feeds.store_progress(session, before_id, region_id, left)
        progress[before_id, region_id] = left
    if ended.good_until_utc is not None and came.good_until_utc is not None:
        until = min(ended.good_until_utc, came.good_until_utc)
        came = replace(came, good_until_utc=until, asked_until_utc=until)
        feeds.store_progress(session, feed_id, region_id, came)
        progress[feed_id, region_id] = came
    queue_feed_run(session, feed_id=feed_id)
