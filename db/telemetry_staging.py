"""Staging of an import's rows: temporary tables, filled by COPY.

The tables are dropped at the end of the transaction. A file of any size needs little
memory in Python, and the order of its rows does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from core.aliases import FloatArray, IntArray
from core.telemetry import Quantity
from db.copying import copy_columns, copy_rows
from db.schema import IngestRejectRow

QUANTITY_NAMES = tuple(quantity.value for quantity in Quantity)

_REFUSED_COLUMNS = ("line_number", "reason_code", "reason", "raw_text")
_METADATA = MetaData()


def _value_columns() -> list[Column[float]]:
    return [Column(name, Double) for name in QUANTITY_NAMES]


def _temporary(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        _METADATA,
        *columns,
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )


STAGED = _temporary(
    "telemetry_staged",
    Column("line_number", BigInteger, nullable=False),
    Column("region_id", Integer, nullable=False),
    Column("hour_utc", DateTime(timezone=True), nullable=False),
    *_value_columns(),
    Column("is_estimated", Boolean, nullable=False),
    Column("raw_text", Text, nullable=False),
)
"""Accepted rows, as the file has them."""

REFUSED = _temporary(
    "telemetry_refused",
    Column("line_number", BigInteger, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw_text", Text, nullable=False),
)
"""Rows that were refused."""

SETTLED = _temporary(
    "telemetry_settled",
    Column("region_id", Integer, nullable=False),
    Column("hour_utc", DateTime(timezone=True), nullable=False),
    *_value_columns(),
    Column("is_estimated", Boolean, nullable=False),
    Column("outcome", Text, nullable=False),
)
"""One row per hour: the values that change, and the effect on the stored hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalCount:
    """How many rows were refused for a reason, with the first one as an example."""

    reason_code: str
    row_count: int
    first_line_number: int
    example: str


def open_staging(session: Session) -> None:
    """Create the empty temporary tables; the end of the transaction drops them."""
    connection = session.connection()
    for table in _METADATA.sorted_tables:
        # The transaction may have those of an earlier import.
        connection.execute(text(f"drop table if exists pg_temp.{table.name}"))
        table.create(connection, checkfirst=False)


def stage_rows(session: Session, rows: Iterable[Sequence[object]]) -> None:
    """COPY rows: line number, region id, hour, values, is estimated, raw text."""
    copy_rows(session, STAGED.name, STAGED.columns.keys(), rows)


def stage_columns(
    session: Session,
    *,
    line_numbers: IntArray,
    region_ids: IntArray,
    hours: IntArray,
    values: FloatArray,
    raw_texts: Sequence[str],
) -> None:
    """COPY measured rows as columns.

    Parameters
    ----------
    hours : ndarray of int, shape (n_rows,)
        Hours since 1970.
    values : ndarray, shape (n_rows, n_quantities)
        In the order of `QUANTITY_NAMES`; NaN where a row has none.
    raw_texts : sequence of str
        ASCII.
    """
    copy_columns(
        session,
        STAGED.name,
        {
            "line_number": line_numbers,
            "region_id": region_ids.astype(np.int32),
            "hour_utc": hours.astype("datetime64[h]"),
            **dict(zip(QUANTITY_NAMES, values.T, strict=True)),
            "is_estimated": np.zeros(len(hours), dtype=np.bool_),
            "raw_text": np.array(raw_texts, dtype=np.bytes_),
        },
    )


def stage_refusals(session: Session, rows: Iterable[Sequence[object]]) -> None:
    """COPY refused rows: line number, reason code, reason, raw text."""
    copy_rows(session, REFUSED.name, _REFUSED_COLUMNS, rows)


def store_refusals(session: Session, batch_id: int) -> None:
    """Store the refused rows of the batch."""
    columns = [REFUSED.c[name] for name in _REFUSED_COLUMNS]
    session.execute(
        insert(IngestRejectRow).from_select(
            ["batch_id", *_REFUSED_COLUMNS],
            select(literal(batch_id, BigInteger), *columns).order_by(
                REFUSED.c.line_number
            ),
        )
    )


def count_refusals(session: Session) -> list[RefusalCount]:
    """The reasons of the staged refusals, most frequent first."""
    code = REFUSED.c.reason_code
    counts = (
        select(code, func.count().label("row_count")).group_by(code).subquery("counts")
    )
    firsts = (
        select(code, REFUSED.c.line_number, REFUSED.c.reason)
        .ext(distinct_on(code))
        .order_by(code, REFUSED.c.line_number)
        .subquery("firsts")
    )
    rows = session.execute(
        select(
            counts.c.reason_code,
            counts.c.row_count,
            firsts.c.line_number,
            firsts.c.reason,
        )
        .join(firsts, firsts.c.reason_code == counts.c.reason_code)
        .order_by(counts.c.row_count.desc(), counts.c.reason_code)
    )
    return [
        RefusalCount(
            reason_code=reason_code,
            row_count=row_count,
            first_line_number=line_number,
            example=reason,
        )
        for reason_code, row_count, line_number, reason in rows
    ]
