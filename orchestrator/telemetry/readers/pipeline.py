"""From the samples of a file to the hours that can be taken, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo

import numpy as np

from core.carbon import CarbonSignalKind
from core.psychrometrics import estimate_wet_bulb
from core.telemetry import Quantity
from orchestrator.telemetry.readers.hourly import LEAST_SHARE, HourMaker
from orchestrator.telemetry.readers.local_clock import LocalClock
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import ReadRules, StampAt
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    Findings,
    HourBlock,
    HourRow,
    ParsedRow,
    Reason,
    RefusedRow,
    RowRefused,
    SampleRow,
    TelemetryFile,
)
from orchestrator.telemetry.readers.stamps import offset_text, unreadable
from orchestrator.telemetry.readers.steps import HOUR_S, step_words

_CHUNK_ROWS = 2_000
_DRY_BULB = QUANTITIES.index(Quantity.TEMPERATURE_C)
_HUMIDITY = QUANTITIES.index(Quantity.RELATIVE_HUMIDITY_PCT)
_WET_BULB = QUANTITIES.index(Quantity.WET_BULB_C)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An opened file before its samples become hours.

    Attributes
    ----------
    zone : tzinfo | None
        What stamps without an offset mean; None when such stamps are refused.
    stamp_at : StampAt
        Which end of their interval the stamps name.
    derives_wet_bulb : bool
        The file is about weather, and wet bulb follows from temperature and humidity.
    future_is_forecast : bool
        A file with hours to come is a forecast as a whole.
    """

    format: str
    columns: tuple[ValueColumn, ...]
    samples: Iterator[SampleRow | HourBlock]
    findings: Findings
    zone: tzinfo | None
    stamp_at: StampAt = StampAt.BEGIN
    ignored_columns: tuple[str, ...] = ()
    carbon_kind: CarbonSignalKind | None = None
    place: str | None = None
    location_deg: tuple[float, float] | None = None
    derives_wet_bulb: bool = False
    is_typical_year: bool = False
    future_is_forecast: bool = False


def make_file(reading: Reading, rules: ReadRules) -> TelemetryFile:
    """The file with rows that are full UTC hours."""
    samples = reading.samples
    if isinstance(reading.zone, ZoneInfo):
        samples = LocalClock(reading.zone, reading.findings).read(samples)
    rows = HourMaker(rules, reading.findings, reading.stamp_at).read(samples)
    if reading.future_is_forecast:
        rows = _without_future(rows)
    quantities = {column.quantity for column in reading.columns}
    if reading.derives_wet_bulb and quantities >= _WET_BULB_INPUTS:
        reading.findings.derived.add(Quantity.WET_BULB_C)
        rows = _with_wet_bulb(rows)
    return TelemetryFile(
        format=reading.format,
        columns=tuple(
            (column.name, column.quantity, column.conversion.unit)
            for column in reading.columns
        ),
        ignored_columns=reading.ignored_columns,
        carbon_kind=reading.carbon_kind,
        time_zone=_zone_words(reading),
        uses_zone_given=rules.zone is not None and reading.zone is rules.zone,
        findings=reading.findings,
        hours=_noted(rows, reading.findings),
        place=reading.place,
        location_deg=reading.location_deg,
        is_typical_year=reading.is_typical_year,
    )


_WET_BULB_INPUTS = {Quantity.TEMPERATURE_C, Quantity.RELATIVE_HUMIDITY_PCT}


def on_time_line(stamp: datetime, zone: tzinfo | None, text: object) -> datetime:
    """`stamp` in UTC; as it is when its zone has daylight saving, for `LocalClock`.

    Raises
    ------
    RowRefused
        When it has no offset and no zone was given.
    """
    try:
        if stamp.tzinfo is not None:
            return stamp.astimezone(UTC)
        if isinstance(zone, ZoneInfo):
            stamp.replace(tzinfo=UTC) + timedelta(days=2)  # neither end of the calendar
            stamp.replace(tzinfo=UTC) - timedelta(days=2)
            return stamp
        if zone is not None:
            return stamp.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError as exc:
        raise unreadable(str(text)) from exc
    message = (
        f"{str(text)[:60]} has no time zone; give --timezone with an IANA name or an"
        " offset like -05:00."
    )
    raise RowRefused(Reason.NAIVE_TIMESTAMP, message)


def _with_wet_bulb(
    rows: Iterator[HourRow | HourBlock],
) -> Iterator[HourRow | HourBlock]:
    """Rows with the wet bulb that follows from temperature and humidity, degC."""
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        pairs = [
            (row.values[_DRY_BULB], row.values[_HUMIDITY])
            if isinstance(row, ParsedRow)
            else (None, None)
            for row in chunk
        ]
        inputs = np.array(pairs, dtype=np.float64).reshape(-1, 2)
        wet_bulb_c = estimate_wet_bulb(inputs[:, 0], inputs[:, 1], clamp_humidity=True)
        for row, wet_bulb in zip(chunk, wet_bulb_c.round(2).tolist(), strict=True):
            if not isinstance(row, ParsedRow) or not np.isfinite(wet_bulb):
                yield row
                continue
            values = list(row.values)
            values[_WET_BULB] = wet_bulb
            yield row._replace(values=tuple(values))


def _without_future(
    rows: Iterator[HourRow | HourBlock],
) -> Iterator[HourRow | HourBlock]:
    """The rows; raises BadFile at an hour to come, which betrays a forecast."""
    for row in rows:
        if isinstance(row, RefusedRow) and row.code is Reason.FUTURE_HOUR:
            message = (
                "The file reaches into the future: it is a forecast, and its past hours"
                " were never measured. Download past weather."
            )
            raise BadFile(message)
        yield row


def _noted(
    rows: Iterator[HourRow | HourBlock], findings: Findings
) -> Iterator[HourRow | HourBlock]:
    """The rows; when the last was read, what there is to say about all of them."""
    estimated = forecast = 0
    for row in rows:
        if type(row) is ParsedRow:
            _, _, _, _, _, is_estimated, is_forecast, _ = row
            if is_estimated or is_forecast:
                estimated += is_estimated
                forecast += is_forecast
        yield row
    finer = sorted(step for step in findings.steps_s if step < HOUR_S)
    if finer:
        words = " and ".join(step_words(step) for step in finer)
        findings.note(
            f"{words} values were made hourly: means, water as sums, and the warmest"
            f" temperature beside the mean; a mean needs {LEAST_SHARE:.0%} of its hour."
        )
    if findings.missing_cells:
        total = sum(findings.missing_cells.values())
        words = ", ".join(list(findings.missing_cells)[:6])
        findings.note(f"{total:,} cells say that a value is missing ({words}).")
    if estimated:
        findings.note(
            f"{estimated:,} hours are estimated by the source: marked, and not used"
            " until they are measured."
        )
    if forecast:
        findings.note(f"{forecast:,} hours are forecasts, not measurements.")


def _zone_words(reading: Reading) -> str:
    zone = reading.zone
    if zone is None:
        return "as written; stamps without an offset are refused"
    if isinstance(zone, ZoneInfo):
        return str(zone)
    offset = zone.utcoffset(None)
    return "UTC" if not offset else offset_text(offset)
