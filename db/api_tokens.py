"""Queries on API tokens: kept as SHA-256, counted by the minute, never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import DateTime, bindparam, case, exists, or_, select, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.dml import ReturningUpdate

from core.access import Actor, Role, Scope
from core.errors import NotFound
from db.schema import ApiTokenRow, FederatedIdentityRow, UserRow
from db.sessions import runs_login

MOST_LISTED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token without its secret."""

    token_id: int
    name: str
    owner_id: int
    owner_name: str
    scopes: frozenset[Scope]
    created_by: str
    created_at_utc: datetime
    expires_at_utc: datetime
    last_used_at_utc: datetime | None
    revoked_at_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedToken:
    """A live token in a request, and the account that it acts for.

    Attributes
    ----------
    minute_count : int
        Requests of this token in the present minute, with this one.
    """

    token_id: int
    owner: Actor
    scopes: frozenset[Scope]
    minute_count: int


def insert_token(
    session: Session,
    *,
    name: str,
    token_sha256: str,
    owner_id: int,
    scopes: frozenset[Scope],
    created_by_id: int,
    created_at_utc: datetime,
    expires_at_utc: datetime,
) -> int:
    """Store a new token and return its id."""
    row = ApiTokenRow(
        name=name,
        token_sha256=token_sha256,
        user_id=owner_id,
        scopes=sorted(scopes),
        created_by_id=created_by_id,
        created_at_utc=created_at_utc,
        expires_at_utc=expires_at_utc,
    )
    session.add(row)
    session.flush()
    return row.id


def list_tokens(
    session: Session, *, owner_id: int | None = None, token_id: int | None = None
) -> list[StoredToken]:
    """The newest tokens, of one account or of all."""
    maker = aliased(UserRow)
    statement = (
        select(ApiTokenRow, UserRow.name, maker.name)
        .join(UserRow, UserRow.id == ApiTokenRow.user_id)
        .join(maker, maker.id == ApiTokenRow.created_by_id)
        .order_by(ApiTokenRow.id.desc())
        .limit(MOST_LISTED)
        .execution_options(populate_existing=True)
    )
    if owner_id is not None:
        statement = statement.where(ApiTokenRow.user_id == owner_id)
    if token_id is not None:
        statement = statement.where(ApiTokenRow.id == token_id)
    return [
        StoredToken(
            token_id=row.id,
            name=row.name,
            owner_id=row.user_id,
            owner_name=owner_name,
            scopes=frozenset(map(Scope, row.scopes)),
            created_by=created_by,
            created_at_utc=row.created_at_utc,
            expires_at_utc=row.expires_at_utc,
            last_used_at_utc=row.last_used_at_utc,
            revoked_at_utc=row.revoked_at_utc,
        )
        for row, owner_name, created_by in session.execute(statement)
    ]


def find_token(session: Session, token_id: int) -> StoredToken:
    """The token with this id; raises NotFound without one."""
    found = list_tokens(session, token_id=token_id)
    if not found:
        message = f"There is no API token {token_id}."
        raise NotFound(message)
    return found[0]


def revoke_token(session: Session, token_id: int, *, now_utc: datetime) -> bool:
    """End a token; False when it was revoked already."""
    statement = (
        update(ApiTokenRow)
        .where(ApiTokenRow.id == token_id, ApiTokenRow.revoked_at_utc.is_(None))
        .values(revoked_at_utc=now_utc)
        .returning(ApiTokenRow.id)
    )
    return session.scalar(statement) is not None


def end_expired_tokens(
    session: Session, *, now_utc: datetime, token_sha256: str | None = None
) -> list[int]:
    """Revoke the tokens that expired, the one with this hash or all; returns their ids.

    They are revoked as of their expiry. Once stored, their end holds even if the clock
    is set back.
    """
    statement = update(ApiTokenRow).where(
        ApiTokenRow.revoked_at_utc.is_(None), ApiTokenRow.expires_at_utc <= now_utc
    )
    if token_sha256 is not None:
        statement = statement.where(ApiTokenRow.token_sha256 == token_sha256)
    ended = session.scalars(
        statement.values(revoked_at_utc=ApiTokenRow.expires_at_utc).returning(
            ApiTokenRow.id
        )
    )
    return sorted(ended)


def use_token(
    session: Session,
    token_sha256: str,
    *,
    now_utc: datetime,
    seen_since_utc: datetime,
) -> UsedToken | None:
    """Count a request of the live token with this hash; None when none is live.

    A token of somebody whom an identity provider proves is live while one of their
    logins is, which was used after `seen_since_utc`. One statement finds it, notes that
    it was used and counts the request, so parallel requests cannot slip past a limit
    together.
    """
    row = session.execute(
        _use(),
        {
            "of_token": token_sha256,
            "now": now_utc,
            "minute": now_utc.replace(second=0, microsecond=0),
            "seen_since": seen_since_utc,
        },
    ).one_or_none()
    if row is None:
        return None
    return UsedToken(
        token_id=row.id,
        owner=Actor(user_id=row.user_id, name=row.name, role=Role(row.role)),
        scopes=frozenset(map(Scope, row.scopes)),
        minute_count=row.minute_count,
    )


@cache  # for every request: what it is built of takes longer than to run it
def _use() -> ReturningUpdate[int, int, list[str], int, str, str]:
    now, minute, seen_since = (
        bindparam(name, type_=DateTime(timezone=True))
        for name in ("now", "minute", "seen_since")
    )
    return (
        update(ApiTokenRow)
        .where(
            ApiTokenRow.token_sha256 == bindparam("of_token"),
            ApiTokenRow.revoked_at_utc.is_(None),
            ApiTokenRow.expires_at_utc > now,
            UserRow.id == ApiTokenRow.user_id,
            UserRow.is_active.is_(True),
            or_(
                ~exists().where(FederatedIdentityRow.user_id == ApiTokenRow.user_id),
                runs_login(ApiTokenRow.user_id, now, seen_since),
            ),
        )
        .values(
            last_used_at_utc=now,
            minute_utc=minute,
            minute_count=case(
                (ApiTokenRow.minute_utc == minute, ApiTokenRow.minute_count + 1),
                else_=1,
            ),
        )
        .returning(
            ApiTokenRow.id,
            ApiTokenRow.user_id,
            ApiTokenRow.scopes,
            ApiTokenRow.minute_count,
            UserRow.name,
            UserRow.role,
        )
        .execution_options(synchronize_session=False)
    )
