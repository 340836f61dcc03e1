"""A portal and a receiver on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import PostgresForTests
from tests.deliveries.portals import Portal, Receiver, receiving
from tests.orchestrator.conftest import untouched_logging

__all__ = ["untouched_logging"]


@pytest.fixture(scope="module")
def module_portal(
    postgres: PostgresForTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    """One database for the tests of a module."""
    name = postgres.create(prefix="deliveries")
    made = Portal(postgres.urls(name), tmp_path_factory.mktemp("portal"))
    yield made
    made.close()
    postgres.drop(name)


@pytest.fixture
def portal(module_portal: Portal) -> Iterator[Portal]:
    """A portal without subscriptions whose clock shows the present."""
    yield module_portal
    module_portal.forget()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes webhooks."""
    with receiving() as running:
        yield running
