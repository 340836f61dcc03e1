"""The Telemetry page's refused rows: cells, headings, and what an address may say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import InvalidInput
from core.telemetry import Quantity
from orchestrator.telemetry.suspect_hours import FindingView
from orchestrator.telemetry.views import RefusedPage, RefusedRowView
from pages.addresses import Query
from pages.admin_telemetry import refused
from pages.admin_telemetry.content import suspect_table
from pages.grids import column_defs
from pages.times import Times


def page(count: int = 2, **changes: Any) -> RefusedPage:
    rows = tuple(
        RefusedRowView(
            line_number=7 + number,
            reason_code="unknown_region",
            reason="Region 'atlantis' is unknown.",
            raw_text="2023-08-01T00:00Z,atlantis,20",
        )
        for number in range(count)
    )
    values = {"next_after": (8, 41), "reasons": {"unknown_region": 1234}, **changes}
    return RefusedPage(batch_id=3, rows=rows, **values)


def test_pager_and_headings_keep_import_and_filter() -> None:
    shown = refused.refused_shown(Query.parse("?batch=3&words=sea&after=5.1"))
    hrefs = [
        getattr(part, "href", None) for part in refused.refused_pager(page(), shown)
    ]
    assert "/admin/telemetry?batch=3&words=sea" in hrefs
    assert "/admin/telemetry?batch=3&words=sea&after=8.41" in hrefs
    line = column_defs(refused.COLUMNS, shown)[0]["headerComponentParams"]
    assert line == {
        "href": "/admin/telemetry?batch=3&words=sea&order=last",
        "direction": "ascending",
    }


def test_two_refusals_of_one_line_are_two_rows() -> None:
    once = page(1)
    rows = refused.refused_grid_rows(replace(once, rows=once.rows * 2))
    assert len({str(row["id"]) for row in rows}) == 2


def test_a_reason_names_the_fields_of_the_form() -> None:
    first = replace(page().rows[0], reason="It has no time zone; give --timezone.")
    (row,) = refused.refused_grid_rows(replace(page(), rows=(first,)))
    assert "give “Time zone”." in str(row["reason"])


def test_codes_say_how_many_rows_each_refused() -> None:
    assert refused.reason_words(page().reasons) == {
        "unknown_region": "unknown_region (1,234)"
    }


def test_an_empty_list_tells_a_clean_import_from_a_narrow_filter(text_of: Any) -> None:
    clean = refused.refused_state(page(0, reasons={}))
    narrow = refused.refused_state(page(0))
    assert "All of the file came in." in text_of(clean)
    assert "Open a filter." in text_of(narrow)
    assert refused.refused_state(page()) is None


@pytest.mark.parametrize(
    "search", ["?after=7", "?after=a.b", "?after=7.x", "?after=.1"]
)
def test_a_place_that_is_none_is_refused(search: str) -> None:
    with pytest.raises(InvalidInput, match="after"):
        refused.place_after(Query.parse(search))


def test_an_order_that_is_unknown_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no order"):
        refused.is_last_first(Query.parse("?order=sideways"))


def test_a_suspect_hour_is_listed_with_its_check_and_reason() -> None:
    found = FindingView(
        region_slug="texas",
        quantity=Quantity.TEMPERATURE_C,
        hour_utc=datetime(2023, 8, 8, 15, tzinfo=UTC),
        quality="suspect",
        rule="step",
        text="0 degC is 33 degC from the expected 33 degC",
    )
    shown = str(suspect_table([found], Times()))
    for part in ("texas", "temperature", "suspect", "step", "from the expected"):
        assert part in shown
    assert "Every stored hour passed" in str(suspect_table([], Times()))
