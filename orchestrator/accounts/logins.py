"""Logging in and out: how logins begin, last and end."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.errors import NotFound
from db import known_devices, second_factors, sessions, users
from db.sessions import LOCAL, EndReason, LoginSession, ProviderLogin
from db.users import User
from orchestrator.accounts import denials
from orchestrator.accounts.passwords import hash_password, needs_rehash, verify_password
from orchestrator.accounts.second_factors import (
    FactorKey,
    is_app_code,
    is_recovery_code,
)
from orchestrator.accounts.tries import Attempt, Client, attempt_at, digest
from orchestrator.accounts.user_events import user_event
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change, query

log = get_logger(__name__)

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)

_TOKEN_BYTES = 32
# Idle time is kept to the minute, so that a page with twenty files writes once.
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login that was granted; its tokens go into cookies and nowhere else.

    Attributes
    ----------
    device_token : str | None
        Makes this browser a known device; None when a login only begins anew.
    """

    actor: Actor
    must_change_password: bool
    token: str = field(repr=False)
    device_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLogin:
    """A login that was refused.

    Attributes
    ----------
    retry_after : timedelta | None
        How long to wait before the next try; None for a wrong name or password.
    """

    retry_after: timedelta | None = None


@change(
    None,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    repeat=None,
)
def begin_login(
    request: Request, *, name: str, client: Client
) -> Done[Attempt | RefusedLogin]:
    """Count a try at a typed name; commit it before `log_in` evaluates it.

    Names that nobody has are counted and made to wait like those of accounts.
    """
    session, now = request.session, request.now
    attempt = attempt_at(session, name, client)
    wait = attempt.count(session, now)
    if wait is None:
        return Done(answer=attempt)
    denials.count_failed_login(session, client.address, attempt.subject, now)
    log.info("login_failed", address=client.address, reason="too_many_tries")
    events = denials.finished_minutes(session, now)
    return Done(answer=RefusedLogin(retry_after=wait), events=events)


@change(
    None,
    AuditAction.LOGIN_SUCCEEDED,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    AuditAction.RECOVERY_CODE_USED,
    repeat=None,
)
def log_in(
    request: Request,
    attempt: Attempt,
    *,
    password: str,
    code: str = "",
    key: FactorKey | None = None,
) -> Done[Login | RefusedLogin]:
    """Evaluate a counted try, once, and start a new login.

    An unknown name, a wrong password and a disabled account get the same answer after
    the same work, and so does a wrong code where the account has a second factor.

    Parameters
    ----------
    code : str
        Of the authenticator app, or a recovery code.
    key : FactorKey, optional
        Without it only recovery codes are accepted.
    """
    session, now = request.session, request.now
    user = users.find_user(session, attempt.user_id or 0)
    matches = verify_password(user.password_hash if user else None, password)
    outcome: Login | RefusedLogin
    events: tuple[Event, ...] = ()
    factor = None
    if user is not None and matches and may_log_in(user, now):
        factor = _second_factor(session, user, code, key, now)
    if user is not None and factor is not None:
        outcome = _grant(session, user, password, attempt, now)
        events = login_events(outcome, factor)
    else:
        outcome = RefusedLogin()
        address = attempt.client.address
        denials.count_failed_login(session, address, attempt.subject, now)
        # The typed name stays out of the log: people type passwords into it.
        log.info(
            "login_failed",
            address=address,
            user_id=attempt.user_id,
            reason="credentials",
        )
    minutes = denials.finished_minutes(session, now)
    return Done(answer=outcome, events=(*events, *minutes))


class Factor(StrEnum):
    """What a login proved besides the password."""

    NONE = "none"
    APP = "app"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"
    PROVIDER = "identity_provider"


def login_events(login: Login, factor: Factor) -> tuple[Event, ...]:
    """The events of a login that was granted."""
    succeeded = _of_user(
        AuditAction.LOGIN_SUCCEEDED, login.actor, second_factor=factor.value
    )
    if factor is not Factor.RECOVERY_CODE:
        return (succeeded,)
    return _of_user(AuditAction.RECOVERY_CODE_USED, login.actor), succeeded


def open_login(
    session: Session,
    user: User,
    client: Client,
    now: datetime,
    *,
    longest: timedelta = ABSOLUTE_LIMIT,
    provider: ProviderLogin = LOCAL,
) -> Login:
    """Store a new login of `user`, who has just proven their password."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    sessions.insert_session(
        session,
        token_sha256=digest(token),
        user_id=user.user_id,
        created_at_utc=now,
        expires_at_utc=now + longest,
        provider=provider,
        address=client.address,
        user_agent=client.user_agent,
    )
    actor = user.as_actor(client.address, digest(token))
    return Login(
        actor=actor, must_change_password=user.must_change_password, token=token
    )


@query(None)
def find_login(request: Request, token: str) -> LoginSession | None:
    """The live login of this token."""
    return sessions.find_live_session(
        request.session,
        digest(token),
        now_utc=request.now,
        seen_since_utc=request.now - IDLE_LIMIT,
    )


@change(None, AuditAction.SESSION_ENDED, repeat=None)
def end_run_out_login(request: Request, token: str) -> Done[bool]:
    """End the login of this token if it ran out; True when it ever was a login."""
    session, token_sha256 = request.session, digest(token)
    ended = sessions.end_run_out_sessions(
        session,
        now_utc=request.now,
        seen_since_utc=request.now - IDLE_LIMIT,
        token_sha256=token_sha256,
    )
    was_login = sessions.is_token_of_login(session, token_sha256)
    return Done(answer=was_login, events=_run_out(ended))


@change(Permission.RUN_CYCLE, AuditAction.SESSION_ENDED, repeat=None)
def end_run_out_logins(request: Request) -> Done[int]:
    """End every login that ran out, so that a clock set back revives none."""
    ended = sessions.end_run_out_sessions(
        request.session, now_utc=request.now, seen_since_utc=request.now - IDLE_LIMIT
    )
    return Done(answer=len(ended), events=_run_out(ended))


def needs_touch(login: LoginSession, now: datetime) -> bool:
    """Whether the last noted activity is old enough to note a new one."""
    return now - login.last_seen_at_utc >= _TOUCH_EVERY


@change(
    Permission.KEEP_OWN_ACCOUNT,
    repeat=None,
    unaudited="says only that somebody was active a minute ago",
)
def touch(request: Request, login: LoginSession) -> Done[None]:
    """Note that the person acted: the idle time of their login begins anew."""
    sessions.touch_session(request.session, login.session_id, now_utc=request.now)
    return Done(answer=None)


@change(Permission.KEEP_OWN_ACCOUNT, AuditAction.LOGGED_OUT, repeat=None)
def log_out(request: Request, login: LoginSession) -> Done[None]:
    """End this login."""
    ended = sessions.end_session(
        request.session,
        login.session_id,
        user_id=login.actor.user_id,
        now_utc=request.now,
        reason=EndReason.LOGOUT,
    )
    events = (_of_user(AuditAction.LOGGED_OUT, login.actor),) if ended else ()
    return Done(answer=None, events=events)


@query(Permission.KEEP_OWN_ACCOUNT)
def list_logins(request: Request) -> list[LoginSession]:
    """The caller's own live logins."""
    return sessions.list_live_sessions(
        request.session,
        request.actor.user_id,
        now_utc=request.now,
        seen_since_utc=request.now - IDLE_LIMIT,
    )


@change(Permission.KEEP_OWN_ACCOUNT, AuditAction.SESSION_ENDED, repeat=None)
def end_own_login(request: Request, session_id: int) -> Done[None]:
    """End one of the caller's own logins.

    Raises NotFound when it is over or somebody else's.
    """
    ended = sessions.end_session(
        request.session,
        session_id,
        user_id=request.actor.user_id,
        now_utc=request.now,
        reason=EndReason.ENDED_BY_USER,
    )
    if not ended:
        message = "That login has ended already."
        raise NotFound(message)
    event = Event(
        action=AuditAction.SESSION_ENDED,
        object_type="user_session",
        object_id=session_id,
    )
    return Done(answer=None, events=(event,))


@change(Permission.KEEP_OWN_ACCOUNT, AuditAction.SESSION_ENDED, repeat=None)
def end_other_logins(request: Request, login: LoginSession) -> Done[int]:
    """End all logins of this person but the one they act in; returns how many."""
    ended = sessions.end_sessions_of_user(
        request.session,
        login.actor.user_id,
        now_utc=request.now,
        reason=EndReason.ENDED_BY_USER,
        but_for=login.session_id,
    )
    event = _of_user(AuditAction.SESSION_ENDED, login.actor, ended_sessions=ended)
    return Done(answer=ended, events=(event,) if ended else ())


def may_log_in(user: User, now: datetime) -> bool:
    """Whether this account may begin a login once the person is proven."""
    until = user.one_time_until_utc
    has_run_out = user.must_change_password and until is not None and now >= until
    return user.is_active and not user.is_system and not has_run_out


def _second_factor(
    session: Session, user: User, code: str, key: FactorKey | None, now: datetime
) -> Factor | None:
    """What the code proves; None when the account needs a proof and this is none."""
    if not second_factors.has_factor(session, user.user_id):
        return Factor.NONE
    if is_app_code(session, key, user.user_id, code, now):
        return Factor.APP
    if is_recovery_code(session, user.user_id, code):
        return Factor.RECOVERY_CODE
    return None


def _grant(
    session: Session, user: User, password: str, attempt: Attempt, now: datetime
) -> Login:
    if user.password_hash and needs_rehash(user.password_hash):
        users.set_password_hash(session, user.user_id, hash_password(password))
    attempt.succeeded(session, now)
    return open_login_of_device(session, user, attempt.client, now)


def open_login_of_device(
    session: Session,
    user: User,
    client: Client,
    now: datetime,
    *,
    longest: timedelta = ABSOLUTE_LIMIT,
    provider: ProviderLogin = LOCAL,
) -> Login:
    """Store a new login of `user`, and that this browser is known to be theirs."""
    login = open_login(session, user, client, now, longest=longest, provider=provider)
    device_token = _known_device(session, user, client, now)
    log.info("login_succeeded", user=user.name, role=user.role, address=client.address)
    return replace(login, device_token=device_token)


def _known_device(session: Session, user: User, client: Client, now: datetime) -> str:
    """The token of this browser: the one that it has, if it is one of ours."""
    token = client.device_token
    if token is None or not known_devices.is_known(session, digest(token)):
        token = secrets.token_urlsafe(_TOKEN_BYTES)
    known_devices.remember(session, digest(token), user.user_id, now_utc=now)
    return token


def _run_out(ended: Mapping[int, int]) -> tuple[Event, ...]:
    return tuple(
        Event(
            action=AuditAction.SESSION_ENDED,
            object_type="user_session",
            object_id=session_id,
            after={"user_id": user_id, "end_reason": EndReason.RUN_OUT.value},
            is_belated=True,
        )
        for session_id, user_id in sorted(ended.items())
    )


def _of_user(action: AuditAction, actor: Actor, **after: object) -> Event:
    """What people did to their own account."""
    return user_event(action, actor.user_id, after=after or None, actor=actor)
