"""The Feeds page: what its table, form and buttons do."""

from __future__ import annotations

from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
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
from orchestrator.feeds.kinds.known_kinds import KINDS
from orchestrator.use_cases import Request
from pages import addresses
from pages.components import notice
from pages.context import PageContext
from pages.feeds.content import feed_history, feed_state, feeds_table
from pages.feeds.layout import FIELDS, NUMBERS
from pages.form_fields import Entered, require_complete
from pages.integrations import Action, Integrations, Opened

_FIRST_KIND = next(iter(KINDS.values()))


def _table(request: Request, zone: str) -> Component:
    return feeds_table(list_feed_views(request), zone)


def _open(request: Request, name: str, zone: str) -> Opened:
    page = feed_page(request, name)
    return Opened(
        state=feed_state(page),
        history=feed_history(page, zone),
        is_paused=page.feed.facts.is_paused,
    )


def _save(
    _context: PageContext,
    request: Request,
    entered: Entered,
    is_new: bool,
) -> Component:
    require_complete(NUMBERS, entered, but=["requests_a_day"])
    entered["secret_reference"] = entered["secret_reference"] or None
    for name in ("every_min", "priority", "backfill_h", "requests_a_day"):
        entered[name] = _whole(name, entered[name])
    write = add_feed if is_new else change_feed
    saved = write(request, FeedFacts(**entered, is_paused=False))
    return notice("Saved.", f"The worker runs {saved} within a minute.")


def _whole(name: str, value: float | None) -> int | None:
    if value is not None and not value.is_integer():
        label = next(item.label for item in NUMBERS if item.name == name)
        message = f"{label} must be a whole number."
        raise InvalidInput(message)
    return None if value is None else int(value)


def _run(_context: PageContext, request: Request, name: str) -> Component:
    run_feed_soon(request, name)
    return notice("Queued.", "The worker runs it after the cycle's work.")


FEEDS = Integrations(
    name="feeds",
    noun="feed",
    question="Which sources are asked, how far did each come, and what went wrong?",
    path=addresses.ADMIN_FEEDS,
    view=Permission.MANAGE_TELEMETRY,
    manage=Permission.MANAGE_TELEMETRY,
    fields=FIELDS,
    defaults={
        "kind": _FIRST_KIND.name,
        "address": _FIRST_KIND.address,
        "every_min": DEFAULT_EVERY_MIN,
        "priority": DEFAULT_PRIORITY,
        "stale_after_h": DEFAULT_STALE_AFTER_H,
        "backfill_h": DEFAULT_BACKFILL_H,
    },
    table=_table,
    open=_open,
    written=lambda request, name: feed_page(request, name).feed.facts,
    save=_save,
    pause=pause_feed,
    paused_words="It is not asked.",
    resumed_words="It is asked again.",
    remove=remove_feed,
    removed_words="What it brought stays.",
    actions=(Action(name="run", text="Run now", act=_run, is_main=True),),
    form_hint="The portal keeps the name of a secret and never its value: set the"
    " variable, or lay the file, where the worker runs.",
)
