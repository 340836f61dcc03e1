"""The audit chain, for those who may see it: its events and how it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import FORMAT_VERSION, AuditAction, AuditEvent, event_hash
from core.errors import InvalidInput, NotFound
from db import audit, chain_checks, users
from db.audit import EventFilter
from db.chain_checks import ChainCheck
from orchestrator.audit import anchor_files
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.views import (
    AuditEventDetail,
    AuditEventPage,
    AuditEventView,
    ChainCheckView,
    ChainStatus,
)
from orchestrator.decisions.views import NamedValue
from orchestrator.handled_requests import Old, answer_of, keep_answer
from orchestrator.jobs import queue_chain_check

__all__ = ["EventFilter"]

MAXIMUM_PAGE = 200
SUMMARY_CHARS = 160
_FACTS = (
    "occurred_at_utc", "actor_name", "role", "address", "session_sha256", "action",
    "object_type", "object_id", "reason", "request_id",
)  # fmt: skip
_NOT_IN_SUMMARY = ("sha256", "code_version", "_id")


def list_audit_events(
    session: Session,
    actor: Actor,
    chosen: EventFilter | None = None,
    *,
    from_seq: int | None = None,
    oldest_first: bool = False,
    limit: int = 50,
) -> AuditEventPage:
    """One page of events; `from_seq` is where the page before ended."""
    actor.require(Permission.VIEW_AUDIT_EVENTS)
    if not 1 <= limit <= MAXIMUM_PAGE:
        message = f"A page has 1 to {MAXIMUM_PAGE} rows."
        raise InvalidInput(message)
    found = audit.list_events(
        session,
        chosen=chosen,
        before_seq=None if oldest_first else from_seq,
        after_seq=from_seq if oldest_first else None,
        oldest_first=oldest_first,
        limit=limit + 1,
    )
    rows = tuple(_view(event) for event in found[:limit])
    return AuditEventPage(
        rows=rows,
        next_seq=rows[-1].seq if len(found) > limit else None,
        actors=(*(user.name for user in users.list_users(session)), audit.ANONYMOUS),
    )


def event_detail(session: Session, actor: Actor, seq: int) -> AuditEventDetail:
    """One event with all that it says.

    Raises
    ------
    Forbidden, NotFound
        Without the right to see events; when there is no such event.
    """
    actor.require(Permission.VIEW_AUDIT_EVENTS)
    event = audit.event_by_seq(session, seq)
    if event is None:
        message = f"There is no audit event {seq}."
        raise NotFound(message)
    before = audit.event_by_seq(session, seq - 1)
    continues = before is None or before.hash == event.previous_hash
    expected = event_hash(FORMAT_VERSION, event.previous_hash, seq, event.payload)
    return AuditEventDetail(
        event=_view(event),
        facts=tuple(_facts(json.loads(event.payload))),
        payload=event.payload,
        previous_hash_hex=event.previous_hash.hex(),
        hash_is_right=continues and expected == event.hash,
    )


def chain_status(session: Session, actor: Actor, places: AnchorPlaces) -> ChainStatus:
    """How long the chain is, how far it is anchored, and what checks have found.

    Walks nothing: the worker checks the chain, every day and when asked.
    """
    actor.require(Permission.VIEW_AUDIT_EVENTS)
    head = audit.chain_head(session)
    anchor, problem = None, None
    try:
        if places.anchor_file.exists():
            key = anchor_files.load_key(places.key_file)
            anchor = anchor_files.last_anchor(places.anchor_file, [key.public_hex])
    except InvalidInput as exc:
        problem = exc.message
    if anchor is not None:
        event = audit.event_by_seq(session, anchor.seq)
        if event is None or event.hash != anchor.head:
            problem = f"Event {anchor.seq} is not the one that was anchored."
    return ChainStatus(
        event_count=head.position.seq,
        anchored_seq=anchor.seq if anchor else None,
        anchored_at_utc=datetime.fromisoformat(anchor.time_text) if anchor else None,
        anchor_problem=problem,
        whole_check=_check(chain_checks.newest_check(session, scope="whole")),
        newest_check=_check(chain_checks.newest_check(session)),
    )


def ask_for_check(
    session: Session, actor: Actor, *, request_id: UUID | None = None
) -> None:
    """Ask the worker to verify the whole chain.

    Raises
    ------
    Forbidden, RequestReused
        Without the right to see events; when the request id was used for something
        else.
    """
    actor.require(Permission.VIEW_AUDIT_EVENTS)
    request = Old(request_id=request_id, operation="check_chain", body={})
    if answer_of(session, actor, request) is not None:
        return
    queue_chain_check(session)
    keep_answer(session, actor, request, "asked")
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.CHAIN_CHECK_ASKED,
        object_type="audit_event",
        request_id=request.id_text,
    )


def _check(check: ChainCheck | None) -> ChainCheckView | None:
    if check is None:
        return None
    return ChainCheckView(
        checked_at_utc=check.checked_at_utc,
        scope=check.found.scope,
        event_count=check.found.event_count,
        first_bad_seq=check.found.first_bad_seq,
        reason=check.found.reason,
    )


def _view(event: AuditEvent) -> AuditEventView:
    about = event.object_id if event.object_type == "decision" else None
    return AuditEventView(
        seq=event.seq,
        occurred_at_utc=event.occurred_at_utc,
        actor_name=event.actor_name,
        action=event.action,
        object_label=" ".join(filter(None, (event.object_type, event.object_id))),
        decision_id=int(about) if about and about.isdigit() else None,
        summary=_summary(event.payload),
        hash_hex=event.hash_hex,
    )


def _facts(payload: Mapping[str, object]) -> list[NamedValue]:
    """Everything an event says, one line a fact, in the order of reading."""
    facts = [
        NamedValue(label=name, value=str(payload[name]))
        for name in _FACTS
        if payload.get(name) is not None
    ]
    for moment in ("before", "after"):
        content = payload.get(moment)
        if isinstance(content, Mapping):
            facts += [
                NamedValue(label=f"{moment}: {name}", value=_said(value))
                for name, value in content.items()
            ]
    return facts


def _said(value: object) -> str:
    """A value of a payload as a person writes it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _summary(payload: str) -> str:
    """The first facts of an event in one line; the payload itself is never changed."""
    content = json.loads(payload)
    facts = {**(content.get("before") or {}), **(content.get("after") or {})}
    reason = content.get("reason")
    parts = [str(reason)] if reason else []
    parts += [
        f"{name} {value}"
        for name, value in facts.items()
        if value is not None and not name.endswith(_NOT_IN_SUMMARY)
    ]
    line = ", ".join(parts)
    return line if len(line) <= SUMMARY_CHARS else line[: SUMMARY_CHARS - 1] + "…"
