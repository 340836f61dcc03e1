"""What fills the Feeds page: all feeds, one of them, and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from core.event_words import quantity_and_unit, quantity_words
from core.wording import listed
from orchestrator.decisions.views import NamedValue
from orchestrator.feeds.views import FeedHealth, FeedPage, FeedView
from pages import addresses
from pages.components import Child, data_table, facts, link, moment, notice, tag
from pages.integrations import optional_moment
from pages.theme import number

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
        listed(map(quantity_words, used)) if used else "-",
        optional_moment(view.good_until_utc, zone),
        optional_moment(view.next_run_at_utc, zone),
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
                        listed(map(quantity_words, place.source_of))
                        if place.source_of
                        else "-",
                        optional_moment(place.good_until_utc, zone),
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
                        quantity_and_unit(switch.quantity),
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
