"""The audit events of one account."""

from __future__ import annotations

from collections.abc import Mapping

from core.access import Actor
from core.audit import AuditAction
from orchestrator.use_cases import Event


def user_event(
    action: AuditAction,
    user_id: int,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    actor: Actor | None = None,
) -> Event:
    """What happened to an account; by `actor` where the request names another."""
    return Event(
        action=action,
        object_type="user",
        object_id=user_id,
        before=before,
        after=after,
        actor=actor,
    )
