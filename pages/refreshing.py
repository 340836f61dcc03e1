"""Pages of live windows: refreshed each minute, grey when that fails, old when newer.

`webapp/assets/times.js` turns what carries `data-as-of` grey once it is no longer
refreshed, and switches decisions off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from hashlib import sha256

from dash import ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from core.errors import FleetError
from pages.addresses import Query
from pages.attributes import data
from pages.components import link, notice
from pages.words import local_time, typeset, utc_time

REFRESH_MS = 60_000


def refresh(page: str) -> Component:
    """Asks for the page again each minute; the input `<page>-refresh.n_intervals`."""
    interval: Component = dcc.Interval(id=f"{page}-refresh", interval=REFRESH_MS)
    return interval


def mark_of(view: object) -> str:
    """The same for two views that say the same, whenever they were made."""
    parts = (
        getattr(view, item.name)
        for item in fields(view)  # type: ignore[arg-type]
        if item.name != "as_of_utc"
    )
    return sha256(repr(tuple(parts)).encode()).hexdigest()[:16]


def only_changes(
    page: str, shown: object, answer: Sequence[object], mark: str
) -> Sequence[object]:
    """The answer; of a refresh that changes nothing, its last part: as of when.

    `shown` is the page's store, whose `mark` is that of the view on the screen. What
    is not rendered again keeps its focus and whatever is unfolded.
    """
    is_same = isinstance(shown, Mapping) and shown.get("mark") == mark
    if is_refresh(page) and is_same:
        return [*[no_update] * (len(answer) - 1), answer[-1]]
    return answer


@contextmanager
def refreshing(page: str) -> Iterator[None]:
    """A refresh that fails leaves the page as it is, to grow old in sight."""
    try:
        yield
    except FleetError as exc:
        if is_refresh(page):
            raise PreventUpdate from exc
        raise


def asked_issue(
    page: str, shown: object, issued_at_utc: datetime | None
) -> datetime | None:
    """The issue that the address names; a page that shows the newest follows it."""
    follows = isinstance(shown, Mapping) and shown.get("is_newest") is True
    return None if is_refresh(page) and follows else issued_at_utc


def asked_regions(
    page: str, shown: object, query: Query, *names: str
) -> tuple[str | None, ...]:
    """The regions that the address names; a refresh stays with those that are shown."""
    kept: object = None
    if is_refresh(page) and isinstance(shown, Mapping):
        kept = shown.get("named")
    held = kept if isinstance(kept, Mapping) else {}
    return tuple(query.text(name) or _slug(held.get(name)) for name in names)


def _slug(value: object) -> str | None:
    return value if isinstance(value, str) else None


def is_refresh(page: str) -> bool:
    """Whether the page asks by itself, and not its address."""
    return bool(ctx.triggered_id == f"{page}-refresh")


def as_of(instant: datetime, *, is_live: bool = True) -> Component:
    """When the page was true; a live one says so when it no longer refreshes."""
    mark = data(**{"as-of": instant.isoformat()}) if is_live else {}
    return html.Span(f"As of {utc_time(instant)}", className="gfo-muted", **mark)


def older_issue(
    issued_at_utc: datetime, newer_utc: datetime | None, zone: str, newest_href: str
) -> Component | None:
    """Says that a newer forecast was issued, and offers it; None where none was."""
    if newer_utc is None:
        return None
    said = (
        f"It was issued {local_time(issued_at_utc, zone)}; the newest,"
        f" {local_time(newer_utc, zone)}. Nothing can be decided on an older one. "
    )
    return notice(
        "This is an older forecast.",
        html.Span([said, link("Open the newest", newest_href)]),
        kind="warn",
        id="older-issue",
    )


def late_notice(late_text: str | None) -> Component | None:
    """Says that a forecast was made without the newest hours; None where it was not."""
    if late_text is None:
        return None
    return notice("Telemetry is late", typeset(late_text), id="late-telemetry")
