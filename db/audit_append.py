"""Adds events to the audit chain; only use cases do, as an import contract checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import ANONYMOUS, FORMAT_VERSION, AuditAction, canonical_json
from db.schema import AuditEventRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event before it has its place in the chain."""

    actor: Actor | None
    action: AuditAction
    object_type: str | None = None
    object_id: str | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    reason: str | None = None
    request_id: str | None = None


def append_events(session: Session, events: Sequence[NewEvent]) -> None:
    """Add events to the chain in this order, all with the same time.

    Call it last in a transaction: from here to the commit every other writer of events
    waits. What they describe and the events commit together or not at all.
    """
    if not events:
        return
    session.flush()
    now = session.execute(select(func.clock_timestamp())).scalar_one()
    session.execute(insert(AuditEventRow), [_columns(event, now) for event in events])


def append_event(
    session: Session,
    *,
    actor: Actor | None,
    action: AuditAction,
    object_type: str | None = None,
    object_id: str | None = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str | None = None,
    request_id: str | None = None,
) -> int:
    """Add one event as `append_events` does, and return its sequence."""
    session.flush()
    now = session.execute(select(func.clock_timestamp())).scalar_one()
    event = NewEvent(
        actor=actor,
        action=action,
        object_type=object_type,
        object_id=object_id,
        before=before,
        after=after,
        reason=reason,
        request_id=request_id,
    )
    statement = insert(AuditEventRow).values(**_columns(event, now))
    return session.execute(statement.returning(AuditEventRow.seq)).scalar_one()


def _columns(event: NewEvent, now: datetime) -> dict[str, object]:
    actor = event.actor
    columns = {
        "occurred_at_utc": now,
        "actor_id": actor.user_id if actor else None,
        "actor_name": actor.name if actor else ANONYMOUS,
        "action": event.action.value,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "request_id": event.request_id,
    }
    context = {
        "role": actor.role.value if actor else None,
        "session_sha256": actor.session_sha256 if actor else None,
        "address": actor.address if actor else None,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
    }
    return {
        "seq": 0,  # the trigger sets it, and the hashes
        "format_version": FORMAT_VERSION,
        "payload": canonical_json(columns | context),
        **columns,
    }
