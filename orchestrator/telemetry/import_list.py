"""What admins see of imports: which files came in, and where their rows went."""

from __future__ import annotations

from core.access import Permission
from db import ingest, regions
from db.ingest import StoredBatch
from orchestrator.regions.region_choice import region_choice
from orchestrator.telemetry.views import ImportRow, ImportsPage
from orchestrator.use_cases import Request, query

PAGE_ROWS = 25


@query(Permission.MANAGE_TELEMETRY)
def imports_page(request: Request, *, before_id: int | None = None) -> ImportsPage:
    """One page of imports, newest first, and the regions that a file can be for."""
    found = ingest.list_batches(
        request.session, before_id=before_id, limit=PAGE_ROWS + 1
    )
    rows = tuple(_row(batch) for batch in found[:PAGE_ROWS])
    measured = [
        region_choice(stored.region)
        for stored in regions.list_regions(request.session, active_only=False)
        if not stored.region.is_synthetic
    ]
    return ImportsPage(
        rows=rows,
        next_before_id=rows[-1].batch_id if len(found) > PAGE_ROWS else None,
        regions=tuple(measured),
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
    )
