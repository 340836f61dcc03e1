"""Logins of an identity provider while they run: asked about again, and ended by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from core.access import Permission, Role
from core.audit import AuditAction
from core.errors import NotFound, ServiceUnavailable
from db import federated_identities, sessions, users
from db.sessions import EndReason, LoginToCheck
from orchestrator.accounts.federation import changed_role, role_of
from orchestrator.accounts.identity_provider import (
    IdentityProvider,
    LogoutToken,
    NotRenewedError,
    Renewed,
)
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.accounts.user_events import user_event
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from orchestrator.use_cases import WORKER_USER, Done, Event, Request, change, query

log = get_logger(__name__)

CHECK_EVERY = timedelta(minutes=1)
KEYS_LIFE = timedelta(minutes=10)


def check_logins(runtime: Runtime, provider: IdentityProvider, key: FactorKey) -> None:
    """Ask the provider about every login that runs and that it can be asked about.

    A provider that does not answer, or not about one of them, ends nothing: a login
    lasts an hour at most.
    """
    with runtime.request_as(WORKER_USER) as request:
        waiting = logins_to_check(request)
        are_old = keys_are_old(request, provider.issuer)
    try:
        if are_old:
            keys = provider.fetch_keys()
            with runtime.request_as(WORKER_USER) as request:
                keep_keys(request, provider.issuer, keys)
        for login in waiting:
            _check(runtime, provider, key, login)
    except ServiceUnavailable as exc:
        log.warning("logins_not_checked", reason=exc.message)


def _check(
    runtime: Runtime, provider: IdentityProvider, key: FactorKey, login: LoginToCheck
) -> None:
    now = runtime.clock()
    refresh_token = key.decrypt(login.refresh_token, now)
    # Without the key that encrypted it nothing can be asked; then it does not hold.
    renewed = None
    if refresh_token is not None and login.issuer == provider.issuer:
        try:
            renewed = provider.renew(refresh_token, login.subject, now)
        except NotRenewedError as exc:
            log.warning("login_not_checked", user=login.user_id, reason=exc.message)
            return
    with runtime.request_as(WORKER_USER) as request:
        note_answer(request, login, renewed, roles=provider.roles, key=key)


@query(Permission.RUN_CYCLE)
def logins_to_check(request: Request) -> list[LoginToCheck]:
    """Logins that run, whose provider was not asked in the last minute."""
    return sessions.logins_to_check(
        request.session,
        now_utc=request.now,
        # The queue starts a job at every minute, a second earlier or later.
        checked_before_utc=request.now - CHECK_EVERY / 2,
    )


@query(Permission.RUN_CYCLE)
def keys_are_old(request: Request, issuer: str) -> bool:
    """Whether the provider may have other keys than those stored."""
    stored = federated_identities.stored_keys(request.session, issuer)
    return stored is None or request.now - stored[1] > KEYS_LIFE


@change(
    Permission.RUN_CYCLE,
    repeat=None,
    unaudited="public keys of the configured provider, as it publishes them",
)
def keep_keys(request: Request, issuer: str, keys: dict[str, Any]) -> Done[None]:
    """Store the keys by which logout tokens are verified."""
    federated_identities.store_keys(
        request.session, issuer=issuer, jwks=keys, now_utc=request.now
    )
    return Done(answer=None)


@change(
    Permission.RUN_CYCLE,
    AuditAction.SESSION_ENDED,
    AuditAction.USER_ROLE_CHANGED,
    repeat=None,
)
def note_answer(
    request: Request,
    login: LoginToCheck,
    renewed: Renewed | None,
    *,
    roles: Mapping[str, Role],
    key: FactorKey,
) -> Done[None]:
    """Let a login go on, or end it: refused, without a role, or with another role."""
    session, now = request.session, request.now
    user = users.find_user(session, login.user_id, lock=True)
    person = None if renewed is None else renewed.person
    role = None if person is None else role_of(person, roles)
    if person is not None and role is None:
        users.end_tokens(session, login.user_id)
    if user is None or renewed is None or (person is not None and role is None):
        ended = (
            sessions.end_sessions_of_user(
                session,
                login.user_id,
                now_utc=now,
                reason=EndReason.ENDED_BY_PROVIDER,
            )
            if person is not None
            else int(
                sessions.end_session(
                    session,
                    login.session_id,
                    user_id=login.user_id,
                    now_utc=now,
                    reason=EndReason.ENDED_BY_PROVIDER,
                )
            )
        )
        after = {
            "ended_sessions": ended,
            "end_reason": EndReason.ENDED_BY_PROVIDER.value,
        }
        told = user_event(AuditAction.SESSION_ENDED, login.user_id, after=after)
        return Done(answer=None, events=(told,) if ended else ())
    if role is not None and role is not user.role:
        _, changed = changed_role(request, user, role)
        return Done(answer=None, events=(changed,))
    sessions.note_check(
        session,
        login.session_id,
        refresh_token=key.encrypt(renewed.refresh_token, now),
        now_utc=now,
    )
    return Done(answer=None)


@query(None)
def provider_keys(request: Request, issuer: str) -> dict[str, Any]:
    """The stored keys of the provider; none before the worker asked for them."""
    stored = federated_identities.stored_keys(request.session, issuer)
    return {"keys": []} if stored is None else stored[0]


@change(None, AuditAction.SESSION_ENDED, repeat=None)
def log_out_by_provider(request: Request, issuer: str, token: LogoutToken) -> Done[int]:
    """End the logins that a verified logout token names; returns how many.

    Raises
    ------
    NotFound
        When the token was used before.
    """
    session, now = request.session, request.now
    is_new = federated_identities.use_logout_token(
        session,
        issuer=issuer,
        jti=token.jti,
        expires_at_utc=token.expires_at_utc,
        now_utc=now,
    )
    if not is_new:
        message = "This logout token was used before."
        raise NotFound(message)
    user_id = None
    if token.subject is not None:
        user_id = federated_identities.user_of(
            session, issuer=issuer, subject=token.subject
        )
        if user_id is None:
            return Done(answer=0)
    ended = sessions.end_sessions_of_provider(
        session, user_id, sid=token.sid, now_utc=now
    )
    reason = EndReason.ENDED_BY_PROVIDER.value
    events = tuple(
        Event(
            action=AuditAction.SESSION_ENDED,
            object_type="user_session",
            object_id=session_id,
            after={"user_id": owner_id, "end_reason": reason},
        )
        for session_id, owner_id in sorted(ended.items())
    )
    return Done(answer=len(ended), events=events)
