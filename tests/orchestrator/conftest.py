"""What tests of services and commands share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    """Commands configure the process's logging; put it back for other tests."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level
    for name in logging.root.manager.loggerDict:
        logging.getLogger(name).disabled = False
    structlog.reset_defaults()
