"""Find the best plan for the fleet, share it, record it once."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from tests.e2e.serving import Portal
from tests.e2e.test_what_if import set_arizonas_limit
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

PLAN = re.compile(r"Plan (\d+), by olga")
DECISIONS = re.compile(r"Recorded (\d+) decisions?\.")


def test_a_plan_is_found_shared_and_recorded(visitor: Visitor, portal: Portal) -> None:
    set_arizonas_limit(portal, 42.5, "The hall was rebuilt.")
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-preview", "■ BLOCKED")
    visitor.follow("Find the best plan for the fleet")
    visitor.holds("#plan-region", "arizona")
    visitor.click("#plan-find")
    visitor.sees("#plan-sentence", "move", "MWh", "against doing nothing", timeout_s=60)
    visitor.sees("#plan-transfers", "Arizona", "APPROVED")
    visitor.sees("#plan-comparison", "Saves, USD")
    visitor.browser.wait_for_element("#plan-pareto .xtick")
    visitor.sees("#plan-shadow-prices", "What the limits cost")
    visitor.sees("#plan-regions", "Arizona", "42.5 °C")
    number = visitor.sees_match("#plan-head", PLAN)[1]
    visitor.is_at(f"/plan?region=arizona&plan={number}")
    link = visitor.address

    visitor.click("#plan-record")
    visitor.sees("#plan-recorded", "Write a comment")
    visitor.type_into("#plan-comment", "Cheapest way through the heat wave.")
    visitor.click("#plan-record")
    assert int(visitor.sees_match("#plan-recorded", DECISIONS)[1]) >= 1
    visitor.log_out()

    visitor.come_in("anton", link)
    visitor.sees("#plan-sentence", "move", "against doing nothing")
    visitor.sees("#plan-notes", "Recorded as decision")
    assert not visitor.visible("#plan-find")
    assert not visitor.visible("#plan-record")
    assert visitor.browser.console_errors() == []


def test_terms_that_cannot_be_are_named(visitor: Visitor) -> None:
    visitor.come_in("olga", "/plan?region=arizona")
    visitor.holds("#plan-region", "arizona")
    visitor.rest()
    visitor.type_into("#plan-carbon-usd-per-t", "-5")
    visitor.click("#plan-find")
    visitor.sees("#plan-status", "Carbon, USD per t: '-5' is not a number of 0")
    visitor.open("/plan?plan=999999")
    visitor.sees("#plan-head", "Not found")


def test_pressing_record_again_records_nothing_more(
    visitor: Visitor, portal: Portal
) -> None:
    def decisions() -> int:
        with portal.runtime.transaction() as session:
            return int(session.scalar(text("select count(*) from decision")) or 0)

    set_arizonas_limit(portal, 42.5, "The hall was rebuilt.")
    visitor.come_in("olga", "/plan?region=arizona")
    visitor.holds("#plan-region", "arizona")
    visitor.rest()
    visitor.click("#plan-find")
    visitor.sees("#plan-transfers", "Arizona", "APPROVED", timeout_s=60)
    visitor.type_into("#plan-comment", "A heat wave.")
    visitor.rest()
    before = decisions()
    button = visitor.waits_for_enabled("#plan-record")
    visitor.browser.driver.execute_script(
        "arguments[0].click(); arguments[0].click();", button
    )
    recorded = int(visitor.sees_match("#plan-recorded", DECISIONS)[1])
    visitor.rest()
    assert int(visitor.sees_match("#plan-recorded", DECISIONS)[1]) == recorded
    assert decisions() == before + recorded

    visitor.click("#plan-record")  # no repetition: the first one was answered
    visitor.sees("#plan-recorded", "This plan was recorded already, as decision")
    assert decisions() == before + recorded
