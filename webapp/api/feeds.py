"""Endpoints of feeds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

from core.access import Permission
from orchestrator.feeds.configuration import (
    DEFAULT_BACKFILL_H,
    DEFAULT_EVERY_MIN,
    DEFAULT_PRIORITY,
    DEFAULT_STALE_AFTER_H,
    FeedFacts,
    add_feed,
    change_feed,
    pause_feed,
    remove_feed,
    run_feed_soon,
)
from orchestrator.feeds.feed_list import feed_page, list_feed_views
from orchestrator.feeds.views import FeedPage, FeedView
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api
from webapp.api.integrations import ActedOn
from webapp.api.matching import etag, require_match

MANAGE = Permission.MANAGE_TELEMETRY
FeedName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDraft(FeedFacts):
    """A feed as an admin writes it; what is left out has a default."""

    options: dict[str, str] = field(default_factory=dict)
    secret_reference: str | None = None
    private_hosts: list[str] = field(default_factory=list)
    every_min: int = DEFAULT_EVERY_MIN
    priority: int = DEFAULT_PRIORITY
    stale_after_h: float = DEFAULT_STALE_AFTER_H
    backfill_h: int = DEFAULT_BACKFILL_H
    requests_a_day: int | None = None
    is_paused: bool = False


def add_feeds(api: Api) -> None:
    """See feeds, write, pause, run and remove them."""

    @api.get("/feeds", MANAGE)
    def list_feeds(asked: Request) -> list[FeedView]:
        """Every feed with its state, by name."""
        return list_feed_views(asked)

    @api.get("/feeds/<name>", MANAGE, tagged=_etag)
    def get_feed(asked: Request, name: FeedName) -> FeedPage:
        """One feed with its newest runs; the ETag is of `feed.facts`."""
        return feed_page(asked, name)

    @api.post("/feeds", MANAGE)
    def add_new_feed(asked: Request, facts: FeedDraft) -> FeedPage:
        """Add a feed; its first run is due at once."""
        return feed_page(asked, add_feed(asked, facts))

    @api.put("/feeds/<name>", MANAGE, tagged=_etag)
    def change_written_feed(
        asked: Request, name: FeedName, facts: FeedDraft
    ) -> FeedPage:
        """Replace what is written of a feed; name and whether it is paused stay."""
        require_match(asked, f"feeds/{name}", lambda: feed_page(asked, name).feed.facts)
        return feed_page(asked, change_feed(asked, replace(facts, name=name)))

    @api.post("/feeds/<name>/pause", MANAGE)
    def pause_or_go_on(asked: Request, name: FeedName, *, is_paused: bool) -> FeedPage:
        """Pause a feed, or have it go on."""
        return feed_page(asked, pause_feed(asked, name, is_paused=is_paused))

    @api.post("/feeds/<name>/runs", MANAGE)
    def run_feed_now(asked: Request, name: FeedName) -> ActedOn:
        """Have the worker run a feed now."""
        return ActedOn(name=run_feed_soon(asked, name))

    @api.post("/feeds/<name>/remove", MANAGE)
    def remove_written_feed(asked: Request, name: FeedName) -> ActedOn:
        """Remove a feed; what it brought stays."""
        return ActedOn(name=remove_feed(asked, name))


def _etag(page: FeedPage) -> str:
    return etag(page.feed.facts)
