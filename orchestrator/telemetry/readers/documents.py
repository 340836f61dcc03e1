"""JSON answers of APIs: their members, and rows of objects or of columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from core.carbon import CarbonSignalKind
from core.errors import InvalidInput
from orchestrator.telemetry.readers.numbers import Undecided, ValueColumn, json_value
from orchestrator.telemetry.readers.options import ReadRules, StampAt
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
from orchestrator.telemetry.readers.stamps import StampReader, unreadable


class JsonRow(NamedTuple):
    """One row of an answer: its stamp, a value for each column, and marks."""

    stamp: object
    values: Sequence[object]
    is_estimated: bool = False
    is_forecast: bool = False
    span_s: int = 0


def member(parent: object, name: str) -> object:
    """A member of a JSON object, None when there is no such object or member."""
    return parent.get(name) if isinstance(parent, dict) else None


def members(parent: object, name: str) -> list[object]:
    """A list member; raises BadFile when it is none."""
    child = member(parent, name)
    if not isinstance(child, list):
        message = f"The JSON has no list {name!r}."
        raise BadFile(message)
    return child


def number_of(value: object) -> float | None:
    """A JSON number, infinite beyond every float; None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def text_of(value: object) -> str | None:
    """A JSON text, None for anything else."""
    return value if isinstance(value, str) else None


def require_region(rules: ReadRules, words: str) -> str:
    """The region asked for; raises InvalidInput without one."""
    if rules.region_slug is None:
        message = f"{words} names no region; say which one with --region."
        raise InvalidInput(message)
    rules.gate.require(rules.region_slug)
    return rules.region_slug


def json_reading(
    name: str,
    rows: Iterable[JsonRow],
    columns: tuple[ValueColumn, ...],
    rules: ReadRules,
    *,
    zone: tzinfo | None = UTC,
    ignored_columns: tuple[str, ...] = (),
    carbon_kind: CarbonSignalKind | None = None,
    place: str | None = None,
    location_deg: tuple[float, float] | None = None,
    derives_wet_bulb: bool = False,
) -> Reading:
    """Rows of an answer about one region, counted from 1 as line numbers."""
    findings = Findings()
    reader = _JsonRows(columns, rules, findings, zone)
    return Reading(
        format=name,
        columns=columns,
        samples=reader.read(rows),
        findings=findings,
        zone=zone,
        stamp_at=rules.options.stamp_at or StampAt.BEGIN,
        ignored_columns=ignored_columns,
        carbon_kind=carbon_kind,
        place=place,
        location_deg=location_deg,
        derives_wet_bulb=derives_wet_bulb,
    )


def fixed_offset(seconds: object) -> tzinfo | None:
    """An offset in seconds as a zone, None when it is none."""
    if isinstance(seconds, int) and abs(seconds) <= 14 * 3600:
        return timezone(timedelta(seconds=seconds))
    return None


class _JsonRows:
    """Judges one row of an answer after the other."""

    def __init__(
        self,
        columns: tuple[ValueColumn, ...],
        rules: ReadRules,
        findings: Findings,
        zone: tzinfo | None,
    ) -> None:
        self._columns = columns
        self._rules = rules
        self._findings = findings
        self._zone = zone
        options = rules.options
        self._stamps = StampReader(zone, options.date_order, options.stamp_at)

    def read(self, rows: Iterable[JsonRow]) -> Iterator[SampleRow]:
        for number, row in enumerate(rows, start=1):
            raw_text = self._raw_text(row)
            try:
                yield self._sample(number, row, raw_text)
            except RowRefused as refusal:
                yield refused_row(number, refusal, raw_text)

    def _sample(self, number: int, row: JsonRow, raw_text: str) -> Sample:
        stamp = self._stamp(row.stamp)
        values: list[float | None] = [None] * len(QUANTITIES)
        code = Reason.NO_VALUES
        for column, value in zip(self._columns, row.values, strict=True):
            values[column.slot] = json_value(value, column, self._findings)
            if value is not None and values[column.slot] is None:
                code = Reason.SENTINEL
        if values.count(None) == len(values):
            message = "The hour has no value."
            raise RowRefused(code, message)
        return Sample(
            number,
            self._rules.region_slug or "",
            stamp,
            tuple(values),
            raw_text,
            row.is_estimated,
            row.is_forecast,
            row.span_s,
        )

    def _stamp(self, value: object) -> datetime:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise unreadable(str(value))
        text = value if isinstance(value, str) else repr(value)
        try:
            return on_time_line(self._stamps.read(text), self._zone, text)
        except Undecided as exc:
            raise unreadable(text) from exc

    def _raw_text(self, row: JsonRow) -> str:
        cells = (
            f"{column.name}={value!s:.60}"
            for column, value in zip(self._columns, row.values, strict=True)
        )
        return cut_raw_text(", ".join([f"time={row.stamp!s:.60}", *cells]))
