"""An admin adds a region, imports its telemetry, sees refused rows, sets limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.e2e.people import PASSWORD
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor, fleet_row
from tests.fleet import NOW

pytestmark = pytest.mark.e2e

START = datetime(2025, 7, 18, tzinfo=UTC)
assert START < NOW
HEADER = "timestamp,region,temperature_c,it_load_mw,carbon_intensity_gco2_kwh"


def write_telemetry(path: Path) -> Path:
    """Thirty good hours, one of 99 degC, one of a region that is not there."""
    hours = [START + timedelta(hours=hour) for hour in range(30)]
    lines = [f"{hour:%Y-%m-%dT%H:%MZ},ontario,21.5,40,35" for hour in hours]
    lines += [
        f"{hours[-1] + timedelta(hours=1):%Y-%m-%dT%H:%MZ},ontario,99,40,35",
        f"{hours[-1]:%Y-%m-%dT%H:%MZ},atlantis,20,40,35",
    ]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def add_ontario(visitor: Visitor) -> None:
    visitor.follow("Add a region")
    visitor.holds("#region-it-capacity-mw", "100")
    for field, value in (
        ("slug", "ontario"),
        ("name", "Ontario"),
        ("time-zone", "America/Toronto"),
        ("latitude-deg", "43.7"),
        ("longitude-deg", "-79.42"),
    ):
        visitor.type_into(f"#region-{field}", value)
    visitor.click("#regions-save")
    visitor.is_at("/admin/regions?region=ontario")
    visitor.sees("#regions-list", "Ontario", "America/Toronto")


def test_a_new_region_gets_telemetry_and_shows_which_rows_were_refused(
    visitor: Visitor, tmp_path: Path
) -> None:
    visitor.come_in("ada", "/admin/regions")
    visitor.sees("#regions-list", "Arizona", "Wyoming")
    add_ontario(visitor)
    visitor.follow("Telemetry", "nav")
    visitor.sees("#telemetry-imports", "generator, seed 7", "synthetic")
    file = write_telemetry(tmp_path / "ontario.csv")
    visitor.browser.wait_for_element("#telemetry-file").send_keys(str(file))
    visitor.click("#telemetry-send")
    visitor.sees("#telemetry-import", "ontario.csv", "32 read: 30 new", "2 refused")
    visitor.sees("#telemetry-refused", "99", "atlantis", "32", "33")
    visitor.sees("#telemetry-imports-table", "ontario.csv")
    visitor.click("#telemetry-withdraw")
    visitor.sees("#telemetry-withdraw-status", "reason of 1 to 500")
    visitor.type_into("#telemetry-withdraw-reason", "a test")
    visitor.click("#telemetry-withdraw")
    visitor.sees("#telemetry-withdraw-status", "is withdrawn: 30 hours changed")
    visitor.sees("#telemetry-imports-table", "withdrawal of import 2", "withdrawn")
    visitor.sees("#telemetry-import", "by import 3")
    assert visitor.browser.console_errors() == []


def test_a_preview_shows_how_a_file_would_be_read_and_keeps_nothing(
    visitor: Visitor, portal: Portal, tmp_path: Path
) -> None:
    visitor.come_in("ada", "/admin/regions")
    add_ontario(visitor)
    visitor.follow("Telemetry", "nav")
    file = tmp_path / "panel.csv"
    file.write_text(
        "Time,Load (kW),Note\n"
        + "".join(f"2025-07-18 00:{m:02},41200,x\n" for m in range(0, 60, 15))
    )
    visitor.browser.wait_for_element("#telemetry-file").send_keys(str(file))
    visitor.choose("#telemetry-region", "ontario")
    visitor.type_into("#telemetry-time-zone", "-05:00")
    visitor.click("#telemetry-more summary")
    visitor.click("#telemetry-look")
    visitor.sees("#telemetry-status.gfo-problem", "“Columns” Time=timestamp")
    visitor.type_into("#telemetry-columns", "Time=timestamp\nLoad (kW)=it_load_mw")
    visitor.click("#telemetry-look")
    visitor.sees(
        "#telemetry-preview", "15-minute", "-05:00", "2025-07-18 05:00", "41.2"
    )
    visitor.sees("#telemetry-preview", "Load (kW)", "it_load_mw", "kW", "Note")
    with portal.runtime.transaction() as session:
        assert session.scalar(text("select count(*) from ingest_batch")) == 1
    visitor.click("#telemetry-send")
    visitor.sees("#telemetry-import", "panel.csv", "1 read: 1 new")


def test_a_file_that_cannot_be_read_says_why_and_keeps_nothing(
    visitor: Visitor, portal: Portal, tmp_path: Path
) -> None:
    visitor.come_in("ada", "/admin/telemetry")
    file = tmp_path / "notes.csv"
    file.write_text("a,b\n1,2\n")
    visitor.browser.wait_for_element("#telemetry-file").send_keys(str(file))
    visitor.click("#telemetry-send")
    visitor.sees("#telemetry-status.gfo-problem", "reference")
    with portal.runtime.transaction() as session:
        assert session.scalar(text("select count(*) from ingest_batch")) == 1


def test_a_lower_limit_blocks_a_region_that_was_approved(visitor: Visitor) -> None:
    visitor.come_in("ada")
    visitor.sees(fleet_row("ireland"), "✓ APPROVED", "limit 35 °C")
    visitor.open("/admin/regions?region=ireland")
    visitor.sees("#regions-policy-scope", "Ireland alone", "limit 35 °C")
    visitor.type_into("#region-thermal-limit-c", "5")
    visitor.sees("#policy-effect", "Would turn BLOCKED: 1 region, Ireland.")
    visitor.click("#policy-save")
    visitor.sees("#policy-save-status", "Nothing was changed", "password is wrong")
    visitor.type_into("#policy-password", PASSWORD)
    visitor.click("#policy-save")
    visitor.sees("#policy-save-status", "Give a reason")
    visitor.type_into("#policy-reason", "New servers are delicate.")
    visitor.click("#policy-save")
    visitor.sees("#policy-save-status", "The limits are changed.")
    visitor.sees("#regions-list", "5 °C (own)")
    visitor.follow("Overview", "nav")
    visitor.sees(fleet_row("ireland"), "■ BLOCKED", "limit 5 °C")


def test_a_class_of_equipment_gives_a_region_its_limit(visitor: Visitor) -> None:
    visitor.come_in("ada", "/admin/regions?region=ireland")
    visitor.sees("#regions-class", "A2 35 °C")
    assert not visitor.visible("#regions-terms")
    visitor.choose("#region-ashrae-class", "A2")
    visitor.type_into("#region-approach-c", "4")
    visitor.type_into("#class-password", PASSWORD)
    visitor.click("#class-save")
    visitor.sees("#class-save-status", "Give a reason")
    visitor.type_into("#class-reason", "New servers.")
    visitor.click("#class-save")
    visitor.sees("#class-save-status", "The limit is 31 °C of outdoor air.")
    visitor.sees("#regions-list", "31 °C (own)")
    visitor.holds("#region-thermal-limit-c", "31")


def test_the_terms_of_moving_load_are_the_fleets(visitor: Visitor) -> None:
    visitor.come_in("ada", "/admin/regions")
    visitor.holds("#region-migration-energy-frac", "0")
    assert not visitor.visible("#regions-class")
    visitor.type_into("#region-migration-energy-frac", "140")
    visitor.type_into("#terms-reason", "Measured.")
    visitor.type_into("#terms-password", PASSWORD)
    visitor.click("#terms-save")
    visitor.sees("#terms-save-status", "migration_energy_frac is 1.4, outside 0 to 1")
    visitor.type_into("#region-migration-energy-frac", "2")
    visitor.click("#terms-save")
    visitor.sees("#terms-save-status", "The terms are changed.")
    visitor.open("/audit/events?action=policy_changed")
    visitor.sees("main", "Measured.")


def test_a_wrong_number_is_named_and_nothing_is_saved(visitor: Visitor) -> None:
    visitor.come_in("ada", "/admin/regions?region=ireland")
    visitor.holds("#region-name", "Ireland")
    visitor.type_into("#region-flexible-load-frac", "140")
    visitor.click("#regions-save")
    visitor.sees("#regions-save-status", "flexible_load_frac is 1.4")
    visitor.open("/admin/regions?region=ireland")
    visitor.holds("#region-flexible-load-frac", "80")


@pytest.mark.parametrize("path", ["/admin/regions", "/admin/telemetry"])
def test_an_operator_finds_no_way_in(visitor: Visitor, path: str) -> None:
    visitor.come_in("olga")
    assert "Regions" not in visitor.text("nav")
    visitor.open(path)
    visitor.sees("main", "Your role does not allow this.")
