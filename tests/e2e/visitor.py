"""What a person does and sees in the portal."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from dash.testing.errors import TestingTimeoutError
from dash.testing.wait import until
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.e2e.people import PASSWORD
from tests.e2e.portal_browser import PortalBrowser
from tests.e2e.serving import Portal

PATIENCE_S = 20.0

CLOSED_MENU = ".gfo-nav-menu:not([open]) > summary"
ISSUE = re.compile(r"&?issued=[^&]*")

_IS_VISIBLE = """
return [...document.querySelectorAll(arguments[0])].some(
  (item) => item.checkVisibility({visibilityProperty: true}) && item.offsetHeight > 0
);
"""
_DRAWN_BOUND = """
const chart = document.querySelector(`${arguments[0]} .js-plotly-plot`);
const trace = chart && chart.data.find((item) => item.meta === "bound_after");
return trace ? trace.y[0] : null;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody at a browser, with a portal to look at."""

    browser: PortalBrowser
    portal: Portal

    def open(self, path: str) -> None:
        """Type an address of the portal."""
        self.browser.driver.get(f"{self.portal.url}{path}")

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        """Fill in the login form that is shown, and send it."""
        for field_id, text in (("name", name), ("password", password)):
            field = self.browser.wait_for_element_by_id(field_id)
            field.clear()
            field.send_keys(text)
        self.browser.find_element("form button[type=submit]").click()

    def come_in(self, name: str, path: str = "/") -> None:
        """Ask for a page, log in on the way, and arrive there."""
        self.open(path)
        self.log_in(name)
        self.is_at(path)
        self.browser.wait_for_element("#main :is(h1, [role=status], p)")

    def log_out(self) -> None:
        """Leave, and see the login page: who comes in next does not race with it."""
        self.click("#log-out")
        self.is_at("/login")
        self.sees("h1", "Log in")

    @property
    def address(self) -> str:
        """Path and query of the page that is shown."""
        parts = urlsplit(self.browser.driver.current_url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def is_at(self, path: str) -> None:
        """Wait until the address is `path`; the issue that a page adds is no other."""

        def is_there() -> bool:
            here = self.address
            return path in {here, ISSUE.sub("", here).replace("?&", "?").rstrip("?")}

        self.waits_until(is_there, lambda: f"{self.address} != {path}")

    def text(self, selector: str) -> str:
        """The visible text of the first match, thin spaces as plain ones."""
        shown = self.browser.driver.execute_script(
            "const found = document.querySelector(arguments[0]);"
            "return found ? found.innerText ?? found.textContent : '';",
            selector,
        )
        return " ".join(str(shown).split())

    def sees(self, selector: str, *texts: str, timeout_s: float = PATIENCE_S) -> str:
        """Wait until the element says all of `texts`; returns what it says then."""
        self.waits_until(
            lambda: all(text in self.text(selector) for text in texts),
            lambda: f"{selector} does not say {texts} but {self.text(selector)!r}",
            timeout_s,
        )
        return self.text(selector)

    def sees_match(self, selector: str, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait until the element's text matches; returns the match."""
        self.waits_until(
            lambda: pattern.search(self.text(selector)),
            lambda: f"{selector} says {self.text(selector)!r}",
        )
        found = pattern.search(self.text(selector))
        assert found is not None
        return found

    def sees_no(self, selector: str) -> None:
        """Wait until nothing of the kind is visible."""
        self.waits_until(
            lambda: not self.visible(selector), lambda: f"{selector} is still visible"
        )

    def visible(self, selector: str) -> bool:
        """Whether any match is visible now."""
        return bool(self.browser.driver.execute_script(_IS_VISIBLE, selector))

    def enabled(self, selector: str) -> bool:
        """Whether the control can be used now."""
        return self.browser.find_element(selector).is_enabled()

    def waits_for_enabled(self, selector: str) -> WebElement:
        """Wait until the control can be used."""
        self.browser.wait_for_element(selector)
        self.waits_until(
            lambda: self.enabled(selector), lambda: f"{selector} is disabled"
        )
        return self.browser.find_element(selector)

    def value(self, selector: str) -> str:
        """What a control holds."""
        return str(self.browser.find_element(selector).get_property("value"))

    def holds(self, selector: str, value: str) -> None:
        """Wait until a control holds `value`."""
        self.browser.wait_for_element(selector)
        self.waits_until(
            lambda: self.value(selector) == value,
            lambda: f"{selector} holds {self.value(selector)!r}, not {value!r}",
        )

    def choose(self, selector: str, value: str) -> None:
        """Choose from a list."""
        Select(self.browser.find_element(selector)).select_by_value(value)

    def click(self, selector: str) -> None:
        """Click what can be clicked."""
        self.waits_for_enabled(selector).click()

    def download(self, button: str) -> None:
        """Open the menu of downloads that holds the button, and press it."""
        self.browser.wait_for_element(f"details:has({button})")
        self.click(f"details:has({button}) > summary")
        self.click(button)

    def follow(self, text: str, within: str = "body") -> None:
        """Follow the link that reads `text`; a page may redraw it meanwhile.

        One in a menu of the navigation is followed through its menu.
        """

        def is_followed() -> bool:
            try:
                region = self.browser.wait_for_element(within)
                if within in {"nav", "#nav"}:
                    for menu in region.find_elements(By.CSS_SELECTOR, CLOSED_MENU):
                        menu.click()
                region.find_element(By.PARTIAL_LINK_TEXT, text).click()
            except (NoSuchElementException, StaleElementReferenceException):
                return False
            return True

        self.waits_until(is_followed, lambda: f"{within} has no link {text!r}")

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        ActionChains(self.browser.driver).send_keys(*keys).perform()

    def focused_id(self) -> str:
        """The id of the element that has the focus."""
        return str(
            self.browser.driver.execute_script("return document.activeElement.id")
        )

    def tab_to(
        self, element_id: str, *, at_most: int = 60, or_already: bool = False
    ) -> None:
        """Press Tab until the element has the focus."""
        if or_already and self.focused_id() == element_id:
            return
        passed = []
        for _ in range(at_most):
            self.press(Keys.TAB)
            passed.append(self.focused_id())
            if passed[-1] == element_id:
                return
        pytest.fail(f"Tab never reached {element_id}; it passed {passed}.")

    def type_into(self, selector: str, text: str, *keys: str) -> None:
        """Replace what a field holds by typing, then press `keys`."""
        field = self.waits_for_enabled(selector)
        self.waits_until(field.is_displayed, lambda: f"{selector} is not visible")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text, *keys)

    def drawn_bound_c(self, chart: str) -> float:
        """Where a What-if chart draws the day bound after the shift, in degC."""
        return float(self.browser.driver.execute_script(_DRAWN_BOUND, chart))

    def pause(self, duration_s: float) -> None:
        """Give something that must not happen the time to happen."""
        time.sleep(duration_s)

    def rest(self) -> None:
        """Wait until the page asks nothing and computes nothing any more."""
        self.waits_until(
            lambda: self.browser.redux_state_rqs == [], lambda: "callbacks still run"
        )

    def callbacks_posted(self) -> list[str]:
        """Callbacks that the page asked the server for since the last look."""
        outputs = (request.callback_output for request in self.browser.requests())
        return [output for output in outputs if output is not None]

    def waits_until(
        self,
        condition: Callable[[], object],
        explain: Callable[[], str],
        timeout_s: float = PATIENCE_S,
    ) -> None:
        """Wait for a condition; `explain` says what was there instead.

        A page that redraws what the condition looks at does not meet it yet.
        """

        def is_met() -> object:
            try:
                return condition()
            except StaleElementReferenceException:
                return False

        try:
            until(is_met, timeout_s)
        except TestingTimeoutError:
            pytest.fail(f"After {timeout_s:g} s: {explain()}")


def fleet_row(region_slug: str) -> str:
    """Selector of a region's row on the Fleet page."""
    return f'[id=\'{{"region":"{region_slug}","type":"fleet-row"}}\']'
