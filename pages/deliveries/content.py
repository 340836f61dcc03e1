"""What fills the Deliveries page: subscriptions, one of them, its log, and the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from core.errors import InvalidInput
from core.wording import listed
from orchestrator.decisions.views import NamedValue
from orchestrator.deliveries.subscriptions import MAIL, WEBHOOK, SubscriptionFacts
from orchestrator.deliveries.views import (
    DeliveryView,
    SubscriptionHealth,
    SubscriptionPage,
    SubscriptionView,
)
from pages import addresses
from pages.components import Child, data_table, facts, link, moment, notice, tag
from pages.theme import number

FIELDS = (
    *("name", "channel", "address", "recipients", "regions", "secret", "hosts"),
    "kinds",
)
"""The controls of the form, `delivery-NAME`."""

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
        _moment(view.last_delivered_at_utc, zone),
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
        title = f"The last {view.failures_in_a_row} tries failed."
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
                _moment(view.tried_at_utc, zone),
                _moment(view.next_try_utc, zone),
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


def _moment(instant: datetime | None, zone: str) -> Child:
    return "-" if instant is None else moment(instant, zone)


def form_values(written: SubscriptionFacts | None) -> list[object]:
    """What the form holds: a subscription as it is written, or nothing yet."""
    if written is None:
        return ["", WEBHOOK, "", "", "", "", "", []]
    return [
        written.name,
        written.channel,
        written.address or "",
        "\n".join(written.recipients),
        "\n".join(written.regions),
        "",
        "\n".join(written.private_hosts),
        written.kinds,
    ]


def read_form(values: Sequence[object]) -> tuple[SubscriptionFacts, str | None]:
    """A subscription as somebody wrote it, and the reference of its secret.

    Raises
    ------
    InvalidInput
        When no events are chosen.
    """
    given = dict(zip(FIELDS, values, strict=True))

    def text(name: str) -> str:
        value = given[name]
        return value.strip() if isinstance(value, str) else ""

    def lines(name: str) -> list[str]:
        found = (line.strip() for line in text(name).splitlines())
        return [line for line in found if line]

    kinds = given["kinds"]
    if not isinstance(kinds, list) or not kinds:
        message = "Choose at least one event."
        raise InvalidInput(message)
    written = SubscriptionFacts(
        name=text("name"),
        channel=MAIL if text("channel") == MAIL else WEBHOOK,
        address=text("address") or None,
        recipients=lines("recipients"),
        kinds=[str(kind) for kind in kinds],
        regions=lines("regions"),
        private_hosts=lines("hosts"),
        is_paused=False,
    )
    return written, text("secret") or None
