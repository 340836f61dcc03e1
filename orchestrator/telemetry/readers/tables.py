"""Rows of a table, once the layout of its columns has been understood."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import chain, islice

from core.carbon import CarbonKind
from core.errors import InvalidInput
from core.telemetry import Quantity
from orchestrator.telemetry.readers.contents import CELL_MARK, TableContent
from orchestrator.telemetry.readers.lines import MAX_LINE_CHARS, Line
from orchestrator.telemetry.readers.numbers import (
    MISSING_WORDS,
    CellReader,
    Undecided,
    ValueColumn,
)
from orchestrator.telemetry.readers.options import DecimalMark, ReadRules, StampAt
from orchestrator.telemetry.readers.pipeline import Reading, on_time_line
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    Findings,
    Reason,
    RowRefused,
    Sample,
    SampleRow,
    cut_raw_text,
    refused_row,
)
from orchestrator.telemetry.readers.stamps import DateWithoutTime, StampReader
from orchestrator.telemetry.readers.units import (
    conversion,
    own_unit,
    split_unit,
)

DELIMITERS = (",", ";", "\t", "|")
HEAD_LINES = 40
"""A header stands among the first lines; before it may be titles and notes."""

_MOST_UNDECIDED_LINES = 50_000
_WEEKDAYS = frozenset({"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"})
_DAYS_TO_REFUSE = 10
_NO_VALUES = (None,) * len(QUANTITIES)


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
    carbon_kind: CarbonKind | None = None
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


def open_table(
    name: str, layout: Layout, head: TableHead, lines: Iterator[Line], rules: ReadRules
) -> Reading:
    """The rows below the header, to be read as a stream.

    Raises
    ------
    InvalidInput
        When neither the file nor the user says which region it is about.
    """
    if layout.region_index is None and not layout.place_is_region:
        if rules.region_slug is None:
            message = "The file names no region; say which one it is with --region."
            raise InvalidInput(message)
        rules.gate.require(rules.region_slug)
    findings = Findings()
    zone = layout.zone or rules.zone
    rows = _TableRows(layout, rules, findings, zone)
    return Reading(
        format=name,
        columns=layout.values,
        samples=rows.read(islice(lines, layout.header.place + 1, None)),
        findings=findings,
        zone=zone,
        stamp_at=rules.options.stamp_at or layout.stamp_at,
        ignored_columns=layout.ignored_columns,
        carbon_kind=layout.carbon_kind,
        place=rules.options.place or layout.place or _first_place(layout, head),
        location_deg=layout.location_deg,
        derives_wet_bulb=layout.derives_wet_bulb,
        is_typical_year=layout.is_typical_year,
        future_is_forecast=layout.future_is_forecast,
    )


def _first_place(layout: Layout, head: TableHead) -> str | None:
    """The place of the first row that is read."""
    index = layout.place_index
    if index is None:
        return None
    for cells in head.cells[layout.header.place + 1 :]:
        if len(cells) <= index or not cells[index]:
            continue
        if layout.takes is None or layout.takes(cells):
            return cells[index]
    return None


class _TableRows:
    """Judges one line after the other."""

    def __init__(
        self,
        layout: Layout,
        rules: ReadRules,
        findings: Findings,
        zone: tzinfo | None,
    ) -> None:
        self._layout = layout
        self._rules = rules
        self._findings = findings
        self._zone = zone
        self._delimiter = layout.header.delimiter
        self._cell_count = len(layout.header.names)
        self._first_place = rules.options.place
        options = rules.options
        self._stamps = StampReader(zone, options.date_order, options.stamp_at)
        is_typed = self._delimiter == CELL_MARK
        self._numbers = CellReader(
            options.decimal_mark or (DecimalMark.POINT if is_typed else None),
            findings,
            options.rates_usd,
            comma_divides=self._delimiter == ",",
        )
        self._columns = [
            (
                column,
                column.slot,
                (layout.texts or {}).get(column.index),
                column.valid.low,
                column.valid.high,
                column.codes,
                not column.conversion.is_needed,
            )
            for column in layout.values
        ]
        self._is_unmarked = (
            layout.is_estimated is None
            and layout.is_forecast is None
            and layout.span_of is None
        )
        self._day_count = 0
        self._has_times = False

    def read(self, lines: Iterator[Line]) -> Iterator[SampleRow]:
        """One row a line.

        Raises
        ------
        BadFile
            When the file can be read in two ways, or holds whole days.
        """
        while (line := next(lines, None)) is not None:
            try:
                yield self._judged(line)
            except Undecided as question:
                lines = chain(self._read_ahead(question, line, lines), lines)
        if self._day_count and not self._has_times:
            raise _days_only()

    def _read_ahead(
        self, question: Undecided, line: Line, lines: Iterator[Line]
    ) -> list[Line]:
        """Lines from `line` on to the one that decides for the whole file."""
        held = [line]
        if not self._is_decided(question):
            for following in islice(lines, _MOST_UNDECIDED_LINES):
                held.append(following)
                self._learn(following)
                if self._is_decided(question):
                    return held
        raise _undecided(question)

    def _is_decided(self, question: Undecided) -> bool:
        decided = self._stamps.order if question.is_date else self._numbers.mark
        return decided is not None

    def _learn(self, line: Line) -> None:
        try:
            cells = split_cells(line.text, self._delimiter)
        except RowRefused:
            return
        if line.refusal is None and len(cells) >= self._cell_count:
            stamp_of = self._layout.stamp_of
            stamp = stamp_of(cells) if stamp_of else cells[self._layout.stamp_index]
            if isinstance(stamp, str):
                self._stamps.learn(stamp)
            for column in self._layout.values:
                self._numbers.learn(cells[column.index])

    def _judged(self, line: Line) -> SampleRow:
        try:
            return self._row(line)
        except RowRefused as refusal:
            text = line.text.replace(CELL_MARK, ", ")
            return refused_row(line.number, refusal, text)

    def _row(self, line: Line) -> SampleRow:
        layout = self._layout
        if line.refusal is not None and not self._may_be_read(line):
            raise line.refusal
        cells = split_cells(line.text, self._delimiter)
        if layout.takes is not None and not layout.takes(cells):
            return None
        if len(cells) != self._cell_count:
            cells = self._mended(cells)
        slug = self._region(cells)
        if slug is None:
            return None
        stamp = self._stamp(cells)
        text = line.text
        # Python reads 1_000 and digits of other scripts as numbers; a file does not.
        is_plain = text.isascii() and "_" not in text
        values = self._values(cells, is_plain=is_plain)
        if self._delimiter == CELL_MARK:
            text = text.replace(CELL_MARK, ", ")
        if self._is_unmarked:
            return Sample(line.number, slug, stamp, values, cut_raw_text(text))
        return Sample(
            line.number,
            slug,
            stamp,
            values,
            cut_raw_text(text),
            layout.is_estimated is not None and layout.is_estimated(cells),
            layout.is_forecast is not None and layout.is_forecast(cells),
            layout.span_of(cells) if layout.span_of is not None else 0,
        )

    def _may_be_read(self, line: Line) -> bool:
        """Whether the bytes that are no text stand in cells that nobody reads."""
        if "\x00" in line.text or len(line.text) > MAX_LINE_CHARS:
            return False
        cells = split_cells(line.text, self._delimiter)
        used = {column.index for column in self._layout.values}
        used |= {self._layout.region_index or 0, self._layout.place_index or 0}
        if self._layout.stamp_of is not None or self._layout.takes is not None:
            used = set(range(len(cells)))
        used.add(self._layout.stamp_index)
        return all(cells[i].isprintable() for i in used if i < len(cells))

    def _mended(self, cells: list[str]) -> list[str]:
        """Cells without the two surplus ones that are known and harmless.

        Blank cells behind the last column, which some tools write; and the comma behind
        the weekday of a stamp without quotes.
        """
        count, stamp_index = self._cell_count, self._layout.stamp_index
        surplus = cells[count:]
        if surplus and not "".join(surplus).strip():
            return cells
        if len(cells) == count + 1 and cells[stamp_index].strip() in _WEEKDAYS:
            stamp = ",".join(cells[stamp_index : stamp_index + 2])
            return [*cells[:stamp_index], stamp, *cells[stamp_index + 2 :]]
        message = f"The line has {len(cells)} cells, the header {self._cell_count}."
        raise RowRefused(Reason.CELL_COUNT, message)

    def _stamp(self, cells: list[str]) -> datetime:
        layout = self._layout
        text: str | datetime
        if layout.stamp_of is None:
            text = cells[layout.stamp_index].strip()
        else:
            text = layout.stamp_of(cells)
        try:
            stamp = self._stamps.read(text) if isinstance(text, str) else text
        except DateWithoutTime:
            self._day_count += 1
            if self._day_count >= _DAYS_TO_REFUSE and not self._has_times:
                raise _days_only() from None
            raise
        self._has_times = True
        if stamp.tzinfo is UTC:
            return stamp
        return on_time_line(stamp, self._zone, text)

    def _region(self, cells: list[str]) -> str | None:
        """The region of the row, None when it is not the one asked for."""
        layout, asked = self._layout, self._rules.region_slug
        if layout.place_index is not None:
            place = cells[layout.place_index].strip()
            if not self._is_place(place):
                return None
            name = asked or place
        elif layout.region_index is not None:
            name = cells[layout.region_index].strip()
        else:
            return asked
        if asked is not None and name != asked:
            return None
        if name not in self._rules.gate.accepted:
            self._rules.gate.require(name)
        return name

    def _is_place(self, place: str) -> bool:
        """Whether the row is about the one place that is read."""
        if self._rules.region_slug is None and self._rules.options.place is None:
            return True  # every zone is a region of its own name
        if self._first_place is None:
            self._first_place = place
        if place == self._first_place:
            return True
        if self._rules.options.place is None:
            message = (
                f"The file is about {self._first_place[:40]!r} and {place[:40]!r}; say"
                " with --place which of them stands for the region."
            )
            raise BadFile(message)
        return False

    def _values(self, cells: list[str], *, is_plain: bool) -> tuple[float | None, ...]:
        values: list[float | None] = list(_NO_VALUES)
        is_point = self._numbers.mark is DecimalMark.POINT
        for column, slot, text_of, low, high, codes, is_ours in self._columns:
            text = cells[column.index]
            if not text:
                continue
            if is_plain and is_ours and text_of is None:
                try:
                    value = float(text)
                except ValueError:
                    pass
                else:
                    if (
                        low <= value <= high
                        and (is_point or "." not in text)
                        and value not in codes
                    ):
                        values[slot] = value + 0.0  # makes zero of negative zero
                        continue
            if text_of is not None:
                text = text_of(text)
            values[slot] = self._numbers.read(text, column)
        if values.count(None) == len(values):
            raise self._without_values(cells)
        return tuple(values)

    def _without_values(self, cells: list[str]) -> RowRefused:
        for column in self._layout.values:
            text = cells[column.index].strip()
            if text and text.lower() not in MISSING_WORDS:
                message = (
                    f"{column.quantity} is {text[:40]}, a code for a missing value."
                )
                return RowRefused(Reason.SENTINEL, message)
        message = "The row has no value."
        return RowRefused(Reason.NO_VALUES, message)


def _days_only() -> BadFile:
    message = (
        "The file's stamps are days without a time of day: it holds daily values or"
        " coarser ones. The portal needs hourly ones or finer."
    )
    return BadFile(message)


def _undecided(question: Undecided) -> BadFile:
    """Why a file cannot be read that could be read in two ways."""
    if question.is_date:
        message = (
            f"{question.text[:40]!r} could have its day or its month first, and no date"
            " of the file decides; say --dates day-first or --dates month-first."
        )
    else:
        message = (
            f"{question.text[:40]!r} could be a number with thousands or with decimals,"
            " and no cell of the file decides; say --decimal point or --decimal comma."
        )
    return BadFile(message)
