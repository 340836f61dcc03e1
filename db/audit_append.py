"""Adds events to the audit chain; only use cases do, as an import contract checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import ANONYMOUS, FORMAT_VERSION, AuditAction, canonical_json
from core.public_events import public_events_of
from db import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What an event says; see `core.audit`."""

    actor: Actor | None
    action: AuditAction
    object_type: str | None = None
    object_id: str | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    reason: str | None = None
    request_id: str | None = None


_INSERT_EVENTS = text(
    """
    insert into audit_event (seq, format_version, payload, occurred_at_utc, actor_id,
        actor_name, action, object_type, object_id, request_id)
    select 0, :format_version, payload, :occurred_at_utc, actor_id, actor_name, action,
        object_type, object_id, request_id
    from unnest(
        cast(:payload as text[]), cast(:actor_id as integer[]),
        cast(:actor_name as text[]), cast(:action as text[]),
        cast(:object_type as text[]), cast(:object_id as text[]),
        cast(:request_id as text[])
    ) with ordinality as event (payload, actor_id, actor_name, action, object_type,
        object_id, request_id, number)
    order by number
    returning seq
    """
)
"""The trigger sets the sequence and the hashes, row by row in this order."""


def append_events(session: Session, events: Sequence[NewEvent]) -> list[int]:
    """Add events to the chain, in order and in one statement; returns their sequences.

    Call it last in a transaction: from here to the commit every other writer of events
    waits. What they describe, the events, and the deliveries to those who subscribed
    to them commit together or not at all.
    """
    if not events:
        return []
    session.flush()
    occurred_at_utc, has_subscriptions = session.execute(
        select(func.clock_timestamp(), outbox.HAS_SUBSCRIPTIONS.scalar_subquery())
    ).one()
    rows = [_columns(event) for event in events]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["payload"] = [
        _payload(event, {"occurred_at_utc": occurred_at_utc, **row})
        for event, row in zip(events, rows, strict=True)
    ]
    given = {"format_version": FORMAT_VERSION, "occurred_at_utc": occurred_at_utc}
    seqs = list(session.scalars(_INSERT_EVENTS, {**given, **columns}))
    if has_subscriptions:
        outbox.write(
            session,
            [
                (seq, event.object_id, public)
                for seq, event in zip(seqs, events, strict=True)
                for public in public_events_of(
                    event.action.value,
                    object_type=event.object_type,
                    object_id=event.object_id,
                    after=event.after,
                )
            ],
        )
    return seqs


def append_event(
    session: Session,
    *,
    actor: Actor | None,
    action: AuditAction,
    object_type: str | None = None,
    object_id: str | None = None,
    after: Mapping[str, object] | None = None,
    reason: str | None = None,
    request_id: str | None = None,
) -> int:
    """Add one event to the chain and return its sequence; see `append_events`."""
    event = NewEvent(
        actor=actor,
        action=action,
        object_type=object_type,
        object_id=object_id,
        after=after,
        reason=reason,
        request_id=request_id,
    )
    return append_events(session, [event])[0]


def _columns(event: NewEvent) -> dict[str, object]:
    actor = event.actor
    return {
        "actor_id": actor.user_id if actor else None,
        "actor_name": actor.name if actor else ANONYMOUS,
        "action": event.action.value,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "request_id": event.request_id,
    }


def _payload(event: NewEvent, columns: Mapping[str, object]) -> str:
    actor = event.actor
    context = {
        "role": actor.role.value if actor else None,
        "session_sha256": actor.session_sha256 if actor else None,
        "token_id": actor.token_id if actor else None,
        "address": actor.address if actor else None,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
    }
    return canonical_json({**columns, **context})
