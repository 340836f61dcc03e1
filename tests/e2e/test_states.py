"""What a panel shows while it loads, when it is empty, fails, or grows old."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from db.engine import libpq_url
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

PAGES = {
    "/": ("#fleet-table", "Arizona"),
    "/forecast?region=arizona": ("#forecast-panel", "Chance that Arizona"),
    "/what-if?source=arizona": ("#what-if-scenarios", "BLOCKED"),
    "/trade-offs": ("#trade-offs-efficiency", "Arizona"),
    "/admin/regions": ("#regions-table", "Arizona"),
    "/admin/telemetry": ("#telemetry-imports", "generator"),
    "/audit?kind=all": ("#audit-decisions", "Arizona"),
    "/audit/events": ("#audit-events", "ada"),
    "/audit/event/1": ("#event-detail", "Audit event 1"),
    "/audit/compare?left=1&right=2": ("#compare-table", "lines differ"),
    "/decisions/1": ("#decision-detail", "Decision 1"),
    "/admin/models": ("#models-versions", "ridge"),
    "/admin/models/1": ("#model-detail", "Contract"),
    "/admin/users": ("#users-table", "ada"),
}
"""Addresses, where content appears, and what it says."""

SKELETON_IS_SEEN = """
const block = document.querySelector(`${arguments[0]} .gfo-skeleton`);
return block !== null && Number(getComputedStyle(block).opacity) > 0.2;
"""
STILL_PULSES = """
return [...document.querySelectorAll("main .gfo-skeleton")].some((block) =>
  block.checkVisibility() && getComputedStyle(block).animationName !== "none");
"""
REFERENCE = re.compile(r"reference [0-9a-f]{16}")
GROW_OLD = """
const now = Date.now;
Date.now = () => now() + 200000;
"""


def slow_down(visitor: Visitor, latency_ms: int) -> None:
    """Let every request take this much longer; 0 takes it back."""
    visitor.browser.driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": latency_ms,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        },
    )


@pytest.fixture
def _slow(visitor: Visitor) -> Iterator[None]:
    yield
    slow_down(visitor, 0)


@pytest.mark.usefixtures("_slow")
def test_every_page_shows_a_skeleton_while_it_waits(visitor: Visitor) -> None:
    visitor.come_in("ada", "/account")
    for path, (where, said) in PAGES.items():
        slow_down(visitor, 0)
        visitor.open("/account")
        slow_down(visitor, 900)
        visitor.open(path)
        visitor.waits_until(
            lambda where=where: visitor.browser.driver.execute_script(  # type: ignore[misc]
                SKELETON_IS_SEEN, where
            ),
            lambda path=path: f"{path} shows no skeleton",  # type: ignore[misc]
        )
        visitor.sees(where, said)
        # Panels within it that fill by themselves have skeletons of their own.
        visitor.waits_until(
            lambda where=where: not visitor.visible(f"{where} .gfo-skeleton"),  # type: ignore[misc]
            lambda path=path: f"{path} keeps its skeleton",  # type: ignore[misc]
        )


@pytest.fixture
def broken(portal: Portal) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A fault that nobody foresaw: a table is not there."""
    with psycopg.connect(
        libpq_url(portal.database_urls.owner), autocommit=True
    ) as connection:
        connection.execute("alter table decision_transfer rename to mislaid")
        yield connection


def test_a_fault_shows_a_reference_and_a_way_to_try_again(
    visitor: Visitor, broken: psycopg.Connection[tuple[object, ...]]
) -> None:
    visitor.come_in("olga", "/forecast?region=arizona")
    visitor.sees_match("#forecast-panel", REFERENCE)
    shown = visitor.text("#forecast-panel")
    assert "decision_transfer" not in shown
    broken.execute("alter table mislaid rename to decision_transfer")
    visitor.click("#forecast-panel .gfo-retry")
    visitor.sees("#forecast-sentence", "Chance that Arizona")


BREAKABLE = {
    "/": ("decision_transfer", "#fleet-status", "2 of 3 APPROVED"),
    "/what-if?source=arizona": ("decision_transfer", "#what-if-notice", "Window"),
    "/trade-offs": ("decision_transfer", "#trade-offs-notice", "Window"),
    "/plan?region=arizona": ("forecast", "#plan-notice", ""),
    "/quality": ("window_score", "#quality-panel", "Arizona"),
    "/audit/compare?left=1&right=2": ("decision", "#compare-table", "lines differ"),
    "/audit?kind=all": ("decision", "#audit-decisions", "Arizona"),
    "/audit/events": ("audit_head", "#audit-chain", "events."),
    "/audit/event/1": ("audit_event", "#event-detail", "Audit event 1"),
    "/decisions/1": ("decision", "#decision-detail", "Decision 1"),
    "/admin/models": ("model_upload", "#models-serving", "ridge"),
    "/admin/models/1": ("model_evaluation", "#model-detail", "Contract"),
    "/admin/telemetry": ("ingest_batch", "#telemetry-import", ""),
    "/admin/regions": ("policy", "#regions-notice", ""),
}
"""Addresses, the table that each needs, where it fails, and what it says at last."""


@pytest.mark.parametrize("path", BREAKABLE)
def test_pages_tell_of_a_fault_and_recover(
    visitor: Visitor, portal: Portal, path: str
) -> None:
    table, where, said = BREAKABLE[path]
    visitor.come_in("ada", "/account")
    with psycopg.connect(
        libpq_url(portal.database_urls.owner), autocommit=True
    ) as owner:
        owner.execute(f"alter table {table} rename to mislaid")
        visitor.open(path)
        visitor.sees_match(where, REFERENCE)
        assert table not in visitor.text(f"{where} .gfo-failed")
        # Nothing else on the page goes on waiting for that answer.
        visitor.waits_until(
            lambda: not visitor.browser.driver.execute_script(STILL_PULSES),
            lambda: "a skeleton still pulses",
        )
        owner.execute(f"alter table mislaid rename to {table}")
    visitor.click(f"{where} .gfo-retry")
    visitor.waits_until(
        lambda: not visitor.visible(".gfo-failed"), lambda: "the fault stays"
    )
    visitor.sees(where, said)


def test_lists_without_rows_say_what_to_do_next(visitor: Visitor) -> None:
    visitor.come_in("ada", "/audit/events?actor=nobody")
    visitor.sees("#audit-events", "No event matches.", "Open a filter")
    assert not visitor.visible("#audit-events-table")
    visitor.open("/audit?words=unheardof")
    visitor.sees("#audit-decisions", "No decision matches.", "Open a filter")
    visitor.open("/admin/models")
    visitor.sees("#models-uploads", "No file yet.", "Upload one above")
    visitor.open("/admin/telemetry?batch=1")
    visitor.sees("#telemetry-refused", "No row was refused.")


def test_what_is_not_there_says_so_and_nothing_waits(visitor: Visitor) -> None:
    visitor.come_in("ada", "/admin/models/999")
    visitor.sees("#model-detail", "Not found")
    visitor.sees("#model-head", "")
    assert not visitor.browser.driver.execute_script(STILL_PULSES)
    visitor.open("/admin/telemetry?batch=999")
    visitor.sees("#telemetry-refused", "")
    visitor.sees("#telemetry-import", "Not found", "There is no import 999")
    visitor.open("/admin/users?user=nobody")
    visitor.sees("#users-notice", "Not found", "nobody")


def test_nothing_is_decided_on_a_lost_connection(visitor: Visitor) -> None:
    driver = visitor.browser.driver
    visitor.come_in("ada", "/admin/models/1")
    visitor.waits_for_enabled("#model-evaluate")
    visitor.rest()
    visitor.callbacks_posted()
    lost = {
        "offline": True,
        "latency": 0,
        "downloadThroughput": -1,
        "uploadThroughput": -1,
    }
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", lost)
    try:
        visitor.sees("#gfo-connection", "cannot be reached", timeout_s=10.0)
        visitor.click("#model-evaluate")
        visitor.pause(0.5)
        assert visitor.callbacks_posted() == []
        assert not visitor.visible("#model-notice .gfo-notice")
    finally:
        slow_down(visitor, 0)
    visitor.sees_no("#gfo-connection")
    visitor.click("#model-evaluate")
    visitor.sees("#model-notice", "The worker evaluates it")


def test_an_empty_fleet_says_what_to_do_next(visitor: Visitor, portal: Portal) -> None:
    with portal.runtime.transaction() as session:
        session.execute(text("update region set is_active = false"))
    visitor.come_in("ada")
    visitor.sees("main", "There is no region yet.", "gfo region add")
    visitor.open("/admin/regions")
    visitor.sees("#regions-list", "not in the fleet")


def test_a_page_that_no_longer_refreshes_turns_grey_and_says_its_age(
    visitor: Visitor,
) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED")
    driver = visitor.browser.driver
    style = "return getComputedStyle(document.querySelector('#fleet-table')).filter"
    visitor.pause(5.5)  # it looks every five seconds
    assert driver.execute_script(style) == "none"
    driver.execute_script(GROW_OLD)
    visitor.waits_until(
        lambda: "grayscale" in driver.execute_script(style),
        lambda: "the table is not grey",
    )
    age = driver.execute_script(
        "return getComputedStyle("
        "document.querySelector('[data-as-of]'), '::after').content"
    )
    assert "3 min old" in age
