"""What readers of telemetry files produce: samples, hours, and refused rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray, IntArray
from core.carbon import CarbonSignalKind
from core.errors import InvalidInput
from core.telemetry import HOUR, Quantity
from core.wording import listed

QUANTITIES = tuple(Quantity)
"""Order of the values in a `Sample` and a `ParsedRow`."""

Values = tuple[float | None, ...]

RAW_TEXT_CHARS = 500

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reason(StrEnum):
    """Why a row was refused; stored, so values are never renamed."""

    AMBIGUOUS_HOUR = "ambiguous_hour"
    BAD_NUMBER = "bad_number"
    BAD_TIMESTAMP = "bad_timestamp"
    CELL_COUNT = "cell_count"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    FORECAST = "forecast"
    FUTURE_HOUR = "future_hour"
    HOUR_24 = "hour_24"
    LINE_TOO_LONG = "line_too_long"
    NAIVE_TIMESTAMP = "naive_timestamp"
    NONEXISTENT_HOUR = "nonexistent_hour"
    NOT_FINITE = "not_finite"
    NOT_FULL_HOUR = "not_full_hour"
    NOT_TEXT = "not_text"
    NO_VALUES = "no_values"
    OUT_OF_RANGE = "out_of_range"
    QUOTING = "quoting"
    REGION_ORIGIN = "region_origin"
    RUNNING_HOUR = "running_hour"
    SENTINEL = "sentinel"
    TOO_EARLY = "too_early"
    TOO_FEW_SAMPLES = "too_few_samples"
    UNKNOWN_REGION = "unknown_region"


class BadFile(InvalidInput):
    """The file as a whole cannot be read."""


class RowRefused(InvalidInput):
    """This row cannot be taken."""

    def __init__(self, code: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


# Named tuples rather than frozen dataclasses: one is made per line of a file, and
# these are three times as fast to make.
class Sample(NamedTuple):
    """A row as the file has it, at the file's own granularity.

    Attributes
    ----------
    stamp : datetime
        Without an offset it is a time of the zone in which the file is read.
    values : tuple of float | None
        In the units of `QUANTITIES`, in their order.
    span_s : int
        How long the row says that it stands for, seconds; 0 when it does not say.
    """

    line_number: int
    region_slug: str
    stamp: datetime
    values: Values
    raw_text: str
    is_estimated: bool = False
    is_forecast: bool = False
    span_s: int = 0


class ParsedRow(NamedTuple):
    """An hour that can be taken, made of one or more samples of the file."""

    line_number: int
    region_slug: str
    hour_utc: datetime
    values: Values
    raw_text: str
    is_estimated: bool = False
    is_forecast: bool = False
    sample_count: int = 1


class RefusedRow(NamedTuple):
    """A row or an hour that is refused: where it stood, why, and what it said."""

    line_number: int
    code: Reason
    reason: str
    raw_text: str
    sample_count: int = 1


SampleRow = Sample | RefusedRow | None
HourRow = ParsedRow | RefusedRow | None
"""None is a row that was read past: of another region or place than asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourBlock:
    """Rows at full UTC hours, in the order of the file.

    Attributes
    ----------
    slugs : tuple of str
        Regions of the block; `codes` are positions in it, shape (n_rows,).
    hours : ndarray of int, shape (n_rows,)
        Hours since 1970.
    values : ndarray, shape (n_rows, n_quantities)
        In the units of `QUANTITIES`, in their order; NaN where a row has none.
    raw_texts : ndarray of str objects, shape (n_rows,)
        The lines, which are ASCII.
    """

    slugs: tuple[str, ...]
    codes: IntArray
    line_numbers: IntArray
    hours: IntArray
    values: FloatArray
    raw_texts: NDArray[np.object_]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.hours)

    @property
    def slugs_in_order(self) -> list[str]:
        """The regions that the rows name, in the order of their codes."""
        return [self.slugs[code] for code in np.unique(self.codes)]

    def at(self, positions: IntArray | slice) -> HourBlock:
        """The rows at these positions."""
        return replace(
            self,
            codes=self.codes[positions],
            line_numbers=self.line_numbers[positions],
            hours=self.hours[positions],
            values=self.values[positions],
            raw_texts=self.raw_texts[positions],
        )

    def samples(self) -> Iterator[Sample]:
        """The rows one by one, as the file has them."""
        return (Sample(*facts) for facts in self._facts())

    def rows(self) -> Iterator[ParsedRow]:
        """The rows one by one, as hours that can be taken."""
        return (ParsedRow(*facts) for facts in self._facts())

    def _facts(
        self,
    ) -> Iterator[tuple[int, str, datetime, tuple[float | None, ...], str]]:
        known = self.values.astype(np.object_)
        known[np.isnan(self.values)] = None
        for code, number, hour, values, text in zip(
            self.codes.tolist(),
            self.line_numbers.tolist(),
            self.hours.tolist(),
            known.tolist(),
            self.raw_texts,
            strict=True,
        ):
            yield number, self.slugs[code], EPOCH + hour * HOUR, tuple(values), text


@dataclass(frozen=True)  # without slots: what is cached needs a place
class RegionGate:
    """Which regions a file may write to, and why not the others.

    Attributes
    ----------
    refused : Mapping of str to str
        Regions that exist but take no rows of this import, with the reason.
    """

    accepted: Collection[str]
    refused: Mapping[str, str] = field(default_factory=dict)

    def require(self, slug: str) -> None:
        """Raise RowRefused unless rows of this region are accepted."""
        if slug in self.accepted:
            return
        if slug in self.refused:
            raise RowRefused(Reason.REGION_ORIGIN, self.refused[slug])
        message = f"Region {slug[:40]!r} is unknown; known regions: {self._known}."
        raise RowRefused(Reason.UNKNOWN_REGION, message)

    @cached_property
    def _known(self) -> str:
        """Sorted once for a file, not for each row that it refuses."""
        return listed(sorted([*self.accepted, *self.refused]))


class Findings:
    """What is found out while a file is read; complete when its rows are read.

    Attributes
    ----------
    steps_s : set of int
        Granularities of the file, seconds.
    missing_cells : dict of str to int
        How often each word or code for a missing value was read.
    """

    def __init__(self) -> None:
        self.steps_s: set[int] = set()
        self.missing_cells: dict[str, int] = {}
        self.derived: set[Quantity] = set()
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        """Keep a sentence for the summary, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def count_missing(self, word: str) -> None:
        """Count a cell that holds a word or a code instead of a value."""
        if len(self.missing_cells) < 50 or word in self.missing_cells:
            self.missing_cells[word] = self.missing_cells.get(word, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFile:
    """An opened file: what its head says, and its rows still to be read.

    Attributes
    ----------
    format : str
        Name of the format, found or given.
    columns : tuple of (name, quantity, unit)
        What is read of it: column by column, with the unit it is read in.
    ignored_columns : tuple of str
        Columns whose names mean nothing here.
    carbon_kind : CarbonSignalKind | None
        What its carbon intensity means; None when it carries none.
    time_zone : str
        In words, what its stamps mean.
    uses_zone_given : bool
        Stamps without an offset are in the zone that the user gave.
    place : str | None
        The zone, station or node that the file says it is about.
    location_deg : (latitude, longitude) | None
        The point the file says it is about.
    is_typical_year : bool
        It is made from several years and was never measured.
    hours : iterator
        Rows and blocks of rows, to be read once.
    """

    format: str
    columns: tuple[tuple[str, Quantity, str], ...]
    ignored_columns: tuple[str, ...]
    carbon_kind: CarbonSignalKind | None
    time_zone: str
    uses_zone_given: bool
    findings: Findings
    hours: Iterator[HourRow | HourBlock]
    place: str | None = None
    location_deg: tuple[float, float] | None = None
    is_typical_year: bool = False

    @property
    def rows(self) -> Iterator[HourRow]:
        """The rows one by one, to be read once."""
        for row in self.hours:
            if isinstance(row, HourBlock):
                yield from row.rows()
            else:
                yield row

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What the file carries, with what is derived from it."""
        carried = {quantity for _, quantity, _ in self.columns} | self.findings.derived
        return tuple(quantity for quantity in QUANTITIES if quantity in carried)


def cut_raw_text(text: str) -> str:
    """The start of `text` in a form that the database can store and a page can show."""
    if len(text) <= RAW_TEXT_CHARS and text.isascii() and "\x00" not in text:
        return text
    printable = text[:RAW_TEXT_CHARS].encode("utf-8", "backslashreplace").decode()
    return printable.replace("\x00", "\\x00")[:RAW_TEXT_CHARS]


def refused_row(
    line_number: int, refusal: RowRefused, text: str, sample_count: int = 1
) -> RefusedRow:
    """The record of a refused row."""
    return RefusedRow(
        line_number, refusal.code, refusal.message, cut_raw_text(text), sample_count
    )
