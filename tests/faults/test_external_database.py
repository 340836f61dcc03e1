"""DATABASE_URL replaces the embedded server, in its three roles."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from db.engine import DatabaseUrls, libpq_url
from tests.faults.conftest import StartPortal
from tests.faults.portal_process import ADMIN_PASSWORD, Browser, gfo, processes_of

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(empty_database_urls: DatabaseUrls) -> dict[str, str]:
    """Settings of a portal on an empty database of another server."""
    return {
        "DATABASE_URL": libpq_url(empty_database_urls.app),
        "DATABASE_OWNER_URL": libpq_url(empty_database_urls.owner),
        "DATABASE_AUDITOR_URL": libpq_url(empty_database_urls.auditor),
        "GFO_ADMIN_PASSWORD": ADMIN_PASSWORD,
    }


def test_the_portal_serves_from_the_database_it_was_given(
    empty_dir: Path,
    empty_database_urls: DatabaseUrls,
    settings: dict[str, str],
    start_portal: StartPortal,
) -> None:
    portal = start_portal(empty_dir, settings=settings).wait_ready()

    assert portal.is_ready()
    assert Browser(portal.url).log_in("admin", ADMIN_PASSWORD).status == 303
    with psycopg.connect(libpq_url(empty_database_urls.owner)) as connection:
        (names,) = connection.execute(
            "select array_agg(distinct usename::text) from pg_stat_activity"
            " where application_name in ('gfo-web', 'gfo-worker')"
        ).fetchone() or ((),)
        (logins,) = connection.execute("select count(*) from user_session").fetchone()
    assert names == ["gfo_app"]
    assert logins == 1
    assert not (empty_dir / "postgres").exists()
    assert not any("bin/postgres" in c for c in processes_of(empty_dir).values())
    portal.stop()
    for url in settings.values():
        assert url not in portal.everything


def test_commands_use_the_database_that_was_given(
    empty_dir: Path, settings: dict[str, str]
) -> None:
    assert gfo(empty_dir, "db", "upgrade", **settings).returncode == 0
    assert gfo(empty_dir, "region", "list", **settings).returncode == 0
    assert not (empty_dir / "postgres").exists()


def test_a_role_that_may_not_migrate_is_one_sentence(
    empty_dir: Path, settings: dict[str, str], start_portal: StartPortal
) -> None:
    del settings["DATABASE_OWNER_URL"]

    portal = start_portal(empty_dir, settings=settings)

    assert portal.process.wait(60) == 1
    (sentence,) = portal.logged.splitlines()
    assert "DATABASE_OWNER_URL" in sentence
    assert "permission denied" in sentence
