"""What a transaction says of a database that fails in the middle of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from core.errors import ServiceUnavailable
from db.copying import copy_rows
from db.engine import DatabaseUrls
from tests.fleet import runtime_on


def test_a_copy_that_the_database_gives_up_is_a_database_that_does_not_answer(
    database_urls: DatabaseUrls,
) -> None:
    """As on a full disk: COPY is the driver's, and does not pass through SQLAlchemy."""

    def slowly() -> Iterator[tuple[int]]:
        yield (1,)
        time.sleep(0.2)

    def copy() -> None:
        with runtime.transaction() as session:
            session.execute(text("create temporary table copied (number integer)"))
            session.execute(text("set local statement_timeout = '20ms'"))
            copy_rows(session, "copied", ["number"], slowly())

    runtime = runtime_on(database_urls)
    with pytest.raises(ServiceUnavailable):
        copy()
    with runtime.transaction() as session:
        assert session.scalar(text("select 1")) == 1
    runtime.engine.dispose()
