"""What fills the Audit pages: decisions, events, and one decision's whole story."""

from __future__ import annotations

from collections.abc import Mapping

from dash import html
from dash.development.base_component import Component

from orchestrator.views import (
    AuditEventPage,
    AuditEventView,
    DecisionDetail,
    DecisionPage,
    DecisionSummary,
    NamedValue,
)
from pages import addresses
from pages.components import (
    Child,
    data_table,
    disclosure,
    facts,
    link,
    notice,
    outcome_badge,
    panel,
    risk_mark,
    simulation_tag,
    tag,
)
from pages.verdicts import impact_table, verdict_card
from pages.words import (
    KIND_WORDS,
    day_name,
    local_time,
    route,
    share,
    typeset,
    utc_time,
)

_HASH_CHARS = 12


def decisions_table(
    page: DecisionPage, filters: Mapping[str, str | None]
) -> list[Component | None]:
    """One page of decisions, newest first, and the way to the older ones."""
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
            "Decisions, newest first",
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
        _pager(addresses.AUDIT, filters, page.next_before_id),
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


def events_table(page: AuditEventPage) -> list[Component | None]:
    """One page of events, newest first, and the way to the older ones."""
    if not page.rows:
        return [notice("No events.", "There is nothing older than this.")]
    return [
        data_table(
            "Audit events, newest first",
            ("No.", "Time (UTC)", "Who", "What", "Object", "Facts", "Hash"),
            [_event_cells(row) for row in page.rows],
            numeric_from=99,
            cards=True,
            id="audit-events-table",
        ),
        _pager(addresses.AUDIT_EVENTS, {}, page.next_before_seq),
    ]


def _event_cells(row: AuditEventView) -> list[Child]:
    return [
        str(row.seq),
        utc_time(row.occurred_at_utc),
        row.actor_name,
        row.action,
        row.object_label,
        html.Span(row.summary, className="gfo-why"),
        html.Code(row.hash_hex[:_HASH_CHARS], title=row.hash_hex),
    ]


def _pager(
    path: str, filters: Mapping[str, str | None], before: int | None
) -> Component:
    newest = link("Newest", addresses.with_query(path, dict(filters)))
    if before is None:
        return html.P([newest, " · the oldest is on this page"], className="gfo-pager")
    older = addresses.with_query(path, {**filters, "before": str(before)})
    return html.P([newest, " · ", link("Older", older)], className="gfo-pager")


def decision_page(detail: DecisionDetail) -> list[Component | None]:
    """The whole story of a decision, as it was stored."""
    card = detail.card
    kind = KIND_WORDS.get(card.kind, card.kind)
    return [
        html.H1(f"Decision {card.decision_id}"),
        html.P(
            f"{kind}, kept as it was taken; nothing here is computed again.",
            className="gfo-muted",
        ),
        html.Div(
            [
                panel(
                    "Verdict", verdict_card(card), _comment(detail), id="decision-card"
                ),
                panel("What it rests on", facts(_facts(detail)), id="decision-facts"),
            ],
            className="gfo-columns gfo-columns-2",
        ),
        panel("Impact", impact_table(card), id="decision-impact"),
        panel(
            "Inputs",
            disclosure(
                "The stored inputs, exactly",
                html.Pre(detail.inputs_text, className="gfo-pre", tabIndex="0"),
            ),
            facts([NamedValue(label="SHA-256 of inputs", value=detail.inputs_sha256)]),
            id="decision-inputs",
        ),
    ]


def _comment(detail: DecisionDetail) -> Component | None:
    if not detail.comment:
        return None
    return html.Blockquote(detail.comment, className="gfo-comment")


def _facts(detail: DecisionDetail) -> list[NamedValue]:
    card = detail.card
    zone = card.source.time_zone
    window = (
        f"{local_time(card.window_start_utc, zone)} to"
        f" {local_time(card.window_end_utc, zone)}"
    )
    audited = (
        [
            NamedValue(label="Audit event", value=str(detail.audit_seq)),
            NamedValue(label="Audit hash", value=detail.audit_hash or ""),
        ]
        if detail.audit_seq is not None
        else []
    )
    return [NamedValue(label="Window", value=window), *detail.facts, *audited]
