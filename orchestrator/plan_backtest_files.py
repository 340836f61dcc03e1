"""What a backtest of plans reads: a tidy CSV of telemetry, and a table of regions."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from core.errors import InvalidInput
from core.regions import Region
from core.telemetry import HOUR, VALID_RANGES, TelemetryFrame, hours_between
from orchestrator.ingest.rows import (
    QUANTITIES,
    CarbonKind,
    ParsedRow,
    ReadRules,
    RefusedRow,
    RegionGate,
)
from orchestrator.ingest.sources import open_source
from orchestrator.ingest.tidy_csv import open_tidy_csv
from orchestrator.real_plants import assumed_region

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
    rules = ReadRules(
        gate=RegionGate(frozenset(named)),
        region_slug=None,
        zone=None,
        now_utc=now_utc,
        ranges=VALID_RANGES,
        carbon_kind=CarbonKind.LIFE_CYCLE,
    )
    hours: dict[str, dict[datetime, tuple[float | None, ...]]] = {}
    refused: list[RefusedRow] = []
    with open_source(telemetry) as content:
        for row in open_tidy_csv(content, rules).rows:
            if isinstance(row, ParsedRow):
                hours.setdefault(row.region_slug, {})[row.hour_utc] = row.values
            elif row is not None:
                refused.append(row)
        digest = content.finish_sha256()
    if not hours:
        first = (
            f" Line {refused[0].line_number}: {refused[0].reason}" if refused else ""
        )
        message = f"No row of {telemetry} could be taken.{first}"
        raise InvalidInput(message)
    return BacktestFiles(
        regions={slug: named[slug] for slug in named if slug in hours},
        frames={slug: _frame(slug, hours[slug]) for slug in named if slug in hours},
        telemetry_sha256=digest,
        notes=_notes(refused, [slug for slug in named if slug not in hours]),
    )


def _frame(
    slug: str, hours: Mapping[datetime, tuple[float | None, ...]]
) -> TelemetryFrame:
    first, last = min(hours), max(hours)
    n_hours = hours_between(first, last) + 1
    columns = np.full((len(QUANTITIES), n_hours), np.nan)
    for hour_utc, values in hours.items():
        columns[:, hours_between(first, hour_utc)] = [
            np.nan if value is None else value for value in values
        ]
    return TelemetryFrame(
        region_slug=slug,
        start_utc=first,
        n_hours=hours_between(first, last + HOUR),
        values={
            quantity: column
            for quantity, column in zip(QUANTITIES, columns, strict=True)
            if np.isfinite(column).any()
        },
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


def _notes(refused: Sequence[RefusedRow], absent: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if refused:
        first = refused[0]
        notes.append(
            f"{len(refused)} rows were not taken; the first, line {first.line_number}:"
            f" {first.reason}"
        )
    if absent:
        notes.append(f"Without telemetry, and so left out: {', '.join(absent)}.")
    return tuple(notes)
