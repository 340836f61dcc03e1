"""A person's own password: change it, or confirm an action with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.access import Permission
from core.audit import AuditAction
from core.errors import Forbidden, InvalidInput
from db import sessions, users
from db.sessions import EndReason
from db.users import User
from orchestrator.accounts.logins import (
    Client,
    Login,
    must_wait,
    open_login,
    record_account_failure,
)
from orchestrator.accounts.passwords import (
    hash_password,
    require_strong,
    verify_password,
)
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPassword:
    """Why a password was not accepted; a wrong try is stored with the commit."""

    sentence: str


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.PASSWORD_CHANGED,
    AuditAction.LOGIN_FAILED,
    repeat=None,
)
def change_password(
    request: Request, *, current: str, new: str, client: Client
) -> Done[Login | RefusedPassword]:
    """Change the caller's own password; their logins end, and a new one begins."""
    session, now = request.session, request.now
    user = _own_account(request)
    confirmed = _confirmed(request, user, current)
    if confirmed.answer is not None:
        return Done(answer=confirmed.answer, events=confirmed.events)
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
    event = Event(
        action=AuditAction.PASSWORD_CHANGED,
        object_type="user",
        object_id=user.user_id,
        actor=login.actor,
    )
    return Done(answer=replace(login, must_change_password=False), events=(event,))


@change(Permission.KEEP_OWN_ACCOUNT, AuditAction.LOGIN_FAILED, repeat=None)
def confirm_password(request: Request, password: str) -> Done[RefusedPassword | None]:
    """Check that it is really the caller who acts now; None when it is.

    The tries count like those of a login, so whoever asks commits a refusal too.
    """
    return _confirmed(request, _own_account(request), password)


def _confirmed(
    request: Request, user: User, password: str
) -> Done[RefusedPassword | None]:
    if not must_wait(user, request.now) and verify_password(
        user.password_hash, password
    ):
        return Done(answer=None)
    refused = RefusedPassword(
        sentence=(
            "The current password is wrong, or it was tried too often."
            " Wait a little before you try again."
        )
    )
    events = record_account_failure(request.session, user, request.now)
    return Done(answer=refused, events=events)


def _own_account(request: Request) -> User:
    user = users.find_user(request.session, request.actor.user_id, lock=True)
    if user is None or not user.is_active or user.is_system:
        raise Forbidden
    return user
