"""Accounts: who exists, with which role; what admins do about others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Actor, Permission, Role
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput, NotFound
from db import sessions, users
from db.audit import append_event
from db.sessions import EndReason
from db.users import User
from orchestrator.accounts.logins import IDLE_LIMIT
from orchestrator.accounts.passwords import (
    hash_password,
    one_time_password,
    require_strong,
)
from orchestrator.logs import get_logger

log = get_logger(__name__)

NAME_LENGTH = 80
ONE_TIME_LIFE = timedelta(hours=72)
"""How long a one-time password that an admin handed out can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account as lists show it."""

    user_id: int
    name: str
    role: Role
    is_system: bool
    is_active: bool
    must_change_password: bool
    created_at_utc: datetime
    live_login_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """A one-time password for the person to be told; it is stored nowhere."""

    account: AccountView
    until_utc: datetime
    password: str = field(repr=False)


def ensure_first_admin(session: Session, name: str, password: str | None) -> str | None:
    """Make the first person, an admin, on an installation that has none.

    Returns the one-time password to be shown once, which must be changed at the first
    login; None when the operator set the password or people exist already.

    Raises
    ------
    InvalidInput
        When the operator's password is too weak.
    """
    if users.has_people(session):
        return None
    name = _valid_name(name)
    if password is not None:
        try:
            require_strong(password, known_words=[name])
        except InvalidInput as exc:
            message = f"GFO_ADMIN_PASSWORD cannot be used. {exc}"
            raise InvalidInput(message) from exc
    chosen = password if password is not None else one_time_password()
    user = users.insert_user(
        session,
        name=name,
        role=Role.ADMIN,
        password_hash=hash_password(chosen),
        must_change_password=password is None,
    )
    _record(session, None, AuditAction.USER_ADDED, user, after=_facts(user))
    return chosen if password is None else None


def add_user(
    session: Session,
    actor: Actor,
    *,
    name: str,
    role: Role,
    now: datetime,
    request_id: str | None = None,
) -> NewPassword:
    """Make an account with a one-time password that must be changed."""
    actor.require(Permission.MANAGE_USERS)
    password, until_utc = one_time_password(), now + ONE_TIME_LIFE
    user = users.insert_user(
        session,
        name=_valid_name(name),
        role=role,
        password_hash=hash_password(password),
        must_change_password=True,
        one_time_until_utc=until_utc,
    )
    _record(
        session,
        actor,
        AuditAction.USER_ADDED,
        user,
        after=_facts(user),
        request_id=request_id,
    )
    return NewPassword(account=_view(user), until_utc=until_utc, password=password)


def list_accounts(
    session: Session, actor: Actor, *, now: datetime
) -> list[AccountView]:
    """Every account, in the order of names."""
    actor.require(Permission.MANAGE_USERS)
    live = sessions.count_live_sessions(
        session, now_utc=now, seen_since_utc=now - IDLE_LIMIT
    )
    return [
        replace(_view(user), live_login_count=live.get(user.user_id, 0))
        for user in users.list_users(session)
    ]


def disable_user(
    session: Session,
    actor: Actor,
    name: str,
    *,
    now: datetime,
    request_id: str | None = None,
) -> AccountView:
    """Refuse further logins of this person and end those that run."""
    actor.require(Permission.MANAGE_USERS)
    admin_ids = users.lock_active_admins(session)
    user = _person(session, name)
    _keep_one_admin(user, admin_ids)
    users.set_active(session, user.user_id, is_active=False)
    ended = sessions.end_sessions_of_user(
        session, user.user_id, now_utc=now, reason=EndReason.DISABLED
    )
    changed = _required(session, user.user_id)
    _record(
        session,
        actor,
        AuditAction.USER_DISABLED,
        changed,
        before=_facts(user),
        after={**_facts(changed), "ended_sessions": ended},
        request_id=request_id,
    )
    return _view(changed)


def change_role(
    session: Session,
    actor: Actor,
    name: str,
    role: Role,
    *,
    now: datetime,
    request_id: str | None = None,
) -> AccountView:
    """Give this person another role; they log in again to use it."""
    actor.require(Permission.MANAGE_USERS)
    admin_ids = users.lock_active_admins(session)
    user = _person(session, name)
    if role is not Role.ADMIN:
        _keep_one_admin(user, admin_ids)
    users.set_role(session, user.user_id, role)
    sessions.end_sessions_of_user(
        session, user.user_id, now_utc=now, reason=EndReason.ROLE_CHANGED
    )
    changed = _required(session, user.user_id)
    _record(
        session,
        actor,
        AuditAction.USER_ROLE_CHANGED,
        changed,
        before=_facts(user),
        after=_facts(changed),
        request_id=request_id,
    )
    return _view(changed)


def reset_password(
    session: Session,
    actor: Actor,
    name: str,
    *,
    now: datetime,
    request_id: str | None = None,
) -> NewPassword:
    """Give this person a new one-time password and end their logins."""
    actor.require(Permission.MANAGE_USERS)
    user = _person(session, name)
    if user.user_id == actor.user_id:
        message = "Change your own password on the page of your account."
        raise Conflict(message)
    made = _hand_out_password(session, user, now)
    sessions.end_sessions_of_user(
        session, user.user_id, now_utc=now, reason=EndReason.PASSWORD_CHANGED
    )
    _record(session, actor, AuditAction.PASSWORD_RESET, user, request_id=request_id)
    return made


def enable_user(
    session: Session,
    actor: Actor,
    name: str,
    *,
    now: datetime,
    request_id: str | None = None,
) -> NewPassword:
    """Let a disabled person in again, with a new one-time password."""
    actor.require(Permission.MANAGE_USERS)
    user = _person(session, name)
    if user.is_active:
        message = f"{user.name} is not disabled."
        raise Conflict(message)
    users.set_active(session, user.user_id, is_active=True)
    made = _hand_out_password(session, user, now)
    changed = _required(session, user.user_id)
    _record(
        session,
        actor,
        AuditAction.USER_ENABLED,
        changed,
        before=_facts(user),
        after=_facts(changed),
        request_id=request_id,
    )
    return made


def end_logins(
    session: Session,
    actor: Actor,
    name: str,
    *,
    now: datetime,
    request_id: str | None = None,
) -> int:
    """End every login of this person; returns how many there were."""
    actor.require(Permission.MANAGE_USERS)
    user = _person(session, name)
    ended = sessions.end_sessions_of_user(
        session, user.user_id, now_utc=now, reason=EndReason.ENDED_BY_ADMIN
    )
    _record(
        session,
        actor,
        AuditAction.SESSION_ENDED,
        user,
        after={"ended_sessions": ended},
        request_id=request_id,
    )
    return ended


def record_denial(
    session: Session, actor: Actor, *, wanted: str, request_id: str | None
) -> None:
    """Keep in the audit that this person asked for what their role does not allow."""
    append_event(
        session,
        actor=actor,
        action=AuditAction.ACCESS_DENIED,
        object_type="route",
        object_id=wanted,
        request_id=request_id,
    )


def _valid_name(name: str) -> str:
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= NAME_LENGTH or not trimmed.isprintable():
        message = f"A user name has 1 to {NAME_LENGTH} printable characters."
        raise InvalidInput(message)
    return trimmed


def _person(session: Session, name: str) -> User:
    user = users.find_user_by_name(session, name.strip(), lock=True)
    if user is None or user.is_system:
        message = f"There is no user called {name.strip()}."
        raise NotFound(message)
    return user


def _required(session: Session, user_id: int) -> User:
    user = users.find_user(session, user_id)
    if user is None:
        raise NotFound
    return user


def _keep_one_admin(user: User, admin_ids: list[int]) -> None:
    """Refuse to lose the last admin who can log in; nobody could make another.

    The admins are locked before the person: in one order, so that two admins who
    disable each other at once wait instead of deadlocking.
    """
    if admin_ids == [user.user_id]:
        message = f"{user.name} is the only admin left; make another one first."
        raise Conflict(message)


def _hand_out_password(session: Session, user: User, now: datetime) -> NewPassword:
    password, until_utc = one_time_password(), now + ONE_TIME_LIFE
    users.set_password(
        session, user.user_id, hash_password(password), one_time_until_utc=until_utc
    )
    changed = _required(session, user.user_id)
    return NewPassword(account=_view(changed), until_utc=until_utc, password=password)


def _facts(user: User) -> dict[str, object]:
    return {"name": user.name, "role": user.role.value, "is_active": user.is_active}


def _record(
    session: Session,
    actor: Actor | None,
    action: AuditAction,
    user: User,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
    request_id: str | None = None,
) -> None:
    append_event(
        session,
        actor=actor,
        action=action,
        object_type="user",
        object_id=str(user.user_id),
        before=before,
        after=after,
        request_id=request_id,
    )


def _view(user: User) -> AccountView:
    return AccountView(
        user_id=user.user_id,
        name=user.name,
        role=user.role,
        is_system=user.is_system,
        is_active=user.is_active,
        must_change_password=user.must_change_password,
        created_at_utc=user.created_at_utc,
    )
