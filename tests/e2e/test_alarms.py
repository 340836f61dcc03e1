"""An alarm appears, is acknowledged by keyboard, shelved, cleared, and is history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from selenium.webdriver.common.keys import Keys

from db.policies import insert_policy
from db.regions import region_by_slug
from db.users import system_actor
from orchestrator.alarms.alarm_rules import evaluate_alarms
from tests.alarm_looks import TERMS
from tests.asking import NOW, asking
from tests.e2e.serving import Portal
from tests.e2e.test_accessibility import grave_findings
from tests.e2e.test_themes import choose_theme
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

MINUTE = timedelta(minutes=1)
BAR_HEIGHT = "return document.getElementById('alarm-bar').offsetHeight"


def look(portal: Portal, after: timedelta, ireland_limit_c: float) -> None:
    """A limit is changed, and the worker looks."""
    with portal.runtime.transaction() as session:
        worker = system_actor(session, "worker")
        insert_policy(
            session,
            region_id=region_by_slug(session, "ireland").region_id,
            values={"thermal_limit_c": ireland_limit_c},
            actor_id=worker.user_id,
            reason="test",
        )
        evaluate_alarms(asking(session, worker, now=NOW + after), TERMS)


def press(visitor: Visitor, *keys: str) -> None:
    for key in keys:
        visitor.browser.driver.switch_to.active_element.send_keys(key)


def minute_passes(visitor: Visitor) -> None:
    visitor.browser.driver.execute_script(
        "dash_clientside.set_props('alarm-bar-refresh', {n_intervals: Date.now()});"
    )


def test_an_alarm_lives_from_the_bar_to_the_hand_over(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga")
    visitor.sees("#alarm-bar", "No alarms")
    height = visitor.browser.driver.execute_script(BAR_HEIGHT)

    look(portal, timedelta(), 5.0)
    minute_passes(visitor)
    visitor.sees("#alarm-bar", "▲ 2 high", "2 to acknowledge", "Above the limit")
    assert visitor.browser.driver.execute_script(BAR_HEIGHT) == height
    visitor.follow("Alarms", "#alarm-bar")
    visitor.is_at("/alarms")
    visitor.sees("#alarms-table", "Ireland was at", "Arizona was at", "waits")
    assert visitor.text("#alarms-act-status") == ""

    press(visitor, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP, "a")
    visitor.sees("#alarms-act-status", "1 acknowledged.")
    visitor.sees("#alarm-bar", "1 to acknowledge")
    visitor.sees("#alarms-table", "olga, ")
    visitor.click("#alarms-acknowledge-all")
    visitor.sees("#alarms-act-status", "1 acknowledged.")
    visitor.waits_until(
        lambda: "to acknowledge" not in visitor.text("#alarm-bar"),
        lambda: visitor.text("#alarm-bar"),
    )

    visitor.open("/alarms?region=ireland")
    visitor.follow("Above the limit", "#alarms-table")
    visitor.sees("#alarm-detail", "Consequence", "Move load away now", "high")
    visitor.click("#alarm-shelve")
    visitor.sees("#alarms-act-status", "Write a reason")
    visitor.type_into("#alarm-reason", "The hall is being mended.")
    visitor.click("#alarm-shelve")
    visitor.sees("#alarms-act-status", "Above the limit, region ireland: shelved.")
    visitor.sees("#alarms-list", "No alarm.")
    visitor.sees("#alarm-bar", "▲ 1 high")
    visitor.sees("#alarm-events", "shelved", "olga", "The hall is being mended.")
    assert not visitor.visible("#alarm-out")
    visitor.click("#alarm-unshelve")
    visitor.sees("#alarms-table", "Ireland was at", "waits")

    look(portal, 2 * MINUTE, 60.0)
    look(portal, 2 * MINUTE + timedelta(hours=2), 60.0)
    minute_passes(visitor)
    visitor.sees("#alarms-table", "cleared")
    visitor.sees("#alarm-events", "raised", "by rule", "cleared")

    visitor.type_into("#handover-note", "Arizona is hot.")
    visitor.click("#handover-store")
    visitor.sees("#alarms-notes", "olga", "Arizona is hot.", "Open alarms: ")
    visitor.sees("#alarms-figures", "A day and operator", "Time in flood")
    assert visitor.browser.console_errors() == []
    for theme in ("light", "dark"):
        choose_theme(visitor, theme)
        visitor.pause(0.4)
        assert grave_findings(visitor) == []


def test_an_auditor_reads_and_changes_nothing(visitor: Visitor, portal: Portal) -> None:
    look(portal, timedelta(), 5.0)
    visitor.come_in("anton", "/alarms")
    visitor.sees("#alarms-table", "Ireland was at")
    visitor.sees("#alarms-figures", "Chattering")
    for control in ("#alarms-acknowledge", "#alarm-shelve", "#handover-store"):
        assert not visitor.visible(control)
    press(visitor, Keys.ARROW_DOWN, "a")
    visitor.pause(0.5)
    assert "waits" in visitor.text("#alarms-table")
    assert visitor.browser.console_errors() == []
