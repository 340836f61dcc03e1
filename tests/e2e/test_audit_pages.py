"""The Audit pages as an auditor and an operator use them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from orchestrator.audit import verify_export
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.anchoring import anchor_chain
from tests.e2e.people import add_people
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor
from tests.fleet import Fleet

pytestmark = pytest.mark.e2e

NEWEST = "#audit-decisions-table .ag-row[row-index='0']"
HAS_HUNDREDS = "return document.querySelectorAll(arguments[0]).length"


@pytest.fixture
def fleet(decided: Fleet) -> Fleet:
    """A history with decisions of all kinds, in place of the usual small fleet."""
    add_people(decided.urls)
    return decided


def anchor(portal: Portal) -> None:
    places = AnchorPlaces.of(portal.runtime.settings)
    with portal.runtime.request_as("worker") as request:
        anchor_chain(request, places, only_if_due=False)


def newest_id(portal: Portal) -> int:
    with portal.runtime.transaction() as session:
        return int(session.scalar(text("select max(id) from decision")) or 0)


def test_decisions_are_searched_filtered_and_sorted_by_the_address(
    visitor: Visitor,
) -> None:
    visitor.come_in("anton", "/audit?kind=all")
    visitor.sees("#audit-decisions-table", "Automatic", "What-if", "Recorded")
    visitor.type_into("#audit-words", "refused OR telemetry", "\ue007")
    visitor.is_at("/audit?kind=all&words=refused+OR+telemetry")
    visitor.sees(NEWEST, "the newest telemetry behind the forecast is 9.4 h old")
    visitor.choose("#audit-order", "oldest")
    visitor.choose("#audit-actor", "cli")
    visitor.is_at("/audit?kind=all&actor=cli&words=refused+OR+telemetry&order=oldest")
    visitor.open("/audit?kind=recorded&reason=shift_resolves")
    visitor.sees("#audit-decisions-table", "Shifting 70 %")
    visitor.holds("#audit-reason", "shift_resolves")
    visitor.choose("#audit-reason", "within_envelope")
    visitor.sees(NEWEST, "is within the limit of 44 °C")
    visitor.browser.driver.back()
    visitor.sees("#audit-decisions-table", "Shifting 70 %")
    visitor.open("/audit?from=2020-01-01&to=2020-01-02")
    visitor.sees("#audit-decisions", "No decision matches.")


def test_a_decision_shows_its_forecast_as_it_was_and_replays(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("anton", f"/decisions/{newest_id(portal)}")
    visitor.sees("#decision-facts", "the row is as recorded", "SHA-256")
    visitor.browser.wait_for_element("#decision-chart-0 .js-plotly-plot")
    visitor.sees("#decision-forecast-1", "The forecast as it was: Ireland")
    visitor.click("#decision-replay")
    visitor.sees("#replay-result", "Replay: the same", "gfo decision replay")
    assert not visitor.visible("#decision-supersede")
    visitor.type_into("#compare-right", "5")
    visitor.click("#compare-open")
    visitor.is_at(f"/audit/compare?left={newest_id(portal)}&right=5")
    visitor.sees("#compare-rows", "≠ 12.5 %", "≠ 20 %", "Arizona → Ireland")


def test_a_changed_row_raises_an_alarm_and_does_not_replay(
    visitor: Visitor, portal: Portal
) -> None:
    import psycopg  # noqa: PLC0415

    from db.engine import libpq_url  # noqa: PLC0415

    number = newest_id(portal)
    with psycopg.connect(libpq_url(portal.database_urls.owner)) as owner:
        owner.execute("alter table decision disable trigger user")
        owner.execute(
            "update decision set reason_text = 'All is well.' where id = %s", (number,)
        )
    visitor.come_in("anton", f"/decisions/{number}")
    visitor.sees("#decision-detail", "This row is not the one that was recorded")
    visitor.click("#decision-replay")
    visitor.sees("#replay-result", "1 difference", "record", "worded differently now")


def test_an_operator_replaces_a_recorded_decision(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga", "/decisions/6")
    visitor.sees("#decision-supersede", "Replace this decision")
    visitor.holds("#supersede-target", "ireland")
    visitor.type_into("#supersede-shift", "3")
    visitor.click("#supersede-evaluate")
    visitor.sees("#supersede-verdict", "shift 3 %", "by olga")
    visitor.click("#supersede-record")
    visitor.sees("#supersede-record-status", "Write the reason")
    visitor.type_into("#supersede-reason", "Less is enough.")
    visitor.click("#supersede-record")
    said = visitor.sees("#supersede-record-status", "Recorded in its place.")
    number = re.findall(r"Decision (\d+)", said)[0]
    visitor.follow(f"Decision {number}", "#supersede-record-status")
    visitor.is_at(f"/decisions/{number}")
    visitor.sees("#decision-card", "Less is enough.")
    visitor.follow("decision 6", "#decision-succession")
    visitor.sees("#decision-succession", f"superseded by decision {number}", "olga")
    visitor.sees_no("#decision-supersede")
    assert number == str(newest_id(portal))


def test_pressing_record_twice_records_once(visitor: Visitor, portal: Portal) -> None:
    visitor.come_in("olga", "/decisions/6")
    visitor.sees("#decision-supersede", "Replace this decision")
    visitor.type_into("#supersede-shift", "3")
    visitor.click("#supersede-evaluate")
    visitor.sees("#supersede-verdict", "shift 3 %")
    before = newest_id(portal)
    visitor.type_into("#supersede-reason", "Less is enough.")
    button = visitor.waits_for_enabled("#supersede-record")
    visitor.browser.driver.execute_script(
        "arguments[0].click(); arguments[0].click(); arguments[0].click();", button
    )
    visitor.sees("#supersede-record-status", "Recorded in its place.")
    visitor.rest()
    visitor.sees("#supersede-record-status", "Recorded in its place.")
    assert newest_id(portal) == before + 1


def test_events_are_filtered_and_each_shows_what_was_hashed(
    visitor: Visitor, portal: Portal
) -> None:
    anchor(portal)
    visitor.come_in("anton", "/audit/events")
    visitor.sees("#audit-chain", "Anchored outside the database up to event", "later")
    visitor.choose("#event-action", "decision_recorded")
    visitor.is_at("/audit/events?action=decision_recorded")
    visitor.sees(
        "#audit-events-table .ag-row[row-index='0']", "Decision recorded", "cli"
    )
    seq = visitor.text("#audit-events-table .ag-row[row-index='0'] [col-id=number]")
    visitor.follow(seq, "#audit-events-table")
    visitor.is_at(f"/audit/event/{seq}")
    visitor.sees("#event-chain", '"action":"decision_recorded"', "Hash before")
    visitor.sees("#event-facts", "After: outcome")
    visitor.follow("Next event")
    visitor.is_at(f"/audit/event/{int(seq) + 1}")


def test_a_broken_chain_is_shown_where_auditors_look(
    visitor: Visitor, portal: Portal
) -> None:
    import psycopg  # noqa: PLC0415

    from db.engine import libpq_url  # noqa: PLC0415

    anchor(portal)
    with psycopg.connect(libpq_url(portal.database_urls.owner)) as owner:
        owner.execute("alter table audit_event disable trigger user")
        owner.execute("update audit_event set actor_name = 'eve' where seq = 3")
        # The first anchor is followed by the event that says so.
        head = owner.execute("select seq - 1 from audit_head").fetchone()
        assert head is not None
        owner.execute(
            "update audit_event set hash = sha256('x') where seq = %s", (head[0],)
        )
        owner.execute("alter table audit_event enable trigger user")
    visitor.come_in("anton", "/audit/events")
    visitor.sees("#audit-chain", "The anchor does not hold")
    visitor.open(f"/audit/event/{head[0]}")
    visitor.sees("#event-detail", "This event does not fit the chain")


def test_events_are_taken_along_with_their_proof(
    visitor: Visitor, portal: Portal, tmp_path: Path
) -> None:
    anchor(portal)
    visitor.come_in("anton", "/audit/events")
    visitor.sees("#audit-events-table", "Login succeeded")
    visitor.browser.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior",
        {"behavior": "allow", "downloadPath": str(tmp_path)},
    )
    visitor.type_into("#export-first", "1")
    visitor.click("#export-start")
    said = visitor.sees("#export-status", "Events 1 to")
    last = re.findall(r"to (\d+)\.", said)[0]
    file = tmp_path / f"audit-1-{last}.zip"
    visitor.waits_until(lambda: is_zip(file), lambda: f"{file} was not downloaded")
    assert verify_export.main([str(file)]) == 0
    visitor.open("/audit/events?action=audit_exported")
    visitor.sees("#audit-events-table", f"audit event 1-{last}", "anton")


def is_zip(file: Path) -> bool:
    return file.is_file() and zipfile.is_zipfile(file)


def test_a_list_goes_along_as_csv(
    visitor: Visitor, portal: Portal, tmp_path: Path
) -> None:
    del portal
    visitor.come_in("anton", "/audit?kind=recorded")
    visitor.sees("#audit-decisions-table", "Recorded")
    visitor.browser.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior",
        {"behavior": "allow", "downloadPath": str(tmp_path)},
    )
    visitor.click("#audit-csv")
    visitor.sees("#audit-csv-status", "3 decisions.")
    file = tmp_path / "decisions.csv"
    visitor.waits_until(file.is_file, lambda: "no file was downloaded")
    assert file.read_text("utf-8-sig").count("Room in Ireland.") == 3
