"""The rows that an import refused: filtered, in both orders, paged, and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.errors import Forbidden, InvalidInput, NotFound
from core.telemetry import VALID_RANGES
from db import audit
from db.users import system_actor
from orchestrator.telemetry import import_pages
from orchestrator.telemetry.import_pages import RejectFilter, refused_csv, refused_page
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from tests.asking import asking

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = "timestamp,region,temperature_c"
UNKNOWN = "2023-08-01T00:00Z,atlantis_{n},20"
FORMULA = "=cmd|'/c calc',texas,20"


@pytest.fixture
def actor(session: Session) -> Actor:
    return system_actor(session, "cli")


@pytest.fixture
def batch_id(session: Session, actor: Actor) -> int:
    """Seven rows of unknown regions, then one that a spreadsheet would run."""
    lines = [HEADER, *(UNKNOWN.format(n=n) for n in range(7)), FORMULA]
    request = FileToImport(
        source=io.BytesIO("\n".join(lines).encode()),
        label="bad.csv",
        telemetry_format=TelemetryFormat.CSV,
    )
    summary = import_telemetry(asking(session, actor), request, ranges=VALID_RANGES)
    assert summary.counts.rows_refused == 8
    return summary.batch_id


@pytest.fixture
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_pages, "REFUSED_ROWS_A_PAGE", 3)


@pytest.mark.usefixtures("_short_pages")
@pytest.mark.parametrize("last_first", [False, True])
def test_pages_follow_each_other_in_both_orders(
    session: Session, actor: Actor, batch_id: int, *, last_first: bool
) -> None:
    seen: list[int] = []
    after = None
    for _ in range(3):
        page = refused_page(
            asking(session, actor), batch_id, last_first=last_first, after=after
        )
        seen += [row.line_number for row in page.rows]
        after = page.next_after
    assert after is None
    assert seen == sorted(range(2, 10), reverse=last_first)


def test_rows_are_found_by_code_and_by_words_in_reason_or_row(
    session: Session, actor: Actor, batch_id: int
) -> None:
    def lines(**chosen: str) -> list[int]:
        page = refused_page(asking(session, actor), batch_id, RejectFilter(**chosen))
        assert sum(page.reasons.values()) == 8  # whatever is listed
        return [row.line_number for row in page.rows]

    assert lines(reason_code="unknown_region") == list(range(2, 10))
    assert lines(words="ATLANTIS_3") == [5]
    assert lines(words="is unknown") == list(range(2, 10))
    assert lines(reason_code="unknown_region", words="TEXAS,20") == [9]
    # What SQL reads as "any character" is a character here.
    assert lines(words="atlantis%3") == []
    assert lines(words="atlantis__") == []
    assert lines(reason_code="no_such_code") == []


def test_a_csv_holds_what_the_filter_leaves_and_runs_no_formula(
    session: Session, actor: Actor, batch_id: int
) -> None:
    export = refused_csv(
        asking(session, actor), batch_id, RejectFilter(), last_first=True
    )
    rows = list(csv.DictReader(io.StringIO(export.text)))
    assert (export.row_count, export.is_complete) == (8, True)
    assert [row["line"] for row in rows] == [str(line) for line in range(9, 1, -1)]
    assert rows[0]["row_as_it_came"] == f"'{FORMULA}"
    some = refused_csv(
        asking(session, actor), batch_id, RejectFilter(words="atlantis_6")
    )
    assert some.row_count == 1
    (told, _) = audit.list_events(session, limit=2)
    assert (told.action, told.object_type, told.object_id) == (
        "audit_exported",
        "refused_row_list",
        str(batch_id),
    )
    assert '"words":"atlantis_6"' in told.payload


def test_refused_rows_are_for_those_who_keep_telemetry(
    session: Session, actor: Actor, batch_id: int
) -> None:
    auditor = replace(actor, role=Role.AUDITOR)
    with pytest.raises(Forbidden):
        refused_page(asking(session, auditor), batch_id)
    with pytest.raises(Forbidden):
        refused_csv(asking(session, auditor), batch_id, RejectFilter())
    with pytest.raises(NotFound):
        refused_page(asking(session, actor), batch_id + 1)
    with pytest.raises(InvalidInput, match="at most 200"):
        refused_page(asking(session, actor), batch_id, RejectFilter(words="x" * 201))
