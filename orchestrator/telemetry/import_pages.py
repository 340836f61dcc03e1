"""What admins see of imports: the files, and the rows that each refused."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from db import ingest, rejects
from db.import_withdrawals import FORMAT as WITHDRAWAL
from db.ingest import StoredBatch
from db.rejects import Reject, RejectFilter
from orchestrator.list_exports import CsvExport, export_list, neutral
from orchestrator.regions.region_choice import RegionScope, region_choices
from orchestrator.telemetry.views import (
    ImportRow,
    ImportsPage,
    RefusedPage,
    RefusedRowView,
)
from orchestrator.use_cases import Done, Request, change, query

__all__ = ["RejectFilter"]

IMPORTS_A_PAGE = 25
REFUSED_ROWS_A_PAGE = 50
MAXIMUM_CSV_ROWS = 100_000
LONGEST_WORDS = 200

_CSV_COLUMNS = ("line", "reason_code", "reason", "row_as_it_came")


@query(Permission.MANAGE_TELEMETRY)
def imports_page(request: Request, *, before_id: int | None = None) -> ImportsPage:
    """One page of imports, newest first, and the regions that a file can be for."""
    found = ingest.list_batches(
        request.session, before_id=before_id, limit=IMPORTS_A_PAGE + 1
    )
    rows = tuple(_row(batch) for batch in found[:IMPORTS_A_PAGE])
    return ImportsPage(
        rows=rows,
        next_before_id=rows[-1].batch_id if len(found) > IMPORTS_A_PAGE else None,
        regions=region_choices(request.session, scope=RegionScope.MEASURED),
    )


@query(Permission.MANAGE_TELEMETRY)
def import_row(request: Request, batch_id: int) -> ImportRow:
    """One import.

    Raises
    ------
    NotFound
        When there is no such import.
    """
    return _row(ingest.find_batch(request.session, batch_id))


def _row(batch: StoredBatch) -> ImportRow:
    facts, counts = batch.facts, batch.counts
    return ImportRow(
        batch_id=batch.batch_id,
        created_at_utc=batch.created_at_utc,
        label=facts.source_label,
        format=facts.format,
        origin=facts.origin,
        region_slugs=tuple(facts.region_slugs),
        quantities=tuple(facts.quantities),
        rows_read=counts.rows_read,
        rows_inserted=counts.rows_inserted,
        rows_updated=counts.rows_updated,
        rows_unchanged=counts.rows_unchanged,
        rows_refused=counts.rows_refused,
        first_hour_utc=counts.first_hour_utc,
        last_hour_utc=counts.last_hour_utc,
        content_sha256=facts.content_sha256,
        withdrawn_by=batch.withdrawn_by_batch_id,
        can_be_withdrawn=batch.withdrawn_by_batch_id is None
        and facts.format != WITHDRAWAL,
    )


@query(Permission.MANAGE_TELEMETRY)
def refused_page(
    request: Request,
    batch_id: int,
    chosen: RejectFilter | None = None,
    *,
    last_first: bool = False,
    after: tuple[int, int] | None = None,
) -> RefusedPage:
    """One page of refused rows, as of `after`, the place where the last page ended.

    Raises
    ------
    Forbidden, NotFound, InvalidInput
        Without the right to see imports; when there is no such import; for a search
        that is too long.
    """
    chosen = _checked(request.session, batch_id, chosen or RejectFilter())
    found = rejects.list_rejects(
        request.session,
        batch_id,
        chosen=chosen,
        last_first=last_first,
        after=after,
        limit=REFUSED_ROWS_A_PAGE + 1,
    )
    return RefusedPage(
        batch_id=batch_id,
        rows=tuple(
            RefusedRowView(
                line_number=row.line_number,
                reason_code=row.reason_code,
                reason=row.reason,
                raw_text=row.raw_text,
            )
            for row in found[:REFUSED_ROWS_A_PAGE]
        ),
        next_after=_place(found[REFUSED_ROWS_A_PAGE - 1])
        if len(found) > REFUSED_ROWS_A_PAGE
        else None,
        reasons=rejects.count_reasons(request.session, batch_id),
    )


@change(Permission.MANAGE_TELEMETRY, AuditAction.AUDIT_EXPORTED, repeat=None)
def refused_csv(
    request: Request, batch_id: int, chosen: RejectFilter, *, last_first: bool = False
) -> Done[CsvExport]:
    """The list as CSV, from its first row on; the export is audited.

    Raises
    ------
    Forbidden, NotFound, InvalidInput
        As `refused_page`.
    """
    chosen = _checked(request.session, batch_id, chosen)
    return export_list(
        _CSV_COLUMNS,
        _csv_rows(request.session, batch_id, chosen, last_first=last_first),
        most_rows=MAXIMUM_CSV_ROWS,
        object_type="refused_row_list",
        object_id=batch_id,
        chosen=chosen,
        order="last" if last_first else "first",
    )


def _csv_rows(
    session: Session, batch_id: int, chosen: RejectFilter, *, last_first: bool
) -> Iterator[tuple[object, ...]]:
    after: tuple[int, int] | None = None
    while True:
        found = rejects.list_rejects(
            session,
            batch_id,
            chosen=chosen,
            last_first=last_first,
            after=after,
            limit=rejects.LONGEST_PAGE,
        )
        yield from map(_csv_row, found)
        if len(found) < rejects.LONGEST_PAGE:
            return
        after = _place(found[-1])


def _checked(session: Session, batch_id: int, chosen: RejectFilter) -> RejectFilter:
    if chosen.words is not None and len(chosen.words) > LONGEST_WORDS:
        message = f"Search for at most {LONGEST_WORDS} characters."
        raise InvalidInput(message)
    ingest.find_batch(session, batch_id)
    return chosen


def _place(row: Reject) -> tuple[int, int]:
    return row.line_number, row.reject_id


def _csv_row(row: Reject) -> tuple[object, ...]:
    texts = (row.reason_code, row.reason, row.raw_text)
    return row.line_number, *map(neutral, texts)
