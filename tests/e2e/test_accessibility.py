"""Every page in both themes under axe: nothing serious, nothing critical."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_themes import choose_theme
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_finding(visitor: Visitor, theme: str) -> None:
    visitor.open("/login")
    faults = [f"/login: {finding}" for finding in grave_findings(visitor)]
    visitor.come_in("ada")
    choose_theme(visitor, theme)
    for path, whole in PAGES.items():
        visitor.open(path)
        visitor.browser.wait_for_element(whole)
        visitor.pause(0.4)  # fading in would be measured as too little contrast
        faults += [f"{path}: {finding}" for finding in grave_findings(visitor)]
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
