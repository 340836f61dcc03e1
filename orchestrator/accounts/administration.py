"""Accounts as admins manage them: add, change, disable, enable, list."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.access import Permission, Role
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput, NotFound
from db import (
    federated_identities,
    known_devices,
    login_limits,
    second_factors,
    sessions,
    users,
)
from db.sessions import EndReason, LoginSession
from db.users import User
from orchestrator.accounts.logins import IDLE_LIMIT
from orchestrator.accounts.passwords import (
    hash_password,
    one_time_password,
    require_strong,
)
from orchestrator.accounts.tries import subject_of
from orchestrator.accounts.user_events import user_event
from orchestrator.accounts.user_names import valid_name
from orchestrator.use_cases import Done, Request, change, query

ONE_TIME_LIFE = timedelta(hours=72)
"""How long a one-time password that an admin handed out can be used."""

__all__ = ["LoginSession"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account as lists show it.

    Attributes
    ----------
    factors : tuple of str
        Some of "app", "passkey" and "identity provider".
    """

    user_id: int
    name: str
    role: Role
    is_system: bool
    is_service: bool
    is_active: bool
    must_change_password: bool
    created_at_utc: datetime
    live_login_count: int = 0
    factors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """A one-time password for the person who owns the account.

    Attributes
    ----------
    password : str | None
        Shown once and stored nowhere, so None when the same request comes again: kept
        for that, it would lie readable in the database until somebody uses it.
    until_utc : datetime | None
        None once the person has a password of their own.
    """

    account: AccountView
    until_utc: datetime | None
    password: str | None = field(repr=False)


def _same_account(request: Request, user_id: str) -> AccountView:
    return account_view(_user(request, int(user_id)))


def _same_password(request: Request, user_id: str) -> NewPassword:
    user = _user(request, int(user_id))
    return NewPassword(
        account=account_view(user), until_utc=user.one_time_until_utc, password=None
    )


@query(Permission.MANAGE_USERS)
def list_accounts(request: Request) -> list[AccountView]:
    """Every account, in the order of names."""
    live = sessions.count_live_sessions(
        request.session, now_utc=request.now, seen_since_utc=request.now - IDLE_LIMIT
    )
    kinds = second_factors.factor_kinds(request.session)
    return [
        replace(
            account_view(user),
            live_login_count=live.get(user.user_id, 0),
            factors=tuple(sorted(kinds.get(user.user_id, ()))),
        )
        for user in users.list_users(request.session)
    ]


@query(Permission.MANAGE_USERS)
def logins_of(request: Request, name: str) -> list[LoginSession]:
    """This person's live logins, the latest used first."""
    user = _person(request, name)
    return sessions.list_live_sessions(
        request.session,
        user.user_id,
        now_utc=request.now,
        seen_since_utc=request.now - IDLE_LIMIT,
    )


@change(Permission.MANAGE_USERS, AuditAction.USER_ADDED, repeat=None, confirmed=True)
def ensure_first_admin(
    request: Request, name: str, password: str | None
) -> Done[str | None]:
    """Make the first person, an admin, on an installation that has none.

    Returns the one-time password to be shown once, which must be changed at the first
    login; None when the operator set the password or people exist already.

    Raises
    ------
    InvalidInput
        When the operator's password is too weak.
    """
    if users.has_people(request.session):
        return Done(answer=None)
    name = valid_name(name)
    if password is not None:
        try:
            require_strong(password, known_words=[name])
        except InvalidInput as exc:
            message = f"GFO_ADMIN_PASSWORD cannot be used. {exc}"
            raise InvalidInput(message) from exc
    chosen = password if password is not None else one_time_password()
    user = users.insert_user(
        request.session,
        name=name,
        role=Role.ADMIN,
        password_hash=hash_password(chosen),
        must_change_password=password is None,
    )
    event = user_event(AuditAction.USER_ADDED, user.user_id, after=_facts(user))
    return Done(answer=chosen if password is None else None, events=(event,))


@change(
    Permission.MANAGE_USERS,
    AuditAction.USER_ADDED,
    repeat=_same_password,
    confirmed=True,
)
def add_user(request: Request, name: str, role: Role) -> Done[NewPassword]:
    """Make an account with a one-time password that must be changed."""
    password, until_utc = one_time_password(), request.now + ONE_TIME_LIFE
    user = users.insert_user(
        request.session,
        name=valid_name(name),
        role=role,
        password_hash=hash_password(password),
        must_change_password=True,
        one_time_until_utc=until_utc,
    )
    made = NewPassword(
        account=account_view(user), until_utc=until_utc, password=password
    )
    event = user_event(AuditAction.USER_ADDED, user.user_id, after=_facts(user))
    return Done(answer=made, events=(event,), kept=user.user_id)


@change(
    Permission.MANAGE_USERS,
    AuditAction.USER_DISABLED,
    repeat=_same_account,
    confirmed=True,
)
def disable_user(request: Request, name: str) -> Done[AccountView]:
    """Refuse further logins of this person and end those that run."""
    admin_ids = users.lock_active_admins(request.session)
    user = _account(request, name)
    _keep_one_admin(user, admin_ids)
    users.set_active(request.session, user.user_id, is_active=False)
    ended = _end_logins(request, user, EndReason.DISABLED)
    changed = _user(request, user.user_id)
    event = user_event(
        AuditAction.USER_DISABLED,
        user.user_id,
        before=_facts(user),
        after=_facts(changed) | {"ended_sessions": ended},
    )
    return Done(answer=account_view(changed), events=(event,), kept=user.user_id)


@change(
    Permission.MANAGE_USERS,
    AuditAction.USER_ROLE_CHANGED,
    repeat=_same_account,
    confirmed=True,
)
def change_role(request: Request, name: str, role: Role) -> Done[AccountView]:
    """Give this person another role; they log in again to use it."""
    admin_ids = users.lock_active_admins(request.session)
    user = _account(request, name)
    if role is not Role.ADMIN:
        _keep_one_admin(user, admin_ids)
    users.set_role(request.session, user.user_id, role)
    _end_logins(request, user, EndReason.ROLE_CHANGED)
    changed = _user(request, user.user_id)
    event = user_event(
        AuditAction.USER_ROLE_CHANGED,
        user.user_id,
        before=_facts(user),
        after=_facts(changed),
    )
    return Done(answer=account_view(changed), events=(event,), kept=user.user_id)


@change(
    Permission.MANAGE_USERS,
    AuditAction.PASSWORD_RESET,
    repeat=_same_password,
    confirmed=True,
)
def reset_password(request: Request, name: str) -> Done[NewPassword]:
    """Give this person a new one-time password and end their logins."""
    user = _person(request, name)
    if user.user_id == request.actor.user_id:
        message = "Change your own password on the page of your account."
        raise Conflict(message)
    _require_password_of_ours(request, user)
    made = _hand_out_password(request, user)
    _end_logins(request, user, EndReason.PASSWORD_CHANGED)
    event = user_event(AuditAction.PASSWORD_RESET, user.user_id)
    return Done(answer=made, events=(event,), kept=user.user_id)


@change(
    Permission.MANAGE_USERS,
    AuditAction.USER_ENABLED,
    repeat=_same_password,
    confirmed=True,
)
def enable_user(request: Request, name: str) -> Done[NewPassword]:
    """Enable a disabled account, with a new one-time password."""
    user = _account(request, name)
    if user.is_active:
        message = f"{user.name} is not disabled."
        raise Conflict(message)
    users.set_active(request.session, user.user_id, is_active=True)
    if user.is_service or federated_identities.is_federated(
        request.session, user.user_id
    ):
        account = account_view(_user(request, user.user_id))
        made = NewPassword(account=account, until_utc=None, password=None)
    else:
        made = _hand_out_password(request, user)
    changed = _user(request, user.user_id)
    event = user_event(
        AuditAction.USER_ENABLED,
        user.user_id,
        before=_facts(user),
        after=_facts(changed),
    )
    return Done(answer=made, events=(event,), kept=user.user_id)


@change(
    Permission.MANAGE_USERS,
    AuditAction.SECOND_FACTORS_RESET,
    repeat=_same_account,
    confirmed=True,
)
def reset_factors(request: Request, name: str) -> Done[AccountView]:
    """Remove a person's second factors, who lost them, and end their logins."""
    user = _person(request, name)
    if user.user_id == request.actor.user_id:
        message = "Change your own second factors on the page of your account."
        raise Conflict(message)
    second_factors.remove_all_factors(request.session, user.user_id)
    known_devices.forget_devices(request.session, user.user_id)
    _end_logins(request, user, EndReason.FACTORS_CHANGED)
    event = user_event(AuditAction.SECOND_FACTORS_RESET, user.user_id)
    return Done(answer=account_view(user), events=(event,), kept=user.user_id)


@change(
    Permission.MANAGE_USERS,
    AuditAction.SESSION_ENDED,
    repeat=lambda _request, ended: int(ended),
    confirmed=True,
)
def end_logins(request: Request, name: str) -> Done[int]:
    """End every login of this person; returns how many there were."""
    user = _person(request, name)
    ended = _end_logins(request, user, EndReason.ENDED_BY_ADMIN)
    event = user_event(
        AuditAction.SESSION_ENDED, user.user_id, after={"ended_sessions": ended}
    )
    return Done(answer=ended, events=(event,), kept=ended)


def _require_password_of_ours(request: Request, user: User) -> None:
    if federated_identities.is_federated(request.session, user.user_id):
        message = f"{user.name} logs in at the identity provider, without a password."
        raise Conflict(message)


def _person(request: Request, name: str) -> User:
    user = _account(request, name)
    if user.is_service:
        message = f"{user.name} is a service account; nobody logs in as it."
        raise Conflict(message)
    return user


def _account(request: Request, name: str) -> User:
    """A person or a service account, not the system user of a process."""
    user = users.find_user_by_name(request.session, name.strip(), lock=True)
    if user is None or (user.is_system and not user.is_service):
        message = f"There is no user called {name.strip()}."
        raise NotFound(message)
    return user


def _user(request: Request, user_id: int) -> User:
    user = users.find_user(request.session, user_id)
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


def _hand_out_password(request: Request, user: User) -> NewPassword:
    """A new password; devices of before are not trusted, and no try counts any more."""
    password, until_utc = one_time_password(), request.now + ONE_TIME_LIFE
    known_devices.forget_devices(request.session, user.user_id)
    login_limits.forget_tries(request.session, subject=subject_of(user.user_id))
    users.set_password(
        request.session,
        user.user_id,
        hash_password(password),
        one_time_until_utc=until_utc,
    )
    account = account_view(_user(request, user.user_id))
    return NewPassword(account=account, until_utc=until_utc, password=password)


def _end_logins(request: Request, user: User, reason: EndReason) -> int:
    return sessions.end_sessions_of_user(
        request.session, user.user_id, now_utc=request.now, reason=reason
    )


def _facts(user: User) -> dict[str, object]:
    return {"name": user.name, "role": user.role.value, "is_active": user.is_active}


def account_view(user: User) -> AccountView:
    """An account without its logins and factors."""
    return AccountView(
        user_id=user.user_id,
        name=user.name,
        role=user.role,
        is_system=user.is_system,
        is_service=user.is_service,
        is_active=user.is_active,
        must_change_password=user.must_change_password,
        created_at_utc=user.created_at_utc,
    )
