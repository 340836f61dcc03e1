"""Health endpoints answer machines and never make a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
from sqlalchemy import text

from db.engine import DatabaseUrls, libpq_url, make_engine
from orchestrator.runtime import Runtime
from tests.conftest import PostgresForTests
from tests.webapp.conftest import Portal, register_test_pages
from webapp.app import create_app


def test_the_process_answers_and_the_database_is_ready(portal: Portal) -> None:
    client = portal.app.server.test_client()
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.get_json()["schema"] == "ok"
    assert ready.get_json()["temperature_model"] == "none"


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
