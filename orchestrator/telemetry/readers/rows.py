"""What readers of telemetry files produce: parsed rows and refused rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

from core.errors import InvalidInput
from core.telemetry import Quantity, ValidRange
from core.wording import listed

QUANTITIES = tuple(Quantity)
"""Order of the values in a `ParsedRow`."""

RAW_TEXT_CHARS = 500


class Reason(StrEnum):
    """Why a row was refused; stored, so values are never renamed."""

    AMBIGUOUS_HOUR = "ambiguous_hour"
    BAD_NUMBER = "bad_number"
    BAD_TIMESTAMP = "bad_timestamp"
    CELL_COUNT = "cell_count"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    DECIMAL_COMMA = "decimal_comma"
    FUTURE_HOUR = "future_hour"
    HOUR_24 = "hour_24"
    LINE_TOO_LONG = "line_too_long"
    MIXED_ZONES = "mixed_zones"
    NAIVE_TIMESTAMP = "naive_timestamp"
    NONEXISTENT_HOUR = "nonexistent_hour"
    NOT_FINITE = "not_finite"
    NOT_FULL_HOUR = "not_full_hour"
    NOT_TEXT = "not_text"
    NO_VALUES = "no_values"
    OUT_OF_RANGE = "out_of_range"
    QUOTING = "quoting"
    REGION_ORIGIN = "region_origin"
    SENTINEL = "sentinel"
    TOO_EARLY = "too_early"
    UNKNOWN_REGION = "unknown_region"


class CarbonKind(StrEnum):
    """Which carbon intensity a file gives, or which of its columns to read."""

    LIFE_CYCLE = "life-cycle"
    DIRECT = "direct"


class BadFile(InvalidInput):
    """The file as a whole cannot be read."""


class RowRefused(InvalidInput):
    """This row cannot be taken."""

    def __init__(self, code: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


# Named tuples rather than frozen dataclasses: one is made per line of a file, and
# these are three times as fast to make.
class ParsedRow(NamedTuple):
    """An accepted row; `values` follow `QUANTITIES`, None where the file has none."""

    line_number: int
    region_slug: str
    hour_utc: datetime
    values: tuple[float | None, ...]
    raw_text: str


class RefusedRow(NamedTuple):
    """A refused row: where it stood, why, and what it said."""

    line_number: int
    code: Reason
    reason: str
    raw_text: str


@dataclass(frozen=True, slots=True)
class RegionGate:
    """Which regions a file may write to, and why not the others."""

    accepted: Collection[str]
    refused: Mapping[str, str] = field(default_factory=dict)

    def require(self, slug: str) -> None:
        """Raise RowRefused unless rows of region `slug` may be written."""
        if slug in self.accepted:
            return
        if slug in self.refused:
            raise RowRefused(Reason.REGION_ORIGIN, self.refused[slug])
        known = listed(sorted([*self.accepted, *self.refused]))
        message = f"Region {slug[:40]!r} is unknown; known regions: {known}."
        raise RowRefused(Reason.UNKNOWN_REGION, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRules:
    """What a reader needs to judge rows; it looks up nothing itself.

    Attributes
    ----------
    region_slug : str | None
        The region the file is about, for formats or files that do not name it; in a
        file that names regions, the only one to read.
    zone : tzinfo | None
        What timestamps without an offset mean; None refuses them.
    now_utc : datetime
        Hours that begin later are refused.
    """

    gate: RegionGate
    region_slug: str | None
    zone: tzinfo | None
    now_utc: datetime
    ranges: Mapping[Quantity, ValidRange]
    carbon_kind: CarbonKind


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFile:
    """An opened file: what its head says, and its rows still to be read.

    Attributes
    ----------
    quantities : tuple of Quantity
        What the file carries.
    ignored_columns : tuple of str
        Columns whose names mean nothing here.
    location_deg : (latitude, longitude) | None
        The point the file says it is about.
    rows : iterator
        To be read once; ParsedRow or RefusedRow. A row of another region than the
        one asked for gives None: it was read past, not judged.
    """

    quantities: tuple[Quantity, ...]
    ignored_columns: tuple[str, ...]
    rows: Iterator[ParsedRow | RefusedRow | None]
    location_deg: tuple[float, float] | None = None


def cut_raw_text(text: str) -> str:
    """The start of `text` in a form that the database can store and a page can show."""
    printable = text[:RAW_TEXT_CHARS].encode("utf-8", "backslashreplace").decode()
    return printable.replace("\x00", "\\x00")[:RAW_TEXT_CHARS]


def refused_row(line_number: int, refusal: RowRefused, text: str) -> RefusedRow:
    """The record of a refused row."""
    return RefusedRow(line_number, refusal.code, refusal.message, cut_raw_text(text))
