"""Changes of accounts from the portal: each asks for the admin's own password again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission, Role
from core.errors import InvalidInput
from orchestrator.accounts import administration
from orchestrator.accounts.administration import NewPassword
from orchestrator.accounts.own_password import RefusedChange, confirm_password
from orchestrator.handled_requests import Old, answer_of, keep_answer


class AccountAction(StrEnum):
    """What an admin can do with an account in the portal."""

    ADD = "add"
    SET_ROLE = "set_role"
    RESET_PASSWORD = "reset_password"  # noqa: S105 -- an action, not a password
    END_LOGINS = "end_logins"
    DISABLE = "disable"
    ENABLE = "enable"


_WITH_ROLE = frozenset({AccountAction.ADD, AccountAction.SET_ROLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """One change as the portal asks for it.

    Attributes
    ----------
    role : Role or None
        The role of a new person, or the new role; other actions need none.
    own_password : str
        Of the admin who asks: an unattended page must not hand out accounts.
    request_id : UUID
        The same when a change is sent again, so that it is made once.
    """

    action: AccountAction
    name: str
    role: Role | None
    request_id: UUID
    own_password: str = field(repr=False)


def change_account(
    session: Session, actor: Actor, change: AccountChange, *, now: datetime
) -> NewPassword | RefusedChange | str:
    """Make the change; returns a one-time password, a refusal, or what was done.

    A one-time password is told once. Kept for a repeated request it would lie readable
    in the database until somebody uses it, and whoever reads that could log in; so the
    repetition says that it was done, and how to hand out another password.

    Raises
    ------
    RequestReused
        When the request id was used for something else.
    """
    actor.require(Permission.MANAGE_USERS)
    # Asked for every time: a repeated request must not pass without the password.
    refused = confirm_password(session, actor, change.own_password, now=now)
    if refused is not None:
        return refused
    request = Old(
        request_id=change.request_id,
        operation="change_account",
        body={
            "action": change.action.value,
            "name": change.name,
            "role": change.role if change.action in _WITH_ROLE else None,
        },
    )
    answer = answer_of(session, actor, request)
    if answer is not None:
        return answer
    outcome = _change(session, actor, change, now)
    kept = outcome if isinstance(outcome, str) else _told_once(outcome)
    keep_answer(session, actor, request, kept)
    return outcome


def _told_once(made: NewPassword) -> str:
    return (
        f"This was done already: {made.account.name} has a one-time password. It was"
        " shown once and is kept nowhere; if you did not see it, hand out a new one."
    )


def _change(
    session: Session, actor: Actor, change: AccountChange, now: datetime
) -> NewPassword | str:
    given: _Given = {
        "name": change.name,
        "now": now,
        "request_id": str(change.request_id),
    }
    match change.action:
        case AccountAction.ADD:
            return administration.add_user(session, actor, role=_role(change), **given)
        case AccountAction.RESET_PASSWORD:
            return administration.reset_password(session, actor, **given)
        case AccountAction.ENABLE:
            return administration.enable_user(session, actor, **given)
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
        changed = administration.change_role(session, actor, role=role, **given)
        return f"{changed.name} is {role} from the next login on."
    if change.action is AccountAction.DISABLE:
        disabled = administration.disable_user(session, actor, **given)
        return f"{disabled.name} is disabled and logged out everywhere."
    ended = administration.end_logins(session, actor, **given)
    return f"Logins of {change.name} that have ended: {ended}."


def _role(change: AccountChange) -> Role:
    if change.role is None:
        message = "Choose a role."
        raise InvalidInput(message)
    return change.role
