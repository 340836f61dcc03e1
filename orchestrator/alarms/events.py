"""The audit events of alarms: complete in themselves, for whoever delivers them."""

from __future__ import annotations

from core.alarms import AlarmChange, AlarmState
from core.audit import AuditAction
from orchestrator.use_cases import Event

ACTIONS = {change: AuditAction(f"alarm_{change}") for change in AlarmChange}

_MOST_REGIONS = 50


def alarm_event(
    change: AlarmChange, alarm_id: int, state: AlarmState, reason: str | None = None
) -> Event:
    """What happened to an alarm, with all that it is about."""
    slugs = state.region_slugs
    definition = state.definition
    return Event(
        action=ACTIONS[change],
        object_type="alarm",
        object_id=alarm_id,
        after={
            "kind": state.kind.value,
            "title": definition.title,
            "priority": definition.priority.value,
            "cause": state.cause,
            "regions": list(slugs[:_MOST_REGIONS]),
            "n_regions": len(slugs),
            "text": state.text,
            "since_utc": state.since_utc,
            "raised_at_utc": state.raised_at_utc,
            "is_active": state.is_active,
            "is_acknowledged": state.is_acknowledged,
            "shelved_until_utc": state.shelved_until_utc,
            "n_explained": state.n_explained,
        },
        reason=reason,
    )
