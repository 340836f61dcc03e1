"""The filters of the Audit lists: their controls, and what an address says of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from core.audit import AuditAction
from core.errors import InvalidInput
from core.scheduler import Outcome, ReasonCode
from orchestrator.audit.event_list import EventFilter
from orchestrator.decisions.lists import DecisionFilter, DecisionOrder
from orchestrator.decisions.views import ListChoices
from pages.addresses import Query, require_one_of
from pages.components import field
from pages.list_controls import (
    choice,
    filter_options,
    order_choice,
    text_filter,
)
from pages.region_picker import ListOption, region_field, region_options
from pages.time_range import period_of, range_field
from pages.words import KIND_WORDS, REASON_WORDS, code_words

ORDER_WORDS = {
    DecisionOrder.NEWEST: "Newest first",
    DecisionOrder.OLDEST: "Oldest first",
    DecisionOrder.WINDOW: "Latest window first",
    DecisionOrder.CHANCE: "Highest chance first",
}
EVENT_ORDERS = {"newest": "Newest first", "oldest": "Oldest first"}
OBJECT_TYPES = (
    "decision", "region", "policy", "user", "session", "model_version", "ingest_batch",
    "audit_event", "decision_list", "event_list",
)  # fmt: skip

DECISION_CONTROLS = (
    "kind", "region", "outcome", "reason", "actor", "model", "words", "order", "live",
    "each",
)  # fmt: skip
KINDS = {"people": "People and plans", **KIND_WORDS, "all": "All"}
"""The first is the usual one: what the scheduler says each hour is stored, not news."""
EVENT_CONTROLS = (
    "actor", "action", "type", "object", "request", "order",
)  # fmt: skip

_Choice = TypeVar("_Choice", bound=StrEnum)


def decision_controls(*tools: Component) -> Component:
    """Controls of the list of decisions; those that depend on data are filled later."""
    outcomes = {item.value: item.value for item in Outcome}
    reasons = {code.value: words for code, words in REASON_WORDS.items()}
    orders = {item.value: words for item, words in ORDER_WORDS.items()}
    return html.Div(
        [
            field("Search", text_filter("audit-words", 200, "Number, person, words")),
            field("Kind", order_choice("audit-kind", KINDS)),
            region_field("Region", "audit-region", choice("audit-region", {})),
            field("Verdict", choice("audit-outcome", outcomes)),
            field("Reason", choice("audit-reason", reasons)),
            field("By", choice("audit-actor", {})),
            field("Model", choice("audit-model", {})),
            range_field("audit", "All time"),
            field("Order", order_choice("audit-order", orders)),
            dbc.Checkbox(id="audit-live", label="Without simulations", value=False),
            dbc.Checkbox(id="audit-each", label="Each automatic decision", value=False),
            *tools,
        ],
        className="gfo-filters",
        role="search",
    )


def event_controls(*tools: Component) -> Component:
    """Controls of the list of events."""
    actions = {item.value: code_words(item.value) for item in AuditAction}
    types = {name: code_words(name) for name in OBJECT_TYPES}
    return html.Div(
        [
            field("Who", choice("event-actor", {})),
            field("What", choice("event-action", actions)),
            field("Kind of object", choice("event-type", types)),
            field("Object", text_filter("event-object", 64)),
            field("Request id", text_filter("event-request", 64)),
            range_field("event", "All time"),
            field("Order", order_choice("event-order", EVENT_ORDERS)),
            *tools,
        ],
        className="gfo-filters",
        role="search",
    )


def decision_filter(query: Query, now: datetime) -> DecisionFilter:
    """Which decisions an address asks for; days are those of UTC."""
    from_utc, until_utc = _between(query, now)
    kind = query.one_of("kind", KINDS) or "people"
    return DecisionFilter(
        kind=kind if kind in KIND_WORDS else None,
        without_automatic=kind == "people",
        region_slug=query.text("region"),
        actor_name=query.words("actor"),
        outcome=query.one_of("outcome", Outcome, "verdict"),
        reason_code=query.one_of("reason", ReasonCode),
        model_version_id=_model_id(query),
        from_utc=from_utc,
        until_utc=until_utc,
        words=query.words("words"),
        live_only=query.text("live") == "1",
    )


def with_runs(query: Query) -> bool:
    """Whether automatic decisions that say the same are one row.

    They are one after the other in lists by time alone.
    """
    is_by_time = decision_order(query) in {DecisionOrder.NEWEST, DecisionOrder.OLDEST}
    return is_by_time and query.text("each") != "1"


def decision_order(query: Query) -> DecisionOrder:
    """By what an address sorts decisions."""
    value = query.text("order") or DecisionOrder.NEWEST.value
    return _member(DecisionOrder, value, "order")


def event_filter(query: Query, now: datetime) -> EventFilter:
    """Which events an address asks for; days are those of UTC."""
    from_utc, until_utc = _between(query, now)
    action = query.text("action")
    return EventFilter(
        actor_name=query.words("actor"),
        action=_member(AuditAction, action, "action") if action else None,
        object_type=query.text("type"),
        object_id=query.text("object"),
        request_id=query.text("request"),
        from_utc=from_utc,
        until_utc=until_utc,
    )


def is_oldest_first(query: Query) -> bool:
    """Whether an address sorts events from the oldest on."""
    return query.one_of("order", EVENT_ORDERS) == "oldest"


def choice_options(choices: ListChoices) -> dict[str, Sequence[ListOption]]:
    """Options of the filters that depend on what is stored."""
    named = {
        "actor": {name: name for name in choices.actors},
        "model": {str(number): label for number, label in choices.models.items()},
    }
    return {
        "region": region_options(choices.regions, before=filter_options({})),
        **{name: filter_options(words) for name, words in named.items()},
    }


def _between(query: Query, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Midnights, UTC, of the first day and after the last; two dates may be one."""
    period = period_of(query, now.astimezone(UTC).date())
    if period is None or not period.is_live:
        return query.day_start_utc("from"), query.day_start_utc("to", days_later=1)
    start_utc = datetime.combine(period.first_day, time(), UTC)
    return start_utc, start_utc + timedelta(days=period.n_days)


def _model_id(query: Query) -> int | None:
    number = query.identifier("model")
    if number is not None and number >= 2**31:
        message = "There is no such model."
        raise InvalidInput(message)
    return number


def _member(kind: type[_Choice], value: str, what: str) -> _Choice:
    require_one_of(value, kind, what)
    return kind(value)
