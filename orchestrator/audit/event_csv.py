"""The list of audit events as CSV; the export with its proof is `audit_export`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditEvent
from db import audit
from db.audit import EventFilter
from orchestrator.csv_cells import neutral
from orchestrator.decisions.lists import MAXIMUM_CSV_ROWS
from orchestrator.list_exports import CsvExport, export_list

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
    return export_list(
        session,
        actor,
        _CSV_COLUMNS,
        _csv_rows(session, chosen, oldest_first=oldest_first),
        most_rows=MAXIMUM_CSV_ROWS,
        object_type="event_list",
        chosen=chosen,
        order="oldest" if oldest_first else "newest",
        request_id=request_id,
    )


def _csv_rows(
    session: Session, chosen: EventFilter, *, oldest_first: bool
) -> Iterator[list[object]]:
    last_seq: int | None = None
    while True:
        found = audit.list_events(
            session,
            chosen=chosen,
            before_seq=None if oldest_first else last_seq,
            after_seq=last_seq if oldest_first else None,
            oldest_first=oldest_first,
            limit=_PAGE,
        )
        yield from map(_csv_row, found)
        if len(found) < _PAGE:
            return
        last_seq = found[-1].seq


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
