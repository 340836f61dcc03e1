"""Accounts: who exists, with which role, and how passwords change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from core.access import Actor, Permission, Role
from core.audit import AuditAction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from db import sessions, users
from db.audit import append_event
from db.sessions import EndReason
from db.users import User
from orchestrator.logs import get_logger
from orchestrator.services.logins import (
    Client,
    Login,
    must_wait,
    open_login,
    record_account_failure,
)
from orchestrator.services.passwords import (
    hash_password,
    one_time_password,
    require_strong,
    verify_password,
)

log = get_logger(__name__)

NAME_LENGTH = 80


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """A one-time password for the person to be told; it is stored nowhere."""

    account: AccountView
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedChange:
    """A password change that was refused; the wrong try is stored with the commit."""

    sentence: str


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
    request_id: str | None = None,
) -> NewPassword:
    """Make an account with a one-time password that must be changed."""
    actor.require(Permission.MANAGE_USERS)
    password = one_time_password()
    user = users.insert_user(
        session,
        name=_valid_name(name),
        role=role,
        password_hash=hash_password(password),
        must_change_password=True,
    )
    _record(
        session,
        actor,
        AuditAction.USER_ADDED,
        user,
        after=_facts(user),
        request_id=request_id,
    )
    return NewPassword(account=_view(user), password=password)


def list_accounts(session: Session, actor: Actor) -> list[AccountView]:
    """Every account, in the order of names."""
    actor.require(Permission.MANAGE_USERS)
    return [_view(user) for user in users.list_users(session)]


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
    password = one_time_password()
    users.set_password(session, user.user_id, hash_password(password), must_change=True)
    sessions.end_sessions_of_user(
        session, user.user_id, now_utc=now, reason=EndReason.PASSWORD_CHANGED
    )
    changed = _required(session, user.user_id)
    _record(session, actor, AuditAction.PASSWORD_RESET, changed, request_id=request_id)
    return NewPassword(account=_view(changed), password=password)


def change_password(
    session: Session,
    actor: Actor,
    *,
    current: str,
    new: str,
    client: Client,
    now: datetime,
) -> Login | RefusedChange:
    """Change the actor's own password; every login of theirs ends, a new one begins."""
    user = users.find_user(session, actor.user_id, lock=True)
    if user is None or not user.is_active or user.is_system:
        raise Forbidden
    if must_wait(user, now) or not verify_password(user.password_hash, current):
        record_account_failure(session, user, now)
        return RefusedChange(
            sentence=(
                "The current password is wrong, or it was tried too often."
                " Wait a little before you try again."
            )
        )
    if verify_password(user.password_hash, new):
        return RefusedChange(sentence="The new password must differ from the old one.")
    try:
        require_strong(new, known_words=[user.name])
    except InvalidInput as exc:
        return RefusedChange(sentence=exc.message)
    users.set_password(session, user.user_id, hash_password(new), must_change=False)
    sessions.end_sessions_of_user(
        session, user.user_id, now_utc=now, reason=EndReason.PASSWORD_CHANGED
    )
    token, renewed = open_login(session, user, client, now)
    _record(
        session,
        renewed,
        AuditAction.PASSWORD_CHANGED,
        user,
        request_id=client.request_id,
    )
    log.info("password_changed", user=user.name, address=client.address)
    return Login(actor=renewed, must_change_password=False, token=token)


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
