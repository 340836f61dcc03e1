"""Rows of a delimited text file, once its header has been understood."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from core.telemetry import Quantity
from orchestrator.telemetry.readers.hours import HourReader
from orchestrator.telemetry.readers.lines import Line, read_lines
from orchestrator.telemetry.readers.numbers import read_cell
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    ParsedRow,
    ReadRules,
    Reason,
    RefusedRow,
    RowRefused,
    TelemetryFile,
    cut_raw_text,
    refused_row,
)
from orchestrator.telemetry.readers.sources import HashedBytes

DELIMITERS = (",", ";", "\t")

_NO_VALUES = (None,) * len(QUANTITIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which cell of a row holds what.

    Attributes
    ----------
    region_index : int | None
        None when the file names no region.
    takes_one_zone : bool
        The names in the region column are the provider's; a file must have one only,
        which stands for the region asked for.
    """

    cell_count: int
    delimiter: str
    hour_index: int
    region_index: int | None
    quantity_indices: tuple[tuple[int, Quantity], ...]
    ignored_columns: tuple[str, ...]
    takes_one_zone: bool = False


LayoutOf = Callable[[list[str], str, ReadRules], Layout]
"""From header names, delimiter and rules to the layout of a format."""


def open_table(
    content: HashedBytes, rules: ReadRules, hours: HourReader, layout_of: LayoutOf
) -> TelemetryFile:
    """Read the header and hand back the rows, to be read as a stream.

    Raises
    ------
    BadFile
        When there is no header that the format understands.
    """
    lines = read_lines(content)
    header = next(lines, None)
    if header is None:
        message = "The file is empty."
        raise BadFile(message)
    if header.refusal is not None:
        message = f"The header cannot be read: {header.refusal.message}"
        raise BadFile(message) from header.refusal
    delimiter = max(DELIMITERS, key=header.text.count)
    names = _header_names(header.text, delimiter)
    layout = layout_of(names, delimiter, rules)
    return TelemetryFile(
        quantities=tuple(quantity for _, quantity in layout.quantity_indices),
        ignored_columns=layout.ignored_columns,
        rows=_TableRows(layout, rules, hours).read(lines),
    )


def _header_names(text: str, delimiter: str) -> list[str]:
    try:
        names = [name.strip() for name in _split(text, delimiter)]
    except RowRefused as exc:
        message = f"The header cannot be read: {exc.message}"
        raise BadFile(message) from exc
    lowered = [name.lower() for name in names if name]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        message = f"The header names {twice[0]!r} twice."
        raise BadFile(message)
    return names


def _split(text: str, delimiter: str) -> list[str]:
    # Nearly every line has no quotes, and splitting it is ten times as fast.
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as exc:
        message = f"The quotes of the line do not match: {exc}."
        raise RowRefused(Reason.QUOTING, message) from exc


class _TableRows:
    """Judges one line after the other."""

    def __init__(self, layout: Layout, rules: ReadRules, hours: HourReader) -> None:
        self._layout = layout
        self._rules = rules
        self._hours = hours
        self._first_zone: str | None = None
        self._cells = [
            (index, QUANTITIES.index(quantity), quantity, rules.ranges[quantity])
            for index, quantity in layout.quantity_indices
        ]

    def read(self, lines: Iterator[Line]) -> Iterator[ParsedRow | RefusedRow | None]:
        for line in lines:
            try:
                yield self._row(line)
            except RowRefused as refusal:
                yield refused_row(line.number, refusal, line.text)

    def _row(self, line: Line) -> ParsedRow | None:
        if line.refusal is not None:
            raise line.refusal
        cells = _split(line.text, self._layout.delimiter)
        if len(cells) != self._layout.cell_count:
            message = (
                f"The line has {len(cells)} cells, the header"
                f" {self._layout.cell_count}."
            )
            raise RowRefused(Reason.CELL_COUNT, message)
        slug = self._region(cells)
        if slug is None:
            return None
        hour_utc: datetime = self._hours.read(cells[self._layout.hour_index].strip())
        return ParsedRow(
            line.number, slug, hour_utc, self._values(cells), cut_raw_text(line.text)
        )

    def _region(self, cells: list[str]) -> str | None:
        """The region of the row, None when it is not the one asked for."""
        asked, index = self._rules.region_slug, self._layout.region_index
        name = asked if index is None else cells[index].strip()
        if self._layout.takes_one_zone and name is not None:
            self._require_one_zone(name)
            name = asked or name
        if asked is not None and name != asked:
            return None
        self._rules.gate.require(name or "")
        return name

    def _require_one_zone(self, zone: str) -> None:
        self._first_zone = self._first_zone or zone
        if zone != self._first_zone:
            message = (
                f"The row is about zone {zone[:40]!r}, the file began with"
                f" {self._first_zone[:40]!r}; split it by zone."
            )
            raise RowRefused(Reason.MIXED_ZONES, message)

    def _values(self, cells: list[str]) -> tuple[float | None, ...]:
        values: list[float | None] = list(_NO_VALUES)
        for index, slot, quantity, valid in self._cells:
            values[slot] = read_cell(cells[index], quantity, valid)
        if values.count(None) == len(values):
            message = "The row has no value."
            raise RowRefused(Reason.NO_VALUES, message)
        return tuple(values)
