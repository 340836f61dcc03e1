"""Queries on rows that imports refused: filtered, in the order of the file, paged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import Session

from core.errors import InvalidInput
from db.schema import IngestRejectRow

LONGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A refused row."""

    reject_id: int
    line_number: int
    reason_code: str
    reason: str
    raw_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectFilter:
    """Which refused rows to list; what is None is left open.

    Attributes
    ----------
    words : str | None
        Searched in the reason and the raw row, ignoring case.
    """

    reason_code: str | None = None
    words: str | None = None


def list_rejects(
    session: Session,
    batch_id: int,
    *,
    chosen: RejectFilter | None = None,
    after: tuple[int, int] | None = None,
    last_first: bool = False,
    limit: int = 50,
) -> list[Reject]:
    """Refused rows of an import in the order of the file, or from its end.

    `after` is the (line_number, reject_id) of the last one of the page before.
    """
    if not 1 <= limit <= LONGEST_PAGE:
        message = f"A page has 1 to {LONGEST_PAGE} rows."
        raise InvalidInput(message)
    place = (IngestRejectRow.line_number, IngestRejectRow.id)
    statement = (
        select(IngestRejectRow)
        .where(*_conditions(batch_id, chosen or RejectFilter()))
        .order_by(*(key.desc() if last_first else key.asc() for key in place))
        .limit(limit)
    )
    if after is not None:
        row = tuple_(*place)
        statement = statement.where(row < after if last_first else row > after)
    return [
        Reject(
            reject_id=row.id,
            line_number=row.line_number,
            reason_code=row.reason_code,
            reason=row.reason,
            raw_text=row.raw_text,
        )
        for row in session.scalars(statement)
    ]


def count_reasons(session: Session, batch_id: int) -> dict[str, int]:
    """How many rows of an import were refused for which reason, most frequent first."""
    rows = func.count().label("rows")
    statement = (
        select(IngestRejectRow.reason_code, rows)
        .where(IngestRejectRow.batch_id == batch_id)
        .group_by(IngestRejectRow.reason_code)
        .order_by(rows.desc(), IngestRejectRow.reason_code)
    )
    return {row.reason_code: row.rows for row in session.execute(statement)}


def _conditions(batch_id: int, chosen: RejectFilter) -> list[ColumnElement[bool]]:
    conditions = [IngestRejectRow.batch_id == batch_id]
    if chosen.reason_code is not None:
        conditions.append(IngestRejectRow.reason_code == chosen.reason_code)
    if chosen.words is not None:
        conditions.append(
            or_(
                IngestRejectRow.reason.icontains(chosen.words, autoescape=True),
                IngestRejectRow.raw_text.icontains(chosen.words, autoescape=True),
            )
        )
    return conditions
