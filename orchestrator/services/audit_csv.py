"""The list of audit events as CSV; the export with its proof is `audit_export`."""

from __future__ import annotations

import csv
import io

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditEvent
from db import audit
from db.audit import EventFilter
from orchestrator.csv_cells import neutral
from orchestrator.services.decision_lists import MAXIMUM_CSV_ROWS
from orchestrator.services.list_exports import CsvExport, record_list_export

_CSV_COLUMNS = (
    "seq", "occurred_at_utc", "actor", "action", "object_type", "object_id",
    "request_id", "hash", "payload",
)  # fmt: skip
_PAGE = 500


def events_csv(
    session: Session,
    actor: Actor,
    chosen: EventFilter,
    *,
    oldest_first: bool = False,
    request_id: str | None = None,
) -> CsvExport:
    """The list as CSV, from its first row on; the export is audited.

    Raises
    ------
    Forbidden
        Without the right to see events.
    """
    actor.require(Permission.VIEW_AUDIT_EVENTS)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_CSV_COLUMNS)
    count, is_complete, last_seq = 0, False, None
    while count < MAXIMUM_CSV_ROWS and not is_complete:
        limit = min(_PAGE, MAXIMUM_CSV_ROWS - count)
        found = audit.list_events(
            session,
            chosen=chosen,
            before_seq=None if oldest_first else last_seq,
            after_seq=last_seq if oldest_first else None,
            oldest_first=oldest_first,
            limit=limit + 1,
        )
        page = found[:limit]
        writer.writerows(_csv_row(event) for event in page)
        count, is_complete = count + len(page), len(found) <= limit
        last_seq = page[-1].seq if page else None
    export = CsvExport(text=buffer.getvalue(), row_count=count, is_complete=is_complete)
    record_list_export(
        session,
        actor,
        export,
        object_type="event_list",
        chosen=chosen,
        order="oldest" if oldest_first else "newest",
        request_id=request_id,
    )
    return export


def _csv_row(event: AuditEvent) -> list[object]:
    texts = (
        event.actor_name,
        event.action,
        event.object_type,
        event.object_id,
        event.request_id,
        event.hash_hex,
        event.payload,
    )
    return [event.seq, event.occurred_at_utc.isoformat(), *map(neutral, texts)]
