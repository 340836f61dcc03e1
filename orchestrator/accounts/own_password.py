"""A person's own password: change it, or confirm an action with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from core.access import Permission
from core.audit import AuditAction
from core.errors import Forbidden, InvalidInput
from core.wording import wait_words
from db import federated_identities, sessions, users
from db.sessions import EndReason
from db.users import User
from orchestrator.accounts.denials import count_failed_login, finished_minutes
from orchestrator.accounts.logins import Login, open_login
from orchestrator.accounts.passwords import (
    hash_password,
    require_strong,
    verify_password,
)
from orchestrator.accounts.second_factors import FactorKey, has_app, is_app_code
from orchestrator.accounts.tries import (
    Client,
    confirmed,
    subject_of,
    wait_before_confirming,
)
from orchestrator.accounts.user_events import user_event
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Request, change

log = get_logger(__name__)

PROOF_LIFE = timedelta(minutes=5)
"""How long the login at an identity provider confirms actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPassword:
    """Why a password was not accepted; a wrong try is stored with the commit."""

    sentence: str


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.PASSWORD_CHANGED,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    repeat=None,
)
def change_password(
    request: Request, *, current: str, new: str, client: Client
) -> Done[Login | RefusedPassword]:
    """Change the caller's own password; their logins end, and a new one begins."""
    session, now = request.session, request.now
    user = _own_account(request)
    checked = _check(
        request,
        user,
        "The current password",
        lambda: verify_password(user.password_hash, current),
    )
    if checked.answer is not None:
        return Done(answer=checked.answer, events=checked.events)
    if verify_password(user.password_hash, new):
        sentence = "The new password must differ from the old one."
        return Done(answer=RefusedPassword(sentence=sentence))
    try:
        require_strong(new, known_words=[user.name])
    except InvalidInput as exc:
        return Done(answer=RefusedPassword(sentence=exc.message))
    users.set_password(session, user.user_id, hash_password(new))
    sessions.end_sessions_of_user(
        session, user.user_id, now_utc=now, reason=EndReason.PASSWORD_CHANGED
    )
    login = open_login(session, user, client, now)
    log.info("password_changed", user=user.name, address=client.address)
    event = user_event(AuditAction.PASSWORD_CHANGED, user.user_id, actor=login.actor)
    return Done(answer=replace(login, must_change_password=False), events=(event,))


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    repeat=None,
)
def confirm(
    request: Request, proof: str, key: FactorKey | None = None
) -> Done[RefusedPassword | None]:
    """Check that it is really the caller who acts now; None when it is.

    The proof is the code of the caller's authenticator app, or the password of who has
    none; an identity provider's people have logged in there a moment ago. The tries of
    this login count, and those of nobody else; whoever asks commits a refusal too.
    """
    return _confirm(request, _own_account(request), proof, key)


def _confirm(
    request: Request, user: User, proof: str, key: FactorKey | None
) -> Done[RefusedPassword | None]:
    if federated_identities.is_federated(request.session, user.user_id):
        return Done(answer=_seen_by_provider(request))
    if not has_app(request.session, user.user_id):
        return _check(
            request,
            user,
            "The password",
            lambda: verify_password(user.password_hash, proof),
        )
    return _check(
        request,
        user,
        "The code of your app",
        lambda: is_app_code(request.session, key, user.user_id, proof, request.now),
    )


def _seen_by_provider(request: Request) -> RefusedPassword | None:
    """None when the identity provider saw the caller a moment ago, for this login."""
    proved_at_utc = sessions.proved_at(
        request.session, request.actor.session_sha256 or ""
    )
    age = None if proved_at_utc is None else request.now - proved_at_utc
    if age is not None and -PROOF_LIFE <= age <= PROOF_LIFE:
        return None
    return RefusedPassword(
        sentence="Prove at your identity provider that it is you: open"
        " /login/oidc?confirm=1, then repeat this within five minutes."
    )


def _check(
    request: Request, user: User, what: str, is_right: Callable[[], bool]
) -> Done[RefusedPassword | None]:
    """Count a try of this login, then evaluate it."""
    session, now = request.session, request.now
    wait = wait_before_confirming(session, request.actor, now)
    if wait is None and is_right():
        confirmed(session, request.actor)
        return Done(answer=None)
    refused = RefusedPassword(
        sentence=f"{what} is wrong."
        if wait is None
        else f"{what} was tried too often; wait {wait_words(wait)}."
    )
    count_failed_login(session, request.actor.address, subject_of(user.user_id), now)
    return Done(answer=refused, events=finished_minutes(session, now))


def _own_account(request: Request) -> User:
    user = users.find_user(request.session, request.actor.user_id, lock=True)
    if user is None or not user.is_active or user.is_system:
        raise Forbidden
    return user
