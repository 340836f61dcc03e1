"""A list leaves the portal as CSV: what was asked for and what was given is told."""

from __future__ import annotations

from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import AuditAction
from db import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvExport:
    """A list as CSV.

    Attributes
    ----------
    is_complete : bool
        False when there were more rows than one export holds.
    """

    text: str
    row_count: int
    is_complete: bool


def record_list_export(
    session: Session,
    actor: Actor,
    export: CsvExport,
    *,
    object_type: str,
    object_id: str | None = None,
    chosen: Any,  # noqa: ANN401 -- the filter of any list, a dataclass
    order: str,
    request_id: str | None = None,
) -> None:
    """Write the event of an export; whoever exports has asked for the right."""
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.AUDIT_EXPORTED,
        object_type=object_type,
        object_id=object_id,
        after={
            "filter": {
                item.name: getattr(chosen, item.name) for item in fields(chosen)
            },
            "order": order,
            "row_count": export.row_count,
            "is_complete": export.is_complete,
            "content_sha256": sha256(export.text.encode()).hexdigest(),
        },
        request_id=request_id,
    )
