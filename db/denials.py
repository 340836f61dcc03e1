"""Counts of refused requests, one row per address, minute and kind.

They feed the per-address login limit, which every worker shares, and the audit chain,
which gets one event for each finished minute rather than one for each attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.schema import DenialCountRow

_BATCH = 100


class DenialKind(StrEnum):
    """What was refused."""

    LOGIN = "login"
    ACCESS = "access"


@dataclass(frozen=True, slots=True, kw_only=True)
class DenialCount:
    """How often one address was refused within one minute."""

    address: str
    minute_utc: datetime
    kind: DenialKind
    count: int


def count_denial(
    session: Session, *, address: str, kind: DenialKind, at_utc: datetime
) -> None:
    """Add one refusal to the minute of `at_utc`."""
    statement = insert(DenialCountRow).values(
        address=address, minute_utc=_minute(at_utc), kind=kind.value, count=1
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["address", "minute_utc", "kind"],
            set_={"count": DenialCountRow.count + 1},
        )
    )


def denials_since(
    session: Session, *, address: str, kind: DenialKind, since_utc: datetime
) -> int:
    """How often this address was refused in the minutes from `since_utc` on."""
    total = session.scalar(
        select(func.coalesce(func.sum(DenialCountRow.count), 0)).where(
            DenialCountRow.address == address,
            DenialCountRow.kind == kind.value,
            DenialCountRow.minute_utc >= _minute(since_utc),
        )
    )
    return int(total or 0)


def take_unreported(session: Session, *, now_utc: datetime) -> list[DenialCount]:
    """Counts of finished minutes without an audit event, now marked as reported.

    At most 100, oldest first; the next call takes the rest. Rows that another
    process has locked are skipped, so none is reported twice.
    """
    chosen = (
        select(DenialCountRow.address, DenialCountRow.minute_utc, DenialCountRow.kind)
        .where(
            DenialCountRow.is_reported.is_(False),
            DenialCountRow.minute_utc < _minute(now_utc),
        )
        .order_by(DenialCountRow.minute_utc)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
        .subquery()
    )
    rows = session.execute(
        update(DenialCountRow)
        .where(
            DenialCountRow.address == chosen.c.address,
            DenialCountRow.minute_utc == chosen.c.minute_utc,
            DenialCountRow.kind == chosen.c.kind,
        )
        .values(is_reported=True)
        .returning(
            DenialCountRow.address,
            DenialCountRow.minute_utc,
            DenialCountRow.kind,
            DenialCountRow.count,
        )
    )
    taken = [
        DenialCount(
            address=row.address,
            minute_utc=row.minute_utc,
            kind=DenialKind(row.kind),
            count=row[3],  # a row has a method of this name
        )
        for row in rows
    ]
    return sorted(taken, key=lambda denial: (denial.minute_utc, denial.address))


def forget_reported(session: Session, *, before_utc: datetime) -> None:
    """Delete counts that were reported and that no login limit needs any more."""
    session.execute(
        delete(DenialCountRow).where(
            DenialCountRow.is_reported.is_(True), DenialCountRow.minute_utc < before_utc
        )
    )


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
