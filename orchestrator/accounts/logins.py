"""Logging in and out: how logins begin, last and end, and how often one may try."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.errors import NotFound
from db import sessions, users
from db.sessions import EndReason, LoginSession
from db.users import User
from orchestrator.accounts import denials
from orchestrator.accounts.passwords import hash_password, needs_rehash, verify_password
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change, query

log = get_logger(__name__)

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
FREE_FAILURES = 5
LONGEST_DELAY = timedelta(minutes=15)

_FIRST_DELAY = timedelta(seconds=15)
_FAILURES_FORGOTTEN_AFTER = timedelta(hours=24)
_TOKEN_BYTES = 32
_LONGEST_NAME = 80
# Idle time is kept to the minute, so that a page with twenty files writes once.
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login that was granted; the token goes into the cookie and nowhere else."""

    actor: Actor
    must_change_password: bool
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLogin:
    """A login that was refused; the failure is stored when the transaction commits.

    Attributes
    ----------
    retry_after : timedelta | None
        How long the address has to wait; None for a wrong name or password.
    """

    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where a request comes from, as the server sees it."""

    address: str | None
    user_agent: str | None


@change(
    None,
    AuditAction.LOGIN_SUCCEEDED,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    repeat=None,
)
def log_in(
    request: Request, *, name: str, password: str, client: Client
) -> Done[Login | RefusedLogin]:
    """Check the password and start a new login.

    An unknown name, a wrong password, a disabled account and an account that has to
    wait all get the same answer after the same work.
    """
    session, now = request.session, request.now
    wait = denials.wait_before_login(session, client.address, now)
    if wait is not None:
        log.info("login_failed", address=client.address, reason="address_limit")
        return Done(answer=RefusedLogin(retry_after=wait))
    # The lock makes tries at one account wait for each other.
    user = _find_by_typed_name(session, name)
    matches = verify_password(user.password_hash if user else None, password)
    outcome: Login | RefusedLogin
    events: tuple[Event, ...]
    if user is not None and matches and _may_log_in(user, now):
        outcome = _grant(session, user, password, client, now)
        events = (_of_user(AuditAction.LOGIN_SUCCEEDED, outcome.actor),)
    else:
        outcome = RefusedLogin()
        events = _record_failure(session, user, client, now)
    minutes = denials.finished_minutes(session, now)
    return Done(answer=outcome, events=(*events, *minutes))


def open_login(session: Session, user: User, client: Client, now: datetime) -> Login:
    """Store a new login of `user`, who has just proven their password."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    sessions.insert_session(
        session,
        token_sha256=token_sha256(token),
        user_id=user.user_id,
        created_at_utc=now,
        expires_at_utc=now + ABSOLUTE_LIMIT,
        address=client.address,
        user_agent=client.user_agent,
    )
    actor = Actor(
        user_id=user.user_id,
        name=user.name,
        role=user.role,
        address=client.address,
        session_sha256=token_sha256(token),
    )
    return Login(
        actor=actor, must_change_password=user.must_change_password, token=token
    )


@query(None)
def find_login(request: Request, token: str) -> LoginSession | None:
    """The live login of this token."""
    return sessions.find_live_session(
        request.session,
        token_sha256(token),
        now_utc=request.now,
        seen_since_utc=request.now - IDLE_LIMIT,
    )


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


def token_sha256(token: str) -> str:
    """What the database holds of a token; 256 random bits need no salt."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def login_delay(failed_count: int) -> timedelta:
    """How long after the last failure an account refuses to try again.

    Examples
    --------
    >>> [login_delay(count).total_seconds() for count in (4, 5, 6)]
    [0.0, 15.0, 30.0]
    >>> login_delay(1000) == LONGEST_DELAY
    True
    """
    beyond = failed_count - FREE_FAILURES
    if beyond < 0:
        return timedelta(0)
    # 2**10 is past the cap already; a larger exponent could overflow.
    return min(_FIRST_DELAY * (1 << min(beyond, 10)), LONGEST_DELAY)


def must_wait(user: User, now: datetime) -> bool:
    """Whether the account still has to wait after its last failures."""
    last = user.last_failed_login_at_utc
    return last is not None and now < last + login_delay(user.failed_login_count)


def record_account_failure(
    session: Session, user: User, now: datetime
) -> tuple[Event, ...]:
    """Count a wrong password; a try while the account waits does not prolong it.

    Returns the event of the failure that makes the account wait.
    """
    if must_wait(user, now):
        return ()
    last = user.last_failed_login_at_utc
    is_recent = last is not None and now - last < _FAILURES_FORGOTTEN_AFTER
    count = user.failed_login_count + 1 if is_recent else 1
    users.set_failed_logins(session, user.user_id, count=count, last_at_utc=now)
    if count != FREE_FAILURES:
        return ()
    event = Event(
        action=AuditAction.LOGIN_FAILED,
        object_type="user",
        object_id=user.user_id,
        after={"failed_login_count": count},
        is_anonymous=True,
    )
    return (event,)


def _find_by_typed_name(session: Session, name: str) -> User | None:
    trimmed = name.strip()
    # PostgreSQL refuses NUL in text; a name like that belongs to nobody.
    if len(trimmed) > _LONGEST_NAME or not trimmed.isprintable():
        return None
    return users.find_user_by_name(session, trimmed, lock=True)


def _may_log_in(user: User, now: datetime) -> bool:
    until = user.one_time_until_utc
    has_run_out = user.must_change_password and until is not None and now >= until
    is_open = user.is_active and not user.is_system and not has_run_out
    return is_open and not must_wait(user, now)


def _record_failure(
    session: Session, user: User | None, client: Client, now: datetime
) -> tuple[Event, ...]:
    denials.record_failed_login(session, client.address, now)
    events: tuple[Event, ...] = ()
    if user is not None and not user.is_system:
        events = record_account_failure(session, user, now)
    # The typed name stays out of the log: people type passwords into it.
    log.info(
        "login_failed",
        address=client.address,
        user_id=user.user_id if user else None,
        reason="credentials",
    )
    return events


def _grant(
    session: Session, user: User, password: str, client: Client, now: datetime
) -> Login:
    if user.password_hash and needs_rehash(user.password_hash):
        users.set_password_hash(session, user.user_id, hash_password(password))
    if user.failed_login_count:
        users.set_failed_logins(session, user.user_id, count=0, last_at_utc=None)
    login = open_login(session, user, client, now)
    log.info("login_succeeded", user=user.name, role=user.role, address=client.address)
    return login


def _of_user(action: AuditAction, actor: Actor, **after: object) -> Event:
    """What people did to their own account."""
    return Event(
        action=action,
        object_type="user",
        object_id=actor.user_id,
        after=after or None,
        actor=actor,
    )
