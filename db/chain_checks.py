"""Queries on checks of the audit chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.schema import ChainCheckRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChainCheck:
    """A check to be stored; the names are the table's columns."""

    scope: str
    event_count: int
    anchored_seq: int | None
    first_bad_seq: int | None
    reason: str | None
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """A check and when it was made."""

    checked_at_utc: datetime
    found: NewChainCheck


def insert_check(session: Session, check: NewChainCheck) -> None:
    """Store the result of a check."""
    values = {name: getattr(check, name) for name in NewChainCheck.__slots__}
    session.execute(insert(ChainCheckRow).values(**values))


def newest_check(session: Session, *, scope: str | None = None) -> ChainCheck | None:
    """The newest check, of one scope or of any."""
    query = select(ChainCheckRow).order_by(ChainCheckRow.id.desc()).limit(1)
    if scope is not None:
        query = query.where(ChainCheckRow.scope == scope)
    row = session.scalars(query).first()
    if row is None:
        return None
    return ChainCheck(
        checked_at_utc=row.checked_at_utc,
        found=NewChainCheck(
            **{name: getattr(row, name) for name in NewChainCheck.__slots__}
        ),
    )
