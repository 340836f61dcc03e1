"""The audit chain, for those who may see it."""

from __future__ import annotations

import json

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditEvent
from core.errors import InvalidInput
from db import audit
from orchestrator.views import AuditEventPage, AuditEventView

MAXIMUM_PAGE = 200
SUMMARY_CHARS = 160
_NOT_IN_SUMMARY = ("sha256", "code_version")


def list_audit_events(
    session: Session, actor: Actor, *, before_seq: int | None = None, limit: int = 50
) -> AuditEventPage:
    """One page of events, newest first."""
    actor.require(Permission.VIEW_AUDIT_EVENTS)
    if not 1 <= limit <= MAXIMUM_PAGE:
        message = f"A page has 1 to {MAXIMUM_PAGE} rows."
        raise InvalidInput(message)
    found = audit.list_events(session, before_seq=before_seq, limit=limit + 1)
    rows = tuple(_view(event) for event in found[:limit])
    return AuditEventPage(
        rows=rows, next_before_seq=rows[-1].seq if len(found) > limit else None
    )


def _view(event: AuditEvent) -> AuditEventView:
    return AuditEventView(
        seq=event.seq,
        occurred_at_utc=event.occurred_at_utc,
        actor_name=event.actor_name,
        action=event.action,
        object_label=" ".join(filter(None, (event.object_type, event.object_id))),
        summary=_summary(event.payload),
        hash_hex=event.hash_hex,
    )


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
