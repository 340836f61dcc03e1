"""Addresses, pools and the sentences of an unreachable database."""

from __future__ import annotations

import os
import signal
import socket
import time

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import InvalidInput, ServiceUnavailable
from db.engine import (
    DatabaseUrls,
    is_remote,
    libpq_url,
    make_engine,
    normalise_url,
    parse_url,
    require_reachable,
    role_of,
)

SECRET = "s3cr3t-p@ss/word"
QUOTED = "s3cr3t-p%40ss%2Fword"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_scheme_is_accepted(scheme: str) -> None:
    url = f"{scheme}://ada:{QUOTED}@db.example:5433/fleet?sslmode=require"

    assert normalise_url(url) == (
        f"postgresql+psycopg://ada:{QUOTED}@db.example:5433/fleet?sslmode=require"
    )
    assert libpq_url(url).startswith("postgresql://ada:")
    assert role_of(url) == "ada"


@pytest.mark.parametrize(
    ("given", "hosts", "ports"),
    [
        ("one:5433,two:5434", "one,two", "5433,5434"),
        ("one,two:5434,[::1]", "one,two,::1", "5432,5434,5432"),
    ],
)
def test_several_hosts_are_accepted_as_libpq_writes_them(
    given: str, hosts: str, ports: str
) -> None:
    url = f"postgresql://ada:{QUOTED}@{given}/fleet?target_session_attrs=read-write"

    parsed = parse_url(url)

    assert (parsed.username, parsed.password, parsed.database) == (
        "ada",
        SECRET,
        "fleet",
    )
    assert dict(parsed.query) == {
        "host": hosts,
        "port": ports,
        "target_session_attrs": "read-write",
    }
    assert conninfo_to_dict(libpq_url(url))["host"] == hosts
    assert parse_url(normalise_url(url)) == parsed
    assert is_remote(url)
    assert not is_remote("postgresql://ada@localhost:1,127.0.0.1:2/fleet")


@pytest.mark.parametrize(
    "url", ["", "fleet.db", f"mysql://ada:{QUOTED}@db/fleet", f"ada:{SECRET}@db/fleet"]
)
def test_another_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidInput, match="postgresql://") as refusal:
        normalise_url(url)

    assert "s3cr3t" not in str(refusal.value)


def test_urls_never_show_their_passwords() -> None:
    url = f"postgresql://ada:{QUOTED}@db/fleet"

    assert "s3cr3t" not in repr(DatabaseUrls(owner=url, app=url, auditor=url))


def test_a_closed_port_is_one_sentence_without_the_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(ServiceUnavailable) as refusal:
        require_reachable(f"postgresql://ada:{QUOTED}@127.0.0.1:{port}/fleet")

    sentence = str(refusal.value)
    assert f"fleet at 127.0.0.1:{port} does not answer" in sentence
    assert "s3cr3t" not in sentence
    assert "\n" not in sentence


def test_a_server_that_says_nothing_is_given_up_after_five_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            require_reachable(f"postgresql://ada:x@127.0.0.1:{port}/fleet")

    assert time.monotonic() - started < 20  # not for ever


def test_a_wrong_password_is_told_apart(database_urls: DatabaseUrls) -> None:
    head, _, tail = database_urls.app.partition("@")
    wrong = f"{head.rpartition(':')[0]}:wrong@{tail}"

    with pytest.raises(ServiceUnavailable, match="password authentication failed"):
        require_reachable(wrong)


def test_a_reachable_database_is_accepted(database_urls: DatabaseUrls) -> None:
    require_reachable(database_urls.app)


def test_sessions_are_in_utc_and_named(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.app, pool_size=1, application_name="gfo-web")
    with engine.connect() as connection:
        zone = connection.scalar(text("show timezone"))
        name = connection.scalar(text("show application_name"))
    engine.dispose()

    assert (zone, name) == ("UTC", "gfo-web")


def test_a_slow_statement_is_cut_off(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.app, pool_size=1, statement_timeout_s=0.1)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="timeout"):
        connection.execute(text("select pg_sleep(5)"))
    engine.dispose()


def test_a_server_that_hangs_is_given_up_and_its_connection_replaced(
    database_urls: DatabaseUrls,
) -> None:
    engine = make_engine(database_urls.app, pool_size=1, answer_timeout_s=0.5)
    with engine.connect() as connection:
        hung = connection.scalar(text("select pg_backend_pid()"))
    os.kill(hung, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with engine.connect() as connection:  # the ping gives up, a new one is made
            assert connection.scalar(text("select pg_backend_pid()")) != hung
        assert 0.5 <= time.monotonic() - started < 20  # not for ever
    finally:
        os.kill(hung, signal.SIGCONT)
    with engine.connect() as connection:
        assert connection.scalar(text("select 1")) == 1
        with pytest.raises(OperationalError):
            connection.execute(text("select pg_sleep(2)"))
        assert connection.invalidated
    engine.dispose()


def test_an_exhausted_pool_gives_up_in_time(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.app, pool_size=1, pool_timeout_s=0.2)
    with engine.connect(), pytest.raises(PoolTimeout):
        engine.connect()
    engine.dispose()


def test_a_cut_connection_is_replaced(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.app, pool_size=1)
    with engine.connect() as connection:
        cut = connection.scalar(text("select pg_backend_pid()"))
    other = make_engine(database_urls.app, pool_size=1)
    with other.connect() as connection:
        connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": cut})
    with engine.connect() as connection:
        assert connection.scalar(text("select pg_backend_pid()")) != cut
    engine.dispose()
    other.dispose()
