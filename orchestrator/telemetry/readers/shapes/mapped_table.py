"""Any table, with what its columns mean said beside it."""

from __future__ import annotations

from core.telemetry import Quantity
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.shapes.tidy_csv import (
    HOUR_COLUMN,
    REGION_COLUMN,
    named_layout,
)
from orchestrator.telemetry.readers.tables import (
    Layout,
    TableHead,
    header_column,
    plain_name,
    require_distinct,
)


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """The columns that `--column NAME=MEANING` names; units stand in their names.

    Raises
    ------
    BadFile
        When no line names all of them, a meaning is unknown, or none is the timestamp.
    """
    wanted = {
        plain_name(name): meaning for name, meaning in rules.options.columns.items()
    }
    header = head.find(*wanted)
    if header is None:
        names = max(head.cells, key=len)
        missing = sorted(set(wanted) - {plain_name(name) for name in names})
        message = (
            f"The file has no column {', '.join(missing)[:120]!r}; it names"
            f" {', '.join(names)[:200]}."
        )
        raise BadFile(message)
    require_distinct(header)
    values: list[ValueColumn] = []
    hour_index = region_index = None
    for index, name in enumerate(header.plain):
        meaning = wanted.get(name)
        if meaning == HOUR_COLUMN:
            hour_index = index
        elif meaning == REGION_COLUMN:
            region_index = index
        elif meaning is not None:
            values.append(header_column(header, index, meaning_of(meaning), rules))
    if hour_index is None:
        message = "No column is said to be the timestamp; add --column NAME=timestamp."
        raise BadFile(message)
    return named_layout(
        header, rules, tuple(values), hour_index=hour_index, region_index=region_index
    )


def meaning_of(meaning: str) -> Quantity:
    """The quantity that a column is said to be; raises BadFile for another word."""
    try:
        return Quantity(meaning)
    except ValueError as exc:
        message = (
            f"A column cannot mean {meaning[:40]!r}; use timestamp, region or one of"
            f" {', '.join(Quantity)}."
        )
        raise BadFile(message) from exc


FORMAT = Format(name="table", words="Any table, with a column map", layout=layout)
