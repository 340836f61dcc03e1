"""The content policy on every page in both themes, and what it stops.

Pages are found by asking the application, so a new one is opened as soon as it exists.
"""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterator
from datetime import date

import dash
import pytest

from core.access import Actor, Role
from db.users import find_user_by_name, system_actor
from orchestrator.accounts import administration
from orchestrator.decisions import recording
from orchestrator.regions import changes
from tests.asking import asking
from tests.e2e.portal_browser import PortalBrowser
from tests.e2e.serving import Portal
from tests.e2e.test_themes import choose_theme
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

HOSTILE = '<a href="https://evil.example">=1+1</a><img src=x onerror=injected=1>'
MADE_OF_TEXT = "a[href^=http], a[href^=javascript], svg a, img[src$=x], [onerror]"
# What a page is opened with, where the bare address shows too little of it.
ADDRESSES = {
    "/audit": "/audit?kind=all",
    "/forecast": "/forecast?region=arizona&day=2025-07-13",
    "/what-if": "/what-if?source=arizona&target=ireland",
}
PLAIN = ("/account", "/account/password", "/no-such-page", "/logout")

# Runs before anything of a page; the browser itself says what it stopped.
WATCH = """
window.gfoViolations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.gfoViolations.push(
    `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""
INJECT = """
const [how, done] = arguments;
const add = (tag, facts) => document.body.append(
  Object.assign(document.createElement(tag), facts));
if (how === "inline script") add("script", {textContent: "window.injected = 1"});
if (how === "script of another host") add("script", {src: "https://evil.example/x.js"});
if (how === "handler") document.body.insertAdjacentHTML(
  "beforeend", "<img src='/nothing.png' onerror='window.injected = 1'>");
if (how === "javascript link") {
  add("a", {id: "evil", href: "javascript:window.injected=1", textContent: "x"});
  document.getElementById("evil").click();
}
if (how === "frame") {
  add("iframe", {srcdoc: "<script>parent.injected = 1</script>"});
  add("iframe", {src: "https://evil.example/"});
}
if (how === "form elsewhere") {
  add("form", {id: "evil-form", action: "https://evil.example/", method: "post"});
  document.getElementById("evil-form").submit();
}
if (how === "eval") {
  const code = document.createElement("script");
  code.textContent = "eval('window.injected = 1')";
  document.body.append(code);
}
if (how === "request elsewhere") fetch("https://evil.example/").catch(() => {});
setTimeout(() => done([window.injected || null, window.gfoViolations]), 700);
"""


@pytest.fixture
def watched(dash_br: PortalBrowser, visitor: Visitor) -> Iterator[Visitor]:
    """A visitor whose browser writes down every violation of the policy."""
    added = dash_br.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": WATCH}
    )
    yield visitor
    dash_br.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def _addresses() -> list[str]:
    """Every page of the portal; of those with a number in their address, the first."""
    pages = [
        ADDRESSES.get(page["path"], page["path"])
        if page["path_template"] is None
        else page["path_template"].split("<")[0] + "1"
        for page in dash.page_registry.values()
    ]
    return [*pages, *PLAIN]


def _violations(visitor: Visitor) -> list[str]:
    found: list[str] = visitor.browser.driver.execute_script(
        "return window.gfoViolations"
    )
    return found


def _opened(visitor: Visitor, address: str) -> None:
    visitor.open(address)
    visitor.browser.wait_for_element("main h1, main [role=status], main p")
    if not address.startswith(PLAIN):
        visitor.rest()
        visitor.pause(0.3)  # charts are drawn after the last answer


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_the_policy(watched: Visitor, theme: str) -> None:
    watched.open("/login")
    assert _violations(watched) == []
    watched.come_in("ada")
    choose_theme(watched, theme)
    found = {}
    for address in _addresses():
        _opened(watched, address)
        if violations := _violations(watched):
            found[address] = violations
    assert found == {}


@pytest.mark.parametrize(
    ("how", "directive"),
    [
        ("inline script", "script-src-elem"),
        ("script of another host", "script-src-elem"),
        ("handler", "script-src-attr"),
        ("javascript link", "script-src-elem"),
        ("frame", "frame-src"),
        ("form elsewhere", "form-action"),
        ("eval", "script-src-elem"),
        ("request elsewhere", "connect-src"),
    ],
)
def test_an_injected_script_does_not_run(
    watched: Visitor, how: str, directive: str
) -> None:
    watched.come_in("olga")
    watched.rest()
    injected, violations = watched.browser.driver.execute_async_script(INJECT, how)
    assert injected is None
    assert any(line.startswith((directive, "script-src")) for line in violations), (
        violations
    )
    assert watched.address == "/"
    watched.browser.console_errors()  # what was stopped is written there


def _store_hostile_text(portal: Portal) -> int:
    """A region, a person and a decision whose texts look like HTML and formulas."""
    with portal.runtime.transaction() as session:
        cli, now = system_actor(session, "cli"), portal.runtime.clock()
        changes.set_region(asking(session, cli), "arizona", {"name": HOSTILE})
        administration.add_user(
            asking(session, cli, now=now), name=HOSTILE, role=Role.AUDITOR
        )
        olga = find_user_by_name(session, "olga")
        assert olga is not None
        actor = Actor(user_id=olga.user_id, name=olga.name, role=olga.role)
        card = recording.evaluate(
            asking(session, actor, now=now, request_id=uuid.uuid4()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=date(2025, 7, 13),
            shift_pct=30.0,
        )
        recording.record(
            asking(session, actor, now=now, request_id=uuid.uuid4()),
            what_if_id=card.decision_id,
            comment=f"{HOSTILE} javascript:alert(1)",
        )
    return card.decision_id


def test_stored_text_that_looks_like_html_stays_text_on_every_page(
    watched: Visitor, portal: Portal
) -> None:
    decision_id = _store_hostile_text(portal)
    watched.come_in("ada")
    shown_on = []
    for address in (*_addresses(), f"/decisions/{decision_id + 1}"):
        _opened(watched, address)
        driver = watched.browser.driver
        assert driver.execute_script("return window.injected || null") is None, address
        made_of_text = driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])]"
            ".map((element) => element.outerHTML)",
            MADE_OF_TEXT,
        )
        assert made_of_text == [], address
        if "onerror=injected=1" in watched.text("main"):
            shown_on.append(address)
    assert {"/", "/audit?kind=all", f"/decisions/{decision_id + 1}"} <= set(shown_on)


FORMULAS = {"arizona": "-2+3,=cmd|x", "ireland": "=1+1;@SUM(A1)", "wyoming": "+7"}
# Keeps what a download would save; the button has no address of its own.
CATCH = """
window.gfoSaved = [];
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  blob.text().then((text) => window.gfoSaved.push(text));
  return make.call(URL, blob);
};
"""


def test_names_that_look_like_formulas_stay_text_in_every_download(
    watched: Visitor, portal: Portal
) -> None:
    with portal.runtime.transaction() as session:
        cli = system_actor(session, "cli")
        for slug, name in FORMULAS.items():
            changes.set_region(asking(session, cli), slug, {"name": name})
    watched.come_in("ada")
    n_saved, texts = 0, ""
    for address in _addresses():
        _opened(watched, address)
        driver = watched.browser.driver
        driver.execute_script(CATCH)
        buttons = "document.querySelectorAll('.gfo-download[data-format=csv]')"
        driver.execute_script(f"{buttons}.forEach((button) => button.click())")
        watched.pause(0.3)
        for saved in driver.execute_script("return window.gfoSaved"):
            n_saved += 1
            texts += saved
            for delimiter in ",;\t":
                rows = csv.reader(io.StringIO(saved), delimiter=delimiter)
                for cell in (cell for row in rows for cell in row):
                    is_number = re.fullmatch(r"-\d+(\.\d+)?(e[-+]?\d+)?", cell)
                    is_formula = cell.strip().startswith(("=", "+", "-", "@"))
                    assert is_number or not is_formula, (address, cell)
    assert n_saved >= 3
    assert "'-2+3" in texts
