"""Every page in light and dark: quiet console, no other host, no flash."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.e2e.portal_browser import PortalBrowser
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

DASH_PAGES = {
    "/": "#fleet-table tbody tr",
    "/forecast?region=arizona&day=2025-07-13": "#forecast-dots .js-plotly-plot",
    "/what-if?source=arizona&target=ireland": "#what-if-target-chart .js-plotly-plot",
    "/trade-offs?source=arizona&target=ireland&shift=30": "#trade-offs-chart .ytick",
    "/plan?region=arizona": "#plan-terms",
    "/admin/regions?region=ireland": "#regions-list",
    "/admin/telemetry?batch=1": "#telemetry-import-panel",
    "/audit?kind=all": "#audit-decisions-table .ag-row",
    "/audit/events": "#audit-events-table .ag-row",
    "/decisions/1": "#decision-card .gfo-status",
}
"""Addresses and what is there once the page is whole."""
PLAIN_PAGES = {"/account": "main h1", "/account/password": "main h1"}
BACKGROUND = "return getComputedStyle(document.body).backgroundColor"
THEME = "return document.documentElement.getAttribute('data-bs-theme')"

# Runs before anything of the page; writes down each frame in which there is a body.
RECORD_FRAMES = """
window.gfoFrames = [];
(function look() {
  if (document.body) {
    window.gfoFrames.push([
      document.documentElement.getAttribute("data-bs-theme"),
      getComputedStyle(document.body).backgroundColor,
    ]);
  }
  if (window.gfoFrames.length < 60) requestAnimationFrame(look);
})();
"""


@pytest.fixture
def _recorded_frames(dash_br: PortalBrowser) -> Iterator[None]:
    added = dash_br.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": RECORD_FRAMES}
    )
    yield
    dash_br.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def choose_theme(visitor: Visitor, theme: str) -> None:
    """Press the button until the page is in `theme`."""
    if visitor.browser.driver.execute_script(THEME) != theme:
        visitor.click("#theme-toggle")
    assert visitor.browser.driver.execute_script(THEME) == theme


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_quiet_and_stays_on_this_host(
    visitor: Visitor, theme: str
) -> None:
    visitor.come_in("ada")
    choose_theme(visitor, theme)
    hosts, faults = set(), {}
    for path, whole in (DASH_PAGES | PLAIN_PAGES).items():
        visitor.open(path)
        visitor.browser.wait_for_element(whole)
        if path in DASH_PAGES:
            visitor.rest()
        assert visitor.browser.driver.execute_script(THEME) == theme
        if errors := visitor.browser.console_errors():
            faults[path] = errors
        hosts |= {urlsplit(item.url).netloc for item in visitor.browser.requests()}
    assert faults == {}
    assert hosts == {urlsplit(visitor.portal.url).netloc}


def test_pages_at_the_edge_are_quiet_too(visitor: Visitor) -> None:
    visitor.open("/login")
    assert visitor.browser.console_errors() == []
    visitor.come_in("ada")
    for path in ("/decisions/999999", "/no-such-page"):
        visitor.open(path)
        visitor.sees("main", "There is no")
        visitor.pause(0.3)
        # Chromium itself writes into the console that a page answered 404.
        errors = visitor.browser.console_errors()
        assert [error for error in errors if "404" not in error] == []


def test_the_two_themes_look_different_and_charts_follow(visitor: Visitor) -> None:
    visitor.come_in("olga", "/forecast?region=arizona&day=2025-07-13")
    visitor.browser.wait_for_element("#forecast-chart .xtick text")
    looks = []
    for theme in ("light", "dark"):
        choose_theme(visitor, theme)
        ink = visitor.browser.driver.execute_script(
            "return getComputedStyle("
            "document.querySelector('#forecast-chart .legendtext')).fill"
        )
        looks.append((visitor.browser.driver.execute_script(BACKGROUND), ink))
    light, dark = looks
    assert lightness(light[0]) > 200
    assert lightness(light[1]) < 80
    assert lightness(dark[0]) < 60
    assert lightness(dark[1]) > 180


@pytest.mark.usefixtures("_recorded_frames")
def test_the_chosen_theme_is_remembered_and_never_flashes(visitor: Visitor) -> None:
    visitor.come_in("olga")
    first = visitor.browser.driver.execute_script(THEME)
    other = "dark" if first == "light" else "light"
    before = visitor.browser.driver.execute_script(BACKGROUND)
    choose_theme(visitor, other)
    after = visitor.browser.driver.execute_script(BACKGROUND)
    assert after != before
    for path in ("/", "/account", "/forecast"):
        visitor.open(path)
        visitor.browser.wait_for_element("main h1")
        frames = visitor.browser.driver.execute_script("return window.gfoFrames")
        assert {theme for theme, _ in frames} == {other}, path
        assert {ground for _, ground in frames} <= {after}, path


def lightness(colour: str) -> float:
    """Mean of red, green and blue of `rgb(r, g, b)`, 0 to 255."""
    numbers = colour.split("(")[1].rstrip(")").split(",")[:3]
    return sum(float(number) for number in numbers) / 3
