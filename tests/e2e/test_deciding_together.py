"""A shift by keyboard alone; comments, and many decisions taken back at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from selenium.webdriver.common.keys import Keys

from core.access import Actor
from db.policies import insert_policy
from db.regions import region_by_slug
from db.users import find_user_by_name
from tests.e2e.people import PASSWORD
from tests.e2e.serving import Portal
from tests.e2e.test_accessibility import grave_findings
from tests.e2e.test_alarms import look, minute_passes
from tests.e2e.test_themes import choose_theme
from tests.e2e.visitor import Visitor
from tests.fleet import Fleet
from tests.orchestrator.test_superseding import recorded

pytestmark = pytest.mark.e2e

LIMIT_C = 42.5
"""Of Arizona: its bound lies above, and 40 % less load brings it below."""


@pytest.fixture
def olga(fleet: Fleet) -> Actor:
    with fleet.runtime.transaction() as session:
        found = find_user_by_name(session, "olga")
        assert found is not None
        return found.as_actor()


def make_arizona_hot(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        insert_policy(
            session,
            region_id=region_by_slug(session, "arizona").region_id,
            values={"thermal_limit_c": LIMIT_C},
            actor_id=fleet.actor(session).user_id,
            reason="test",
        )


@pytest.mark.slow
def test_a_whole_shift_works_by_keyboard_alone(
    visitor: Visitor, portal: Portal, fleet: Fleet
) -> None:
    make_arizona_hot(fleet)
    look(portal, timedelta(), 60.0)
    visitor.open("/alarms")
    visitor.tab_to("name", or_already=True)
    visitor.press("olga", Keys.TAB, PASSWORD, Keys.ENTER)
    visitor.sees("#alarms-table", "Arizona", "waits")
    visitor.press(Keys.ARROW_DOWN, "a")
    visitor.sees("#alarms-act-status", "1 acknowledged.")

    visitor.press("g", "f")
    visitor.sees("#forecast-sentence", "Arizona", "BLOCKED")
    visitor.press("g", "w")
    visitor.sees("#what-if-preview", "Preview at 0 %")
    visitor.rest()
    visitor.tab_to("what-if-slider")
    visitor.press(*[Keys.PAGE_UP] * 4)
    visitor.sees("#what-if-verdict", "shift 40 %", "APPROVED")
    visitor.tab_to("what-if-record")
    visitor.press(Keys.ENTER)
    visitor.sees("#what-if-record-title", "Record decision")
    visitor.tab_to("what-if-comment", or_already=True)
    visitor.press("Arizona is hot this afternoon.")
    visitor.tab_to("what-if-record-confirm")
    visitor.press(Keys.ENTER)
    visitor.sees("#what-if-recorded", "Recorded as decision")

    visitor.press("g", "l")
    visitor.sees("#alarms-table", "olga, ")
    visitor.tab_to("handover-note", at_most=80)
    visitor.press("40 % of Arizona is moved to Ireland; look again at 18:00.")
    visitor.tab_to("handover-store")
    visitor.press(Keys.ENTER)
    visitor.sees("#alarms-notes", "look again at 18:00", "olga", "Open alarms: 1")
    minute_passes(visitor)
    assert visitor.browser.console_errors() == []


@pytest.mark.slow
def test_two_people_write_about_decisions_and_take_two_back_at_once(
    visitor: Visitor, fleet: Fleet, olga: Actor
) -> None:
    numbers = [recorded(fleet, olga, share).decision_id for share in (5.0, 10.0)]
    visitor.come_in("olga", f"/decisions/{numbers[0]}")
    visitor.sees("#decision-comments", "Nothing written yet.")
    visitor.click("#decision-write")
    visitor.sees("#decision-write-status", "Write a comment")
    visitor.type_into("#decision-comment", "Agreed by phone.")
    visitor.click("#decision-write")
    visitor.sees("#decision-comments", "olga, ", "Agreed by phone.")
    visitor.sees("#decision-inputs", "Thermal limit", "Each hour: Arizona")
    assert not visitor.visible("#decision-proof"), "for those who see events"
    for theme in ("light", "dark"):
        choose_theme(visitor, theme)
        visitor.pause(0.4)
        assert grave_findings(visitor) == []

    visitor.open("/audit?kind=recorded")
    boxes = "#audit-decisions-table .ag-row[row-id='{}'] .ag-checkbox-input"
    visitor.sees("#audit-decisions-table", "1 comment", "“seen”")
    assert not visitor.visible("#audit-taking")
    for number in numbers:
        visitor.click(boxes.format(number))
    visitor.sees("#audit-chosen-words", *map(str, numbers))
    assert grave_findings(visitor) == []
    visitor.click("#audit-take")
    visitor.sees("#audit-take-status", "Write a reason")
    visitor.type_into("#audit-take-reason", "The site is back.")
    visitor.click("#audit-take")
    visitor.sees("#audit-take-status", "Taken back: 2 decisions.")
    visitor.sees("#audit-decisions-table", "superseded", "“The site is back.”")
    visitor.sees_no("#audit-taking")

    visitor.log_out()
    visitor.open(f"/decisions/{numbers[0]}")
    visitor.log_in("ada")
    visitor.sees("#decision-succession", "It was superseded by decision")
    visitor.sees("#decision-proof", "Decision commented", "fits", "olga")
    assert visitor.browser.console_errors() == []
