"""A list leaves the portal as CSV: what was asked for and what was given is told."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from itertools import islice
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


def export_list(
    session: Session,
    actor: Actor,
    columns: Sequence[str],
    rows: Iterator[Sequence[object]],
    *,
    most_rows: int,
    object_type: str,
    object_id: str | None = None,
    chosen: Any,  # noqa: ANN401 -- the filter of any list, a dataclass
    order: str,
    request_id: str | None = None,
) -> CsvExport:
    """Write the first rows of a list, and the event; who exports asked for the right.

    `rows` are read page by page as they are needed, each cell safe in a spreadsheet.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    written = list(islice(rows, most_rows))
    writer.writerows(written)
    export = CsvExport(
        text=buffer.getvalue(),
        row_count=len(written),
        is_complete=next(rows, None) is None,
    )
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
    return export
