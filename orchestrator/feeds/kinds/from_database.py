"""A query on another PostgreSQL: read-only, with limits of time and size."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import psycopg

from core.errors import InvalidInput
from db.feeds import FeedFacts
from orchestrator.feeds.host_rules import endpoint_of
from orchestrator.feeds.kinds.kind import (
    READING_OPTIONS,
    Ask,
    FeedKind,
    SourceAnswer,
    answer_as_described,
)
from orchestrator.feeds.web_client import FeedFailed
from orchestrator.telemetry.readers.formats import format_named

MOST_ROWS = 100_000
STATEMENT_TIMEOUT_S = 30
_TLS_MODES = {"disable", "prefer", "require", "verify-ca", "verify-full"}
_PIECE = 1_000


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """The rows of the query as a table with the names of its columns.

    Raises
    ------
    FeedFailed
        When the database refuses, is too slow, or gives too much.
    """
    parts = _parsed(ask.facts.address)
    host, port = parts.hostname or "", parts.port or 5432
    try:
        endpoint = endpoint_of(
            host, port, ask.client.private_hosts, resolve=ask.client.resolve
        )
    except OSError as exc:
        message = f"{host} is not known: its name does not resolve."
        raise FeedFailed(message) from exc
    ask.client.use.requests += 1
    try:
        with psycopg.connect(
            host=endpoint.host,
            hostaddr=endpoint.ip,
            port=port,
            user=unquote(parts.username or ""),
            # Empty or absent, not left out: libpq would send the one of its own
            # environment or password file instead.
            password=ask.secret or "",
            passfile="/dev/null/none",
            dbname=unquote(parts.path.lstrip("/")),
            sslmode=_tls_mode(parts),
            # The system's own authorities; only the full check takes them.
            sslrootcert="system" if _tls_mode(parts) == "verify-full" else None,
            connect_timeout=5,
            tcp_user_timeout=15_000,
            application_name="gfo-feed",
            options=(
                f"-c statement_timeout={STATEMENT_TIMEOUT_S}s -c timezone=UTC"
                " -c default_transaction_read_only=on"
            ),
        ) as connection:
            connection.read_only = True
            content = b"".join(_table(ask, connection, host))
    except psycopg.Error as exc:
        first = str(exc).strip().splitlines()[:1]
        said = "".join(first).replace(ask.secret or "\0", "...")[:200]
        message = f"The database at {host} did not answer the query: {said}"
        raise FeedFailed(message) from exc
    ask.client.use.received_bytes += len(content)
    if content.count(b"\n") <= 1:
        return []
    return [answer_as_described(ask, content, "query", format_named("auto"))]


def _table(
    ask: Ask, connection: psycopg.Connection[tuple[object, ...]], host: str
) -> Iterator[bytes]:
    span = {"start": ask.start_utc, "end": ask.end_utc}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    row_count = size_bytes = 0
    with connection.cursor("feed") as cursor:  # on the server: rows come in pieces
        cursor.itersize = _PIECE
        cursor.execute(ask.option("query").encode(), span)
        writer.writerow([column.name for column in cursor.description or ()])
        for row in cursor:
            row_count += 1
            writer.writerow([_cell(value) for value in row])
            if row_count % _PIECE == 0:
                size_bytes += len(piece := text.getvalue().encode())
                yield piece
                text.seek(0)
                text.truncate()
            if row_count > MOST_ROWS or size_bytes > ask.client.limits.largest_bytes:
                message = f"The query at {host} gives more than {MOST_ROWS:,} rows."
                raise FeedFailed(message)
    yield text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    return "" if value is None else value


def _parsed(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as exc:
        message = "The address is no address of a database."
        raise InvalidInput(message) from exc
    if (
        parts.scheme != "postgresql"
        or not parts.hostname
        or not parts.username
        or len(parts.path) < 2
    ):
        message = (
            "The address of a database is like"
            " postgresql://reader@db.example.org:5432/plant?sslmode=verify-full."
        )
        raise InvalidInput(message)
    if parts.password is not None:
        message = "A feed's address carries no password; name it by reference."
        raise InvalidInput(message)
    return parts


def _tls_mode(parts: SplitResult) -> str:
    given = dict(parse_qsl(parts.query))
    mode = given.pop("sslmode", "verify-full")
    if given or mode not in _TLS_MODES:
        message = "The address of a database takes sslmode and nothing else."
        raise InvalidInput(message)
    return mode


def _check(facts: FeedFacts) -> None:
    parts = _parsed(facts.address)
    mode = _tls_mode(parts)
    is_named = (parts.hostname or "").lower() in facts.private_hosts
    if mode not in {"verify-ca", "verify-full"} and not is_named:
        message = (
            f"sslmode={mode} does not verify the server; it is for hosts that are"
            " allowed by name."
        )
        raise InvalidInput(message)
    query = facts.options.get("query", "")
    if "%(start)s" not in query:
        message = (
            "The option query is a select that asks for hours from %(start)s, and"
            " before %(end)s, with the columns timestamp, region and quantities."
        )
        raise InvalidInput(message)


KIND = FeedKind(
    name="postgresql",
    words="A query on another PostgreSQL",
    address="postgresql://reader@db.example.org:5432/plant",
    fetch=fetch,
    credential="the password",
    options={"query": "the select, with %(start)s and %(end)s", **READING_OPTIONS},
    is_by_region=False,
    longest_h=24 * 7,
    is_web=False,
    check=_check,
)
