"""The nine tasks of the portal and an alarm, in steps and seconds, by a real browser.

    .venv/bin/python benchmarks/tasks.py URL USER PASSWORD [BEGIN OF A TASK ...]

For a portal over the demo fleet, and an admin. Steps are clicks, fields that are
filled and keys; seconds run from the opening of the first page to what the person came
for. It records a decision and a plan, adds a region, activates a model and changes a
limit: not for a portal in use. Prints one JSON object; a task that does not come to its
end says where it stopped. Reading and thinking are not in it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
from screenshots import log_in, open_browser  # type: ignore[import-not-found]

PATIENCE_S = 30.0
COMMENT = "A task of the measurement."
NEW_REGION = {
    "slug": f"task-{int(time.time())}",
    "name": "Task",
    "time-zone": "Europe/Dublin",
    "latitude-deg": "53.3",
    "longitude-deg": "-6.3",
}
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
    n_keys: int = 0
    began: float = field(default_factory=time.monotonic)
    doing: list[str] = field(default_factory=list)
    waited: list[tuple[float, str]] = field(default_factory=list)

    def opens(self, path: str) -> None:
        """Begin at a page, which is no step."""
        self.browser.get(self.base + path)

    def sees(self, css: str, words: str = "") -> None:
        """Wait until something visible says it."""
        self.doing.append(f"sees {css} {words}")
        began = time.monotonic()
        WebDriverWait(self.browser, PATIENCE_S, poll_frequency=0.1).until(
            lambda b: b.execute_script(IS_VISIBLE, css, words)
        )
        self.waited.append((round(time.monotonic() - began, 1), self.doing[-1]))

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

        self.doing.append(f"clicks {css} {words}")
        began = time.monotonic()
        WebDriverWait(self.browser, PATIENCE_S, poll_frequency=0.1).until(is_clicked)
        self.waited.append((round(time.monotonic() - began, 1), self.doing[-1]))

    def types(self, css: str, text: str, *keys: str) -> None:
        """Replace what a field holds."""
        self.n_inputs += 1
        self.sees(css)
        box = self.browser.find_element(By.CSS_SELECTOR, css)
        box.send_keys(Keys.CONTROL, "a")
        box.send_keys(text, *keys)

    def presses(self, *keys: str) -> None:
        """Press keys together."""
        self.n_keys += 1
        chain = ActionChains(self.browser)
        for key in keys[:-1]:
            chain = chain.key_down(key)
        chain.send_keys(keys[-1]).perform()
        ActionChains(self.browser).key_up(keys[0]).perform()

    def gives(self, css: str, path: str) -> None:
        """Choose a file."""
        self.n_inputs += 1
        WebDriverWait(self.browser, PATIENCE_S).until(
            lambda b: b.find_elements(By.CSS_SELECTOR, css)
        )
        self.browser.find_element(By.CSS_SELECTOR, css).send_keys(path)


def where_is_trouble(person: Person) -> None:
    """Which region is BLOCKED, and why."""
    person.opens("/")
    person.sees("#fleet-headline", "BLOCKED")
    person.clicks("#fleet-headline a")
    person.sees("#region-now .gfo-status", "BLOCKED")


def shift_and_record(person: Person) -> None:
    """Shift until APPROVED, and record it."""
    person.opens("/")
    person.clicks("#fleet-regions tr:has(.gfo-status-blocked) a", "What-if")
    person.clicks("#what-if-safe a", "Use the least safe shift")
    person.sees("#what-if-preview", "APPROVED")
    person.clicks("#what-if-evaluate")
    person.sees("#what-if-verdict .gfo-status", "APPROVED")
    person.clicks("#what-if-record")
    person.types("#what-if-comment", COMMENT)
    person.clicks("#what-if-record-confirm")
    person.sees("#what-if-recorded", "Recorded as decision")


def find_and_replay(person: Person) -> None:
    """Find a decision by its number, understand it, replay and print it."""
    person.opens("/")
    person.sees("#fleet-headline", "BLOCKED")
    person.presses(Keys.CONTROL, "k")
    person.types("#palette-words", "#8")
    person.clicks("#palette-found a", "Decision 8")
    person.sees("#decision-inputs", "Thermal limit")
    person.clicks("#decision-replay")
    person.sees("#decision-replayed", "same")
    person.clicks(".gfo-print")


def supersede(person: Person) -> None:
    """Take the newest decision that stands back."""
    person.opens("/audit?kind=recorded&live=1")
    person.clicks("#audit-decisions-table .ag-row .ag-checkbox-input")
    person.types("#audit-take-reason", COMMENT)
    person.clicks("#audit-take")
    person.sees("#audit-take-status", "Taken back")


def add_region(person: Person) -> None:
    """Add a region and import a file of its telemetry."""
    person.opens("/admin/regions?new=1")
    for name, value in NEW_REGION.items():
        person.types(f"#region-{name}", value)
    person.clicks("#regions-save")
    person.sees("#regions-list", NEW_REGION["name"])
    person.clicks(".gfo-nav-menu summary")
    person.clicks(".gfo-nav-menu a", "Telemetry")
    person.gives("#telemetry-file", telemetry_file())
    person.clicks("#telemetry-send")
    person.sees("#telemetry-import", "24 new")


def activate_model(person: Person) -> None:
    """See what waits beside what serves, and activate it."""
    person.opens("/")
    person.clicks(".gfo-nav-menu summary")
    person.clicks(".gfo-nav-menu a", "Models")
    person.clicks("#models-versions tr:has(a) a")
    person.sees("#model-gate")
    person.types("#model-reason", COMMENT)
    person.types("#model-password", person.password)
    person.clicks("#model-activate")
    person.sees("#model-notice", "serves")


def plan_and_record(person: Person) -> None:
    """Find the plan of the next 24 hours and record it."""
    person.opens("/plan")
    person.clicks("#plan-find")
    person.sees("#plan-sentence")
    person.types("#plan-comment", COMMENT)
    person.clicks("#plan-record")
    person.sees("#plan-recorded", "ecorded")


def change_limit(person: Person) -> None:
    """Change a region's limit, once it is seen whom that would block."""
    person.opens("/admin/regions?region=ireland")
    person.sees("#regions-policy-scope", "Ireland alone")
    # Another one each time, so that it is a change.
    person.types("#region-thermal-limit-c", f"{33 + int(time.time()) % 10 / 10:g}")
    person.sees("#policy-effect", "By the newest issue")
    person.types("#policy-password", person.password)
    person.types("#policy-reason", COMMENT)
    person.clicks("#policy-save")
    person.sees("#policy-save-status", "The limits are changed")


def share_a_link(person: Person) -> None:
    """The address of a page is its link; opened again it shows the same window."""
    person.opens("/what-if?source=arizona&target=ireland&shift=10")
    person.sees("#what-if-preview", "Preview at 10")
    address = person.browser.current_url
    person.browser.get("about:blank")
    person.browser.get(address)
    person.sees("#what-if-preview", "Preview at 10")


def acknowledge(person: Person) -> None:
    """Acknowledge the newest alarm by keyboard; seconds are those of the key."""
    person.opens("/alarms")
    person.sees("#alarms-table tbody tr a")
    person.presses(Keys.ARROW_DOWN)
    person.began = time.monotonic()
    person.presses("a")
    person.sees("#alarms-act-status", "acknowledged")


def telemetry_file() -> str:
    """The path of a day of hours, which is written."""
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [begin - timedelta(hours=back) for back in range(25, 1, -1)]
    lines = [f"{hour:%Y-%m-%dT%H:%MZ},{NEW_REGION['slug']},18.5,40" for hour in hours]
    path = Path(tempfile.mkdtemp()) / "hours.csv"
    path.write_text("\n".join(["timestamp,region,temperature_c,it_load_mw", *lines]))
    return str(path)


TASKS: dict[str, Callable[[Person], None]] = {
    "where is trouble, why": where_is_trouble,
    "shift until APPROVED, record": shift_and_record,
    "find, understand, replay, print": find_and_replay,
    "supersede": supersede,
    "add region, import": add_region,
    "model": activate_model,
    "plan, record": plan_and_record,
    "change a limit": change_limit,
    "share a link": share_a_link,
    "acknowledge an alarm": acknowledge,
}


def main() -> None:
    """Carry out every task once."""
    base, name, password, *wanted = sys.argv[1:]
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
            if wanted and not any(task.startswith(word) for word in wanted):
                continue
            person = Person(browser=browser, base=base, password=password)
            try:
                carry_out(person)
                ended = {}
            except TimeoutException:
                ended = {"stopped_at": person.doing[-1]}
            found[task] = {
                "clicks": person.n_clicks,
                "inputs": person.n_inputs,
                "keys": person.n_keys,
                "steps": person.n_clicks + person.n_inputs + person.n_keys,
                "seconds": round(time.monotonic() - person.began, 1),
                "longest_waits": sorted(person.waited, reverse=True)[:3],
                **ended,
            }
            print(task, json.dumps(found[task]), file=sys.stderr, flush=True)
    finally:
        browser.quit()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
