"""Queries on people of an identity provider."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.schema import FederatedIdentityRow


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
