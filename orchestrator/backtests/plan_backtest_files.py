"""What a backtest of plans reads: a tidy CSV of telemetry, and a table of regions."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.errors import InvalidInput
from core.regions import Region
from core.telemetry import TelemetryFrame
from core.wording import listed
from orchestrator.backtests.real_plants import assumed_region
from orchestrator.telemetry.readers.frames import FrameFile, read_frames

_REGION_COLUMNS = ("slug", "name", "time_zone", "latitude", "longitude")


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestFiles:
    """The regions that have telemetry, and what of the files could not be used."""

    regions: Mapping[str, Region]
    frames: Mapping[str, TelemetryFrame]
    telemetry_sha256: str
    notes: tuple[str, ...]


def read_backtest_files(
    telemetry: Path, regions: Path, *, now_utc: datetime
) -> BacktestFiles:
    """Read both files; rows are judged as an import judges them.

    Raises
    ------
    InvalidInput
        When a file cannot be read, a region is not well described, or nothing in the
        telemetry is of one of the regions.
    """
    named = _read_regions(regions)
    file = read_frames(telemetry, list(named), now_utc=now_utc)
    absent = [slug for slug in named if slug not in file.frames]
    return BacktestFiles(
        regions={slug: named[slug] for slug in named if slug in file.frames},
        frames={slug: file.frames[slug] for slug in named if slug in file.frames},
        telemetry_sha256=file.sha256,
        notes=_notes(file, absent),
    )


def _read_regions(path: Path) -> dict[str, Region]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        message = f"{path} cannot be read: {exc}."
        raise InvalidInput(message) from exc
    if not rows:
        message = f"{path} has no region."
        raise InvalidInput(message)
    absent = [name for name in _REGION_COLUMNS if name not in rows[0]]
    if absent:
        message = f"{path} has no column {absent[0]!r}."
        raise InvalidInput(message)
    regions: dict[str, Region] = {}
    for number, row in enumerate(rows, start=2):
        region = _region(row, f"{path}, line {number}")
        if region.slug in regions:
            message = f"{path}, line {number}: region {region.slug} appears twice."
            raise InvalidInput(message)
        regions[region.slug] = region
    return regions


def _region(row: Mapping[str, str | None], place: str) -> Region:
    cells = {name: (row.get(name) or "").strip() for name in _REGION_COLUMNS}
    try:
        latitude_deg, longitude_deg = (
            float(cells["latitude"]),
            float(cells["longitude"]),
        )
    except ValueError as exc:
        message = f"{place}: latitude and longitude must be numbers."
        raise InvalidInput(message) from exc
    try:
        return assumed_region(
            cells["slug"],
            name=cells["name"],
            time_zone=cells["time_zone"],
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
        )
    except InvalidInput as exc:
        message = f"{place}: {exc.message}"
        raise InvalidInput(message) from exc


def _notes(file: FrameFile, absent: Sequence[str]) -> tuple[str, ...]:
    notes = []
    n_refused = sum(file.refused.values())
    if n_refused:
        first = " ".join(file.first_refusals)
        notes.append(f"{n_refused} rows were not taken; the first: {first}")
    if absent:
        notes.append(f"Without telemetry, and so left out: {listed(absent)}.")
    return tuple(notes)
