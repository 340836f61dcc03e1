"""The database goes away under an open page, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from db.engine import libpq_url
from tests.conftest import PostgresForTests
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

UNREACHABLE = "The portal cannot be reached"


@pytest.fixture
def let_in(
    postgres: PostgresForTests, portal: Portal
) -> Iterator[Callable[[bool], None]]:
    """Cuts the portal's database off, or lets connections in again."""
    name = make_url(portal.database_urls.app).database
    assert name is not None

    def switch(is_open: bool) -> None:
        address = libpq_url(postgres.server.superuser_url)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(
                sql.SQL("alter database {} with allow_connections {}").format(
                    sql.Identifier(name), sql.SQL("true" if is_open else "false")
                )
            )
            if not is_open:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = %s",
                    (name,),
                )

    yield switch
    switch(True)


def test_an_open_page_says_so_within_ten_seconds_and_recovers(
    visitor: Visitor, let_in: Callable[[bool], None]
) -> None:
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland&shift=30")
    visitor.click("#what-if-evaluate")
    visitor.sees("#what-if-verdict", "shift 30 %", "by olga")
    visitor.waits_for_enabled("#what-if-record")
    visitor.rest()
    let_in(False)
    visitor.sees("#gfo-connection", UNREACHABLE, "decisions are off", timeout_s=10)
    assert visitor.visible("#gfo-connection")
    visitor.sees("#what-if-verdict", "shift 30 %")  # what was there stays

    visitor.callbacks_posted()
    for button in ("#what-if-evaluate", "#what-if-record"):
        visitor.click(button)
    visitor.pause(0.5)
    assert visitor.callbacks_posted() == []
    assert not visitor.visible("#what-if-record-modal")

    let_in(True)
    visitor.sees_no("#gfo-connection")
    visitor.click("#what-if-record")
    visitor.type_into("#what-if-comment", "The connection is back.")
    visitor.click("#what-if-record-confirm")
    visitor.sees("#what-if-recorded", "Recorded as decision")


def test_a_page_opened_meanwhile_explains_itself_and_tries_again(
    visitor: Visitor, let_in: Callable[[bool], None]
) -> None:
    visitor.come_in("olga", "/forecast?region=arizona")
    visitor.sees("#forecast-sentence", "Arizona")
    let_in(False)
    visitor.open("/forecast?region=ireland")
    visitor.sees("main", "cannot reach its database", "tries again by itself")
    let_in(True)
    visitor.sees("#forecast-sentence", "Ireland")  # without a click


def test_an_action_that_the_outage_swallowed_is_made_good_when_it_ends(
    visitor: Visitor, let_in: Callable[[bool], None]
) -> None:
    visitor.come_in("olga", "/forecast?region=arizona")
    visitor.sees("#forecast-sentence", "Arizona")
    visitor.rest()
    let_in(False)
    visitor.choose("#forecast-region", "ireland")
    visitor.sees("#gfo-connection", UNREACHABLE, timeout_s=10)
    visitor.sees("#main h1", "Forecast")
    visitor.sees("#forecast-sentence", "Arizona")
    let_in(True)
    visitor.sees_no("#gfo-connection")
    # Controls and address say Ireland; the forecast may not stay Arizona's.
    visitor.is_at("/forecast?region=ireland")
    visitor.holds("#forecast-region", "ireland")
    visitor.sees("#forecast-sentence", "Ireland", timeout_s=8)


def test_a_history_that_takes_nothing_turns_decisions_off_and_says_why(
    visitor: Visitor, portal: Portal
) -> None:
    """The portal answers, but what it would decide could not be kept."""
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland&shift=30")
    visitor.waits_for_enabled("#what-if-evaluate")
    owner = libpq_url(portal.database_urls.owner)
    with psycopg.connect(owner) as connection:
        connection.execute("revoke insert on audit_event from gfo_app")
    visitor.sees("#gfo-connection", "takes no new entries", "Decisions are off")
    visitor.rest()
    visitor.callbacks_posted()
    visitor.click("#what-if-evaluate")
    visitor.pause(0.5)
    assert visitor.callbacks_posted() == []
    with psycopg.connect(owner) as connection:
        connection.execute("grant insert on audit_event to gfo_app")
    visitor.sees_no("#gfo-connection")
