"""Health endpoints answer machines and never make a session."""

from __future__ import annotations

import gc
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Table, text

from core.audit import AuditAction
from db.audit_append import append_event
from db.engine import DatabaseUrls, libpq_url, make_engine, parse_url
from db.migrate import is_behind
from orchestrator.operations.doctor import space_of
from orchestrator.operations.monitoring import (
    LEAST_FREE_BYTES,
    ReadinessProbe,
    free_bytes,
)
from orchestrator.processes.connect import (
    HANG_MARGIN_S,
    POOL_SIZE,
    WEB_STATEMENT_TIMEOUT_S,
    open_runtime,
)
from orchestrator.runtime import Runtime
from tests.conftest import PostgresForTests
from tests.fleet import Fleet
from tests.webapp.conftest import Portal, portal_over, register_test_pages
from webapp.app import create_app
from webapp.prometheus import metrics_folder


def test_the_process_answers_and_the_database_is_ready(portal: Portal) -> None:
    client = portal.app.server.test_client()
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.get_json()["schema"] == "ok"
    assert ready.get_json() == {
        "status": "ok",
        "database": "ok",
        "schema": "ok",
        "models": "none",
        "audit_chain": "writable",
        "data_folder": "ok",
    }


def test_health_makes_no_session(portal: Portal) -> None:
    client = portal.app.server.test_client()
    for path in ("/healthz", "/readyz"):
        assert "Set-Cookie" not in client.get(path).headers
    with portal.runtime.transaction() as session:
        assert session.scalar(text("select count(*) from user_session")) == 0


def test_an_older_schema_is_not_ready(
    portal: Portal, database_urls: DatabaseUrls
) -> None:
    with psycopg.connect(libpq_url(database_urls.owner)) as connection:
        connection.execute("update alembic_version set version_num = '0001'")
    response = portal.app.server.test_client().get("/readyz")
    assert response.status_code == 503
    assert response.headers["Retry-After"]


def test_a_newer_schema_is_served(portal: Portal, database_urls: DatabaseUrls) -> None:
    """The next release migrated, and replaces this one process after another."""
    with psycopg.connect(libpq_url(database_urls.owner)) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    client = portal.app.server.test_client()
    assert client.get("/readyz").status_code == 200
    assert not is_behind("9999")
    assert is_behind(None)
    assert is_behind("0001")


def test_a_database_that_takes_no_changes_is_not_ready_and_pages_say_so(
    portal: Portal, database_urls: DatabaseUrls
) -> None:
    """A standby, or a server that protects itself from a full disk."""
    browser = portal.logged_in("operator")
    assert browser.get("/").status_code == 200
    name = parse_url(database_urls.owner).database

    def switch(value: str) -> None:
        with psycopg.connect(
            libpq_url(database_urls.owner), autocommit=True
        ) as connection:
            connection.execute("set transaction_read_only = off")
            connection.execute("set default_transaction_read_only = off")
            connection.execute(
                f'alter database "{name}" set default_transaction_read_only = {value}'
            )
        portal.runtime.engine.dispose()

    switch("on")
    answer = portal_again(portal).get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["audit_chain"] == "not writable"
    portal.runtime.clock.advance(minutes=5)  # so that the login's use is noted
    page = browser.get("/decide")
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    switch("off")
    assert browser.get("/decide").status_code == 200


def portal_again(portal: Portal) -> FlaskClient:
    """Another process of the same portal, which remembers nothing."""
    return create_app(portal.runtime, register_test_pages).server.test_client()


def test_cut_connections_heal_by_themselves(
    portal: Portal, postgres: PostgresForTests
) -> None:
    client = portal.app.server.test_client()
    assert client.get("/readyz").status_code == 200
    url = libpq_url(postgres.server.superuser_url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'gfo_app'"
        )
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_a_database_that_is_gone_is_not_ready(runtime: Runtime, tmp_path: Path) -> None:
    nowhere = make_engine(f"postgresql://gfo_app@/gfo?host={tmp_path}", pool_size=1)
    portal = create_app(replace(runtime, engine=nowhere), register_test_pages)
    client = portal.server.test_client()
    assert client.get("/healthz").status_code == 200
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["database"] == "unreachable"


def test_a_model_whose_bytes_changed_is_not_ready(fleet: Fleet, tmp_path: Path) -> None:
    client = portal_over(fleet, tmp_path).app.server.test_client()
    assert client.get("/readyz").get_json()["models"] == "active"
    with psycopg.connect(libpq_url(fleet.urls.owner)) as connection:
        connection.execute("alter table model_version disable trigger user")
        connection.execute(
            "update model_version set onnx_bytes = onnx_bytes || '\\x00'::bytea"
            " where target = 'wet_bulb_c'"
        )
    answer = portal_over(fleet, tmp_path).app.server.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["models"] == "damaged"


def test_a_chain_that_takes_no_events_is_not_ready(
    portal: Portal, database_urls: DatabaseUrls
) -> None:
    client = portal.app.server.test_client()
    with psycopg.connect(libpq_url(database_urls.owner)) as connection:
        connection.execute("revoke insert on audit_event from gfo_app")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["audit_chain"] == "not writable"
    with psycopg.connect(libpq_url(database_urls.owner)) as connection:
        connection.execute("grant insert on audit_event to gfo_app")
    assert client.get("/readyz").status_code == 200


def test_asking_leaves_no_event_in_the_chain_and_nothing_in_memory(
    portal: Portal,
) -> None:
    """A statement made anew each time would be compiled, and kept, each time."""
    client, tables = portal.app.server.test_client(), set()
    for _ in range(3):
        assert client.get("/readyz").get_json()["audit_chain"] == "writable"
        tables.add(sum(type(item) is Table for item in gc.get_objects()))
    assert portal.events() == []
    assert len(tables) == 1


@pytest.mark.slow
def test_health_waits_neither_for_pages_nor_for_a_server_that_hangs(
    portal: Portal, postgres: PostgresForTests
) -> None:
    client = portal.app.server.test_client()
    assert client.get("/readyz").status_code == 200
    url = libpq_url(postgres.server.superuser_url)
    with psycopg.connect(url) as connection:
        (hung,) = connection.execute(
            "select pid from pg_stat_activity where application_name = 'gfo-probe'"
            " and datname = %s",
            [portal.runtime.engine.url.database],
        ).fetchall()
    with ExitStack() as pages:
        for _ in range(POOL_SIZE):  # every connection of the pages is taken
            pages.enter_context(portal.runtime.engine.connect())
        assert client.get("/readyz").status_code == 200
        os.kill(hung[0], signal.SIGSTOP)
        try:
            started_s = time.monotonic()
            assert client.get("/healthz").status_code == 200
            assert time.monotonic() - started_s < 1
            # The hung connection is given up, and a new one answers.
            assert client.get("/readyz").status_code == 200
            assert time.monotonic() - started_s < 8
        finally:
            os.kill(hung[0], signal.SIGCONT)


def test_connections_of_pages_give_up_a_server_that_hangs(
    database_urls: DatabaseUrls, runtime: Runtime
) -> None:
    opened = open_runtime(runtime.settings, database_urls)
    with opened.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver.patience_s == WEB_STATEMENT_TIMEOUT_S + HANG_MARGIN_S
    opened.engine.dispose()


def test_a_full_data_folder_is_not_ready(portal: Portal, tmp_path: Path) -> None:
    state = ReadinessProbe(portal.runtime).read()
    assert state.is_ready
    assert replace(state, free_bytes=LEAST_FREE_BYTES).is_ready
    assert not replace(state, free_bytes=LEAST_FREE_BYTES - 1).is_ready
    assert free_bytes(tmp_path / "not" / "made") == free_bytes(tmp_path) > 0
    assert not space_of(LEAST_FREE_BYTES - 1).is_sound
    assert space_of(LEAST_FREE_BYTES).is_sound


def test_counters_are_not_shared_in_the_data_folder(tmp_path: Path) -> None:
    folder = metrics_folder(tmp_path, 8050)
    assert folder.parent == Path("/dev/shm")  # noqa: S108
    assert folder == metrics_folder(tmp_path, 8050)
    assert folder != metrics_folder(tmp_path, 8051)
    assert folder != metrics_folder(tmp_path / "other", 8050)


@pytest.mark.slow
def test_a_portal_is_unready_only_when_its_chain_is_held_for_long(
    portal: Portal, database_urls: DatabaseUrls
) -> None:
    """A migration waits for a lock for 2 s at most, and all others wait behind it.

    Twelve ask at once, and there are two connections to ask with.
    """
    client = portal.app.server.test_client
    with (
        ThreadPoolExecutor(12) as askers,
        psycopg.connect(libpq_url(database_urls.owner)) as migration,
    ):
        migration.execute("alter table audit_event add column next_note text")
        asked = [askers.submit(client().get, "/readyz") for _ in range(12)]
        time.sleep(2)
        migration.rollback()
        assert [item.result().status_code for item in asked] == [200] * 12
    with portal_again(portal) as another, portal.runtime.transaction() as session:
        append_event(session, actor=None, action=AuditAction.ACCESS_DENIED)
        assert another.get("/readyz").status_code == 503  # the head is held
    assert another.get("/readyz").status_code == 200
