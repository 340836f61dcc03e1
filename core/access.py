"""The permission table, checked by routes, callbacks and services."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.errors import Forbidden


class Role(StrEnum):
    """Roles of a logged-in user."""

    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route, a callback or a service may require."""

    VIEW_FLEET = "view_fleet"
    DECIDE = "decide"
    HANDLE_ALARMS = "handle_alarms"
    DISABLE_ALARMS = "disable_alarms"
    VIEW_AUDIT_EVENTS = "view_audit_events"
    MANAGE_TELEMETRY = "manage_telemetry"
    MANAGE_REGIONS = "manage_regions"
    MANAGE_MODELS = "manage_models"
    MANAGE_USERS = "manage_users"
    MANAGE_POLICY = "manage_policy"
    KEEP_BACKUPS = "keep_backups"
    RUN_CYCLE = "run_cycle"
    KEEP_OWN_ACCOUNT = "keep_own_account"


_EVERYONE = frozenset({Permission.VIEW_FLEET, Permission.KEEP_OWN_ACCOUNT})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.AUDITOR: _EVERYONE | {Permission.VIEW_AUDIT_EVENTS},
    Role.OPERATOR: _EVERYONE | {Permission.DECIDE, Permission.HANDLE_ALARMS},
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a logged-in user, or the system user that a process acts as."""

    user_id: int
    name: str
    role: Role
    address: str | None = None
    session_sha256: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether this actor's role grants `permission`."""
        return permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless this actor's role grants `permission`."""
        if not self.may(permission):
            action = permission.value.replace("_", " ")
            message = f"Your role ({self.role}) does not allow this: {action}."
            raise Forbidden(message)
