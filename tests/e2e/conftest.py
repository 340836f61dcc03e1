"""One browser; a portal of its own and a visitor for each test."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PostgresForTests
from tests.e2e.people import add_people
from tests.e2e.portal_browser import PortalBrowser
from tests.e2e.serving import Portal, serve
from tests.e2e.visitor import Visitor
from tests.fleet import Fleet


@pytest.fixture(scope="session")
def _fleet_template(postgres: PostgresForTests, _small_fleet: str) -> str:
    """The small fleet with a person of each role; cloned for each test."""
    name = postgres.create(prefix="people", template=_small_fleet)
    add_people(postgres.urls(name))
    return name


@pytest.fixture(scope="session")
def dash_br(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalBrowser]:
    """In place of the browser of dash[testing], whose picture of a failure it keeps."""
    with PortalBrowser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="session")
def free_port() -> int:
    """One port for all portals, so that the browser keeps scripts from test to test."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture
def portal(fleet: Fleet, tmp_path: Path, free_port: int) -> Iterator[Portal]:
    """The portal over the small fleet."""
    with serve(fleet.runtime, fleet.urls, tmp_path, port=free_port) as portal:
        yield portal


@pytest.fixture
def visitor(dash_br: PortalBrowser, portal: Portal) -> Iterator[Visitor]:
    """Somebody who has not logged in yet."""
    dash_br.forget_everything(portal.url)
    yield Visitor(browser=dash_br, portal=portal)
    # Leave before the portal ends, or the page would complain about it.
    dash_br.forget_everything(portal.url)
