"""Telemetry files as tests read them: rules, options, and rows in their order."""

from __future__ import annotations

import io
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.telemetry import VALID_RANGES, Quantity
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.options import ReadOptions, ReadRules
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    ParsedRow,
    RefusedRow,
    RegionGate,
    TelemetryFile,
)
from orchestrator.telemetry.readers.sources import open_source
from orchestrator.telemetry.readers.stamps import parse_zone

NOW = datetime(2026, 11, 30, tzinfo=UTC)
REGIONS = ("here", "GB", "SG", "DE-LU", "IN-WE", "US-TEX-ERCO", "US-CAL-CISO", "CA-ON")
RULES = ReadRules(
    gate=RegionGate(frozenset(REGIONS)),
    region_slug=None,
    zone=None,
    now_utc=NOW,
    ranges=VALID_RANGES,
)

Row = ParsedRow | RefusedRow


class Read:
    """A file that was read to its end."""

    def __init__(self, file: TelemetryFile, rows: list[Row | None]) -> None:
        self.file = file
        self.passed_over = rows.count(None)
        self.rows = sorted(
            (row for row in rows if row is not None), key=lambda row: row.line_number
        )

    @property
    def hours(self) -> dict[str, dict[str, float]]:
        """Values of each accepted hour, by day, hour and region of one-region files."""
        return {
            f"{row.hour_utc:%Y-%m-%dT%H:%M}": values_of(row)
            for row in self.rows
            if isinstance(row, ParsedRow)
        }

    def series(self, quantity: Quantity) -> dict[str, float]:
        """One quantity of each accepted hour that has it."""
        return {
            hour: values[quantity.value]
            for hour, values in self.hours.items()
            if quantity.value in values
        }

    @property
    def refused(self) -> list[tuple[int, str]]:
        """Line and reason of each refused row."""
        return [
            (row.line_number, row.code.value)
            for row in self.rows
            if isinstance(row, RefusedRow)
        ]

    @property
    def notes(self) -> str:
        """All that the reader says about the file."""
        return " ".join(self.file.findings.notes)


def values_of(row: ParsedRow) -> dict[str, float]:
    """The values that a row has."""
    pairs = zip(QUANTITIES, row.values, strict=True)
    return {quantity.value: value for quantity, value in pairs if value is not None}


def read_file(
    content: bytes | str | Path,
    region: str | None = None,
    telemetry_format: TelemetryFormat = TelemetryFormat.AUTO,
    *,
    timezone: str | None = None,
    **said: Any,
) -> Read:
    """Read a file; keywords are options or rules."""
    names = {field.name for field in fields(ReadOptions)}
    options = ReadOptions(**{name: said.pop(name) for name in names & said.keys()})
    rules = replace(
        RULES,
        region_slug=region,
        zone=parse_zone(timezone) if timezone else None,
        options=options,
        **said,
    )
    if isinstance(content, str):
        content = content.encode()
    source = content if isinstance(content, Path) else io.BytesIO(content)
    with open_source(source) as opened:
        file = open_telemetry_file(telemetry_format, opened, rules)
        return Read(file, list(file.rows))
