"""The address says everything: links reproduce views, back and forward work."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

UNSHOWABLE = {
    "/forecast?region=arizona&day=2019-01-01": (
        "#forecast-panel",
        "cannot be said",
        "BLOCKED: no data",
        "no forecast is stored",
    ),
    "/forecast?region=atlantis": (
        "#forecast-panel",
        "Not found",
        "no active region 'atlantis'",
        "arizona, ireland, wyoming",
    ),
    "/forecast?day=9999-12-31": ("#forecast-panel", "not from 1900 to 2200"),
    "/forecast?issued=2025-07-20": ("#forecast-panel", "is not a time in UTC"),
    "/forecast?region=arizona&day=2025-07-13&issued=2025-07-20T18:00Z": (
        "#forecast-panel",
        "is of 2025-07-20 in America/Phoenix, not of 2025-07-13",
    ),
    "/forecast?day=tomorrow": ("#forecast-panel", "'tomorrow' is not a date"),
    "/what-if?source=arizona&day=2019-01-01": (
        "#what-if-notice",
        "No shift can be judged",
        "Arizona: no forecast is stored",
    ),
    "/what-if?source=atlantis": ("#what-if-notice", "no active region 'atlantis'"),
    "/what-if?source=arizona&target=arizona": ("#what-if-notice", "must be different"),
    "/what-if?shift=nan": ("#what-if-notice", "not a number from 0 to 100"),
    "/audit?kind=guess": ("#audit-decisions", "There is no kind 'guess'"),
    "/decisions/999999": ("#decision-detail", "No such decision"),
    "/decisions/seven": ("#decision-detail", "no such decision"),
}
"""Addresses, where the page explains them, and what it says there."""


def count_decisions(portal: Portal) -> int:
    with portal.runtime.transaction() as session:
        return int(session.execute(text("select count(*) from decision")).scalar_one())


def test_a_copied_what_if_link_shows_the_same_and_stores_nothing(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga", "/what-if")
    visitor.holds("#what-if-source", "arizona")
    visitor.choose("#what-if-target", "wyoming")
    visitor.sees("#what-if-target-title", "Wyoming")
    visitor.type_into("#what-if-day", "13 Jul 2025", "\n")
    visitor.sees("#what-if-notice", "Window: 13 July 2025.")
    visitor.type_into("#what-if-number", "30")
    visitor.sees("#what-if-verdict", "shift 30 %")
    said = visitor.text("#what-if-preview-source"), visitor.text("#what-if-safe")
    link = visitor.address
    visitor.log_out()
    before = count_decisions(portal)

    visitor.come_in("ada", link)  # who may decide as well
    visitor.holds("#what-if-source", "arizona")
    visitor.holds("#what-if-target", "wyoming")
    visitor.holds("#what-if-day", "13 Jul 2025")
    visitor.holds("#what-if-slider", "30")
    visitor.holds("#what-if-number", "30")
    visitor.sees("#what-if-preview", "Preview at 30 %")
    visitor.sees("#what-if-preview-source", said[0])
    visitor.sees("#what-if-safe", said[1])
    visitor.pause(0.8)  # longer than a slider waits before it stores
    visitor.rest()
    assert visitor.address == link
    assert count_decisions(portal) == before


def test_back_and_forward_walk_through_the_views(visitor: Visitor) -> None:
    driver = visitor.browser.driver
    first = "/forecast?region=arizona&day=2025-07-04"
    visitor.come_in("olga", first)
    visitor.sees("#forecast-sentence", "Arizona", "4 July 2025")
    visitor.holds("#forecast-day", "4 Jul 2025")
    visitor.choose("#forecast-region", "ireland")
    visitor.sees("#forecast-sentence", "Ireland", "4 July 2025")
    visitor.is_at("/forecast?region=ireland&day=2025-07-04")
    visitor.follow("Try a shift")
    visitor.sees("#what-if-source-title", "Ireland")
    driver.back()
    visitor.sees("#forecast-sentence", "Ireland")
    driver.back()
    visitor.is_at(first)
    visitor.sees("#forecast-sentence", "Arizona", "4 July 2025")
    visitor.holds("#forecast-region", "arizona")
    driver.forward()
    visitor.sees("#forecast-sentence", "Ireland")
    visitor.holds("#forecast-region", "ireland")
    visitor.is_at("/forecast?region=ireland&day=2025-07-04")


def test_back_after_evaluating_leaves_the_page_in_one_step(visitor: Visitor) -> None:
    """Each stored shift is in the address, but not a step of its own."""
    visitor.come_in("olga")
    visitor.follow("What-if", "nav")
    visitor.sees("#what-if-preview", "Preview")
    for shift in ("10", "20"):
        visitor.type_into("#what-if-number", shift)
        visitor.sees("#what-if-verdict", f"shift {shift} %")
    visitor.browser.driver.back()
    visitor.is_at("/")
    visitor.sees("#fleet-headline", "BLOCKED")


def test_audit_filters_are_in_the_address(visitor: Visitor) -> None:
    visitor.come_in("olga", "/audit?kind=all&outcome=APPROVED")
    table = visitor.sees("#audit-decisions-table", "Ireland", "Wyoming")
    assert "Arizona" not in table
    visitor.holds("#audit-outcome", "APPROVED")
    visitor.choose("#audit-region", "ireland")
    visitor.is_at("/audit?kind=all&region=ireland&outcome=APPROVED")
    visitor.waits_until(
        lambda: "Wyoming" not in visitor.text("#audit-decisions-table"),
        lambda: "Wyoming is still listed",
    )
    visitor.browser.driver.back()
    visitor.sees("#audit-decisions-table", "Ireland", "Wyoming")
    visitor.holds("#audit-region", "any")


def test_an_address_that_cannot_be_shown_explains_itself(visitor: Visitor) -> None:
    visitor.come_in("olga")
    for path, (where, *texts) in UNSHOWABLE.items():
        visitor.open(path)
        visitor.sees(where, *texts)
    visitor.follow("Overview", "nav")  # the way out is on every page
    visitor.sees("#fleet-headline", "BLOCKED")
