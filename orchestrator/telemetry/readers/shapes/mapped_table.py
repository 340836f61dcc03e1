"""Any table, with what its columns mean said beside it."""

from __future__ import annotations

from dataclasses import replace

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

_PARTS = ("date", "hour")


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """The columns that `--column NAME=MEANING` names; units stand in their names.

    A stamp may be in one column, or its date in one and its hour in another.

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
    named: dict[str, int] = {}
    for index, name in enumerate(header.plain):
        meaning = wanted.get(name)
        if meaning in {HOUR_COLUMN, REGION_COLUMN, *_PARTS}:
            named[meaning] = index
        elif meaning is not None:
            values.append(header_column(header, index, meaning_of(meaning), rules))
    if HOUR_COLUMN not in named and not named.keys() >= set(_PARTS):
        message = (
            "No column is said to be the timestamp; add --column NAME=timestamp, or"
            " --column NAME=date and --column NAME=hour."
        )
        raise BadFile(message)
    found = named_layout(
        header,
        rules,
        tuple(values),
        hour_index=named.get(HOUR_COLUMN, named.get("date", 0)),
        region_index=named.get(REGION_COLUMN),
    )
    return found if HOUR_COLUMN in named else _of_parts(found, named)


def _of_parts(found: Layout, named: dict[str, int]) -> Layout:
    """The layout of a table with the day in one cell and the hour in another."""
    day_index, hour_index = (named[part] for part in _PARTS)

    def stamp(cells: list[str]) -> str:
        hour = cells[hour_index].strip()
        return f"{cells[day_index].strip()} {hour}{':00' if hour.isdecimal() else ''}"

    name = found.header.names[hour_index]
    ignored = tuple(other for other in found.ignored_columns if other != name)
    return replace(found, stamp_of=stamp, ignored_columns=ignored)


def meaning_of(meaning: str) -> Quantity:
    """The quantity that a column is said to be; raises BadFile for another word."""
    try:
        return Quantity(meaning)
    except ValueError as exc:
        message = (
            f"A column cannot mean {meaning[:40]!r}; use timestamp, date, hour,"
            f" region or one of {', '.join(Quantity)}."
        )
        raise BadFile(message) from exc


FORMAT = Format(name="table", words="Any table, with a column map", layout=layout)
