"""Queries on people of an identity provider."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.schema import FederatedIdentityRow, LogoutTokenRow, ProviderKeysRow


def user_of(session: Session, *, issuer: str, subject: str) -> int | None:
    """The account of this subject; None when it has none yet."""
    return session.scalar(
        select(FederatedIdentityRow.user_id).where(
            FederatedIdentityRow.issuer == issuer,
            FederatedIdentityRow.subject == subject,
        )
    )


def is_federated(session: Session, user_id: int) -> bool:
    """Whether an identity provider proves this person."""
    found = select(FederatedIdentityRow.user_id).where(
        FederatedIdentityRow.user_id == user_id
    )
    return session.scalar(found) is not None


def insert_identity(
    session: Session, *, issuer: str, subject: str, user_id: int, now_utc: datetime
) -> None:
    """Store whom the provider means by this subject."""
    session.execute(
        insert(FederatedIdentityRow).values(
            issuer=issuer, subject=subject, user_id=user_id, created_at_utc=now_utc
        )
    )


def store_keys(
    session: Session, *, issuer: str, jwks: dict[str, Any], now_utc: datetime
) -> None:
    """Keep the keys that a provider publishes now."""
    values = {"jwks": jwks, "fetched_at_utc": now_utc}
    session.execute(
        insert(ProviderKeysRow)
        .values(issuer=issuer, **values)
        .on_conflict_do_update(index_elements=["issuer"], set_=values)
    )


def stored_keys(
    session: Session, issuer: str
) -> tuple[dict[str, Any], datetime] | None:
    """A provider's keys as it last published them, and when; None before any login."""
    row = session.get(ProviderKeysRow, issuer, populate_existing=True)
    return None if row is None else (row.jwks, row.fetched_at_utc)


def use_logout_token(
    session: Session,
    *,
    issuer: str,
    jti: str,
    expires_at_utc: datetime,
    now_utc: datetime,
) -> bool:
    """Whether this token is new; it is used up now."""
    session.execute(
        delete(LogoutTokenRow).where(LogoutTokenRow.expires_at_utc < now_utc)
    )
    used = session.scalar(
        insert(LogoutTokenRow)
        .values(issuer=issuer, jti=jti, expires_at_utc=expires_at_utc)
        .on_conflict_do_nothing()
        .returning(LogoutTokenRow.jti)
    )
    return used is not None
