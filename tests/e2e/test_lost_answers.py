"""An answer is lost after the change was made: pressing again makes no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.e2e.people import PASSWORD
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

# Below the page's own scripts: the portal carries it out, the page never hears of it.
LOSE_ONE = """
const fetched = window.fetch;
window.fetch = async function (resource, options) {
  const answer = await fetched.apply(this, arguments);
  const isPress = String((options || {}).body || "").includes('.n_clicks"]');
  if (!window.loseOne || !isPress) return answer;
  window.loseOne = false;
  window.lost = true;
  throw new TypeError("the line is down");
};
const sent = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (...content) {
  if (window.loseOne) {
    window.loseOne = false;
    this.addEventListener("load", (event) => {
      event.stopImmediatePropagation();
      window.lost = true;
      this.onload = null;
      this.onerror();
    });
  }
  return sent.apply(this, content);
};
"""


@pytest.fixture
def ada(visitor: Visitor) -> Visitor:
    """An admin whose line can be cut once."""
    driver = visitor.browser.driver
    added = driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": LOSE_ONE}
    )
    yield visitor
    driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def count(portal: Portal, table: str) -> int:
    with portal.runtime.transaction() as session:
        query = text(f"select count(*) from {table}")  # noqa: S608
        return int(session.scalar(query) or 0)


def lose_the_next_answer(visitor: Visitor, button: str) -> None:
    visitor.browser.driver.execute_script("window.loseOne = true")
    visitor.click(button)
    visitor.waits_until(
        lambda: bool(visitor.browser.driver.execute_script("return window.lost")),
        lambda: "no answer was lost",
    )


def test_limits_change_once(ada: Visitor, portal: Portal) -> None:
    ada.come_in("ada", "/admin/regions")
    ada.holds("#region-thermal-limit-c", "35")
    ada.type_into("#region-thermal-limit-c", "34")
    ada.type_into("#policy-reason", "New servers are delicate.")
    ada.type_into("#policy-password", PASSWORD)
    before = count(portal, "policy")
    lose_the_next_answer(ada, "#policy-save")
    assert count(portal, "policy") == before + 1

    # The page loads itself again once it reaches the portal; the id outlives that.
    ada.waits_until(
        lambda: not ada.browser.driver.execute_script("return window.lost || false"),
        lambda: "the page was not loaded again",
    )
    ada.holds("#region-thermal-limit-c", "34")
    ada.type_into("#policy-reason", "New servers are delicate.")
    ada.type_into("#policy-password", PASSWORD)
    ada.click("#policy-save")

    ada.sees("#policy-save-status", "The limits are changed.")
    assert count(portal, "policy") == before + 1
    ada.browser.console_errors()  # those of the cut line


def test_two_presses_at_once_add_one_person_and_show_the_password(
    ada: Visitor, portal: Portal
) -> None:
    ada.come_in("ada", "/admin/users")
    ada.type_into("#users-name", "nora")
    ada.type_into("#users-add-password", PASSWORD)
    before = count(portal, "app_user")

    ada.browser.driver.execute_script(
        "const add = document.querySelector('#users-add'); add.click(); add.click();"
    )

    ada.sees("#users-add-status", "nora logs in once with", "not shown again")
    assert count(portal, "app_user") == before + 1


def test_a_file_is_imported_once(ada: Visitor, portal: Portal, tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    # Every row is refused: the same content again would be another import.
    file.write_text("timestamp,region,temperature_c\n2025-07-18T00:00Z,atlantis,20\n")
    ada.come_in("ada", "/admin/telemetry")
    ada.browser.wait_for_element("#telemetry-file").send_keys(str(file))
    before = count(portal, "ingest_batch")

    lose_the_next_answer(ada, "#telemetry-send")
    ada.sees("#telemetry-status.gfo-problem", "did not answer")
    assert count(portal, "ingest_batch") == before + 1
    ada.click("#telemetry-send")

    ada.sees("#telemetry-import", "odd.csv", "1 refused")
    assert count(portal, "ingest_batch") == before + 1
