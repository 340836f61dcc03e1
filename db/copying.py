"""COPY through a SQLAlchemy session, within its transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg
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
