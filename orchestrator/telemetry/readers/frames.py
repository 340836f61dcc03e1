"""Telemetry straight from files to arrays, for work that needs no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from core.telemetry import HOUR, VALID_RANGES, Quantity, TelemetryFrame, hours_between
from core.wording import listed
from orchestrator.regions.regions_file import read_regions_file
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    HourRow,
    Reason,
    RefusedRow,
    RegionGate,
)
from orchestrator.telemetry.readers.sources import open_source

ZONE_COLUMNS = ("slug", "time_zone")
_PROGRESS_ROWS = 50_000
_SHOWN_REFUSALS = 5
_MAX_HOURS = 24 * 366 * 100

RowProgress = Callable[[int], None]
"""Called now and then with the number of rows read so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFile:
    """A tidy CSV read whole.

    Attributes
    ----------
    frames : Mapping of slug to TelemetryFrame
        One per region of the file, each from its first to its last hour.
    refused : Mapping of str to int
        Rows that were not taken, by reason.
    first_refusals : sequence of str
        The first few of them in words.
    """

    frames: Mapping[str, TelemetryFrame]
    sha256: str
    row_count: int
    refused: Mapping[str, int]
    first_refusals: Sequence[str]
    ignored_columns: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFiles:
    """A table of regions and their telemetry; regions without any are left out.

    Attributes
    ----------
    table : Mapping of slug to row
        The columns that were asked for, none empty, in the order of the table.
    """

    table: Mapping[str, Mapping[str, str]]
    file: FrameFile

    @property
    def frames(self) -> dict[str, tuple[TelemetryFrame, str]]:
        """Telemetry and IANA time zone of each region."""
        return {
            slug: (self.file.frames[slug], self.table[slug]["time_zone"])
            for slug in self.table
        }


def read_region_table(
    path: Path, columns: Sequence[str] = ZONE_COLUMNS
) -> dict[str, dict[str, str]]:
    """The rows of a CSV of regions by slug; `slug` and `time_zone` are among `columns`.

    Raises
    ------
    InvalidInput
        As `read_regions_file`.
    """
    file = read_regions_file(path, columns)
    return {line.cells["slug"]: line.cells for line in file.lines}


def read_frames(
    path: Path,
    slugs: Sequence[str],
    *,
    now_utc: datetime,
    on_progress: RowProgress | None = None,
) -> FrameFile:
    """Read a tidy CSV (plain or gzip) of the regions `slugs`.

    Rows are judged as an import judges them: one that is out of range, of an unknown
    region or without a known hour is left out and counted.

    Raises
    ------
    InvalidInput
        When the file as a whole cannot be read or nothing in it could be taken.
    """
    rules = ReadRules(
        gate=RegionGate(frozenset(slugs)),
        region_slug=None,
        zone=None,
        now_utc=now_utc,
        ranges=VALID_RANGES,
    )
    collected = _Collected()
    with open_source(path) as content:
        opened = open_telemetry_file(TelemetryFormat.CSV, content, rules)
        for number, row in enumerate(opened.rows, start=1):
            collected.take(row)
            if on_progress and number % _PROGRESS_ROWS == 0:
                on_progress(number)
        sha256 = content.finish_sha256()
    if not collected.hours:
        message = f"No row of {path} could be taken." + "".join(
            f" {text}" for text in collected.first_refusals
        )
        raise InvalidInput(message)
    return FrameFile(
        frames={slug: collected.frame(slug) for slug in sorted(collected.hours)},
        sha256=sha256,
        row_count=collected.row_count,
        refused=dict(sorted(collected.refused.items())),
        first_refusals=collected.first_refusals,
        ignored_columns=opened.ignored_columns,
    )


def read_fleet(
    telemetry: Path,
    regions: Path,
    now_utc: datetime,
    say: Callable[[str], None],
    *,
    columns: Sequence[str] = ZONE_COLUMNS,
) -> FleetFiles:
    """A table of regions and their telemetry; `say` gets what was left out.

    Raises
    ------
    InvalidInput
        As `read_region_table` and `read_frames`.
    """
    table = read_region_table(regions, columns)
    file = read_frames(
        telemetry,
        list(table),
        now_utc=now_utc,
        on_progress=lambda rows: say(f"{telemetry.name}: {rows:,} rows read…"),
    )
    n_refused = sum(file.refused.values())
    if n_refused:
        say(f"{n_refused:,} of {file.row_count:,} rows were not taken:")
        for text in file.first_refusals:
            say(f"  {text}")
    absent = sorted(set(table) - set(file.frames))
    if absent:
        say(f"Without telemetry, and so left out: {listed(absent)}.")
    kept = {slug: row for slug, row in table.items() if slug in file.frames}
    return FleetFiles(table=kept, file=file)


class _Collected:
    """The rows of each region by hour, and what was refused."""

    def __init__(self) -> None:
        self.hours: dict[str, dict[datetime, tuple[float | None, ...]]] = {}
        self.row_count = 0
        self.refused: Counter[str] = Counter()
        self.first_refusals: list[str] = []

    def take(self, row: HourRow) -> None:
        if row is None:
            return
        self.row_count += 1
        if isinstance(row, RefusedRow):
            self._refuse(row.code, row.line_number, row.reason)
            return
        known = self.hours.setdefault(row.region_slug, {})
        if known.setdefault(row.hour_utc, row.values) != row.values:
            self._refuse(
                Reason.CONFLICTING_DUPLICATE,
                row.line_number,
                "The hour was there already, with other values.",
            )

    def frame(self, slug: str) -> TelemetryFrame:
        """The region's hours from first to last, NaN where there was no row."""
        known = self.hours[slug]
        start_utc, last_utc = min(known), max(known)
        n_hours = hours_between(start_utc, last_utc + HOUR)
        if n_hours > _MAX_HOURS:
            message = (
                f"{slug} reaches from {start_utc} to {last_utc}: over a century; check"
                " the timestamps."
            )
            raise InvalidInput(message)
        table: NDArray[np.float64] = np.full((n_hours, len(QUANTITIES)), np.nan)
        positions = [hours_between(start_utc, hour) for hour in known]
        table[positions] = np.array(list(known.values()), dtype=np.float64)
        values: dict[Quantity, NDArray[np.float64]] = {
            quantity: column.copy()
            for quantity, column in zip(QUANTITIES, table.T, strict=True)
            if np.isfinite(column).any()
        }
        return TelemetryFrame(
            region_slug=slug, start_utc=start_utc, n_hours=n_hours, values=values
        )

    def _refuse(self, code: Reason, line_number: int, reason: str) -> None:
        self.refused[code.value] += 1
        if len(self.first_refusals) < _SHOWN_REFUSALS:
            self.first_refusals.append(f"Line {line_number}: {reason}")
