"""One audit event with its place in the chain, and how the chain stands."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from orchestrator.audit.views import AuditEventDetail, ChainCheckView, ChainStatus
from orchestrator.decisions.views import NamedValue
from pages import addresses
from pages.components import Child, facts, link, notice, panel
from pages.theme import number
from pages.words import code_words, exact_time


def event_page(detail: AuditEventDetail, zone: str) -> list[Component | None]:
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
            " changed outside the portal.",
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
            f" {exact_time(event.occurred_at_utc, zone)}",
            className="gfo-muted",
        ),
        fault,
        html.P(neighbours),
        about,
        panel("Facts", facts(detail.facts), id="event-facts"),
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


def chain_panel(status: ChainStatus, zone: str) -> Component:
    """How the chain stands, on a clock in `zone`."""
    return panel("The chain", *chain_lines(status, zone), id="audit-chain-status")


def chain_lines(status: ChainStatus, zone: str) -> list[Component | None]:
    """How the chain stands, alarms first."""
    found = status.newest_check
    alarm = None
    if found is not None and found.first_bad_seq is not None:
        alarm = notice(
            f"The chain is broken at event {found.first_bad_seq}",
            f"{found.reason} Found {exact_time(found.checked_at_utc, zone)}.",
            kind="alarm",
        )
    elif status.anchor_problem is not None:
        alarm = notice("The anchor does not hold", status.anchor_problem, kind="alarm")
    return [
        alarm,
        html.P(f"{number(status.event_count)} events.", className="gfo-chain"),
        html.P(_anchor_words(status, zone), className="gfo-chain"),
        html.P(_check_words(status.whole_check, zone), className="gfo-chain"),
    ]


def _anchor_words(status: ChainStatus, zone: str) -> str:
    if status.anchored_seq is None or status.anchored_at_utc is None:
        return (
            "Not anchored outside the database yet: the worker does so every 15 minutes"
            " or 100 events."
        )
    later = status.event_count - status.anchored_seq
    return (
        f"Anchored outside the database up to event {number(status.anchored_seq)},"
        f" {exact_time(status.anchored_at_utc, zone)}; the {number(later)} later"
        " events follow with the next anchor."
    )


def _check_words(check: ChainCheckView | None, zone: str) -> str:
    if check is None:
        return "Not verified as a whole yet: the worker does so every day."
    word = "sound" if check.first_bad_seq is None else "broken"
    return (
        f"Last verified as a whole {exact_time(check.checked_at_utc, zone)}:"
        f" {number(check.event_count)} events, {word}."
    )
