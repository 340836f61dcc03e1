"""The big tables: sorted, filtered and paged by the server, kept in the address."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from core.audit import AuditAction
from db.audit_append import append_event
from db.users import system_actor
from tests.e2e.people import add_people
from tests.e2e.test_times_and_downloads import downloaded, downloads, table_of
from tests.e2e.visitor import Visitor
from tests.fleet import Fleet

__all__ = ["downloads"]

pytestmark = pytest.mark.e2e

EVENTS = "#audit-events-table"
DECISIONS = "#audit-decisions-table"
REFUSED = "#telemetry-refused-table"
FIRST = ".ag-row[row-index='0']"
COLUMN = """
const selector = `${arguments[0]} .ag-cell[col-id=${arguments[1]}]`;
return [...document.querySelectorAll(selector)].map((cell) => cell.innerText.trim());
"""
SORTED = """
return [...document.querySelectorAll(`${arguments[0]} [role=columnheader][aria-sort]`)]
  .map((cell) => [cell.getAttribute("col-id"), cell.getAttribute("aria-sort")]);
"""
REMEMBER = "window.gfoKept = document.querySelector(arguments[0] + ' .ag-root');"
IS_KEPT = "return document.contains(window.gfoKept);"
FOCUSED = "return document.activeElement.innerText.trim();"
FOCUSED_COLUMN = "return document.activeElement.getAttribute('col-id');"
SCROLLED = """
const part = document.querySelector(`${arguments[0]} .ag-center-cols-viewport`);
part.scrollLeft = 200;
return [part.scrollWidth > part.clientWidth, part.scrollLeft > 0,
  document.documentElement.scrollWidth];
"""
VERTICAL_BARS = """
return [...document.querySelectorAll(`${arguments[0]} *`)].filter((item) => {
  const flow = getComputedStyle(item).overflowY;
  return ["auto", "scroll"].includes(flow) && item.scrollHeight > item.clientHeight + 1
    && item.checkVisibility() && item.clientHeight > 0;
}).map((item) => item.className);
"""


@pytest.fixture
def fleet(decided: Fleet) -> Fleet:
    """A history with decisions of all kinds and more than a page of events."""
    add_people(decided.urls)
    with decided.runtime.transaction() as session:
        for number in range(30):
            append_event(
                session,
                actor=system_actor(session, "cli"),
                action=AuditAction.USER_ADDED,
                object_type="user",
                object_id=str(1000 + number),
            )
    return decided


def column(visitor: Visitor, table: str, name: str) -> list[str]:
    cells: list[str] = visitor.browser.driver.execute_script(COLUMN, table, name)
    return cells


def directions(visitor: Visitor, table: str) -> dict[str, str]:
    return dict(visitor.browser.driver.execute_script(SORTED, table))


def waits_for_order(visitor: Visitor, table: str, name: str, direction: str) -> None:
    visitor.waits_until(
        lambda: directions(visitor, table).get(name) == direction,
        lambda: f"{directions(visitor, table)}",
    )
    visitor.rest()


def event_numbers(visitor: Visitor) -> list[int]:
    return [int(text) for text in column(visitor, EVENTS, "number")]


def test_a_heading_sorts_all_rows_and_the_address_keeps_order_filter_and_place(
    visitor: Visitor,
) -> None:
    visitor.come_in("anton", "/audit/events")
    visitor.sees(f"{EVENTS} {FIRST}", "anton")
    newest = event_numbers(visitor)
    assert len(newest) == 50
    assert newest == sorted(newest, reverse=True)
    assert directions(visitor, EVENTS) == {"number": "descending"}
    visitor.browser.driver.execute_script(REMEMBER, EVENTS)

    visitor.follow("No.", f"{EVENTS} .ag-header")
    visitor.is_at("/audit/events?order=oldest")
    waits_for_order(visitor, EVENTS, "number", "ascending")
    oldest = event_numbers(visitor)
    # Not the rows of the first page turned round: those of the other end.
    assert max(oldest) < max(newest)
    assert min(oldest) < min(newest)
    assert oldest == sorted(oldest)
    visitor.holds("#event-order", "oldest")

    visitor.follow("Next page", "#audit-events-pager")
    place = f"/audit/events?order=oldest&at={oldest[-1]}"
    visitor.is_at(place)
    visitor.sees(f"{EVENTS} {FIRST}", str(oldest[-1] + 1))
    visitor.sees("#audit-events-pager", "oldest first", "First page")
    assert visitor.browser.driver.execute_script(IS_KEPT), "the grid was drawn anew"

    visitor.open(place)  # a copied link
    visitor.sees(f"{EVENTS} {FIRST}", str(oldest[-1] + 1))
    assert directions(visitor, EVENTS) == {"number": "ascending"}
    visitor.browser.driver.back()
    visitor.is_at("/audit/events?order=oldest")
    visitor.sees(f"{EVENTS} {FIRST}", str(oldest[0]))
    visitor.choose("#event-action", "login_succeeded")
    visitor.is_at("/audit/events?action=login_succeeded&order=oldest")
    visitor.waits_until(
        lambda: set(column(visitor, EVENTS, "what")) == {"Login succeeded"},
        lambda: f"{column(visitor, EVENTS, 'what')}",
    )
    assert visitor.browser.console_errors() == []


def test_decisions_are_sorted_by_chance_over_all_rows(visitor: Visitor) -> None:
    visitor.come_in("olga", "/audit?kind=all&live=1")
    visitor.sees(DECISIONS, "Automatic")
    visitor.follow("Chance", f"{DECISIONS} .ag-header")
    visitor.is_at("/audit?kind=all&order=chance&live=1")
    waits_for_order(visitor, DECISIONS, "chance", "descending")
    chances = [
        float(text.removesuffix("%")) if "%" in text else -1.0
        for text in column(visitor, DECISIONS, "chance")
    ]
    assert chances == sorted(chances, reverse=True)
    assert len(set(chances)) > 1
    visitor.follow("Chance", f"{DECISIONS} .ag-header")
    visitor.is_at("/audit?kind=all&live=1")
    waits_for_order(visitor, DECISIONS, "taken", "descending")


def test_a_grid_works_by_keyboard_alone(visitor: Visitor) -> None:
    driver = visitor.browser.driver
    visitor.come_in("anton", "/audit?kind=all")
    visitor.sees(DECISIONS, "Automatic")
    visitor.tab_to("audit-csv")
    visitor.press(Keys.TAB)  # into the grid, on its first heading
    assert driver.execute_script(FOCUSED) == "Decision"
    visitor.press(*[Keys.ARROW_RIGHT] * 3, Keys.ENTER)
    visitor.is_at("/audit?kind=all&order=window")
    waits_for_order(visitor, DECISIONS, "window", "descending")
    assert driver.execute_script(FOCUSED_COLUMN) == "window"
    assert visitor.browser.focus_is_marked()
    visitor.press(*[Keys.ARROW_LEFT] * 3, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    second = driver.execute_script(FOCUSED)
    assert second == column(visitor, DECISIONS, "decision")[1]
    assert visitor.browser.focus_is_marked()
    visitor.press(Keys.TAB)  # one press leaves the grid, whatever its size
    assert driver.execute_script("return !document.activeElement.closest('.gfo-grid')")
    back = ActionChains(driver).key_down(Keys.SHIFT).send_keys(Keys.TAB)
    back.key_up(Keys.SHIFT).perform()
    assert driver.execute_script("return !!document.activeElement.closest('.gfo-grid')")
    visitor.press(Keys.ARROW_LEFT * 12, Keys.ENTER)
    visitor.is_at(f"/decisions/{column_of_focus(visitor)}")


LATE_CONTROLS = """
const {gfo_pages: pages} = dash_clientside;
const [location_, controls] = [[{id: "audit-url"}], [{id: "audit-order"}]];
dash_clientside.callback_context = {inputs_list: location_, outputs_list: controls};
const held = pages.show_filters("");  // the controls of the first address
history.replaceState(null, "", "/audit?order=oldest");  // a heading was clicked
dash_clientside.callback_context = {inputs_list: controls, states_list: location_};
pages.follow_filters(...held, "");  // only now the controls report what they hold
delete dash_clientside.callback_context;
"""


def test_controls_that_report_late_do_not_undo_a_newer_address(
    visitor: Visitor,
) -> None:
    visitor.come_in("olga", "/audit?kind=all")
    visitor.sees(DECISIONS, "Automatic")
    visitor.rest()
    visitor.browser.driver.execute_script(LATE_CONTROLS)
    visitor.pause(0.5)
    visitor.is_at("/audit?order=oldest")
    visitor.choose("#audit-order", "window")  # while a real change still counts
    visitor.is_at("/audit?kind=all&order=window")


def column_of_focus(visitor: Visitor) -> str:
    """The number of the decision that was opened, from its heading."""
    return visitor.sees("#decision-detail h1", "Decision ").split()[-1]


def test_a_grid_scrolls_sideways_within_itself_and_never_up_and_down(
    visitor: Visitor,
) -> None:
    visitor.browser.set_width(320)
    visitor.come_in("anton", "/audit?kind=all")
    for path, table in (("/audit?kind=all", DECISIONS), ("/audit/events", EVENTS)):
        visitor.open(path)
        visitor.browser.wait_for_element(f"{table} .ag-row")
        visitor.pause(0.3)
        driver = visitor.browser.driver
        assert driver.execute_script(SCROLLED, table)[:2] == [True, True]
        assert driver.execute_script(SCROLLED, table)[2] <= 320
        assert driver.execute_script(VERTICAL_BARS, table) == []


def test_the_heading_stays_in_view_while_the_page_scrolls(visitor: Visitor) -> None:
    visitor.come_in("anton", "/audit/events")
    visitor.browser.wait_for_element(f"{EVENTS} .ag-row")
    top = visitor.browser.driver.execute_script(
        "scrollTo(0, 1200);"
        "return document.querySelector(arguments[0]).getBoundingClientRect().top",
        f"{EVENTS} .ag-header",
    )
    assert top == 0


def test_only_pages_with_a_grid_fetch_its_script(visitor: Visitor) -> None:
    def fetched() -> bool:
        return any("dash_ag_grid.v" in request.url for request in requests)

    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "regions")
    requests = visitor.browser.requests()
    assert not fetched()
    visitor.follow("Audit", "nav")
    visitor.sees(DECISIONS, "Recorded")
    requests = visitor.browser.requests()
    assert fetched()


def write_bad_telemetry(path: Path) -> Path:
    """Sixty rows of unknown regions, two of one whose telemetry is made here."""
    lines = ["timestamp,region,temperature_c"]
    lines += [f"2025-07-18T00:00Z,atlantis-{n % 7},20" for n in range(60)]
    lines += ["2025-07-18T01:00Z,arizona,30", "2025-07-18T02:00Z,arizona,31"]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_refused_rows_are_filtered_sorted_paged_and_taken_along(
    visitor: Visitor, tmp_path: Path, downloads: Path
) -> None:
    visitor.come_in("ada", "/admin/telemetry")
    visitor.sees("#telemetry-imports-table", "Import 1")
    assert not visitor.visible("#telemetry-refused-panel")
    file = write_bad_telemetry(tmp_path / "bad.csv")
    visitor.browser.wait_for_element("#telemetry-file").send_keys(str(file))
    visitor.click("#telemetry-send")
    visitor.sees("#telemetry-import", "bad.csv", "62 refused")
    visitor.sees(REFUSED, "atlantis-3")
    batch = re.findall(r"batch=(\d+)", visitor.address)[0]
    here = f"/admin/telemetry?batch={batch}"
    visitor.open(here)
    visitor.sees("#telemetry-refused-pager", "50 rows, first line first", "Next page")
    visitor.follow("Line", f"{REFUSED} .ag-header")
    visitor.is_at(f"{here}&order=last")
    waits_for_order(visitor, REFUSED, "line", "descending")
    assert column(visitor, REFUSED, "line")[0] == "63"
    visitor.follow("Next page", "#telemetry-refused-pager")
    visitor.waits_until(
        lambda: column(visitor, REFUSED, "line")[-1:] == ["2"],
        lambda: f"{column(visitor, REFUSED, 'line')}",
    )
    visitor.type_into("#refused-words", "ATLANTIS-3", Keys.ENTER)
    visitor.is_at(f"{here}&words=ATLANTIS-3&order=last")
    visitor.waits_until(
        lambda: len(column(visitor, REFUSED, "line")) == 9,
        lambda: f"{column(visitor, REFUSED, 'raw')}",
    )
    visitor.open(f"{here}&code=unknown_region")
    visitor.sees("#refused-code", "unknown_region (60)", "region_origin (2)")
    visitor.holds("#refused-code", "unknown_region")
    visitor.click("#refused-csv")
    visitor.sees("#refused-csv-status", "60 rows.")
    content = downloaded(downloads, f"refused-rows-{batch}.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(content.splitlines()))
    assert len(rows) == 60
    assert {row["reason_code"] for row in rows} == {"unknown_region"}
    visitor.type_into("#refused-words", "nothing like it", Keys.ENTER)
    visitor.sees("#telemetry-refused", "No refused row matches.", "Open a filter.")
    assert visitor.browser.console_errors() == []


def test_what_is_shown_is_taken_along_in_utc(visitor: Visitor, downloads: Path) -> None:
    visitor.come_in("olga", "/audit?kind=recorded")
    visitor.sees(DECISIONS, "Recorded")
    assert not visitor.visible("#audit-csv")  # whole lists are for auditors
    visitor.download(f".gfo-download[data-table={DECISIONS.removeprefix('#')}]")
    name = "gfo-audit-decisions-table.csv"
    captions, rows = table_of(downloaded(downloads, name))
    assert "/audit?kind=recorded" in "\n".join(captions)
    assert [row["Decision"] for row in rows] == column(visitor, DECISIONS, "decision")
    assert {row["Verdict"] for row in rows} <= {"APPROVED", "BLOCKED"}
    taken = [datetime.fromisoformat(row["Taken"]) for row in rows]
    assert all(instant.utcoffset() is not None for instant in taken)


def test_the_list_of_events_is_taken_along_as_filtered(
    visitor: Visitor, downloads: Path
) -> None:
    visitor.come_in("anton", "/audit/events?action=decision_recorded")
    visitor.sees(f"{EVENTS} {FIRST}", "Decision recorded")
    visitor.click("#events-csv")
    visitor.sees("#events-csv-status", "3 events.")
    content = downloaded(downloads, "audit-events.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(content.splitlines()))
    assert {row["action"] for row in rows} == {"decision_recorded"}
    visitor.open("/audit/events?type=event_list")
    visitor.sees(f"{EVENTS} {FIRST}", "Audit exported", "event list", "anton")
