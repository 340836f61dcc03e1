"""Lists as CSV: cells that a spreadsheet will not run, and the event of an export."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from itertools import islice
from typing import Any

from core.audit import AuditAction
from orchestrator.use_cases import Done, Event

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")

# What a spreadsheet, or whoever looks at one, does not see: spaces and quotes, control
# and format characters, joiners, fillers, variation selectors, tags.
_UNSEEN = (
    r"\s\"'\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff9-\ufffb\U000e0000-\U000e0fff"
)

# Where a spreadsheet that splits cells at semicolons or tabs begins another one. It
# then ignores quotes: they are in the middle of what it takes for a cell. Some skip
# spaces, quotes and unseen characters before a formula.
_BEGINS_FORMULA = re.compile(
    rf"(^|[;\t\r\n])([{_UNSEEN}]*)"
    r"(?=[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b])"
)


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
    columns: Sequence[str],
    rows: Iterator[Sequence[object]],
    *,
    most_rows: int,
    object_type: str,
    object_id: str | int | None = None,
    chosen: Any,  # noqa: ANN401 -- the filter of any list, a dataclass
    order: str,
) -> Done[CsvExport]:
    """The first rows of a list as CSV, and the event of its export.

    `rows` are read page by page as they are needed; their text cells are `neutral`.
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
    event = Event(
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
    )
    return Done(answer=export, events=(event,))


def neutral(text: object) -> str:
    """A text cell; what a spreadsheet would take for a formula gets a quote first.

    Also inside the text, behind what separates cells in other locales: there a comment
    "seen;=1+1" would be two cells, and the second one would run.

    Examples
    --------
    >>> neutral("=1+1"), neutral("Arizona"), neutral(None)
    ("'=1+1", 'Arizona', '')
    >>> neutral("seen; =1+1")
    "seen; '=1+1"
    """
    cell = "" if text is None else str(text)
    inner = _BEGINS_FORMULA.sub(r"\1\2'", cell)
    starts_alone = cell.startswith(_STARTS_FORMULA) and not inner.startswith("'")
    return f"'{inner}" if starts_alone else inner
