"""Adds events to the audit chain; only use cases do, as an import contract checks."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import ANONYMOUS, FORMAT_VERSION, AuditAction, canonical_json
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
    waits. What it describes and the event itself commit together or not at all.
    """
    session.flush()
    columns = {
        "occurred_at_utc": session.scalar(select(func.clock_timestamp())),
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
        "token_id": actor.token_id if actor else None,
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
    return session.execute(statement.returning(AuditEventRow.seq)).scalar_one()
