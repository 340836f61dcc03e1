"""Fixtures of every room: real PostgreSQL, migrated once, and the real data files."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.engine import DatabaseUrls, libpq_url, make_engine
from db.local_roles import create_database, tighten_database
from db.local_server import LocalServer
from db.migrate import upgrade

if TYPE_CHECKING:
    from tests.fleet import Fleet

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA_ABSENT = "the real data files are not here"
FIELD_CASES_ABSENT = "the inputs from the field are not here"

# Nothing in a test database has to outlive a power cut.
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresForTests:
    """A server whose template database is migrated and has its privileges."""

    server: LocalServer
    template: str

    def urls(self, database: str) -> DatabaseUrls:
        """Addresses of `database` for the three roles."""
        return self.server.home.urls(database)

    def create(self, prefix: str = "test", template: str | None = None) -> str:
        """A fresh database; a copy of the migrated template unless told otherwise."""
        name = f"{prefix}_{uuid.uuid4().hex[:12]}"
        with self._superuser() as connection:
            create_database(connection, name, template=template or self.template)
            tighten_database(connection, name)
        return name

    def drop(self, name: str) -> None:
        """Remove a database, cutting the connections that are left."""
        with self._superuser() as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(
                    sql.Identifier(name)
                )
            )

    def _superuser(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(libpq_url(self.server.superuser_url), autocommit=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresForTests]:
    """One embedded server for the session (for each worker of pytest-xdist)."""
    # Short and open to pass: as root the server runs as a user who must reach it.
    folder = Path(tempfile.mkdtemp(prefix="gfo-test-"))
    folder.chmod(0o755)
    home = folder
    try:
        with LocalServer.own(folder, settings=_FAST) as server:
            home = server.home.folder
            upgrade(server.urls)
            yield PostgresForTests(server=server, template="gfo")
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_urls(postgres: PostgresForTests) -> Iterator[DatabaseUrls]:
    """A database of this test's own, for tests that commit or need connections."""
    name = postgres.create()
    yield postgres.urls(name)
    postgres.drop(name)


@pytest.fixture
def empty_database_urls(postgres: PostgresForTests) -> Iterator[DatabaseUrls]:
    """A database without any table."""
    name = postgres.create(prefix="empty", template="template1")
    yield postgres.urls(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def _shared_urls(postgres: PostgresForTests) -> DatabaseUrls:
    """The database of all tests that roll back; its tables stay as migrated."""
    return postgres.urls(postgres.create(prefix="shared"))


@pytest.fixture(scope="session")
def _app_engine(_shared_urls: DatabaseUrls) -> Iterator[Engine]:
    engine = make_engine(_shared_urls.app)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _owner_engine(_shared_urls: DatabaseUrls) -> Iterator[Engine]:
    engine = make_engine(_shared_urls.owner)
    yield engine
    engine.dispose()


@pytest.fixture
def session(_app_engine: Engine) -> Iterator[Session]:
    """A session as the application's role; all it does is rolled back."""
    yield from _rolled_back(_app_engine)


@pytest.fixture
def owner_session(_owner_engine: Engine) -> Iterator[Session]:
    """A session as the schema's owner; all it does is rolled back."""
    yield from _rolled_back(_owner_engine)


def _rolled_back(engine: Engine) -> Iterator[Session]:
    with engine.connect() as connection:
        outer = connection.begin()
        # Commits and rollbacks of the code under test move a savepoint only.
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        outer.rollback()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files; the test is skipped, or fails in CI, without it."""
    given = os.environ.get("GFO_REAL_DATA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    if (folder / "regions.csv").is_file():
        return folder
    if os.environ.get("GFO_REQUIRE_REAL_DATA") == "1":
        pytest.fail(f"GFO_REQUIRE_REAL_DATA is set but {REAL_DATA_ABSENT}.")
    pytest.skip(REAL_DATA_ABSENT)


@pytest.fixture(scope="session")
def field_cases() -> Path:
    """The folder of inputs from the field, beside the real files; as `real_data`."""
    given = os.environ.get("GFO_REAL_DATA")
    shared = Path(given).parent if given else REPOSITORY.parent / "shared"
    folder = shared / "field" / "cases"
    if folder.is_dir():
        return folder
    if os.environ.get("GFO_REQUIRE_REAL_DATA") == "1":
        pytest.fail(f"GFO_REQUIRE_REAL_DATA is set but {FIELD_CASES_ABSENT}.")
    pytest.skip(FIELD_CASES_ABSENT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database; files with slow tests come first.

    Otherwise the last of them would run alone.
    """
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker("database")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly how many tests did not see the real data."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if REAL_DATA_ABSENT in str(report.longrepr)
        or FIELD_CASES_ABSENT in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("REAL DATA IS MISSING", sep="!", bold=True)
        terminalreporter.line(
            f"{len(skipped)} tests were skipped because {REAL_DATA_ABSENT}."
            " Set GFO_REAL_DATA to their folder; inputs from the field are in ../field."
        )


@pytest.fixture(scope="session")
def _small_fleet(postgres: PostgresForTests) -> str:
    """A database with the small fleet, made once."""
    from tests.fleet import make_fleet  # noqa: PLC0415 -- scikit-learn, when needed

    name = postgres.create(prefix="fleet")
    make_fleet(postgres.urls(name))
    return name


@pytest.fixture(scope="session")
def _fleet_template(_small_fleet: str) -> str:
    """What `fleet` clones for each test; tests of pages add people to it."""
    return _small_fleet


@pytest.fixture
def fleet(postgres: PostgresForTests, _fleet_template: str) -> Iterator[Fleet]:
    """The small synthetic fleet of `tests.fleet` in a database of this test's own."""
    from tests.fleet import NOW  # noqa: PLC0415

    yield from _cloned(postgres, _fleet_template, NOW)


@pytest.fixture(scope="session")
def _decided_template(postgres: PostgresForTests, _small_fleet: str) -> str:
    from tests.decided_fleet import decide_often  # noqa: PLC0415

    name = postgres.create(prefix="decided", template=_small_fleet)
    decide_often(postgres.urls(name))
    return name


@pytest.fixture
def decided(postgres: PostgresForTests, _decided_template: str) -> Iterator[Fleet]:
    """The small fleet an hour later, with decisions; the newest is a live what-if."""
    from tests.decided_fleet import LATER  # noqa: PLC0415

    yield from _cloned(postgres, _decided_template, LATER)


def _cloned(
    postgres: PostgresForTests, template: str, now: datetime
) -> Iterator[Fleet]:
    from tests.fleet import Fleet, runtime_on  # noqa: PLC0415

    name = postgres.create(prefix="fleet", template=template)
    runtime = runtime_on(postgres.urls(name), now)
    yield Fleet(runtime=runtime, urls=postgres.urls(name))
    runtime.engine.dispose()
    postgres.drop(name)
