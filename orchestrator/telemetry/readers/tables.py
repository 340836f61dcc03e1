"""Tables: their header, and the layout that says which cell of a row holds what."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import chain, islice

from core.carbon import CarbonSignalKind
from core.telemetry import Quantity
from orchestrator.telemetry.readers.contents import CELL_MARK, TableContent
from orchestrator.telemetry.readers.lines import Line
from orchestrator.telemetry.readers.numbers import (
    ValueColumn,
)
from orchestrator.telemetry.readers.options import ReadRules, StampAt
from orchestrator.telemetry.readers.rows import (
    BadFile,
    Reason,
    RowRefused,
)
from orchestrator.telemetry.readers.units import (
    conversion,
    own_unit,
    split_unit,
)

DELIMITERS = (",", ";", "\t", "|")
HEAD_LINES = 40
"""A header stands among the first lines; before it may be titles and notes."""


@dataclass(frozen=True, slots=True)
class Header:
    """The line that names the columns.

    Attributes
    ----------
    place : int
        Its place among the first lines of the table.
    names, plain : list of str
        The names as they stand, and in lower case with plain digits and letters.
    """

    place: int
    names: list[str]
    delimiter: str

    @property
    def plain(self) -> list[str]:
        """Names in lower case, with CO₂ written CO2."""
        return [plain_name(name) for name in self.names]

    def find(self, *accepted: str) -> int | None:
        """Index of the first of the accepted names that is there."""
        plain = self.plain
        return next((plain.index(name) for name in accepted if name in plain), None)

    def require(self, file_words: str, *accepted: str) -> int:
        """As `find`; raises BadFile when none is there."""
        index = self.find(*accepted)
        if index is None:
            message = f"The file has no column {accepted[0]!r}: it is not {file_words}."
            raise BadFile(message)
        return index

    def unused(self, used: Iterable[int | None]) -> tuple[str, ...]:
        """Names of the columns other than these."""
        known = set(used)
        return tuple(
            name for index, name in enumerate(self.names) if index not in known and name
        )


@dataclass(frozen=True, slots=True)
class TableHead:
    """The first lines of a table, split into cells."""

    lines: tuple[Line, ...]
    cells: tuple[list[str], ...]
    delimiters: tuple[str, ...]

    def header(self, place: int) -> Header:
        """The line at `place` as a header."""
        return Header(place, self.cells[place], self.delimiters[place])

    def find(self, *required: str) -> Header | None:
        """The first line that names all of these columns."""
        for place, cells in enumerate(self.cells):
            plain = {plain_name(cell) for cell in cells}
            if plain.issuperset(required):
                return self.header(place)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which cell of a row holds what.

    Attributes
    ----------
    stamp_index : int
        The cell of the stamp; the whole row is asked instead where `stamp_of` is given.
    stamp_of : callable, optional
        From the cells to a stamp, or to a text that names it.
    region_index : int | None
        The cell of the region's name, as the portal knows it.
    place_index : int | None
        The cell of the provider's zone or node; a file is about one of them, which
        stands for the region asked for.
    place_is_region : bool
        Without a region asked for, places are regions by their own names.
    takes : callable, optional
        Rows, of any length, for which it is False are read past.
    values : tuple of ValueColumn
        What is read; `texts` gives the text of a number where a cell holds more.
    zone : tzinfo | None
        What stamps without an offset mean in this format; None leaves it to the user.
    span_of : callable, optional
        How long a row says that it stands for, seconds.
    future_is_forecast : bool
        A file with hours to come is a forecast as a whole.
    """

    header: Header
    values: tuple[ValueColumn, ...]
    stamp_index: int = 0
    stamp_of: Callable[[list[str]], str | datetime] | None = None
    region_index: int | None = None
    place_index: int | None = None
    place_is_region: bool = False
    takes: Callable[[list[str]], bool] | None = None
    texts: dict[int, Callable[[str], str]] | None = None
    ignored_columns: tuple[str, ...] = ()
    zone: tzinfo | None = None
    stamp_at: StampAt = StampAt.BEGIN
    carbon_kind: CarbonSignalKind | None = None
    is_estimated: Callable[[list[str]], bool] | None = None
    is_forecast: Callable[[list[str]], bool] | None = None
    span_of: Callable[[list[str]], int] | None = None
    place: str | None = None
    location_deg: tuple[float, float] | None = None
    derives_wet_bulb: bool = False
    is_typical_year: bool = False
    future_is_forecast: bool = False


def plain_name(name: str) -> str:
    """Lower case, and the subscript two of CO₂ as a plain one."""
    return unicodedata.normalize("NFKC", name).strip().lower()


def value_column(
    name: str,
    index: int,
    quantity: Quantity,
    rules: ReadRules,
    unit: str | None = None,
) -> ValueColumn:
    """A column in the unit that the user, its header or its format says.

    Raises
    ------
    BadFile
        When the unit is unknown, or a currency has no stated rate.
    """
    said = rules.options.units.get(quantity) or unit
    rates_usd = rules.options.rates_usd
    given = conversion(quantity, said, rates_usd) if said else own_unit(quantity)
    return ValueColumn(name, index, quantity, rules.ranges[quantity], given)


def header_column(
    header: Header, index: int, quantity: Quantity, rules: ReadRules
) -> ValueColumn:
    """The column at `index`, in the unit that stands in brackets in its name."""
    name = header.names[index]
    return value_column(name, index, quantity, rules, split_unit(name)[1])


def read_head(content: TableContent) -> tuple[TableHead, Iterator[Line]]:
    """The first lines of a table, and all of its lines.

    Raises
    ------
    BadFile
        When there is none.
    """
    lines = content.lines
    first = list(islice(lines, HEAD_LINES))
    if not first:
        message = "The file is empty."
        raise BadFile(message)
    given = None
    if first[0].text.lower().startswith("sep=") and len(first[0].text) == 5:
        # A hint of Excel to itself.
        given = first.pop(0).text[4]
    if content.is_typed:
        given = CELL_MARK
    cells: list[list[str]] = []
    delimiters: list[str] = []
    for line in first:
        delimiter = given or max(DELIMITERS, key=line.text.count)
        delimiters.append(delimiter)
        cells.append(_head_cells(line, delimiter))
    head = TableHead(tuple(first), tuple(cells), tuple(delimiters))
    return head, chain(first, lines)


def _head_cells(line: Line, delimiter: str) -> list[str]:
    if line.refusal is not None:
        return []
    try:
        return [cell.strip() for cell in split_cells(line.text, delimiter)]
    except RowRefused:
        return []


def require_header(head: TableHead) -> Header:
    """The first line as the header, for formats that begin with it.

    Raises
    ------
    BadFile
        When it cannot be read, or names a column twice.
    """
    first = head.lines[0]
    if first.refusal is not None:
        message = f"The header cannot be read: {first.refusal.message}"
        raise BadFile(message) from first.refusal
    try:
        split_cells(first.text, head.delimiters[0])
    except RowRefused as exc:
        message = f"The header cannot be read: {exc.message}"
        raise BadFile(message) from exc
    header = head.header(0)
    require_distinct(header)
    return header


def require_distinct(header: Header) -> None:
    """Raise BadFile when a header names a column twice."""
    lowered = [name.lower() for name in header.names if name]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        message = f"The header names {twice[0]!r} twice."
        raise BadFile(message)


def split_cells(text: str, delimiter: str) -> list[str]:
    """Cells of a line; raises RowRefused when its quotes do not match."""
    # Nearly every line has no quotes, and splitting it is ten times as fast.
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as exc:
        message = f"The quotes of the line do not match: {exc}."
        raise RowRefused(Reason.QUOTING, message) from exc
