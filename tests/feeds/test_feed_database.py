"""A query on another PostgreSQL, over TCP, as a feed asks it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from core.telemetry import Quantity
from db.engine import DatabaseUrls, parse_url
from orchestrator.feeds.host_rules import HostRefused
from orchestrator.feeds.kinds.from_database import fetch
from orchestrator.feeds.kinds.kind import Ask
from orchestrator.feeds.web_client import FeedFailed
from tests.feeds.asking_kinds import HOURS, ask_of, facts_of, stamp
from tests.reading import read_file

QUERY = (
    "select h as timestamp, 40 + extract(hour from h)::int as it_load_mw"
    " from generate_series(%(start)s, %(end)s - interval '1 hour', '1 hour') h"
)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def _over_tcp(path: str) -> Iterator[int]:
    """The port of this machine at which the server behind a socket file answers."""

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


@pytest.fixture
def asking(database_urls: DatabaseUrls) -> Iterator[tuple[str, str]]:
    """The address of a database over TCP, and its password."""
    url = parse_url(database_urls.auditor)
    assert url.password is not None
    with _over_tcp(f"{url.query['host']}/.s.PGSQL.{url.port or 5432}") as port:
        place = f"{url.username}@localhost:{port}/{url.database}"
        yield f"postgresql://{place}?sslmode=disable", url.password


def _ask(address: str, password: str, query: str = QUERY, **changes: object) -> Ask:
    facts = facts_of(
        "postgresql", address, quantities=["it_load_mw"], options={"query": query}
    )
    return ask_of(facts, secret=password, **changes)  # type: ignore[arg-type]


def test_the_rows_of_a_query_become_a_table(asking: tuple[str, str]) -> None:
    ask = _ask(*asking)
    (answer,) = fetch(ask)
    read = read_file(answer.content, answer.region_slug, answer.telemetry_format or "")  # type: ignore[arg-type]
    assert read.series(Quantity.IT_LOAD_MW) == {
        stamp(hour): 40.0 + hour.hour for hour in HOURS
    }
    assert ask.client.use.requests == 1
    assert fetch(_ask(*asking, QUERY + " where false")) == []


def test_a_query_cannot_write_wait_or_flood(asking: tuple[str, str]) -> None:
    for query, words in (
        ("select lo_create(0), %(start)s", "read-only transaction"),
        ("insert into region select 1 where now() > %(start)s", "did not answer"),
        ("select nothing from nowhere where %(start)s is null", "does not exist"),
        (
            "select i, %(start)s from generate_series(1, 200000) i",
            "more than 100,000 rows",
        ),
    ):
        with pytest.raises(FeedFailed, match=words):
            fetch(_ask(*asking, query))
    with pytest.raises(FeedFailed, match="more than 100,000 rows"):
        fetch(_ask(*asking, QUERY.replace("1 hour'", "1 second'"), largest_bytes=999))


def test_a_wrong_password_is_said_without_it(asking: tuple[str, str]) -> None:
    with pytest.raises(FeedFailed, match="password authentication failed") as caught:
        fetch(_ask(asking[0], "wr0ng-s3cret"))
    assert "wr0ng-s3cret" not in caught.value.message


def test_no_password_but_the_named_one_is_sent(
    asking: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, password = asking
    monkeypatch.setenv("PGPASSWORD", password)
    file = tmp_path / "passwords"
    file.write_text(f"*:*:*:*:{password}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    facts = facts_of(
        "postgresql", address, quantities=["it_load_mw"], options={"query": QUERY}
    )
    with pytest.raises(FeedFailed, match="no password supplied"):
        fetch(ask_of(facts))


def test_a_private_host_must_be_named() -> None:
    facts = facts_of(
        "postgresql",
        "postgresql://reader@localhost/plant",
        private_hosts=[],
        options={"query": QUERY},
    )
    with pytest.raises(HostRefused, match="localhost resolves to"):
        fetch(ask_of(facts))
