"""Access: the code's table is that of the security design, cell by cell."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from core.access import PERMISSIONS, SCOPES, Actor, Permission, Role, Scope
from core.errors import FleetError, Forbidden, NotFound

ALLOWED: dict[Permission, set[Role]] = {
    # See fleet, forecasts, trade-offs, all decisions.
    Permission.VIEW_FLEET: {Role.AUDITOR, Role.OPERATOR, Role.ADMIN},
    # What-if, record or supersede a decision.
    Permission.DECIDE: {Role.OPERATOR, Role.ADMIN},
    # Acknowledge, shelve and comment on alarms; hand a shift over.
    Permission.HANDLE_ALARMS: {Role.OPERATOR, Role.ADMIN},
    # Take alarms out of service and put them back.
    Permission.DISABLE_ALARMS: {Role.ADMIN},
    # Audit events, replay, verify, export.
    Permission.VIEW_AUDIT_EVENTS: {Role.AUDITOR, Role.ADMIN},
    # Telemetry import, regions, models, users, tokens of others, policy.
    Permission.MANAGE_TELEMETRY: {Role.ADMIN},
    Permission.MANAGE_REGIONS: {Role.ADMIN},
    Permission.MANAGE_MODELS: {Role.ADMIN},
    Permission.MANAGE_USERS: {Role.ADMIN},
    Permission.MANAGE_POLICY: {Role.ADMIN},
    # Backups and restores, with their audit event.
    Permission.MANAGE_DELIVERIES: {Role.ADMIN},
    Permission.KEEP_BACKUPS: {Role.ADMIN},
    # Ask for, approve and refuse what needs two people.
    Permission.APPROVE_CHANGES: {Role.ADMIN},
    # What the worker does by itself, as a system user.
    Permission.RUN_CYCLE: {Role.ADMIN},
    # One's own logins and password.
    Permission.KEEP_OWN_ACCOUNT: {Role.AUDITOR, Role.OPERATOR, Role.ADMIN},
}


def actor(role: Role) -> Actor:
    """Somebody with a role."""
    return Actor(user_id=1, name="ada", role=role)


def test_every_permission_and_every_role_is_in_the_table() -> None:
    assert set(ALLOWED) == set(Permission)
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("permission", list(Permission))
@pytest.mark.parametrize("role", list(Role))
def test_role_may_exactly_what_the_table_says(
    role: Role, permission: Permission
) -> None:
    is_allowed = role in ALLOWED[permission]
    assert actor(role).may(permission) is is_allowed
    if is_allowed:
        actor(role).require(permission)
        return
    with pytest.raises(Forbidden):
        actor(role).require(permission)


def test_refusal_names_the_role_and_the_action() -> None:
    with pytest.raises(Forbidden) as caught:
        actor(Role.AUDITOR).require(Permission.MANAGE_USERS)
    assert caught.value.message == (
        "Your role (auditor) does not allow this: manage users."
    )


def test_actor_cannot_be_given_another_role() -> None:
    with pytest.raises(FrozenInstanceError):
        actor(Role.AUDITOR).role = Role.ADMIN  # type: ignore[misc]


def test_error_without_words_shows_the_sentence_of_its_class() -> None:
    assert NotFound().message == "The requested item does not exist."
    assert Forbidden("Not today.").message == "Not today."
    assert issubclass(Forbidden, FleetError)


WITHHELD = {
    # Accounts and tokens, or a token could make another that outlives it.
    Permission.MANAGE_USERS,
    Permission.KEEP_OWN_ACCOUNT,
    # What people do at the machine.
    Permission.KEEP_BACKUPS,
}


def test_scopes_grant_every_permission_but_those_withheld_from_tokens() -> None:
    assert set(SCOPES) == set(Scope)
    granted = frozenset[Permission]().union(*SCOPES.values())
    assert granted == set(Permission) - WITHHELD


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("role", list(Role))
def test_a_token_may_what_both_its_role_and_a_scope_allow(
    role: Role, scope: Scope
) -> None:
    token = replace(actor(role), token_id=1, scopes=frozenset({scope}))
    allowed = {permission for permission in Permission if token.may(permission)}
    assert allowed == PERMISSIONS[role] & SCOPES[scope]
    assert not any(
        replace(token, scopes=frozenset()).may(permission) for permission in Permission
    )


def test_the_refusal_of_a_token_names_what_keeps_it() -> None:
    token = replace(actor(Role.ADMIN), token_id=1, scopes=frozenset({Scope.READ}))
    with pytest.raises(Forbidden, match=r"^The token's scopes do not allow this: dec"):
        token.require(Permission.DECIDE)
    with pytest.raises(Forbidden, match=r"^Your role \(auditor\)"):
        replace(token, role=Role.AUDITOR).require(Permission.DECIDE)
