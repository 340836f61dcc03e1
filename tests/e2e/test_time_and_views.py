"""One range picker, charts that share a cursor, the wall display, saved views."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.e2e.serving import Portal
from tests.e2e.test_ended_login import end_logins
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

RANGES = """
return [...document.querySelectorAll("#history .js-plotly-plot")]
  .map((chart) => chart.layout.xaxis.range.map((edge) => String(edge).slice(0, 10)));
"""
CURSORS = """
return [...document.querySelectorAll("#history .gfo-cursor:not([hidden])")]
  .map((line) => line.style.left);
"""
NUMBERS = "document.querySelector('#history-numbers')"
UNFOLD = "document.querySelector('#history .gfo-details').open = true;"
LABELS = """
return [...document.querySelectorAll("#history .js-plotly-plot")]
  .map((chart) => chart.querySelectorAll(".hoverlayer .hovertext").length);
"""


def ask(visitor: Visitor, script: str) -> list[object]:
    found: list[object] = visitor.browser.driver.execute_script(script)
    return found


def follow_number(visitor: Visitor, text: str) -> None:
    """Unfold the chart's numbers, once they are this chart's, and follow one."""
    visitor.waits_until(
        lambda: text in str(ask(visitor, f"{UNFOLD} return {NUMBERS}.innerText")),
        lambda: f"no number {text!r}",
    )
    visitor.follow(text, "#history-numbers")


def test_a_month_leads_to_a_day_and_a_day_to_an_hour(visitor: Visitor) -> None:
    visitor.come_in("olga", "/regions/arizona")
    visitor.sees("#history h2", "7 July 2025 to 20 July 2025")
    visitor.choose("#region-span", "30")
    visitor.sees("#history h2", "21 June 2025 to 20 July 2025")
    visitor.is_at("/regions/arizona?span=30")
    visitor.choose("#region-compare", "7")
    visitor.sees("#history .legendtext", "7 days earlier")
    visitor.browser.wait_for_element("#history-water-usage-l .xtick")
    assert len({str(edges) for edges in ask(visitor, RANGES)}) == 1

    chart = visitor.browser.find_element("#history-it-load-mw .nsewdrag")
    mouse = ActionChains(visitor.browser.driver)
    mouse.move_to_element(chart).pause(0.3).move_by_offset(4, 1).perform()
    visitor.waits_until(
        lambda: (
            len(ask(visitor, CURSORS)) == 4 and len(set(ask(visitor, CURSORS))) == 1
        ),
        lambda: f"cursors at {ask(visitor, CURSORS)}",
    )
    visitor.waits_until(
        lambda: all(ask(visitor, LABELS)), lambda: f"labels: {ask(visitor, LABELS)}"
    )
    whole = ask(visitor, RANGES)
    mouse = ActionChains(visitor.browser.driver)
    mouse.click_and_hold().move_by_offset(60, 0).move_by_offset(60, 0).release()
    mouse.perform()
    visitor.waits_until(
        lambda: (
            (now := ask(visitor, RANGES)) != whole and len({str(e) for e in now}) == 1
        ),
        lambda: f"ranges {ask(visitor, RANGES)}",
    )
    ActionChains(visitor.browser.driver).double_click().perform()
    visitor.waits_until(
        lambda: ask(visitor, RANGES) == whole, lambda: f"{ask(visitor, RANGES)}"
    )

    follow_number(visitor, "12 Jul 2025")
    visitor.sees("#history h2", "12 July 2025")
    visitor.holds("#region-span", "dates")
    visitor.holds("#region-from", "2025-07-12")
    visitor.browser.driver.back()
    visitor.sees("#history h2", "21 June 2025 to 20 July 2025")
    visitor.browser.driver.forward()
    visitor.sees("#history h2", "12 July 2025")
    follow_number(visitor, "Sat 12 Jul 14:00")
    visitor.sees("#forecast-sentence", "Arizona")
    visitor.holds("#forecast-issue", "2025-07-12T21:00Z")
    assert visitor.browser.console_errors() == []


def test_a_period_of_the_fleet_is_not_now(visitor: Visitor) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.choose("#fleet-span", "7")
    visitor.sees("#fleet-headline", "14 July 2025 to 20 July 2025, not now.")
    visitor.sees("#history h3", "IT load, MW")
    visitor.sees_no("#fleet-regions")
    visitor.choose("#fleet-span", "any")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.is_at("/")
    assert visitor.browser.console_errors() == []


def test_a_frozen_forecast_stays_what_it_was(visitor: Visitor) -> None:
    visitor.come_in("olga", "/forecast?region=arizona")
    visitor.sees("#forecast-sentence", "Arizona")
    visitor.choose("#forecast-compare", "1")
    visitor.sees("#forecast-chart .legend", "1 day earlier")
    visitor.click("#forecast-frozen")
    visitor.waits_until(
        lambda: "frozen=1" in visitor.address and "compare=1" in visitor.address,
        lambda: visitor.address,
    )
    visitor.rest()
    visitor.callbacks_posted()
    visitor.browser.driver.execute_script(
        "dash_clientside.set_props('forecast-refresh', {interval: 50});"
    )
    visitor.pause(0.5)
    assert not [out for out in visitor.callbacks_posted() if "forecast-panel" in out]
    visitor.click("#forecast-frozen")
    visitor.waits_until(
        lambda: any("forecast-panel" in out for out in visitor.callbacks_posted()),
        lambda: "it is not asked for again",
    )


def test_a_wall_shows_the_overview_its_age_and_nothing_to_press(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga", "/?wall=1")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.sees(".gfo-hours tbody", "Arizona")
    for hidden in (".gfo-navbar", ".gfo-controls", "#fleet-regions", "footer"):
        assert not visitor.visible(hidden), hidden
    root = visitor.browser.find_element("html")
    assert root.get_attribute("data-bs-theme") == "dark"
    visitor.waits_until(
        lambda: (
            "s old"
            in str(
                visitor.browser.find_element("[data-as-of]").get_attribute("data-age")
            )
        ),
        lambda: "it has no age",
    )
    visitor.rest()
    end_logins(portal, "olga")
    visitor.browser.driver.execute_script(
        "dash_clientside.set_props('fleet-refresh', {n_intervals: Date.now()});"
    )
    visitor.sees("#gfo-connection", "Your login ended", "has stood still since")
    visitor.is_at("/?wall=1")


def test_a_view_is_saved_found_and_removed(visitor: Visitor) -> None:
    visitor.come_in("olga", "/audit?kind=recorded")
    visitor.sees("h1", "Audit")
    visitor.click(".gfo-save-view")
    visitor.waits_until(lambda: visitor.focused_id() == "view-name", visitor.focused_id)
    visitor.press("What was recorded", Keys.ENTER)
    visitor.sees("#view-status", "What was recorded is saved")
    visitor.sees("#palette-found", "Your views", "What was recorded")
    visitor.press(Keys.ESCAPE)
    visitor.open("/")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.click("#palette-open")
    visitor.follow("What was recorded", "#palette-found")
    visitor.is_at("/audit?kind=recorded")
    visitor.click("#palette-open")
    visitor.type_into("#view-name", "What was recorded")
    visitor.click("#view-remove")
    visitor.sees("#view-status", "is removed")
    visitor.waits_until(
        lambda: "Your views" not in visitor.text("#palette-found"),
        lambda: visitor.text("#palette-found"),
    )
    assert visitor.browser.console_errors() == []
