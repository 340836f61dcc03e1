"""Usable on a screen of 320 px, and without a mouse."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.people import PASSWORD
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

PAGES = {
    "/login": "main h1",
    "/": "#fleet-table tbody tr",
    "/forecast?region=arizona&day=2025-07-13": "#forecast-dots .js-plotly-plot",
    "/what-if?source=arizona&target=ireland&shift=30": "#what-if-target-chart .ytick",
    "/trade-offs?source=arizona&target=ireland&shift=30": "#trade-offs-chart .ytick",
    "/plan?region=arizona": "#plan-terms",
    "/admin/regions?region=ireland": "#regions-list",
    "/admin/telemetry?batch=1": "#telemetry-import-panel",
    "/audit?kind=all": "#audit-decisions-table .ag-row",
    "/audit/events": "#audit-events-table .ag-row",
    "/decisions/1": "#decision-card .gfo-status",
    "/admin/health": "#health-list tbody tr",
    "/admin/jobs": "#jobs-depth",
    "/account": "main h1",
    "/account/password": "main h1",
    "/no-such-page": "main h1",
    "/admin/models": "#models-versions",
}
WIDE_PARTS = """
const wide = [...document.body.querySelectorAll("*")].filter((item) => {
  const box = item.getBoundingClientRect();
  return box.width > 0 && box.right > innerWidth + 1
    && !item.closest(".gfo-scroll, .ag-root-wrapper, .visually-hidden, svg, pre");
});
return [
  document.documentElement.scrollWidth,
  wide.slice(0, 5).map((item) => item.tagName + "#" + item.id + "." + item.className),
];
"""
BAR_ROWS = """
return [...document.querySelectorAll(".gfo-navbar > *")]
  .map((item) => item.getBoundingClientRect()).filter((box) => box.height > 0)
  .map((box) => box.top + box.height / 2);
"""


def test_no_page_scrolls_sideways_and_a_desk_has_one_bar(
    visitor: Visitor,
) -> None:
    visitor.browser.set_width(320)
    too_wide = {}
    for path, whole in PAGES.items():
        if path == "/":
            visitor.come_in("ada", path)
        else:
            visitor.open(path)
        visitor.browser.wait_for_element(whole)
        visitor.pause(0.3)  # charts fit themselves in after they were drawn
        width_px, parts = visitor.browser.driver.execute_script(WIDE_PARTS)
        if width_px > 320 or parts:
            too_wide[path] = (width_px, parts)
    assert too_wide == {}

    # On a desk the bar is one row, for whoever has the most pages.
    for width_px in (1240, 1366, 1500, 1920):
        visitor.browser.set_width(width_px)
        rows_px = visitor.browser.driver.execute_script(BAR_ROWS)
        assert max(rows_px) - min(rows_px) < 20, (width_px, rows_px)


def test_a_shift_can_be_evaluated_and_recorded_at_320_px(visitor: Visitor) -> None:
    visitor.browser.set_width(320)
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.type_into("#what-if-number", "30")
    visitor.sees("#what-if-verdict", "BLOCKED")
    visitor.click("#what-if-record")
    visitor.type_into("#what-if-comment", "Seen on the phone.")
    visitor.click("#what-if-record-confirm")
    visitor.sees("#what-if-recorded", "Recorded as decision", "BLOCKED")


def test_the_whole_decision_works_by_keyboard_alone(visitor: Visitor) -> None:
    visitor.open("/what-if")
    visitor.tab_to("name", or_already=True)
    visitor.press("olga", Keys.TAB, PASSWORD, Keys.ENTER)
    visitor.sees("#what-if-preview", "Preview at 0 %")
    visitor.rest()

    visitor.tab_to("what-if-source")
    visitor.press(Keys.ARROW_DOWN)
    visitor.sees("#what-if-source-title", "Ireland")
    visitor.press(Keys.ARROW_UP)
    visitor.sees("#what-if-source-title", "Arizona")

    visitor.tab_to("what-if-slider")
    visitor.press(*[Keys.ARROW_RIGHT] * 3)
    visitor.sees("#what-if-preview", "Preview at 0.3 %")
    visitor.sees("#what-if-verdict", "shift 0.3 %")
    visitor.press(Keys.PAGE_UP)
    visitor.sees("#what-if-preview", "Preview at 10.3 %")
    visitor.sees("#what-if-verdict", "shift 10.3 %")

    visitor.tab_to("what-if-evaluate")
    visitor.rest()
    visitor.callbacks_posted()
    visitor.press(Keys.ENTER)
    visitor.waits_until(visitor.callbacks_posted, lambda: "Enter evaluated nothing")

    visitor.tab_to("what-if-record")
    visitor.press(Keys.ENTER)
    visitor.sees("#what-if-record-title", "Record decision")
    visitor.tab_to("what-if-comment", or_already=True)
    visitor.press("Taken without a mouse.")
    visitor.tab_to("what-if-record-confirm")
    visitor.press(Keys.ENTER)
    visitor.sees("#what-if-recorded", "Recorded as decision")


def test_the_forecast_is_reached_by_keyboard(visitor: Visitor) -> None:
    visitor.come_in("olga", "/forecast")
    visitor.sees("#forecast-sentence", "Arizona")
    visitor.rest()
    visitor.tab_to("forecast-region")
    visitor.press(Keys.ARROW_DOWN)
    visitor.sees("#forecast-sentence", "Ireland")
    visitor.tab_to("forecast-day")
    visitor.press("11 Jul 2025", Keys.ENTER)
    visitor.sees("#forecast-sentence", "Ireland", "11 July 2025")


def test_the_first_tab_skips_to_the_content(visitor: Visitor) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.open("/")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.press(Keys.TAB)
    assert visitor.text("a:focus") == "Skip to content"
    visitor.press(Keys.ENTER)
    assert visitor.focused_id() == "main"


def test_the_focus_is_visible_on_every_control_of_what_if(visitor: Visitor) -> None:
    visitor.come_in("olga", "/what-if")
    visitor.sees("#what-if-preview", "Preview")
    visitor.rest()
    for control in ("what-if-source", "what-if-slider", "what-if-evaluate"):
        visitor.tab_to(control)
        assert visitor.browser.focus_is_marked(), control
