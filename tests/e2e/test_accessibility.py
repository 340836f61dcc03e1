"""Every page in both themes under axe: nothing serious, nothing critical."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

PAGES = {
    "/": "#fleet-table tbody tr",
    "/?span=7": "#history-it-load-mw .ytick",
    "/?wall=1": ".gfo-hours tbody tr",
    "/regions/arizona": "#history-it-load-mw .ytick",
    "/forecast?region=arizona&day=2025-07-13": "#forecast-dots .js-plotly-plot",
    "/what-if?source=arizona&target=ireland&shift=30": "#what-if-target-chart .ytick",
    "/trade-offs?source=arizona&target=ireland&shift=30": "#trade-offs-chart .ytick",
    "/audit?kind=all": "#audit-decisions-table .ag-row",
    "/audit/events": "#audit-events-table .ag-row",
    "/decisions/1": "#decision-card .gfo-status",
    "/plan?region=arizona": "#plan-terms",
    "/alarms": "#alarms-handover",
    "/audit/event/1": "#event-facts",
    "/audit/compare?left=1&right=1": "#compare-table",
    "/admin/feeds?new=1": "#feeds-form",
    "/admin/deliveries?new=1": "#deliveries-form fieldset",
    "/admin/tokens": "main h1",
    "/admin/regions?region=ireland": "#regions-list",
    "/admin/telemetry?batch=1": "#telemetry-import-panel",
    "/quality": "#quality-regions tbody tr",
    "/words": "#words-plans",
    "/admin/models": "main h2",
    "/admin/users": "main h2",
    "/admin/health": "#health-list tbody tr",
    "/admin/jobs": "#jobs-depth",
    "/account": "main h1",
    "/account/password": "main h1",
    "/no-such-page": "main h1",
}
GRAVE = {"serious", "critical"}
DESK_PX, PHONE_PX = 1366, 390
VIEWS = (("light", DESK_PX), ("dark", DESK_PX), ("dark", PHONE_PX))
SHOW_IN = "document.documentElement.setAttribute('data-bs-theme', arguments[0])"
RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}).then((found) => done(found.violations), (error) => done(String(error)));
"""


def axe_script() -> str:
    """axe-core from the package that ships it; only its file is read."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def grave_findings(visitor: Visitor) -> list[str]:
    """What axe calls serious or critical: the rule and the first places."""
    driver = visitor.browser.driver
    # Evaluated by the driver: the page's own policy would rightly refuse it.
    driver.execute_script(axe_script())
    found: list[dict[str, Any]] = driver.execute_async_script(RUN_AXE)
    assert isinstance(found, list), found
    return [
        f"{item['id']} ({item['impact']}): {item['help']};"
        f" {[node['html'][:160] for node in item['nodes'][:3]]}"
        for item in found
        if item["impact"] in GRAVE
    ]


def test_no_page_has_a_serious_finding(visitor: Visitor) -> None:
    """Each page is opened once, and looked at in both themes and as on a phone."""
    visitor.open("/login")
    faults = [f"/login: {finding}" for finding in grave_findings(visitor)]
    visitor.come_in("ada")
    for path, whole in PAGES.items():
        visitor.browser.set_width(DESK_PX)
        visitor.open(path)
        visitor.browser.wait_for_element(whole)
        visitor.pause(0.4)  # fading in would be measured as too little contrast
        for theme, width_px in VIEWS:
            visitor.browser.driver.execute_script(SHOW_IN, theme)
            visitor.browser.set_width(width_px)
            visitor.pause(0.2)
            seen = f"{path}, {theme}, {width_px} px"
            faults += [f"{seen}: {finding}" for finding in grave_findings(visitor)]
    assert not faults, "\n".join(faults)


def test_the_record_dialogue_has_no_serious_finding(visitor: Visitor) -> None:
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.type_into("#what-if-number", "30")
    visitor.sees("#what-if-verdict", "shift 30 %")
    visitor.click("#what-if-record")
    visitor.sees("#what-if-record-title", "Record decision")
    visitor.pause(0.5)
    assert grave_findings(visitor) == []


def test_axe_finds_a_planted_fault(visitor: Visitor) -> None:
    """A checker that finds nothing must be one that can find something."""
    visitor.open("/login")
    visitor.browser.driver.execute_script(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        " '<img src=\"/portal/icon.svg\"><button></button>')"
    )
    found = " ".join(grave_findings(visitor))
    assert "image-alt" in found
    assert "button-name" in found
