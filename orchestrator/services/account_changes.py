"""Changes of accounts from the portal: each asks for the admin's own password again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from sqlalchemy.orm import Session

from core.access import Actor, Permission, Role
from core.errors import InvalidInput
from orchestrator.services import accounts
from orchestrator.services.accounts import NewPassword
from orchestrator.services.own_password import RefusedChange, confirm_password


class AccountAction(StrEnum):
    """What an admin can do with an account in the portal."""

    ADD = "add"
    SET_ROLE = "set_role"
    RESET_PASSWORD = "reset_password"  # noqa: S105 -- an action, not a password
    END_LOGINS = "end_logins"
    DISABLE = "disable"
    ENABLE = "enable"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """One change as the portal asks for it.

    Attributes
    ----------
    role : Role or None
        The role of a new person, or the new role; other actions need none.
    own_password : str
        Of the admin who asks: an unattended page must not hand out accounts.
    request_id : str
        The same when a click is repeated, so that it counts once.
    """

    action: AccountAction
    name: str
    role: Role | None
    request_id: str
    own_password: str = field(repr=False)


def change_account(
    session: Session, actor: Actor, change: AccountChange, *, now: datetime
) -> NewPassword | RefusedChange | str:
    """Make the change; returns a one-time password, a refusal, or what was done.

    Raises
    ------
    AlreadyDone
        When this request was carried out before.
    """
    actor.require(Permission.MANAGE_USERS)
    refused = confirm_password(session, actor, change.own_password, now=now)
    if refused is not None:
        return refused
    given: _Given = {"name": change.name, "now": now, "request_id": change.request_id}
    match change.action:
        case AccountAction.ADD:
            return accounts.add_user(session, actor, role=_role(change), **given)
        case AccountAction.RESET_PASSWORD:
            return accounts.reset_password(session, actor, **given)
        case AccountAction.ENABLE:
            return accounts.enable_user(session, actor, **given)
        case _:
            return _change_quietly(session, actor, change, given)


class _Given(TypedDict):
    """What every service of `accounts` takes."""

    name: str
    now: datetime
    request_id: str


def _change_quietly(
    session: Session, actor: Actor, change: AccountChange, given: _Given
) -> str:
    """The changes that hand out no password; returns what was done."""
    if change.action is AccountAction.SET_ROLE:
        role = _role(change)
        changed = accounts.change_role(session, actor, role=role, **given)
        return f"{changed.name} is {role} from the next login on."
    if change.action is AccountAction.DISABLE:
        disabled = accounts.disable_user(session, actor, **given)
        return f"{disabled.name} is disabled and logged out everywhere."
    ended = accounts.end_logins(session, actor, **given)
    return f"Logins of {change.name} that have ended: {ended}."


def _role(change: AccountChange) -> Role:
    if change.role is None:
        message = "Choose a role."
        raise InvalidInput(message)
    return change.role
