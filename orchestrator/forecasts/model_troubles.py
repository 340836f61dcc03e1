"""Models found unusable or usable again: noted at once, told to the audit at the end.

An event holds the head of the chain until the commit, and asking a model that hangs
takes seconds; nobody else's event should wait for that.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import AuditAction
from core.forecasts import Target
from db import audit, model_health
from orchestrator.logs import get_logger

log = get_logger(__name__)


class Troubles:
    """What one transaction found out about serving models."""

    def __init__(self) -> None:
        self._unavailable: dict[Target, str] = {}
        self._available: list[Target] = []

    def note_unavailable(self, session: Session, target: Target, reason: str) -> None:
        """The active model of a target cannot be used."""
        if model_health.set_unavailable(session, target=target, reason=reason):
            log.error("model_unavailable", target=target.value, reason=reason)
            self._unavailable[target] = reason

    def note_available(self, session: Session, target: Target) -> None:
        """It answers again."""
        if model_health.set_available(session, target):
            log.info("model_available_again", target=target.value)
            self._available.append(target)

    def record(self, session: Session, actor: Actor) -> None:
        """Write the events of what was news; last in the transaction."""
        for target, reason in self._unavailable.items():
            _append(session, actor, AuditAction.MODEL_UNAVAILABLE, target, reason)
        for target in self._available:
            _append(session, actor, AuditAction.MODEL_AVAILABLE, target, None)


def _append(
    session: Session,
    actor: Actor,
    action: AuditAction,
    target: Target,
    reason: str | None,
) -> None:
    audit.append_event(
        session,
        actor=actor,
        action=action,
        object_type="target",
        object_id=target.value,
        reason=reason,
    )
