"""Adds events to the audit chain; only use cases do, as an import contract checks."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import ANONYMOUS, FORMAT_VERSION, AuditAction, canonical_json
from core.public_events import public_events_of
from db import outbox
from db.schema import AuditEventRow


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
    """Add an event to the chain and return its sequence.

    Call it last in a transaction: from here to the commit every other writer of events
    waits. What it describes, the event itself, and the deliveries to those who
    subscribed to it commit together or not at all.
    """
    session.flush()
    occurred_at_utc, has_subscriptions = session.execute(
        select(func.clock_timestamp(), outbox.HAS_SUBSCRIPTIONS.scalar_subquery())
    ).one()
    columns = {
        "occurred_at_utc": occurred_at_utc,
        "actor_id": actor.user_id if actor else None,
        "actor_name": actor.name if actor else ANONYMOUS,
        "action": action.value,
        "object_type": object_type,
        "object_id": object_id,
        "request_id": request_id,
    }
    context = {
        "role": actor.role.value if actor else None,
        "session_sha256": actor.session_sha256 if actor else None,
        "address": actor.address if actor else None,
        "before": before,
        "after": after,
        "reason": reason,
    }
    statement = insert(AuditEventRow).values(
        seq=0,  # the trigger sets it, and the hashes
        format_version=FORMAT_VERSION,
        payload=canonical_json(columns | context),
        **columns,
    )
    seq = session.execute(statement.returning(AuditEventRow.seq)).scalar_one()
    if has_subscriptions:
        public = public_events_of(
            action.value, object_type=object_type, object_id=object_id, after=after
        )
        if public:
            outbox.write(session, seq, object_id, public)
    return seq
