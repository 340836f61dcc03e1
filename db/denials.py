"""Counts of refused requests, one row per address or account, minute and kind.

They feed the audit chain, which gets one event for each finished minute rather than
one for each attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.schema import DenialCountRow, RefusedPersonRow

_BATCH = 100


class DenialKind(StrEnum):
    """What was refused."""

    LOGIN = "login"
    ACCESS = "access"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class DenialCount:
    """How often an address was refused within one minute, or logins of an account.

    Attributes
    ----------
    address : str
        For the kind `account` the account that was tried, as limits name it.
    """

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRefusals:
    """How often a person was refused each thing within one minute."""

    user_id: int
    minute_utc: datetime
    address: str | None
    counts: dict[str, int]


def count_refused_person(
    session: Session,
    *,
    user_id: int,
    wanted: str,
    address: str | None,
    at_utc: datetime,
) -> None:
    """Add one refusal of what a person wanted to the minute of `at_utc`."""
    statement = insert(RefusedPersonRow).values(
        user_id=user_id,
        minute_utc=_minute(at_utc),
        wanted=wanted,
        address=address,
        count=1,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "minute_utc", "wanted"],
            set_={"count": RefusedPersonRow.count + 1, "is_reported": False},
        )
    )


def take_unreported_people(
    session: Session, *, now_utc: datetime
) -> list[PersonRefusals]:
    """Refusals of people in finished minutes, now marked as reported."""
    chosen = (
        select(
            RefusedPersonRow.user_id,
            RefusedPersonRow.minute_utc,
            RefusedPersonRow.wanted,
        )
        .where(
            RefusedPersonRow.is_reported.is_(False),
            RefusedPersonRow.minute_utc < _minute(now_utc),
        )
        .with_for_update(skip_locked=True)
        .subquery()
    )
    rows = session.scalars(
        update(RefusedPersonRow)
        .where(
            RefusedPersonRow.user_id == chosen.c.user_id,
            RefusedPersonRow.minute_utc == chosen.c.minute_utc,
            RefusedPersonRow.wanted == chosen.c.wanted,
        )
        .values(is_reported=True)
        .returning(RefusedPersonRow)
    )
    taken: dict[tuple[datetime, int], PersonRefusals] = {}
    for row in sorted(rows, key=lambda row: row.wanted):
        person = taken.setdefault(
            (row.minute_utc, row.user_id),
            PersonRefusals(
                user_id=row.user_id,
                minute_utc=row.minute_utc,
                address=row.address,
                counts={},
            ),
        )
        person.counts[row.wanted] = row.count
    return [taken[key] for key in sorted(taken)]


def forget_reported(session: Session, *, before_utc: datetime) -> None:
    """Delete counts that were reported."""
    for row in (DenialCountRow, RefusedPersonRow):
        session.execute(
            delete(row).where(row.is_reported.is_(True), row.minute_utc < before_utc)
        )


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
