"""How fast the portal is for people: first usable page, callbacks, slider, figure size.

    .venv/bin/python benchmarks/portal.py URL USER PASSWORD [SOURCE TARGET DAY]

Drives a real browser (Chromium and chromedriver) and twenty logins at once against a
running portal, and prints one JSON object. Nothing is recorded: it looks, and drags a
slider without letting go of it. With API_TOKEN in the environment, a token that may
read, twenty programs ask the API beside the people.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from http.cookiejar import CookieJar
from itertools import count
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

from selenium.webdriver.chrome.webdriver import WebDriver

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
from screenshots import log_in, open_browser  # type: ignore[import-not-found]

USERS = 20
ROUNDS = 12
THINKING_S = 5.0
DRAG_STEPS = 120
PATIENCE_S = 60.0

READS_EVERY_S = 5.0
READS = (
    "/fleet",
    "/alarms",
    "/decisions",
    "/forecasts/{0}",
    "/what-if?source_slug={0}&target_slug={1}&shift_pct={2}",
)
"""What a program asks in turn: about a region, another, and a share."""

PAGES = {
    "fleet": ("/", "#fleet-table tbody tr"),
    "forecast": ("/forecast", "#forecast-chart .xtick text"),
    "what_if": ("/what-if", "#what-if-target-chart .xtick text"),
    "trade_offs": ("/trade-offs", "#trade-offs-chart .xtick text"),
    "audit": ("/audit", "#audit-decisions-table .ag-row"),
}
"""Paths, and what is there once the page can be used."""

NOTE_USABLE = """
(function look() {
  if (document.querySelector(SELECTOR)) window.gfoUsable = performance.now();
  else requestAnimationFrame(look);
})();
"""
NOTE_SHIFTS = """
window.gfoShift = 0;
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) {
    if (!shift.hadRecentInput) window.gfoShift += shift.value;
  }
}).observe({ type: "layout-shift", buffered: true });
"""
RECORD_FRAMES = """
window.gfoFrames = [];
window.gfoDraws = [];
let moved = null;
document.addEventListener("input", (event) => { moved = event.timeStamp; }, true);
const preview = document.getElementById("what-if-preview");
new MutationObserver(() => {
  if (moved !== null) window.gfoDraws.push(performance.now() - moved);
  moved = null;
}).observe(preview, { childList: true, characterData: true, subtree: true });
let last = performance.now();
(function look(now) {
  window.gfoFrames.push(performance.now() - last);
  last = performance.now();
  requestAnimationFrame(look);
})();
"""


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed, rounded."""
    ordered = sorted(values)
    index = min(len(ordered) - 1, int(share * len(ordered)))
    return round(ordered[index], 1)


def spread(values: list[float]) -> dict[str, float]:
    """Median and tail, milliseconds."""
    return {
        "n": len(values),
        "p50_ms": round(statistics.median(values), 1),
        "p95_ms": percentile(values, 0.95),
        "max_ms": round(max(values), 1),
    }


def page_times(
    browser: WebDriver, base: str, path: str, whole: str
) -> dict[str, float]:
    """Until the page can be used: with an empty cache, and with a full one.

    And the layout shift of the second time, summed until a second later.
    """
    times = {}
    for name in ("cold_ms", "warm_ms"):
        browser.get("about:blank")
        if name == "cold_ms":
            browser.execute_cdp_cmd("Network.clearBrowserCache", {})
        watch = browser.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument",
            {
                "source": NOTE_SHIFTS
                + NOTE_USABLE.replace("SELECTOR", json.dumps(whole))
            },
        )
        browser.get(base + path)
        deadline = time.monotonic() + PATIENCE_S
        while not (usable := browser.execute_script("return window.gfoUsable")):
            if time.monotonic() > deadline:
                message = f"{path} never showed {whole}."
                raise TimeoutError(message)
            time.sleep(0.25)  # asking more often would slow it down
        times[name] = round(usable, 0)
        time.sleep(1.0)
        times["layout_shift"] = round(browser.execute_script("return gfoShift"), 3)
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watch)
    return times


def slider_times(browser: WebDriver, base: str, query: str) -> dict[str, object]:
    """From a movement of the mouse to the redrawn page, while the slider is held."""
    browser.get(f"{base}/what-if?{query}")
    script = "return document.querySelector('#what-if-target-chart .xtick') !== null"
    deadline = time.monotonic() + PATIENCE_S
    while not browser.execute_script(script) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    browser.execute_script(RECORD_FRAMES)
    box = browser.execute_script(
        "const slider = document.getElementById('what-if-slider');"
        "slider.scrollIntoView({block: 'center'});"
        "const b = slider.getBoundingClientRect();"
        "return [b.left, b.width, b.top + b.height / 2];"
    )

    def mouse(kind: str, share: float) -> None:
        event = {
            "type": kind,
            "x": box[0] + 10 + share * (box[1] - 20),
            "y": box[2],
            "button": "left",
            "buttons": 1,
            "clickCount": 1,
        }
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    # The handle stands where a link without a shift puts it: at 0.
    mouse("mousePressed", 0.0)
    for step in range(DRAG_STEPS):
        mouse("mouseMoved", (step % 60) / 60)
    draws = browser.execute_script("return window.gfoDraws")
    frames = browser.execute_script("return window.gfoFrames")
    # Leaving with the button down asks for no evaluation.
    browser.get("about:blank")
    return {"movement_to_redraw": spread(draws), "frame": spread(frames)}


class Person:
    """A login that posts Dash's callbacks, as its own browser would."""

    def __init__(self, base: str, name: str, password: str) -> None:
        self._base = base
        self._cookies = CookieJar()
        if not base.startswith(("http://", "https://")):
            message = f"{base} is no address of a portal."
            raise ValueError(message)
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))
        page = self._read(Request(f"{base}/login"))
        token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        form = {"name": name, "password": password, "csrf_token": token}
        self._read(
            Request(
                f"{base}/login",
                data=urlencode(form).encode(),
                headers={"Origin": base},
            )
        )
        self.callbacks = json.loads(self._read(Request(f"{base}/_dash-dependencies")))

    def post(self, output_part: str, values: dict[str, object]) -> tuple[float, str]:
        """Ask for the callback with this output; how long it took and its answer."""
        entry = next(c for c in self.callbacks if output_part in c["output"])
        ids = entry["output"].strip(".").split("...")
        outputs = [
            dict(zip(("id", "property"), i.rsplit(".", 1), strict=True)) for i in ids
        ]
        inputs, state = (
            [
                {**item, "value": values.get(f"{item['id']}.{item['property']}")}
                for item in entry[kind]
            ]
            for kind in ("inputs", "state")
        )
        body = {
            "output": entry["output"],
            "outputs": outputs,
            "inputs": inputs,
            "state": state,
            "changedPropIds": [f"{i['id']}.{i['property']}" for i in inputs],
        }
        token = next(c.value for c in self._cookies if c.name == "_csrf_token")
        request = Request(
            f"{self._base}/_dash-update-component",
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "X-CSRFToken": str(token),
                "Origin": self._base,
            },
        )
        started = time.perf_counter()
        answer = self._read(request)
        return 1000 * (time.perf_counter() - started), answer

    def regions(self) -> list[str]:
        """Regions that the Forecast page offers."""
        _, answer = self.post("forecast-panel.children", {"forecast-url.search": ""})
        options = json.loads(answer)["response"]["forecast-region"]["options"]
        return [str(option["value"]) for option in options]

    def _read(self, request: Request) -> str:
        with self._opener.open(request, timeout=PATIENCE_S) as response:
            return str(response.read().decode())


def callback_times(people: list[Person], query: str) -> dict[str, object]:
    """Everybody walks through the pages, of one region or another, thinking a little.

    Every turn is another shift, so that no two what-ifs are the same question.
    """
    asked: dict[str, tuple[str, str]] = {
        "fleet": ("fleet-table.children", "fleet-refresh.n_intervals"),
        "forecast": ("forecast-panel.children", "forecast-url.search"),
        "what_if": ("what-if-data.data", "what-if-url.search"),
        "trade_offs": ("trade-offs-data.data", "trade-offs-url.search"),
    }
    regions = people[0].regions()
    found: dict[str, list[float]] = {name: [] for name in asked}
    lock = threading.Lock()

    def work(person: Person, offset: int) -> None:
        names = list(asked)
        for turn in range(ROUNDS):
            name = names[(turn + offset) % len(names)]
            output, address = asked[name]
            region = regions[(offset + turn) % len(regions)]
            search = f"?region={region}&shift={offset + turn}&{query}"
            took_ms, _ = person.post(output, {address: search})
            with lock:
                found[name].append(took_ms)
            time.sleep(THINKING_S)

    run_side_by_side([partial(work, *item) for item in zip(people, count())])
    everything = [value for values in found.values() for value in values]
    return {name: spread(values) for name, values in found.items()} | {
        "all": spread(everything)
    }


def program_times(base: str, token: str, regions: list[str]) -> dict[str, object]:
    """Programs that ask the API as often as people click, each its own questions."""
    found: dict[str, list[float]] = {path.partition("?")[0]: [] for path in READS}

    def ask(offset: int) -> None:
        for turn in range(ROUNDS):
            path = READS[(turn + offset) % len(READS)]
            one, other = (regions[(offset + turn + n) % len(regions)] for n in (0, 1))
            request = Request(
                f"{base}/api/v1{path.format(one, other, offset + turn)}",
                headers={"Authorization": f"Bearer {token}"},
            )
            started = time.perf_counter()
            with urlopen(request, timeout=PATIENCE_S) as response:
                response.read()
            took_ms = 1000 * (time.perf_counter() - started)
            found[path.partition("?")[0]].append(took_ms)
            time.sleep(READS_EVERY_S)

    run_side_by_side([partial(ask, offset) for offset in range(USERS)])
    everything = [value for values in found.values() for value in values]
    return {name: spread(values) for name, values in found.items()} | {
        "all": spread(everything)
    }


def run_side_by_side(works: Sequence[Callable[[], None]]) -> None:
    """Do all at once, begun one after another: nobody clicks in step."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
        time.sleep(THINKING_S / len(threads))
    for thread in threads:
        thread.join()


def figure_bytes(person: Person) -> dict[str, int]:
    """Size of what the Forecast page gets, and of its largest figure, as JSON."""
    _, answer = person.post("forecast-panel.children", {"forecast-url.search": ""})
    figures: list[int] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if "figure" in node:
                figures.append(len(json.dumps(node["figure"]).encode()))
            for part in node.values():
                walk(part)
        elif isinstance(node, list):
            for part in node:
                walk(part)

    walk(json.loads(answer))
    return {"answer": len(answer.encode()), "largest_figure": max(figures, default=0)}


def main() -> None:
    """Measure and print."""
    base, name, password = sys.argv[1:4]
    source, target, day = (sys.argv[4:7] + [None] * 3)[:3]
    given = {"source": source, "target": target, "day": day}
    query = urlencode({key: value for key, value in given.items() if value})
    browser = open_browser()
    browser.set_window_size(1920, 1080)
    try:
        log_in(browser, base, name, password)
        pages = {
            key: page_times(browser, base, path, whole)
            for key, (path, whole) in PAGES.items()
        }
        slider = slider_times(browser, base, query)
    finally:
        browser.quit()
    people = [Person(base, name, password) for _ in range(USERS)]
    report = {"first_usable_page": pages, "slider": slider}
    token = os.environ.get("API_TOKEN")

    def programs() -> None:
        if token:
            report["api_with_20_programs"] = program_times(
                base, token, people[0].regions()
            )

    def everybody() -> None:
        report["callbacks_with_20_users"] = callback_times(people, query)

    run_side_by_side([everybody, programs])
    report["forecast_json_bytes"] = figure_bytes(people[0])
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
