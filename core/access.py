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
    MANAGE_DELIVERIES = "manage_deliveries"
    APPROVE_CHANGES = "approve_changes"
    KEEP_BACKUPS = "keep_backups"
    RUN_CYCLE = "run_cycle"
    KEEP_OWN_ACCOUNT = "keep_own_account"


_EVERYONE = frozenset({Permission.VIEW_FLEET, Permission.KEEP_OWN_ACCOUNT})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.AUDITOR: _EVERYONE | {Permission.VIEW_AUDIT_EVENTS},
    Role.OPERATOR: _EVERYONE | {Permission.DECIDE, Permission.HANDLE_ALARMS},
    Role.ADMIN: frozenset(Permission),
}


class Scope(StrEnum):
    """What an API token may be used for, at most."""

    READ = "read"
    DECIDE = "decide"
    TELEMETRY = "telemetry"
    MODELS = "models"
    AUDIT = "audit"
    ADMIN = "admin"
    APPROVE = "approve"


_READ = frozenset({Permission.VIEW_FLEET})

SCOPES: dict[Scope, frozenset[Permission]] = {
    Scope.READ: _READ,
    Scope.DECIDE: _READ | {Permission.DECIDE, Permission.HANDLE_ALARMS},
    Scope.TELEMETRY: frozenset({Permission.MANAGE_TELEMETRY}),
    Scope.MODELS: _READ | {Permission.MANAGE_MODELS},
    Scope.AUDIT: _READ | {Permission.VIEW_AUDIT_EVENTS},
    Scope.ADMIN: _READ
    | {
        Permission.MANAGE_REGIONS,
        Permission.MANAGE_POLICY,
        Permission.MANAGE_DELIVERIES,
        Permission.DISABLE_ALARMS,
        Permission.RUN_CYCLE,
    },
    Scope.APPROVE: frozenset({Permission.APPROVE_CHANGES}),
}
"""No scope grants accounts and tokens, or backups. Of what runs the cycle only health
and jobs have endpoints; what the worker does by itself has none."""

PERSONAL_SCOPES = frozenset({Scope.APPROVE})
"""Only people give them, and only to a token of their own: they stand for a person."""


def usable_scopes(role: Role) -> tuple[Scope, ...]:
    """Scopes of which the role allows something, beyond reading but for `read`."""
    return tuple(
        scope
        for scope in Scope
        if PERMISSIONS[role] & (SCOPES[scope] - _READ or SCOPES[scope])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a logged-in user, an API token, or the system user of a process.

    Attributes
    ----------
    token_id : int | None
        The API token that acts for the account.
    scopes : frozenset of Scope | None
        Of that token; None where the role alone limits the actor.
    """

    user_id: int
    name: str
    role: Role
    address: str | None = None
    session_sha256: str | None = None
    token_id: int | None = None
    scopes: frozenset[Scope] | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the role grants `permission`, and a scope of the token if any."""
        return permission in PERMISSIONS[self.role] and (
            self.scopes is None
            or any(permission in SCOPES[scope] for scope in self.scopes)
        )

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless this actor may."""
        if not self.may(permission):
            action = permission.value.replace("_", " ")
            by_role = permission not in PERMISSIONS[self.role]
            whose = f"Your role ({self.role})" if by_role else "The token's scopes"
            verb = "does" if by_role else "do"
            message = f"{whose} {verb} not allow this: {action}."
            raise Forbidden(message)
