"""The first page and what is on every page: search, shortcuts, the phone's menu."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.e2e.people import PASSWORD
from tests.e2e.serving import Portal
from tests.e2e.test_ended_login import end_logins
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e


def test_the_first_page_ranks_regions_and_leads_to_each(visitor: Visitor) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED: Arizona")
    shown = visitor.sees(".gfo-hours tbody", "Arizona", "Ireland", "Wyoming")
    assert shown.index("Arizona") < min(shown.index("Ireland"), shown.index("Wyoming"))
    assert "likely over" in visitor.browser.find_element(
        ".gfo-hours tbody tr .visually-hidden"
    ).get_attribute("textContent")
    visitor.sees(".gfo-tiles", "BLOCKED", "IT load", "on yesterday")
    assert len(visitor.browser.find_elements(".gfo-map .gfo-mark a")) == 3
    visitor.follow("Freeze", "#fleet-status")
    visitor.sees("#fleet-status", "Frozen at", "Link to this instant")
    visitor.sees("#frozen-verdicts", "Arizona", "Ireland", "Wyoming")
    visitor.follow("Show the present", "#fleet-status")
    visitor.sees("#fleet-headline", "BLOCKED: Arizona")
    visitor.follow("Arizona", "#fleet-headline")
    visitor.is_at("/regions/arizona")
    visitor.sees("h1", "Arizona")
    visitor.sees("#region-limits", "Thermal limit", "35 °C")
    visitor.sees_no("#region-setup")
    visitor.follow("Try a shift", "#region-now")
    visitor.is_at("/what-if?source=arizona")
    assert visitor.browser.console_errors() == []


def test_everything_is_found_by_a_few_keys(visitor: Visitor) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.press("?")
    visitor.sees("#shortcuts", "Keyboard shortcuts", "Ctrl K")
    visitor.press(Keys.ESCAPE)
    visitor.press("g", "h")
    visitor.is_at("/words")
    visitor.sees("main", "Conformal score", "Tracking offset")
    visitor.press("g", "f")
    visitor.is_at("/forecast")
    visitor.sees("#forecast-sentence", "Arizona")
    visitor.follow("Tracking offset", "main")
    visitor.sees("#words-answer", "added to the quantile of the scores")
    visitor.press("g", "f")
    _press_control_k(visitor)
    assert visitor.focused_id() == "palette-words"
    visitor.sees("#palette-found", "Overview", "Audit")
    assert "Models" not in visitor.text("#palette-found")
    visitor.press("wyo")
    visitor.sees("#palette-found", "Wyoming", "Try a shift from Wyoming")
    visitor.press(Keys.ARROW_DOWN, Keys.ENTER)
    visitor.is_at("/regions/wyoming")
    visitor.sees_no("#palette")
    _press_control_k(visitor)
    visitor.press("#1")
    visitor.sees("#palette-found", "Decision 1")
    visitor.press(Keys.ENTER)
    visitor.is_at("/decisions/1")
    assert visitor.browser.console_errors() == []


def _press_control_k(visitor: Visitor) -> None:
    chain = ActionChains(visitor.browser.driver).key_down(Keys.CONTROL).send_keys("k")
    chain.key_up(Keys.CONTROL).perform()
    visitor.waits_until(lambda: visitor.visible("#palette"), lambda: "no dialog")


def test_a_screen_that_nobody_touches_says_that_its_login_ended(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.rest()
    end_logins(portal, "olga")
    visitor.browser.driver.execute_script(
        "dash_clientside.set_props('fleet-refresh', {n_intervals: Date.now()});"
    )
    visitor.sees("#gfo-connection", "Your login ended", "has stood still since")
    visitor.is_at("/")
    visitor.follow("Log in to go on", "#gfo-connection")
    visitor.sees("main", "Your login ended")
    visitor.log_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED")


def test_a_phone_has_one_button_for_the_pages(visitor: Visitor) -> None:
    visitor.browser.set_width(390)
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED")
    visitor.sees_no("#nav")
    visitor.click("#nav-toggle")
    visitor.follow("Plan", "#nav")
    visitor.is_at("/plan")
    visitor.sees_no("#nav")


def test_an_admin_sets_up_without_a_shell(visitor: Visitor) -> None:
    visitor.come_in("ada")
    visitor.sees("#setup-steps", "Add a region", "Invite people", "3 people")
    visitor.click("#setup-list summary")
    visitor.click("#setup-train")
    visitor.sees("#setup-status", "Nothing was changed")
    visitor.type_into("#setup-password", PASSWORD)
    visitor.click("#setup-train")
    visitor.sees("#setup-status", "trains and evaluates")
    visitor.sees("#setup-tasks", "Training models", "waits for the worker")
    visitor.click("#setup-close")
    visitor.sees_no("#setup-list")
