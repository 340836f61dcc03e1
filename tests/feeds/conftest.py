"""A source on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.feeds.local_source import LocalSource
from tests.orchestrator.conftest import untouched_logging

__all__ = ["untouched_logging"]


@pytest.fixture
def source() -> Iterator[LocalSource]:
    """A server that answers as the test says."""
    with LocalSource().running() as running:
        yield running
