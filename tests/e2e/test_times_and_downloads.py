"""On whose clock, and what a downloaded file holds."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

FORECAST = "/forecast?region=arizona&day=2025-07-13"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PATIENCE_S = 15.0


@pytest.fixture
def downloads(visitor: Visitor, tmp_path: Path) -> Iterator[Path]:
    """Where this visitor's browser puts files."""
    cdp = visitor.browser.driver.execute_cdp_cmd
    cdp(
        "Browser.setDownloadBehavior",
        {"behavior": "allow", "downloadPath": str(tmp_path)},
    )
    yield tmp_path
    cdp("Browser.setDownloadBehavior", {"behavior": "default"})


def downloaded(folder: Path, name: str) -> bytes:
    """The file once it is whole."""
    deadline = time.monotonic() + PATIENCE_S
    # The browser makes the file before it has written it.
    while not ((folder / name).exists() and (folder / name).stat().st_size):
        assert time.monotonic() < deadline, [file.name for file in folder.iterdir()]
        time.sleep(0.1)
    return (folder / name).read_bytes()


def table_of(content: bytes) -> tuple[list[str], list[dict[str, str]]]:
    """The caption lines and the rows of a CSV."""
    lines = content.decode("utf-8-sig").splitlines()
    captions = [line for line in lines if line.startswith("# ")]
    return captions, list(csv.DictReader(lines[len(captions) :]))


def test_the_clock_is_chosen_once_and_every_page_follows(visitor: Visitor) -> None:
    visitor.come_in("olga", FORECAST)
    visitor.sees("#forecast-chart .xtitle", "Time (America/Phoenix, UTC−7)")
    visitor.choose("#times-choice", "utc")
    visitor.sees("#forecast-chart .xtitle", "Time (UTC)")
    visitor.sees("#forecast-facts", "13 Jul 2025, 07:00 UTC", "Times shown in UTC")
    visitor.sees("footer", "Times are in UTC.")
    visitor.is_at(FORECAST)
    visitor.open("/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-source-chart .xtitle", "Time (UTC)")
    visitor.choose("#times-choice", "region")
    visitor.sees("#what-if-source-chart .xtitle", "Time (America/Phoenix, UTC−7)")


def test_the_browsers_own_zone_is_taken(visitor: Visitor) -> None:
    driver = visitor.browser.driver
    driver.execute_cdp_cmd(
        "Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"}
    )
    try:
        visitor.come_in("olga", FORECAST)
        visitor.sees("#forecast-chart .xtitle", "America/Phoenix")
        visitor.choose("#times-choice", "browser")
        visitor.sees("#forecast-chart .xtitle", "Time (Asia/Tokyo, UTC+9)")
        visitor.sees("#forecast-sentence", "on 13 July 2025")  # the region's own day
    finally:
        driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


ADMIN_PAGES = {
    "/audit?kind=all": "#audit-decisions-table .ag-row[row-index='0'] time",
    "/audit/events": "#audit-events-table .ag-row[row-index='0'] time",
    "/audit/event/1": "#event-detail p",
    "/decisions/1": "#decision-facts",
    "/admin/models": "#models-serving-table",
    "/admin/models/1": "#model-origin",
    "/admin/users": "#users-table-rows",
    "/admin/telemetry": "#telemetry-imports-table",
    "/account": "table time",
}
"""Pages of auditors and admins, and where each shows a time."""


def test_audit_and_admin_pages_follow_the_clock(visitor: Visitor) -> None:
    driver = visitor.browser.driver
    override = "Emulation.setTimezoneOverride"
    driver.execute_cdp_cmd(override, {"timezoneId": "Asia/Kolkata"})
    try:
        visitor.come_in("ada", "/audit?kind=all")
        visitor.sees(ADMIN_PAGES["/audit?kind=all"], " UTC")  # of many regions
        visitor.choose("#times-choice", "browser")
        for path, where in ADMIN_PAGES.items():
            visitor.open(path)
            visitor.sees(where, "(UTC+5:30)")
            assert " UTC" not in visitor.text(where), path
        visitor.open("/audit?kind=all")
        visitor.sees(ADMIN_PAGES["/audit?kind=all"], "(UTC+5:30)")
        visitor.choose("#times-choice", "utc")
        for path, where in ADMIN_PAGES.items():
            visitor.open(path)
            visitor.sees(where, " UTC")
            assert "(UTC" not in visitor.text(where), path
    finally:
        driver.execute_cdp_cmd(override, {"timezoneId": ""})


def test_a_charts_numbers_are_downloaded_in_utc_with_their_caption(
    visitor: Visitor, downloads: Path
) -> None:
    visitor.come_in("olga", FORECAST)
    visitor.browser.wait_for_element("#forecast-chart .xtick")
    visitor.download(".gfo-download[data-chart=forecast-chart][data-format=csv]")
    name = "gfo-forecast-chart-arizona-2025-07-13.csv"
    captions, rows = table_of(downloaded(downloads, name))
    said = "\n".join(captions)
    assert "Temperature of Arizona" in said
    assert "issued 13 Jul 2025, 00:00 (UTC−7)" in said.replace("\u202f", " ")
    assert "model" in said
    assert f"{visitor.portal.url}{FORECAST}" in said
    assert len(rows) == 72
    instants = [datetime.fromisoformat(row["time_utc"]) for row in rows]
    assert all(instant.utcoffset() is not None for instant in instants)
    assert instants[48].isoformat() == "2025-07-13T07:00:00+00:00"
    assert 20 < float(rows[60]["Forecast mean"]) < 60
    assert rows[0]["Forecast mean"] == ""


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_chart_is_downloaded_as_a_picture_with_its_caption(
    visitor: Visitor, downloads: Path, kind: str
) -> None:
    visitor.come_in("olga", FORECAST)
    visitor.browser.wait_for_element("#forecast-chart .xtick")
    visitor.download(f".gfo-download[data-chart=forecast-chart][data-format={kind}]")
    content = downloaded(downloads, f"gfo-forecast-chart-arizona-2025-07-13.{kind}")
    if kind == "png":
        assert content.startswith(PNG_MAGIC)
        assert len(content) > 20_000
    else:
        text = content.decode()
        for said in ("Temperature of Arizona", "issued 13 Jul 2025", "Thermal limit"):
            assert said in text
        assert visitor.portal.url in text
    assert visitor.browser.console_errors() == []


def test_the_fleet_is_downloaded_with_plain_numbers(
    visitor: Visitor, downloads: Path
) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-regions", "Arizona")
    visitor.download(".gfo-download[data-table=fleet-regions]")
    captions, rows = table_of(downloaded(downloads, "gfo-fleet-regions.csv"))
    assert "As of 20 Jul 2025" in "\n".join(captions)
    assert [row["region"] for row in rows] == ["Arizona", "Ireland", "Wyoming"]
    assert rows[0]["verdict"] == "BLOCKED"
    assert 0.0 < float(rows[1]["exceedance_probability"]) < 0.05
    assert float(rows[0]["day_bound_c"]) > 35.0
