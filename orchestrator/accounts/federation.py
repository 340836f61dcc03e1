"""People whom an identity provider proves: their accounts, roles and logins."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.access import Role
from core.audit import AuditAction
from core.errors import Conflict, FleetError
from db import federated_identities, login_limits, sessions, users
from db.sessions import EndReason, ProviderLogin
from db.users import User
from orchestrator.accounts import denials
from orchestrator.accounts.logins import (
    Factor,
    Login,
    RefusedLogin,
    login_events,
    may_log_in,
    open_login_of_device,
)
from orchestrator.accounts.passwords import hash_password
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.accounts.tries import ANYBODY, OF_ADDRESS, Client
from orchestrator.accounts.user_events import user_event
from orchestrator.accounts.user_names import valid_name
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)

LONGEST_LOGIN = timedelta(hours=1)
"""Who lost a group or left keeps the portal no longer than this, where the provider
gives no refresh tokens."""

_STRONGEST_FIRST = (Role.ADMIN, Role.OPERATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedPerson:
    """What a verified ID token says.

    Attributes
    ----------
    groups : frozenset of str
        Values of the claim that roles are mapped from.
    proved_at_utc : datetime | None
        When the provider last saw the person; None when it does not say.
    sid : str | None
        The provider's own name of its session.
    refresh_token : str | None
        Asks the provider again whether the person's login holds.
    """

    issuer: str
    subject: str
    name: str
    groups: frozenset[str]
    proved_at_utc: datetime | None
    sid: str | None = None
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPerson:
    """Somebody whom the provider proved and the portal does not let in, and why."""

    sentence: str


@change(
    None,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    repeat=None,
)
def begin_exchange(request: Request, client: Client) -> Done[RefusedLogin | None]:
    """Count a try of this address; commit it before the provider is asked."""
    session, now = request.session, request.now
    counted = login_limits.count_try(
        session,
        subject=ANYBODY,
        place=denials.address_key(client.address),
        limit=OF_ADDRESS,
        now=now,
    )
    if counted.wait is None:
        return Done(answer=None)
    denials.count_failed_login(session, client.address, _SUBJECT, now)
    events = denials.finished_minutes(session, now)
    return Done(answer=RefusedLogin(retry_after=counted.wait), events=events)


@change(
    None,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    repeat=None,
)
def refuse_exchange(request: Request, client: Client) -> Done[None]:
    """Count that an answer of the provider was refused."""
    session, now = request.session, request.now
    denials.count_failed_login(session, client.address, _SUBJECT, now)
    return Done(answer=None, events=denials.finished_minutes(session, now))


@change(None, repeat=None, unaudited="a count of tries; what succeeded is audited")
def end_exchange(request: Request, client: Client) -> Done[None]:
    """Take a try back that succeeded."""
    _take_try_back(request, client)
    return Done(answer=None)


@change(
    None,
    AuditAction.LOGIN_SUCCEEDED,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    AuditAction.USER_ADDED,
    AuditAction.USER_ROLE_CHANGED,
    AuditAction.SESSION_ENDED,
    repeat=None,
)
def log_in_federated(
    request: Request,
    person: FederatedPerson,
    *,
    roles: Mapping[str, Role],
    client: Client,
    key: FactorKey | None = None,
) -> Done[Login | RefusedPerson]:
    """Start a login of a proven person, with the role that their groups give now.

    The first login makes the account. An account of the same name that the provider
    does not prove is somebody else's.
    """
    session, now = request.session, request.now
    role = role_of(person, roles)
    user_id = federated_identities.user_of(
        session, issuer=person.issuer, subject=person.subject
    )
    user = None if user_id is None else users.find_user(session, user_id, lock=True)
    if role is None:
        return _refuse(request, client, user, "Your groups give no role here.")
    events: tuple[Event, ...] = ()
    if user is None:
        try:
            user, events = _added(request, person, role)
        except FleetError as exc:
            return _refuse(request, client, None, exc.message)
    if not may_log_in(user, now):
        return _refuse(request, client, user, "Your account is disabled here.")
    if user.role is not role:
        user, changed = changed_role(request, user, role)
        events = (*events, changed)
    _take_try_back(request, client)
    login = open_login_of_device(
        session,
        user,
        client,
        now,
        longest=LONGEST_LOGIN,
        provider=ProviderLogin(
            proved_at_utc=person.proved_at_utc,
            sid=person.sid,
            refresh_token=None
            if key is None or person.refresh_token is None
            else key.encrypt(person.refresh_token, now),
        ),
    )
    events = (*events, *login_events(login, Factor.PROVIDER))
    return Done(answer=login, events=(*events, *denials.finished_minutes(session, now)))


def _take_try_back(request: Request, client: Client) -> None:
    login_limits.take_try_back(
        request.session,
        subject=ANYBODY,
        place=denials.address_key(client.address),
        now=request.now,
    )


def role_of(person: FederatedPerson, roles: Mapping[str, Role]) -> Role | None:
    """The strongest role of the person's groups."""
    granted = {roles[group] for group in person.groups if group in roles}
    return next((role for role in _STRONGEST_FIRST if role in granted), None)


def _added(
    request: Request, person: FederatedPerson, role: Role
) -> tuple[User, tuple[Event, ...]]:
    name = valid_name(person.name)
    if users.find_user_by_name(request.session, name) is not None:
        message = f"The name {name} belongs to another account; ask an admin."
        raise Conflict(message)
    user = users.insert_user(
        request.session,
        name=name,
        role=role,
        # Nobody knows it: the provider alone proves this person.
        password_hash=hash_password(secrets.token_hex(32)),
        must_change_password=False,
    )
    federated_identities.insert_identity(
        request.session,
        issuer=person.issuer,
        subject=person.subject,
        user_id=user.user_id,
        now_utc=request.now,
    )
    after = {"name": name, "role": role.value, "issuer": person.issuer}
    added = user_event(
        AuditAction.USER_ADDED, user.user_id, after=after, actor=user.as_actor()
    )
    return user, (added,)


def changed_role(request: Request, user: User, role: Role) -> tuple[User, Event]:
    """Give the role that the groups give now; logins of the former one end."""
    users.set_role(request.session, user.user_id, role)
    sessions.end_sessions_of_user(
        request.session,
        user.user_id,
        now_utc=request.now,
        reason=EndReason.ROLE_CHANGED,
    )
    changed = users.find_user(request.session, user.user_id)
    event = user_event(
        AuditAction.USER_ROLE_CHANGED,
        user.user_id,
        before={"role": user.role.value},
        after={"role": role.value},
        actor=user.as_actor(),
    )
    return changed or user, event


def _refuse(
    request: Request, client: Client, user: User | None, sentence: str
) -> Done[Login | RefusedPerson]:
    """Refuse a login; end those that run, and tokens: there is no right to any."""
    session, now = request.session, request.now
    log.info("login_failed", address=client.address, reason="federated")
    denials.count_failed_login(session, client.address, _SUBJECT, now)
    events = denials.finished_minutes(session, now)
    if user is not None:
        users.end_tokens(session, user.user_id)
        ended = sessions.end_sessions_of_user(
            session, user.user_id, now_utc=now, reason=EndReason.ROLE_CHANGED
        )
        told = user_event(
            AuditAction.SESSION_ENDED,
            user.user_id,
            after={"ended_sessions": ended},
            actor=user.as_actor(),
        )
        events = (told, *events)
    return Done(answer=RefusedPerson(sentence=sentence), events=events)


_SUBJECT = "provider"
"""In counts of failed logins: no account of ours was tried."""
