"""A person's own password: change it, or prove with it that it is really them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import AuditAction
from core.errors import Forbidden, InvalidInput
from db import sessions, users
from db.audit import append_event
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

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedChange:
    """A password change that was refused; the wrong try is stored with the commit."""

    sentence: str


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
    refused = confirm_password(session, actor, current, now=now)
    if refused is not None:
        return refused
    user = _own_account(session, actor)
    if verify_password(user.password_hash, new):
        return RefusedChange(sentence="The new password must differ from the old one.")
    try:
        require_strong(new, known_words=[user.name])
    except InvalidInput as exc:
        return RefusedChange(sentence=exc.message)
    users.set_password(session, user.user_id, hash_password(new))
    sessions.end_sessions_of_user(
        session, user.user_id, now_utc=now, reason=EndReason.PASSWORD_CHANGED
    )
    token, renewed = open_login(session, user, client, now)
    append_event(
        session,
        actor=renewed,
        action=AuditAction.PASSWORD_CHANGED,
        object_type="user",
        object_id=str(user.user_id),
        request_id=client.request_id,
    )
    log.info("password_changed", user=user.name, address=client.address)
    return Login(actor=renewed, must_change_password=False, token=token)


def confirm_password(
    session: Session, actor: Actor, password: str, *, now: datetime
) -> RefusedChange | None:
    """Check that it is really the actor who acts now; None when the password is theirs.

    The tries count like those of a login, so the caller commits a refusal too.
    """
    user = _own_account(session, actor)
    if not must_wait(user, now) and verify_password(user.password_hash, password):
        return None
    record_account_failure(session, user, now)
    return RefusedChange(
        sentence=(
            "The current password is wrong, or it was tried too often."
            " Wait a little before you try again."
        )
    )


def _own_account(session: Session, actor: Actor) -> User:
    user = users.find_user(session, actor.user_id, lock=True)
    if user is None or not user.is_active or user.is_system:
        raise Forbidden
    return user
