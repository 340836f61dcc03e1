"""Browsers in which a person has logged in: a cookie's random token, stored hashed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.schema import KnownDeviceRow


def is_known(session: Session, token_sha256: str, user_id: int | None = None) -> bool:
    """Whether this person, or anybody, has logged in with this device."""
    statement = select(KnownDeviceRow.user_id).where(
        KnownDeviceRow.token_sha256 == token_sha256
    )
    if user_id is not None:
        statement = statement.where(KnownDeviceRow.user_id == user_id)
    return session.scalar(statement.limit(1)) is not None


def remember(
    session: Session, token_sha256: str, user_id: int, *, now_utc: datetime
) -> None:
    """Store that the person has logged in with this device now."""
    statement = insert(KnownDeviceRow).values(
        token_sha256=token_sha256, user_id=user_id, last_used_at_utc=now_utc
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["token_sha256", "user_id"],
            set_={"last_used_at_utc": now_utc},
        )
    )


def forget_devices(session: Session, user_id: int) -> None:
    """Forget every device of this person."""
    session.execute(delete(KnownDeviceRow).where(KnownDeviceRow.user_id == user_id))


def purge_devices(session: Session, *, before_utc: datetime) -> None:
    """Delete devices that were last used before `before_utc`."""
    session.execute(
        delete(KnownDeviceRow).where(KnownDeviceRow.last_used_at_utc < before_utc)
    )
