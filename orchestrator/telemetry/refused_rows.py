"""The rows that an import refused: one page at a time, filtered; and as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from db import ingest, rejects
from db.rejects import Reject, RejectFilter
from orchestrator.list_exports import CsvExport, export_list, neutral
from orchestrator.telemetry.views import RefusedPage, RefusedRowView
from orchestrator.use_cases import Done, Request, change, query

__all__ = ["RejectFilter"]

PAGE_ROWS = 50
MAXIMUM_CSV_ROWS = 100_000
LONGEST_WORDS = 200

_CSV_COLUMNS = ("line", "reason_code", "reason", "row_as_it_came")


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
        limit=PAGE_ROWS + 1,
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
            for row in found[:PAGE_ROWS]
        ),
        next_after=_place(found[PAGE_ROWS - 1]) if len(found) > PAGE_ROWS else None,
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
