"""Rows of a table, once the layout of its columns has been understood."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import islice

from core.errors import InvalidInput
from orchestrator.telemetry.readers.blocks import (
    BLOCK_LINES,
    PlainTable,
)
from orchestrator.telemetry.readers.contents import CELL_MARK
from orchestrator.telemetry.readers.lines import MAX_LINE_CHARS, Line
from orchestrator.telemetry.readers.numbers import (
    MISSING_WORDS,
    CellReader,
    Undecided,
)
from orchestrator.telemetry.readers.options import DecimalMark, ReadRules
from orchestrator.telemetry.readers.pipeline import Reading, on_time_line
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    Findings,
    HourBlock,
    Reason,
    RowRefused,
    Sample,
    SampleRow,
    cut_raw_text,
    refused_row,
)
from orchestrator.telemetry.readers.stamps import DateWithoutTime, StampReader
from orchestrator.telemetry.readers.tables import (
    Layout,
    TableHead,
    split_cells,
)

_MOST_UNDECIDED_LINES = 50_000
_WEEKDAYS = frozenset({"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"})
_DAYS_TO_REFUSE = 10
_NO_VALUES = (None,) * len(QUANTITIES)


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
        self._plain_table = self._find_plain_table()
        self._day_count = 0
        self._has_times = False

    def read(self, lines: Iterator[Line]) -> Iterator[SampleRow | HourBlock]:
        """One row a line, or a block of plain ones.

        Raises
        ------
        BadFile
            When the file can be read in two ways, or holds whole days.
        """
        while chunk := list(islice(lines, BLOCK_LINES)):
            block = self._plain_block(chunk)
            if block is not None:
                yield block
                continue
            waiting = deque(chunk)
            while waiting:
                line = waiting.popleft()
                try:
                    yield self._judged(line)
                except Undecided as question:
                    held = self._read_ahead(question, line, _drain(waiting, lines))
                    waiting.extendleft(reversed(held))
        if self._day_count and not self._has_times:
            raise _days_only()

    def _find_plain_table(self) -> PlainTable | None:
        """What the rows are when they need no judgement; None when each needs it."""
        layout, rules = self._layout, self._rules
        if (
            not self._is_unmarked
            or self._delimiter == CELL_MARK
            or layout.derives_wet_bulb
            or layout.future_is_forecast
            or layout.place_index is not None
            or layout.stamp_of is not None
            or layout.takes is not None
            or layout.texts is not None
            or any(column.conversion.is_needed for column in layout.values)
        ):
            return None
        return PlainTable(
            delimiter=self._delimiter,
            cell_count=self._cell_count,
            stamp_index=layout.stamp_index,
            region_index=layout.region_index,
            region_slug=rules.region_slug,
            accepted=rules.gate.accepted,
            columns=layout.values,
        )

    def _plain_block(self, lines: Sequence[Line]) -> HourBlock | None:
        mark = self._numbers.mark
        if self._plain_table is None or mark is DecimalMark.COMMA:
            return None
        # Where commas divide cells, the first point is a decimal one.
        may_have_points = mark is DecimalMark.POINT or self._delimiter == ","
        block = self._plain_table.block(lines, may_have_points=may_have_points)
        if block is not None:
            self._has_times = True
            if mark is None:
                self._learn_point(lines)
        return block

    def _learn_point(self, lines: Sequence[Line]) -> None:
        for line in lines:
            cells = line.text.split(self._delimiter)
            if any("." in cells[column.index] for column in self._layout.values):
                self._numbers.mark = DecimalMark.POINT
                return

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
        layout = self._layout
        try:
            cells = split_cells(line.text, self._delimiter)
            if line.refusal is not None or len(cells) < self._cell_count:
                return
            stamp_of = layout.stamp_of
            stamp = stamp_of(cells) if stamp_of else cells[layout.stamp_index]
        except RowRefused:
            return
        if isinstance(stamp, str):
            self._stamps.learn(stamp)
        for column in layout.values:
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


def _drain(waiting: deque[Line], lines: Iterator[Line]) -> Iterator[Line]:
    """The lines that wait, and then those that follow."""
    while waiting:
        yield waiting.popleft()
    yield from lines


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
