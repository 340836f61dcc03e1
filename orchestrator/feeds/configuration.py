"""Feeds as an admin writes them: checked, stored, audited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import NamedTuple

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from core.telemetry import Quantity
from core.wording import listed
from db import feeds
from db.feeds import FeedFacts, StoredFeed
from orchestrator.feeds.host_rules import parse_web_address
from orchestrator.feeds.integrations import (
    LONGEST_TEXT,
    changed_values,
    check_address_text,
    check_name,
    checked_hosts,
    integration_event,
    known_regions,
)
from orchestrator.feeds.kinds.kind import FeedKind, carbon_kind, reading_options
from orchestrator.feeds.kinds.known_kinds import kind_named
from orchestrator.feeds.secret_references import check_reference
from orchestrator.jobs import queue_feed_run
from orchestrator.use_cases import Done, Event, Request, change

__all__ = ["FeedFacts"]

MOST_REGIONS = 100
MOST_FEEDS = 200
DEFAULT_EVERY_MIN = 60
DEFAULT_PRIORITY = 1
DEFAULT_STALE_AFTER_H = 3.0
DEFAULT_BACKFILL_H = 72


class Bounds(NamedTuple):
    """A number of a feed: what it is called, its least and its greatest value."""

    words: str
    low: float
    high: float


BOUNDS: Mapping[str, Bounds] = {
    "every_min": Bounds("minutes between runs", 1, 1440),
    "priority": Bounds("priority", 1, 99),
    "stale_after_h": Bounds("age in hours from which it is stale", 1.5, 168),
    "backfill_h": Bounds("hours to fill back", 1, 744),
    "requests_a_day": Bounds("limit of requests a day", 1, 1_000_000),
}
"""By the names of `FeedFacts`."""

_event = partial(integration_event, "feed")


@change(
    Permission.MANAGE_TELEMETRY,
    AuditAction.FEED_ADDED,
    repeat=lambda _request, kept: kept,
    confirmed=True,
)
def add_feed(request: Request, facts: FeedFacts) -> Done[str]:
    """Add a feed and return its name; its first run is due at once.

    Raises
    ------
    Forbidden, NotConfirmed
        Without the right to manage telemetry, or without the proof of who asks.
    InvalidInput, Conflict
        When something about it is not allowed; when there is one of its name.
    """
    facts = _checked(request.session, facts)
    if len(feeds.list_feeds(request.session)) >= MOST_FEEDS:
        message = f"There are {MOST_FEEDS} feeds already, which is the most."
        raise InvalidInput(message)
    feed_id = feeds.insert_feed(request.session, facts, next_run_at_utc=request.now)
    event = _event(AuditAction.FEED_ADDED, facts.name, after=asdict(facts))
    if not facts.is_paused:
        queue_feed_run(request.session, feed_id=feed_id)
    return Done(answer=facts.name, events=(event,), kept=facts.name)


@change(
    Permission.MANAGE_TELEMETRY,
    AuditAction.FEED_CHANGED,
    repeat=lambda _request, kept: kept,
    confirmed=True,
)
def change_feed(request: Request, facts: FeedFacts) -> Done[str]:
    """Replace what is written of the feed of this name; its next run is due at once.

    Raises
    ------
    Forbidden, NotConfirmed, NotFound, InvalidInput
        As `add_feed`; when there is no such feed.
    """
    stored = feeds.find_feed(request.session, facts.name, locked=True)
    facts = _checked(request.session, replace(facts, is_paused=stored.facts.is_paused))
    return _replace(request, stored, facts)


@change(
    Permission.MANAGE_TELEMETRY,
    AuditAction.FEED_CHANGED,
    repeat=lambda _request, kept: kept,
)
def pause_feed(request: Request, name: str, *, is_paused: bool) -> Done[str]:
    """Pause a feed, or have it go on; raises NotFound without one."""
    stored = feeds.find_feed(request.session, name, locked=True)
    return _replace(request, stored, replace(stored.facts, is_paused=is_paused))


@change(
    Permission.MANAGE_TELEMETRY,
    repeat=None,
    unaudited="has a run earlier than planned; what a run imports is audited",
)
def run_feed_soon(request: Request, name: str) -> Done[str]:
    """Have the worker run a feed next.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such feed; when it is paused.
    """
    stored = feeds.find_feed(request.session, name)
    if stored.facts.is_paused:
        message = f"{name} is paused; have it go on first."
        raise InvalidInput(message)
    queue_feed_run(request.session, feed_id=stored.feed_id)
    return Done(answer=stored.facts.name)


@change(
    Permission.MANAGE_TELEMETRY,
    AuditAction.FEED_REMOVED,
    repeat=lambda _request, kept: kept,
    confirmed=True,
)
def remove_feed(request: Request, name: str) -> Done[str]:
    """Remove a feed, whose name is free then; what it brought stays.

    Raises
    ------
    Forbidden, NotConfirmed, NotFound
        Without the right to manage telemetry, or without the proof of who asks; when
        there is no such feed.
    """
    event = removal(request, feeds.find_feed(request.session, name, locked=True))
    return Done(answer=name, events=(event,), kept=name)


def removal(request: Request, stored: StoredFeed) -> Event:
    """Remove this feed as part of a change; returns its event."""
    feeds.remove_feed(request.session, stored.feed_id, request.now)
    name, before = stored.facts.name, asdict(stored.facts)
    return _event(AuditAction.FEED_REMOVED, name, before=before)


def _replace(request: Request, stored: StoredFeed, facts: FeedFacts) -> Done[str]:
    before, after = changed_values(stored.facts, facts)
    if not after:
        return Done(answer=facts.name)
    feeds.update_feed(request.session, stored.feed_id, facts)
    due = {"next_run_at_utc": request.now, "known_answers": {}}
    feeds.update_state(request.session, stored.feed_id, due)
    if not facts.is_paused:
        queue_feed_run(request.session, feed_id=stored.feed_id)
    event = _event(AuditAction.FEED_CHANGED, facts.name, before=before, after=after)
    return Done(answer=facts.name, events=(event,), kept=facts.name)


def _checked(session: Session, facts: FeedFacts) -> FeedFacts:
    """The facts, once each is allowed; raises InvalidInput for one that is not."""
    kind = kind_named(facts.kind)
    check_name("feed", facts.name)
    facts = replace(facts, private_hosts=checked_hosts(facts.private_hosts))
    _check_address(kind, facts)
    _check_regions(session, kind, facts)
    _check_secret(kind, facts)
    _check_options(kind, facts)
    check_numbers(facts)
    kind.check(facts)
    return facts


def check_numbers(facts: FeedFacts) -> None:
    """Raise InvalidInput for a number outside its bounds."""
    for name, (words, low, high) in BOUNDS.items():
        value = getattr(facts, name)
        if value is not None and not low <= value <= high:
            message = f"The {words} must be from {low:g} to {high:g}, not {value:g}."
            raise InvalidInput(message)


def read_pairs(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` or `NAME` texts as a mapping; the first `=` divides.

    Raises
    ------
    InvalidInput
        When a text has no name, or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        if not name or name in pairs:
            message = f"{text[:60]!r} is not like NAME=VALUE, or comes twice."
            raise InvalidInput(message)
        pairs[name] = value
    return pairs


def _check_address(kind: FeedKind, facts: FeedFacts) -> None:
    check_address_text(facts.address)
    if kind.is_web:
        parts = parse_web_address(facts.address, facts.private_hosts)
        if parts.query:
            message = (
                "The address carries no query: what is asked for follows from the"
                " feed, and a secret is named by reference."
            )
            raise InvalidInput(message)


def _check_regions(session: Session, kind: FeedKind, facts: FeedFacts) -> None:
    if not 1 <= len(facts.regions) <= MOST_REGIONS:
        message = f"A feed is for 1 to {MOST_REGIONS} regions."
        raise InvalidInput(message)
    found = known_regions(session, list(facts.regions))
    is_mixed = len({stored.region.is_synthetic for stored in found}) > 1
    for stored in found:
        slug, place = stored.slug, facts.regions[stored.slug]
        if stored.region.is_synthetic and (kind.is_web or is_mixed):
            message = (
                f"Region {slug} holds generated telemetry; only a watched folder of its"
                " own brings that."
            )
            raise InvalidInput(message)
        if len(place) > LONGEST_TEXT or not place.isprintable():
            message = f"What {slug} is called is too long, or cannot be shown."
            raise InvalidInput(message)
        if kind.needs_place and not place:
            message = f"Say the {kind.place_words} for {slug}, as {slug}=..."
            raise InvalidInput(message)
        if place and not kind.place_words:
            message = f"{kind.words} needs no word for {slug}."
            raise InvalidInput(message)
    given = set(facts.quantities)
    if not given or not given <= {quantity.value for quantity in kind.quantities}:
        allowed = [q.value for q in Quantity if q in kind.quantities]
        message = f"{kind.words} gives {listed(allowed)}; say which to take."
        raise InvalidInput(message)


def _check_secret(kind: FeedKind, facts: FeedFacts) -> None:
    if facts.secret_reference is None:
        if kind.needs_credential:
            message = f"{kind.words} needs a secret: {kind.credential}."
            raise InvalidInput(message)
        return
    check_reference(facts.secret_reference)
    if not kind.credential:
        message = f"{kind.words} takes no secret."
        raise InvalidInput(message)


def _check_options(kind: FeedKind, facts: FeedFacts) -> None:
    for name, value in facts.options.items():
        if not kind.takes_option(name):
            known = listed(sorted(kind.options)) if kind.options else "none"
            message = f"{kind.words} has no option {name[:40]!r}; it has {known}."
            raise InvalidInput(message)
        if not value or len(value) > LONGEST_TEXT or "\0" in value:
            message = f"The option {name} is empty or too long."
            raise InvalidInput(message)
    reading_options(facts.options)
    carbon_kind(facts.options)
