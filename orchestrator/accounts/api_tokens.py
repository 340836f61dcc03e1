"""API tokens: made and revoked by people, used by programs.

A token acts for an account, within its scopes and the role of that account. It ends
when it expires or is revoked, when the account is disabled, gets another role or a new
one-time password. A token of somebody whom an identity provider proves acts only while
one of their logins runs, and ends with their last role.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.access import PERSONAL_SCOPES, Actor, Permission, Role, Scope, usable_scopes
from core.audit import AuditAction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from db import api_tokens, denials, login_limits, users
from db.api_tokens import StoredToken
from db.denials import DenialKind
from db.login_limits import Limit
from db.users import User
from orchestrator.accounts.administration import AccountView, account_view
from orchestrator.accounts.denials import address_key, finished_minutes
from orchestrator.accounts.logins import IDLE_LIMIT
from orchestrator.accounts.tries import digest
from orchestrator.accounts.user_events import user_event
from orchestrator.accounts.user_names import NAME_LENGTH, valid_name
from orchestrator.use_cases import Done, Event, Request, change, query

PREFIX = "gfo_"
"""Begins every token, so that scanners for secrets recognise one."""
DEFAULT_DAYS = 90
MOST_DAYS = 366
MOST_TOKENS = 100
"""Live ones of an account."""

_TOKEN_BYTES = 32
_ANY_TOKEN = "api token"  # noqa: S105 -- the subject of counted tries
_OF_ADDRESS = Limit(
    free_count=20,
    first_wait=timedelta(seconds=30),
    longest_wait=timedelta(seconds=30),
    forgotten_after=timedelta(minutes=10),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """A token as lists show it.

    Attributes
    ----------
    scopes : tuple of Scope
        In the order of the scopes.
    state : str
        "live", "expired" or "revoked".
    """

    token_id: int
    name: str
    owner_name: str
    scopes: tuple[Scope, ...]
    created_by: str
    created_at_utc: datetime
    expires_at_utc: datetime
    last_used_at_utc: datetime | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was made.

    Attributes
    ----------
    secret : str | None
        Shown once and stored nowhere, so None when the same request comes again.
    """

    token: TokenView
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUse:
    """A request of a live token; `minute_count` counts those of this minute."""

    actor: Actor
    minute_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedToken:
    """No such token is live; `wait` is how long this address has to wait, if at all."""

    wait: timedelta | None = None


def _same_token(request: Request, token_id: str) -> NewToken:
    return NewToken(token=_found(request, int(token_id)), secret=None)


@query(Permission.MANAGE_USERS)
def list_tokens(request: Request) -> list[TokenView]:
    """Tokens of every account, newest first."""
    found = api_tokens.list_tokens(request.session)
    return [_view(token, request.now) for token in found]


@query(Permission.KEEP_OWN_ACCOUNT)
def own_tokens(request: Request) -> list[TokenView]:
    """The caller's own tokens, newest first."""
    owner_id = request.actor.user_id
    found = api_tokens.list_tokens(request.session, owner_id=owner_id)
    return [_view(token, request.now) for token in found]


@change(
    Permission.MANAGE_USERS,
    AuditAction.USER_ADDED,
    repeat=lambda request, user_id: account_view(_account(request, int(user_id))),
    confirmed=True,
)
def add_service_account(request: Request, name: str, role: Role) -> Done[AccountView]:
    """Make an account without any login, which only API tokens act for."""
    user = users.insert_service_account(
        request.session, name=valid_name(name), role=role
    )
    event = user_event(
        AuditAction.USER_ADDED,
        user.user_id,
        after={"name": user.name, "role": role.value, "is_service": True},
    )
    return Done(answer=account_view(user), events=(event,), kept=user.user_id)


@change(
    Permission.MANAGE_USERS,
    AuditAction.API_TOKEN_MADE,
    repeat=_same_token,
    confirmed=True,
)
def make_token(
    request: Request,
    *,
    owner: str,
    name: str,
    scopes: Collection[Scope],
    days: int = DEFAULT_DAYS,
) -> Done[NewToken]:
    """Make a token that acts for a person or a service account.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        When there is no such account; for a name, a scope or a life that cannot be;
        when the account is disabled or full of tokens.
    """
    found = users.find_user_by_name(request.session, owner.strip(), lock=True)
    if found is None or (found.is_system and not found.is_service):
        message = f"There is no person or service account called {owner.strip()[:80]}."
        raise NotFound(message)
    if personal := PERSONAL_SCOPES & set(scopes):
        message = (
            f"The scope {min(personal)} stands for a person, who gives it to a token of"
            " their own."
        )
        raise InvalidInput(message)
    return _made(request, found, name, scopes, days)


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.API_TOKEN_MADE,
    repeat=_same_token,
    confirmed=True,
)
def make_own_token(
    request: Request,
    *,
    name: str,
    scopes: Collection[Scope],
    days: int = DEFAULT_DAYS,
) -> Done[NewToken]:
    """Make a token that acts for the caller; raises as `make_token`."""
    found = users.find_user(request.session, request.actor.user_id, lock=True)
    if found is None or found.is_system:
        raise Forbidden
    return _made(request, found, name, scopes, days)


@change(
    Permission.MANAGE_USERS,
    AuditAction.API_TOKEN_REVOKED,
    repeat=lambda request, token_id: _found(request, int(token_id)),
    confirmed=True,
)
def revoke_token(request: Request, token_id: int) -> Done[TokenView]:
    """End a token; raises NotFound without it, Conflict when it has ended."""
    return _revoked(request, api_tokens.find_token(request.session, token_id))


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.API_TOKEN_REVOKED,
    repeat=lambda request, token_id: _found(request, int(token_id)),
)
def revoke_own_token(request: Request, token_id: int) -> Done[TokenView]:
    """End one of the caller's own tokens; raises as `revoke_token`."""
    found = api_tokens.find_token(request.session, token_id)
    if found.owner_id != request.actor.user_id:
        message = f"There is no API token {token_id}."
        raise NotFound(message)
    return _revoked(request, found)


@change(Permission.RUN_CYCLE, AuditAction.API_TOKEN_REVOKED, repeat=None)
def end_expired(request: Request) -> Done[int]:
    """End every token that expired, so that a clock set back revives none."""
    ended = api_tokens.end_expired_tokens(request.session, now_utc=request.now)
    return Done(answer=len(ended), events=_expired(ended))


@change(
    None,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    AuditAction.API_TOKEN_REVOKED,
    repeat=None,
)
def use_token(
    request: Request, secret: str, *, address: str | None
) -> Done[TokenUse | RefusedToken]:
    """Who acts in a request with this token; what they do is audited, not the use.

    Wrong tokens count as refusals of their address, which become one event for each
    minute, and make it wait. Whoever has a live token never waits for these.
    """
    session, now = request.session, request.now
    used = api_tokens.use_token(
        session, digest(secret), now_utc=now, seen_since_utc=now - IDLE_LIMIT
    )
    if used is not None:
        actor = replace(
            used.owner, address=address, token_id=used.token_id, scopes=used.scopes
        )
        return Done(answer=TokenUse(actor=actor, minute_count=used.minute_count))
    ended = api_tokens.end_expired_tokens(
        session, now_utc=now, token_sha256=digest(secret)
    )
    place = address_key(address)
    denials.count_denial(session, address=place, kind=DenialKind.ACCESS, at_utc=now)
    counted = login_limits.count_try(
        session, subject=_ANY_TOKEN, place=place, limit=_OF_ADDRESS, now=now
    )
    events = (*_expired(ended), *finished_minutes(session, now))
    return Done(answer=RefusedToken(wait=counted.wait), events=events)


def _made(
    request: Request, owner: User, name: str, scopes: Collection[Scope], days: int
) -> Done[NewToken]:
    chosen = frozenset(scopes)
    _require_usable(request, owner, chosen)
    if not 1 <= days <= MOST_DAYS:
        message = f"A token lasts 1 to {MOST_DAYS} days."
        raise InvalidInput(message)
    label = name.strip()
    if not 1 <= len(label) <= NAME_LENGTH or not label.isprintable():
        message = f"Name the token, in 1 to {NAME_LENGTH} printable characters."
        raise InvalidInput(message)
    secret = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    token_id = api_tokens.insert_token(
        request.session,
        name=label,
        token_sha256=digest(secret),
        owner_id=owner.user_id,
        scopes=chosen,
        created_by_id=request.actor.user_id,
        created_at_utc=request.now,
        expires_at_utc=request.now + timedelta(days=days),
    )
    token = _found(request, token_id)
    event = Event(
        action=AuditAction.API_TOKEN_MADE,
        object_type="api_token",
        object_id=token_id,
        after={
            "name": label,
            "owner": owner.name,
            "scopes": list(token.scopes),
            "expires_at_utc": token.expires_at_utc,
        },
    )
    made = NewToken(token=token, secret=secret)
    return Done(answer=made, events=(event,), kept=token_id)


def _require_usable(request: Request, owner: User, scopes: frozenset[Scope]) -> None:
    """Refuse a token that could do nothing, or one too many."""
    if not scopes:
        message = f"Choose at least one scope of {', '.join(Scope)}."
        raise InvalidInput(message)
    if useless := scopes - set(usable_scopes(owner.role)):
        message = f"The role {owner.role} allows nothing of the scope {min(useless)}."
        raise InvalidInput(message)
    if not owner.is_active:
        message = f"{owner.name} is disabled."
        raise Conflict(message)
    listed = api_tokens.list_tokens(request.session, owner_id=owner.user_id)
    if sum(_state(token, request.now) == "live" for token in listed) >= MOST_TOKENS:
        message = f"{owner.name} has {MOST_TOKENS} tokens; revoke some first."
        raise Conflict(message)


def _revoked(request: Request, token: StoredToken) -> Done[TokenView]:
    if not api_tokens.revoke_token(
        request.session, token.token_id, now_utc=request.now
    ):
        message = f"API token {token.token_id} is revoked already."
        raise Conflict(message)
    event = Event(
        action=AuditAction.API_TOKEN_REVOKED,
        object_type="api_token",
        object_id=token.token_id,
        before={"name": token.name, "owner": token.owner_name},
    )
    return Done(
        answer=_found(request, token.token_id), events=(event,), kept=token.token_id
    )


def _expired(token_ids: Collection[int]) -> tuple[Event, ...]:
    return tuple(
        Event(
            action=AuditAction.API_TOKEN_REVOKED,
            object_type="api_token",
            object_id=token_id,
            after={"reason": "expired"},
            is_belated=True,
        )
        for token_id in token_ids
    )


def _account(request: Request, user_id: int) -> User:
    user = users.find_user(request.session, user_id)
    if user is None:
        raise NotFound
    return user


def _found(request: Request, token_id: int) -> TokenView:
    return _view(api_tokens.find_token(request.session, token_id), request.now)


def _state(token: StoredToken, now: datetime) -> str:
    ended_at_utc = token.revoked_at_utc
    if ended_at_utc is not None and ended_at_utc < token.expires_at_utc:
        return "revoked"
    return "expired" if ended_at_utc or token.expires_at_utc <= now else "live"


def _view(token: StoredToken, now: datetime) -> TokenView:
    return TokenView(
        token_id=token.token_id,
        name=token.name,
        owner_name=token.owner_name,
        scopes=tuple(scope for scope in Scope if scope in token.scopes),
        created_by=token.created_by,
        created_at_utc=token.created_at_utc,
        expires_at_utc=token.expires_at_utc,
        last_used_at_utc=token.last_used_at_utc,
        state=_state(token, now),
    )
