"""What fills the Feeds page: all feeds, one of them, its history, and the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from core.errors import InvalidInput
from core.wording import listed
from orchestrator.decisions.views import NamedValue
from orchestrator.feeds.configuration import (
    BOUNDS,
    DEFAULT_BACKFILL_H,
    DEFAULT_EVERY_MIN,
    DEFAULT_PRIORITY,
    DEFAULT_STALE_AFTER_H,
    FeedFacts,
    read_pairs,
)
from orchestrator.feeds.kinds.known_kinds import KINDS
from orchestrator.feeds.views import FeedHealth, FeedPage, FeedView
from pages import addresses
from pages.components import Child, data_table, facts, link, moment, notice, tag
from pages.theme import number

FIELDS = (
    *("name", "kind", "address", "secret", "regions", "quantities", "options", "hosts"),
    *("every", "priority", "stale", "backfill", "quota"),
)
"""The controls of the form, `feed-NAME`."""

HEALTH_WORDS: Mapping[FeedHealth, str] = {
    FeedHealth.GOOD: "good",
    FeedHealth.WAITING: "waiting for its first hour",
    FeedHealth.STALE: "stale",
    FeedHealth.FAILING: "failing",
    FeedHealth.PAUSED: "paused",
}


def feeds_table(views: Sequence[FeedView], zone: str) -> Component:
    """Every feed with its state."""
    if not views:
        return notice("There is no feed yet.", "Add one with the link above.")
    return data_table(
        "Feeds with their state",
        (
            "Feed",
            "Source",
            "State",
            "Source of",
            "Last good hour",
            "Next run",
            "Last error",
            "Lag, h",
            "Quota left",
        ),
        [_cells(view, zone) for view in views],
        numeric_from=7,
        id="feeds-list",
        cards=True,
        download=True,
    )


def _cells(view: FeedView, zone: str) -> list[Child]:
    href = addresses.with_query(addresses.ADMIN_FEEDS, {"feed": view.facts.name})
    used = sorted({name for place in view.places for name in place.source_of})
    return [
        link(view.facts.name, href),
        view.kind_words,
        tag(HEALTH_WORDS[view.health]),
        listed(used) if used else "-",
        _moment(view.good_until_utc, zone),
        _moment(view.next_run_at_utc, zone),
        view.problem or "-",
        "-" if view.lag_h is None else number(view.lag_h),
        "-" if view.quota_left is None else number(float(view.quota_left)),
    ]


def feed_state(page: FeedPage) -> Component:
    """What a feed asks, and where it stands."""
    view = page.feed
    written = view.facts
    return html.Div(
        [
            notice("The last run failed.", view.problem, kind="warn")
            if view.problem
            else None,
            facts(
                [
                    NamedValue(label="Feed", value=written.name),
                    NamedValue(label="State", value=HEALTH_WORDS[view.health]),
                    NamedValue(label="Source", value=view.kind_words),
                    NamedValue(label="Address", value=written.address),
                    NamedValue(
                        label="Secret", value=written.secret_reference or "none"
                    ),
                    NamedValue(
                        label="Runs",
                        value=f"every {written.every_min} min, priority"
                        f" {written.priority}",
                    ),
                ]
            ),
        ]
    )


def feed_history(page: FeedPage, zone: str) -> Component:
    """A feed's regions, its newest runs, and when it became a source and why."""
    return html.Div(
        [
            html.H3("Regions"),
            data_table(
                "Regions of this feed",
                ("Region", "Called", "Source of", "Last good hour", "Lag, h"),
                [
                    [
                        place.region_slug,
                        place.place or "-",
                        listed(place.source_of) if place.source_of else "-",
                        _moment(place.good_until_utc, zone),
                        "-" if place.lag_h is None else number(place.lag_h),
                    ]
                    for place in page.feed.places
                ],
                numeric_from=4,
                id="feed-places",
                cards=True,
            ),
            html.H3("Runs"),
            data_table(
                "Runs of this feed, newest first",
                ("When", "Outcome", "Error", "Import", "Requests", "Bytes", "Hours"),
                [
                    [
                        moment(run.ended_at_utc, zone),
                        run.outcome.replace("_", " "),
                        run.problem or "-",
                        _imports(run.batch_ids),
                        number(float(run.requests)),
                        number(float(run.received_bytes)),
                        number(float(run.hours_stored)),
                    ]
                    for run in page.runs
                ],
                numeric_from=4,
                id="feed-runs",
                cards=True,
                download=True,
            )
            if page.runs
            else notice("No run yet.", "The worker runs it within a minute."),
            html.H3("When it became the source"),
            data_table(
                "When this feed became the source of a quantity",
                ("When", "Region", "Quantity", "Reason"),
                [
                    [
                        moment(switch.at_utc, zone),
                        switch.region_slug,
                        switch.quantity,
                        switch.reason,
                    ]
                    for switch in page.switches
                ],
                numeric_from=4,
                id="feed-switches",
                cards=True,
            )
            if page.switches
            else notice("Never.", "Another feed comes first, or it gives runs."),
        ]
    )


def _imports(batch_ids: Sequence[int]) -> Child:
    if not batch_ids:
        return "-"
    return html.Span(
        [
            link(
                f"{batch_id} ",
                addresses.with_query(
                    addresses.ADMIN_TELEMETRY, {"batch": str(batch_id)}
                ),
            )
            for batch_id in batch_ids
        ]
    )


def _moment(instant: datetime | None, zone: str) -> Child:
    return "-" if instant is None else moment(instant, zone)


def form_values(written: FeedFacts | None) -> list[object]:
    """What the form holds: a feed as it is written, or the defaults of a new one."""
    if written is None:
        kind = next(iter(KINDS.values()))
        return [
            *("", kind.name, kind.address, "", "", "", "", ""),
            *(DEFAULT_EVERY_MIN, DEFAULT_PRIORITY, DEFAULT_STALE_AFTER_H),
            *(DEFAULT_BACKFILL_H, None),
        ]
    return [
        written.name,
        written.kind,
        written.address,
        written.secret_reference or "",
        _pairs_text(written.regions),
        "\n".join(written.quantities),
        _pairs_text(written.options),
        "\n".join(written.private_hosts),
        written.every_min,
        written.priority,
        written.stale_after_h,
        written.backfill_h,
        written.requests_a_day,
    ]


def read_form(values: Sequence[object]) -> FeedFacts:
    """A feed as somebody wrote it; raises InvalidInput for no number or pair."""
    given = dict(zip(FIELDS, values, strict=True))

    def text(name: str) -> str:
        value = given[name]
        return value.strip() if isinstance(value, str) else ""

    def lines(name: str) -> list[str]:
        found = (line.strip() for line in text(name).splitlines())
        return [line for line in found if line]

    quota = given["quota"]
    return FeedFacts(
        name=text("name"),
        kind=text("kind"),
        address=text("address"),
        regions=read_pairs(lines("regions")),
        options=read_pairs(lines("options")),
        quantities=lines("quantities"),
        secret_reference=text("secret") or None,
        private_hosts=lines("hosts"),
        every_min=_whole(given["every"], "every_min"),
        priority=_whole(given["priority"], "priority"),
        stale_after_h=_number(given["stale"], "stale_after_h"),
        backfill_h=_whole(given["backfill"], "backfill_h"),
        requests_a_day=None if quota in {None, ""} else _whole(quota, "requests_a_day"),
        is_paused=False,
    )


def _pairs_text(pairs: Mapping[str, str]) -> str:
    return "\n".join(
        f"{name}={value}" if value else name for name, value in pairs.items()
    )


def _number(value: object, name: str) -> float:
    try:
        return float(str(value))
    except ValueError as exc:
        message = f"The {BOUNDS[name].words}: {str(value)[:20]!r} is no number."
        raise InvalidInput(message) from exc


def _whole(value: object, name: str) -> int:
    number_given = _number(value, name)
    if not number_given.is_integer():
        message = f"The {BOUNDS[name].words} must be a whole number."
        raise InvalidInput(message)
    return int(number_given)
