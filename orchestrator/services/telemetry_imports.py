"""What admins see of imports: which files came in, and which rows were refused."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from db import ingest, regions
from db.ingest import StoredBatch
from orchestrator.admin_views import (
    ImportDetail,
    ImportRow,
    ImportsPage,
    RefusedRowView,
)
from orchestrator.services.window_choice import region_choice

PAGE_ROWS = 25
REFUSED_ROWS = 500


def imports_page(
    session: Session, actor: Actor, *, before_id: int | None = None
) -> ImportsPage:
    """One page of imports, newest first, and the regions that a file can be for."""
    actor.require(Permission.MANAGE_TELEMETRY)
    found = ingest.list_batches(session, before_id=before_id, limit=PAGE_ROWS + 1)
    rows = tuple(_row(batch) for batch in found[:PAGE_ROWS])
    measured = [
        region_choice(stored.region)
        for stored in regions.list_regions(session, active_only=False)
        if not stored.region.is_synthetic
    ]
    return ImportsPage(
        rows=rows,
        next_before_id=rows[-1].batch_id if len(found) > PAGE_ROWS else None,
        regions=tuple(measured),
    )


def import_detail(
    session: Session,
    actor: Actor,
    batch_id: int,
    *,
    after: tuple[int, int] = (0, 0),
) -> ImportDetail:
    """One import and a page of its refused rows.

    Raises
    ------
    NotFound
        When there is no such import.
    """
    actor.require(Permission.MANAGE_TELEMETRY)
    batch = ingest.find_batch(session, batch_id)
    found = ingest.list_rejects(session, batch_id, after=after, limit=REFUSED_ROWS + 1)
    shown = found[:REFUSED_ROWS]
    return ImportDetail(
        row=_row(batch),
        refused=tuple(
            RefusedRowView(
                line_number=row.line_number,
                reason_code=row.reason_code,
                reason=row.reason,
                raw_text=row.raw_text,
            )
            for row in shown
        ),
        next_after=(
            (shown[-1].line_number, shown[-1].reject_id)
            if len(found) > REFUSED_ROWS
            else None
        ),
    )


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
    )
