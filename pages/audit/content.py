"""What fills the Audit lists: decisions, events, one event, the chain's status."""

from __future__ import annotations

from collections.abc import Mapping

from dash import html
from dash.development.base_component import Component

from orchestrator.services.decision_lists import DecisionOrder
from orchestrator.views import (
    AuditEventDetail,
    AuditEventPage,
    AuditEventView,
    ChainCheckView,
    ChainStatus,
    DecisionPage,
    DecisionSummary,
    NamedValue,
)
from pages import addresses
from pages.audit.filters import ORDER_WORDS, code_words
from pages.components import (
    Child,
    data_table,
    facts,
    link,
    notice,
    outcome_badge,
    panel,
    risk_mark,
    simulation_tag,
    tag,
)
from pages.theme import number
from pages.words import (
    KIND_WORDS,
    day_name,
    local_time,
    route,
    share,
    typeset,
    utc_time,
)

HASH_CHARS = 12


def decisions_table(
    page: DecisionPage,
    filters: Mapping[str, str | None],
    order: DecisionOrder = DecisionOrder.NEWEST,
) -> list[Component | None]:
    """One page of decisions and the way to the next."""
    if not page.rows:
        return [
            notice(
                "No decision matches.",
                "Open a filter, or wait for the next automatic decision: one is taken"
                " each time a forecast is issued.",
            )
        ]
    return [
        data_table(
            f"Decisions, {ORDER_WORDS[order].lower()}",
            (
                "Decision",
                "Taken",
                "Kind",
                "Window",
                "Regions",
                "Shift",
                "Verdict",
                "Risk",
                "By",
                "Why",
            ),
            [_decision_cells(row) for row in page.rows],
            numeric_from=99,
            cards=True,
            id="audit-decisions-table",
        ),
        _pager(addresses.AUDIT, filters, "after", page.next_after),
    ]


def _decision_cells(row: DecisionSummary) -> list[Child]:
    return [
        link(str(row.decision_id), addresses.decision_href(row.decision_id)),
        local_time(row.created_at_utc, row.source.time_zone),
        html.Span(
            [
                KIND_WORDS.get(row.kind, row.kind),
                simulation_tag(is_simulated=row.is_simulated),
                tag("superseded") if row.is_superseded else None,
            ]
        ),
        day_name(row.local_day),
        route(row.source, row.target),
        share(row.shift_pct),
        outcome_badge(row.outcome),
        risk_mark(row.risk_level),
        row.actor_name,
        html.Span(typeset(row.reason_text), className="gfo-why"),
    ]


def events_table(
    page: AuditEventPage, filters: Mapping[str, str | None]
) -> list[Component | None]:
    """One page of events and the way to the next."""
    if not page.rows:
        return [notice("No event matches.", "Open a filter, or go to the first page.")]
    return [
        data_table(
            "Audit events",
            ("No.", "Time (UTC)", "Who", "What", "Object", "Facts", "Hash"),
            [_event_cells(row) for row in page.rows],
            numeric_from=99,
            cards=True,
            id="audit-events-table",
        ),
        _pager(
            addresses.AUDIT_EVENTS,
            filters,
            "at",
            None if page.next_seq is None else str(page.next_seq),
        ),
    ]


def _event_cells(row: AuditEventView) -> list[Child]:
    about: Child = row.object_label
    if row.decision_id is not None:
        about = link(row.object_label, addresses.decision_href(row.decision_id))
    return [
        link(str(row.seq), addresses.event_href(row.seq)),
        utc_time(row.occurred_at_utc),
        row.actor_name,
        html.Span(code_words(row.action), title=row.action),
        about,
        html.Span(row.summary, className="gfo-why"),
        html.Code(row.hash_hex[:HASH_CHARS], title=row.hash_hex),
    ]


def _pager(
    path: str, filters: Mapping[str, str | None], name: str, place: str | None
) -> Component:
    first = link("First page", addresses.with_query(path, dict(filters)))
    if place is None:
        return html.P([first, " · this is the last page"], className="gfo-pager")
    following = addresses.with_query(path, {**filters, name: place})
    return html.P([first, " · ", link("Next page", following)], className="gfo-pager")


def event_page(detail: AuditEventDetail) -> list[Component | None]:
    """One event: what it says, its place in the chain, and the text that was hashed."""
    event = detail.event
    neighbours: list[Child] = [
        link("Next event", addresses.event_href(event.seq + 1)),
    ]
    if event.seq > 1:
        before = link("Event before", addresses.event_href(event.seq - 1))
        neighbours = [before, " · ", *neighbours]
    fault = None
    if not detail.hash_is_right:
        fault = notice(
            "This event does not fit the chain",
            "Its hash is not that of its text and of the event before it: it was"
            " changed past the portal.",
            kind="alarm",
        )
    about = None
    if event.decision_id is not None:
        about = html.P(
            link(
                f"Decision {event.decision_id}",
                addresses.decision_href(event.decision_id),
            )
        )
    return [
        html.H1(f"Audit event {event.seq}"),
        html.P(
            f"{code_words(event.action)}, by {event.actor_name},"
            f" {utc_time(event.occurred_at_utc)}",
            className="gfo-muted",
        ),
        fault,
        html.P(neighbours),
        about,
        panel("What it says", facts(detail.facts), id="event-facts"),
        panel(
            "Its place in the chain",
            facts(
                [
                    NamedValue(label="Hash", value=event.hash_hex),
                    NamedValue(label="Hash before", value=detail.previous_hash_hex),
                ]
            ),
            html.Pre(detail.payload, className="gfo-pre", tabIndex="0"),
            id="event-chain",
            hint="The text below is hashed exactly as it stands.",
        ),
    ]


def chain_panel(status: ChainStatus) -> Component:
    """How the chain stands: length, newest anchor, newest checks; alarms first."""
    lines = [
        html.P(f"{number(status.event_count)} events.", className="gfo-chain"),
        html.P(_anchor_words(status), className="gfo-chain"),
        html.P(_check_words(status.whole_check), className="gfo-chain"),
    ]
    found = status.newest_check
    alarm = None
    if found is not None and found.first_bad_seq is not None:
        alarm = notice(
            f"The chain is broken at event {found.first_bad_seq}",
            f"{found.reason} Found {utc_time(found.checked_at_utc)}.",
            kind="alarm",
        )
    elif status.anchor_problem is not None:
        alarm = notice("The anchor does not hold", status.anchor_problem, kind="alarm")
    return panel("The chain", alarm, *lines, id="audit-chain-status")


def _anchor_words(status: ChainStatus) -> str:
    if status.anchored_seq is None or status.anchored_at_utc is None:
        return (
            "Not anchored outside the database yet: the worker does so every 15 minutes"
            " or 100 events."
        )
    later = status.event_count - status.anchored_seq
    return (
        f"Anchored outside the database up to event {number(status.anchored_seq)},"
        f" {utc_time(status.anchored_at_utc)}; {number(later)} later events are outside"
        " its promise."
    )


def _check_words(check: ChainCheckView | None) -> str:
    if check is None:
        return "Not verified as a whole yet: the worker does so every day."
    word = "sound" if check.first_bad_seq is None else "broken"
    return (
        f"Last verified as a whole {utc_time(check.checked_at_utc)}:"
        f" {number(check.event_count)} events, {word}."
    )
