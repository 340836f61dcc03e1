"""COPY through a SQLAlchemy session, within its transaction: of rows or of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session


def driver_connection(session: Session) -> psycopg.Connection[tuple[object, ...]]:
    """The psycopg connection of the session's transaction."""
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        message = "This needs the psycopg 3 driver."
        raise TypeError(message)
    return connection


def copy_rows(
    session: Session,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    """COPY `rows` into `table`, in the session's transaction."""
    session.flush()
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with driver_connection(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def next_ids(session: Session, table: str, count: int) -> list[int]:
    """So many ids of a table, ascending; for rows that are copied with them."""
    ids = session.scalars(
        text(
            "select nextval(pg_get_serial_sequence(:table, 'id'))"
            " from generate_series(1, :count)"
        ),
        {"table": table, "count": count},
    )
    return list(ids)


def copy_with_ids(
    session: Session,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> list[int]:
    """COPY `rows` into `table` with ids of its sequence; returns these in order."""
    ids = next_ids(session, table, len(rows))
    numbered = ((row_id, *row) for row_id, row in zip(ids, rows, strict=True))
    copy_rows(session, table, ("id", *columns), numbered)
    return ids


_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_POSTGRES_EPOCH = np.datetime64("2000-01-01T00", "us")


def copy_columns(
    session: Session, table: str, columns: Mapping[str, NDArray[np.generic]]
) -> None:
    """COPY columns of one length into `table`, in the session's transaction.

    int32, int64, bool and float64 go into columns of just these types, NaN as null;
    datetime64 into timestamptz; bytes, which must be text in UTF-8, into text.

    References
    ----------
    PostgreSQL documentation, COPY, "Binary Format".
    """
    session.flush()
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with driver_connection(session).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_SIGNATURE + _binary_rows(list(columns.values())) + _END)


def _binary_rows(columns: Sequence[NDArray[np.generic]]) -> bytes:
    """Every row: the number of its fields, then each with its length before it."""
    sent = [_as_sent(column) for column in columns]
    fields = [
        (f"{part}{place}", kind)
        for place, (values, _) in enumerate(sent)
        for part, kind in (("length", ">i4"), ("value", values.dtype.newbyteorder(">")))
    ]
    rows = np.empty(len(columns[0]), dtype=[("count", ">i2"), *fields])
    rows["count"] = len(columns)
    matrix = rows.view(np.uint8).reshape(len(rows), rows.itemsize)
    is_sent = np.ones(matrix.shape, dtype=np.bool_)
    end = 2
    for place, (values, length) in enumerate(sent):
        rows[f"length{place}"] = length
        rows[f"value{place}"] = values
        size = values.dtype.itemsize
        end += 4 + size
        if (length < size).any():
            is_sent[:, end - size : end] = np.arange(size) < length[:, None]
    chosen: NDArray[np.uint8] = matrix[is_sent]
    return chosen.tobytes()


def _as_sent(
    column: NDArray[np.generic],
) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """The values as the format has them, and the bytes of each; -1 for null."""
    if column.dtype.kind == "S":
        return column, np.char.str_len(column.astype(np.bytes_))
    if column.dtype.kind == "M":
        since = column.astype("datetime64[us]") - _POSTGRES_EPOCH
        column = since.astype(np.int64)
    length = np.full(len(column), column.dtype.itemsize, dtype=np.int64)
    if column.dtype.kind == "f":
        length[np.isnan(column)] = -1
    return column, length
