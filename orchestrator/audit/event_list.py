"""Events of the audit chain: lists, one event, CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import ANONYMOUS, FORMAT_VERSION, AuditAction, AuditEvent, event_hash
from core.errors import InvalidInput, NotFound
from core.event_words import changed_facts, fact_words
from db import audit, users
from db.audit import EventFilter
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.chain_status import chain_status
from orchestrator.audit.views import (
    AuditEventDetail,
    AuditEventPage,
    AuditEventView,
    DecisionProof,
)
from orchestrator.decisions.views import NamedValue
from orchestrator.list_exports import CsvExport, export_list, neutral
from orchestrator.use_cases import Done, Request, change, query

__all__ = ["EventFilter"]

MAXIMUM_PAGE = 200
MAXIMUM_CSV_ROWS = 10_000
SUMMARY_CHARS = 160
_FACTS = (
    "occurred_at_utc", "actor_name", "role", "address", "session_sha256", "token_id",
    "action", "object_type", "object_id", "reason", "request_id",
)  # fmt: skip
_FIRST = ("title", "outcome", "source", "target", "shift_pct", "reason_code", "region")
_NOT_IN_SUMMARY = ("sha256", "code_version", "_id")
_CSV_COLUMNS = (
    "seq", "occurred_at_utc", "actor", "action", "object_type", "object_id",
    "request_id", "hash", "payload",
)  # fmt: skip
_CSV_PAGE = 500


@query(Permission.VIEW_AUDIT_EVENTS)
def list_audit_events(
    request: Request,
    chosen: EventFilter | None = None,
    *,
    from_seq: int | None = None,
    oldest_first: bool = False,
    limit: int = 50,
) -> AuditEventPage:
    """One page of events; `from_seq` is where the page before ended."""
    if not 1 <= limit <= MAXIMUM_PAGE:
        message = f"A page has 1 to {MAXIMUM_PAGE} rows."
        raise InvalidInput(message)
    found = audit.list_events(
        request.session,
        chosen=chosen,
        before_seq=None if oldest_first else from_seq,
        after_seq=from_seq if oldest_first else None,
        oldest_first=oldest_first,
        limit=limit + 1,
    )
    rows = tuple(_view(event) for event in found[:limit])
    people = users.list_users(request.session)
    return AuditEventPage(
        rows=rows,
        next_seq=rows[-1].seq if len(found) > limit else None,
        actors=(*(user.name for user in people), ANONYMOUS),
    )


@query(Permission.VIEW_AUDIT_EVENTS)
def event_detail(request: Request, seq: int) -> AuditEventDetail:
    """One event with all its facts.

    Raises
    ------
    NotFound
        When there is no such event.
    """
    event = audit.event_by_seq(request.session, seq)
    if event is None:
        message = f"There is no audit event {seq}."
        raise NotFound(message)
    before = audit.event_by_seq(request.session, seq - 1)
    continues = before is None or before.hash == event.previous_hash
    expected = event_hash(FORMAT_VERSION, event.previous_hash, seq, event.payload)
    return AuditEventDetail(
        event=_view(event),
        facts=tuple(_facts(json.loads(event.payload))),
        payload=event.payload,
        previous_hash_hex=event.previous_hash.hex(),
        hash_is_right=continues and expected == event.hash,
    )


@query(Permission.VIEW_AUDIT_EVENTS)
def decision_proof(
    request: Request, decision_id: int, places: AnchorPlaces
) -> DecisionProof:
    """The events of a decision with their place in the chain, and how that stands."""
    found = audit.list_events(
        request.session,
        chosen=EventFilter(object_type="decision", object_id=str(decision_id)),
        oldest_first=True,
        limit=MAXIMUM_PAGE,
    )
    return DecisionProof(
        events=tuple(event_detail(request, event.seq) for event in found),
        status=chain_status(request, places),
    )


@change(Permission.VIEW_AUDIT_EVENTS, AuditAction.AUDIT_EXPORTED, repeat=None)
def events_csv(
    request: Request, chosen: EventFilter, *, oldest_first: bool = False
) -> Done[CsvExport]:
    """The list as CSV, from its first row on; `chain_export` adds the proof."""
    return export_list(
        _CSV_COLUMNS,
        _csv_rows(request.session, chosen, oldest_first=oldest_first),
        most_rows=MAXIMUM_CSV_ROWS,
        object_type="event_list",
        chosen=chosen,
        order="oldest" if oldest_first else "newest",
    )


def _csv_rows(
    session: Session, chosen: EventFilter, *, oldest_first: bool
) -> Iterator[list[object]]:
    last_seq: int | None = None
    while True:
        found = audit.list_events(
            session,
            chosen=chosen,
            before_seq=None if oldest_first else last_seq,
            after_seq=last_seq if oldest_first else None,
            oldest_first=oldest_first,
            limit=_CSV_PAGE,
        )
        yield from map(_csv_row, found)
        if len(found) < _CSV_PAGE:
            return
        last_seq = found[-1].seq


def _csv_row(event: AuditEvent) -> list[object]:
    texts = (
        event.actor_name,
        event.action,
        event.object_type,
        event.object_id,
        event.request_id,
        event.hash_hex,
        event.payload,
    )
    return [event.seq, event.occurred_at_utc.isoformat(), *map(neutral, texts)]


def _view(event: AuditEvent) -> AuditEventView:
    about = event.object_id if event.object_type == "decision" else None
    return AuditEventView(
        seq=event.seq,
        occurred_at_utc=event.occurred_at_utc,
        actor_name=event.actor_name,
        action=event.action,
        object_label=" ".join(
            filter(None, ((event.object_type or "").replace("_", " "), event.object_id))
        ),
        decision_id=int(about) if about and about.isdigit() else None,
        summary=_summary(event.payload),
        hash_hex=event.hash_hex,
    )


def _facts(payload: Mapping[str, object]) -> list[NamedValue]:
    """The facts of an event, one a line, in reading order."""
    facts = [
        NamedValue(label=label.capitalize(), value=value)
        for name in _FACTS
        if payload.get(name) is not None
        for label, value in [fact_words(name, payload[name])]
    ]
    for moment in ("before", "after"):
        content = payload.get(moment)
        if isinstance(content, Mapping):
            facts += [
                NamedValue(label=f"{moment.capitalize()}: {label}", value=text)
                for label, text in (fact_words(*item) for item in content.items())
            ]
    return facts


def _says_more(fact: tuple[str, object]) -> int:
    """The place of a fact in a line: what was decided where comes first."""
    return _FIRST.index(fact[0]) if fact[0] in _FIRST else len(_FIRST)


def _summary(payload: str) -> str:
    """The first facts of an event in one line; the payload itself is never changed."""
    content = json.loads(payload)
    before, after = (
        {
            name: value
            for name, value in sorted(
                (content.get(moment) or {}).items(), key=_says_more
            )
            if not name.endswith(_NOT_IN_SUMMARY)
        }
        for moment in ("before", "after")
    )
    reason = content.get("reason")
    words = [f"{label} {value}" for label, value in changed_facts(before, after)]
    line = " · ".join(filter(None, [reason, ", ".join(words)]))
    return line if len(line) <= SUMMARY_CHARS else line[: SUMMARY_CHARS - 1] + "…"
