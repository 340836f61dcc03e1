"""What priorities, states and changes of alarms are called, and their shapes."""

from __future__ import annotations

from collections.abc import Mapping

from core.alarm_kinds import DEFINITIONS, AlarmPriority
from core.alarms import AlarmChange

PRIORITY_SHAPES: Mapping[AlarmPriority, str] = {
    AlarmPriority.HIGH: "▲",
    AlarmPriority.MEDIUM: "◆",
    AlarmPriority.LOW: "●",
}

STATE_FILTERS: Mapping[str, str] = {
    "open": "Open",
    "active": "Active",
    "unacknowledged": "To acknowledge",
    "shelved": "Shelved or out of service",
    "consequences": "Consequences of others",
    "cleared": "Cleared",
    "all": "All",
}
"""The first is the usual one."""

KIND_WORDS: Mapping[str, str] = {
    kind.value: definition.title for kind, definition in DEFINITIONS.items()
}

CHANGE_WORDS: Mapping[AlarmChange, str] = {
    AlarmChange.RAISED: "raised",
    AlarmChange.CLEARED: "cleared",
    AlarmChange.ACKNOWLEDGED: "acknowledged",
    AlarmChange.SHELVED: "shelved",
    AlarmChange.UNSHELVED: "no longer shelved",
    AlarmChange.OUT_OF_SERVICE: "taken out of service",
    AlarmChange.BACK_IN_SERVICE: "put back in service",
    AlarmChange.COMMENTED: "commented",
}

_CSS = {
    AlarmPriority.HIGH: "gfo-status gfo-status-alarm",
    AlarmPriority.MEDIUM: "gfo-status gfo-status-warn",
    AlarmPriority.LOW: "gfo-status",
}


def priority_css(priority: AlarmPriority) -> str:
    """The classes of a priority's badge."""
    return _CSS[priority]
