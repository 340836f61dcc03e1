"""The nine tasks of the portal, in steps and seconds, by a real browser.

    .venv/bin/python benchmarks/tasks.py URL USER PASSWORD

For a portal over the demo fleet, and an admin. Steps are clicks and inputs; seconds run
from the first step, or the opening of the page, to what the person came for. It records
decisions, a plan, a region and a limit: not for a portal in use. Prints one JSON
object; a task that does not come to its end says where it stopped.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
from screenshots import log_in, open_browser  # type: ignore[import-not-found]

PATIENCE_S = 90.0
IS_VISIBLE = """
return [...document.querySelectorAll(arguments[0])].find((item) =>
  item.checkVisibility() && item.textContent.includes(arguments[1])) || null;
"""


@dataclass(slots=True)
class Person:
    """Somebody at a browser whose steps are counted."""

    browser: WebDriver
    base: str
    password: str
    n_clicks: int = 0
    n_inputs: int = 0
    doing: list[str] = field(default_factory=list)

    def opens(self, path: str) -> None:
        """Begin at a page, which is no step."""
        self.browser.get(self.base + path)

    def sees(self, css: str, words: str = "") -> None:
        """Wait until something visible says it."""
        self.doing.append(f"sees {css} {words}")
        WebDriverWait(self.browser, PATIENCE_S, poll_frequency=0.1).until(
            lambda b: b.execute_script(IS_VISIBLE, css, words)
        )

    def clicks(self, css: str, words: str = "") -> None:
        """Click what says it."""
        self.n_clicks += 1
        self.sees(css, words)

        def is_clicked(browser: WebDriver) -> bool:
            try:
                found = browser.execute_script(IS_VISIBLE, css, words)
                if found is None or not found.is_enabled():
                    return False
                found.click()
            except WebDriverException:
                return False  # drawn again meanwhile, or still covered
            return True

        WebDriverWait(self.browser, PATIENCE_S, poll_frequency=0.1).until(is_clicked)

    def types(self, css: str, text: str, *keys: str) -> None:
        """Replace what a field holds."""
        self.n_inputs += 1
        self.sees(css)
        box = self.browser.find_element(By.CSS_SELECTOR, css)
        box.send_keys(Keys.CONTROL, "a")
        box.send_keys(text, *keys)

    def chooses(self, css: str, value: str) -> None:
        """Choose from a list."""
        self.n_inputs += 1
        self.sees(css)
        Select(self.browser.find_element(By.CSS_SELECTOR, css)).select_by_value(value)


def where_is_trouble(person: Person) -> None:
    """Which region is BLOCKED, and why."""
    person.opens("/")
    person.clicks("#fleet-headline a")
    person.sees("main .gfo-status", "BLOCKED")


def shift_and_record(person: Person) -> None:
    """Shift until APPROVED, and record it."""
    person.opens("/")
    row = "#fleet-regions tr:has(.gfo-status-blocked)"
    person.clicks(f"{row} a", "What-if")
    person.clicks("#what-if-safe a", "Use the least safe shift")
    person.sees("#what-if-preview", "APPROVED")
    person.clicks("#what-if-evaluate")
    person.sees("#what-if-verdict .gfo-status", "APPROVED")
    person.clicks("#what-if-record")
    person.types("#what-if-comment", "A task of the measurement.")
    person.clicks("#what-if-record-confirm")
    person.sees("#what-if-recorded", "Recorded as decision")


def find_and_replay(person: Person) -> None:
    """Find a decision by its number, understand it, replay and export it."""
    person.opens("/audit")
    person.types("#audit-words", "8", Keys.ENTER)
    person.clicks("#audit-decisions-table a", "8")
    person.sees("#decision-inputs", "Thermal limit")
    person.clicks("#decision-replay")
    person.sees("#replay-result", "Replay")
    person.clicks(".gfo-print")


def supersede(person: Person) -> None:
    """Take the newest decision that stands back."""
    person.opens("/audit?kind=recorded&live=1")
    person.clicks("#audit-decisions-table .ag-checkbox-input")
    person.types("#audit-take-reason", "A task of the measurement.")
    person.clicks("#audit-take")
    person.sees("#audit-take-status", "Taken back")


def add_region(person: Person) -> None:
    """Begin to add a region and to import a file: until the forms can be filled."""
    person.opens("/")
    person.clicks("#setup-list a", "Add a region")
    person.sees("#regions-panel, main form, main", "Regions")
    person.clicks(".gfo-nav-menu summary")
    person.clicks(".gfo-nav-menu a", "Telemetry")
    person.sees("#telemetry-import-panel")


def see_models(person: Person) -> None:
    """What waits for activation, beside what serves."""
    person.opens("/")
    person.clicks(".gfo-nav-menu summary")
    person.clicks(".gfo-nav-menu a", "Models")
    person.sees("main", "temperature")


def plan_and_record(person: Person) -> None:
    """Find the plan of the next 24 hours and record it."""
    person.opens("/plan")
    person.clicks("#plan-find")
    person.sees("#plan-sentence")
    person.types("#plan-comment", "A task of the measurement.")
    person.clicks("#plan-record")
    person.sees("#plan-recorded", "Recorded")


def look_at_limit(person: Person) -> None:
    """Change a region's limit as far as the preview of who would be blocked."""
    person.opens("/admin/regions?region=ireland")
    person.types("[id*='thermal_limit_c'], [id*='thermal-limit-c']", "34")
    person.sees("main", "Ireland")


def share_a_link(person: Person) -> None:
    """The address of a page is its link; opened again it shows the same window."""
    person.opens("/what-if?source=arizona&target=ireland&shift=10")
    person.sees("#what-if-preview", "Preview at 10")
    address = person.browser.current_url
    person.browser.get(address)
    person.sees("#what-if-preview", "Preview at 10")


TASKS: dict[str, Callable[[Person], None]] = {
    "where is trouble, why": where_is_trouble,
    "shift until APPROVED, record": shift_and_record,
    "find, understand, replay, print": find_and_replay,
    "supersede": supersede,
    "add region, import: to the forms": add_region,
    "model: what waits": see_models,
    "plan, record": plan_and_record,
    "a limit: to its form": look_at_limit,
    "share a link": share_a_link,
}


def main() -> None:
    """Carry out every task once."""
    base, name, password = sys.argv[1:4]
    browser = open_browser()
    browser.set_window_size(1920, 1080)
    found = {}
    try:
        log_in(browser, base, name, password)
        # A print dialog would hold the browser; that it was asked for is enough.
        browser.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument",
            {"source": "window.print = () => {};"},
        )
        for task, carry_out in TASKS.items():
            person = Person(browser=browser, base=base, password=password)
            began = time.monotonic()
            try:
                carry_out(person)
                ended = {}
            except TimeoutException:
                ended = {"stopped_at": person.doing[-1]}
            found[task] = {
                "clicks": person.n_clicks,
                "inputs": person.n_inputs,
                "seconds": round(time.monotonic() - began, 1),
                **ended,
            }
    finally:
        browser.quit()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
