"""What fills the Deliveries page: subscriptions, one of them, and its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from core.wording import listed
from orchestrator.decisions.views import NamedValue
from orchestrator.deliveries.views import (
    DeliveryView,
    SubscriptionHealth,
    SubscriptionPage,
    SubscriptionView,
)
from pages import addresses
from pages.components import Child, data_table, facts, link, moment, notice, tag
from pages.integrations import optional_moment
from pages.theme import number

HEALTH_WORDS: Mapping[SubscriptionHealth, str] = {
    SubscriptionHealth.GOOD: "good",
    SubscriptionHealth.FAILING: "failing",
    SubscriptionHealth.PAUSED: "paused",
    SubscriptionHealth.STOPPED: "stopped",
}


def subscriptions_table(views: Sequence[SubscriptionView], zone: str) -> Component:
    """Every subscription with its state."""
    if not views:
        return notice("There is no subscription yet.", "An admin can add one.")
    return data_table(
        "Subscriptions with their state",
        (
            *("Subscription", "By", "To", "State", "Last delivered", "Last answer"),
            *("Waiting", "Tried before", "Dead"),
        ),
        [_cells(view, zone) for view in views],
        numeric_from=6,
        id="deliveries-list",
        cards=True,
        download=True,
    )


def _cells(view: SubscriptionView, zone: str) -> list[Child]:
    query: dict[str, str | None] = {"subscription": view.facts.name}
    counts = view.counts
    return [
        link(view.facts.name, addresses.with_query(addresses.ADMIN_DELIVERIES, query)),
        view.facts.channel,
        view.target,
        tag(HEALTH_WORDS[view.health]),
        optional_moment(view.last_delivered_at_utc, zone),
        view.last_answer or "-",
        number(float(counts.waiting)),
        number(float(counts.retrying)),
        number(float(counts.dead)),
    ]


def subscription_state(page: SubscriptionPage, zone: str) -> Component:
    """What a subscription sends where, and how it stands."""
    view = page.subscription
    written = view.facts
    until = view.former_signs_until_utc
    return html.Div(
        [
            _trouble(view),
            facts(
                [
                    NamedValue(label="Subscription", value=written.name),
                    NamedValue(label="State", value=HEALTH_WORDS[view.health]),
                    NamedValue(label="To", value=view.target),
                    NamedValue(label="Events", value=listed(written.kinds)),
                    NamedValue(
                        label="Regions",
                        value=listed(written.regions) if written.regions else "all",
                    ),
                    NamedValue(label="Secret", value=view.secret_words),
                ]
            ),
            html.P(["The former secret signs as well until ", moment(until, zone), "."])
            if until is not None
            else None,
        ]
    )


def _trouble(view: SubscriptionView) -> Component | None:
    if view.stopped_reason is not None:
        text = f"{view.stopped_reason} Mend the receiver, then press Go on."
        return notice("Nothing is sent any more.", text, kind="warn")
    if view.failures_in_a_row:
        count = view.failures_in_a_row
        said = "try" if count == 1 else f"{count} tries"
        title = f"The last {said} failed."
        return notice(title, view.last_answer, kind="warn")
    return None


def subscription_history(page: SubscriptionPage, zone: str) -> Component:
    """A subscription's newest deliveries, and those that were given up."""
    return html.Div(
        [
            html.H3("Newest deliveries"),
            _deliveries(page.newest, zone, "deliveries-newest", "Newest deliveries")
            if page.newest
            else notice("None yet.", "An event that it chose makes one."),
            *(
                [
                    html.H3("Dead deliveries"),
                    _deliveries(page.dead, zone, "deliveries-dead", "Dead deliveries"),
                ]
                if page.dead
                else []
            ),
        ]
    )


def _deliveries(
    views: Sequence[DeliveryView], zone: str, table_id: str, caption: str
) -> Component:
    return data_table(
        f"{caption}, newest first",
        ("Event", "When", "State", "Answer", "Last try", "Next try", "Tries", "ms"),
        [
            [
                _event(view),
                moment(view.created_at_utc, zone),
                view.state,
                view.answer or "-",
                optional_moment(view.tried_at_utc, zone),
                optional_moment(view.next_try_utc, zone),
                number(float(view.tries)),
                "-" if view.duration_ms is None else number(float(view.duration_ms)),
            ]
            for view in views
        ],
        numeric_from=6,
        id=table_id,
        cards=True,
        download=True,
    )


def _event(view: DeliveryView) -> Child:
    if view.event_seq is None:
        return view.kind
    return link(view.kind, f"{addresses.AUDIT_EVENT}{view.event_seq}")
