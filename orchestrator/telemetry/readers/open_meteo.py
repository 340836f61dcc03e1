"""JSON of the Open-Meteo weather API: one place, hourly columns, one fixed offset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from core.psychrometrics import estimate_wet_bulb
from core.telemetry import Quantity
from orchestrator.telemetry.readers.hours import HourReader
from orchestrator.telemetry.readers.numbers import check_json_number
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    ParsedRow,
    ReadRules,
    Reason,
    RefusedRow,
    RowRefused,
    TelemetryFile,
    cut_raw_text,
    refused_row,
)
from orchestrator.telemetry.readers.sources import HashedBytes

MAX_BYTES = 12 * 1024 * 1024
"""The whole JSON is held in memory; this much is some 12 years of a place."""

MAX_CONTAINERS = 1_000
"""Lists and objects: an answer has two dozen, and millions take 30 times their text."""

_DRY_BULB = QUANTITIES.index(Quantity.TEMPERATURE_C)
_HUMIDITY = QUANTITIES.index(Quantity.RELATIVE_HUMIDITY_PCT)
_WET_BULB = QUANTITIES.index(Quantity.WET_BULB_C)

# Present and former names of the API.
_VARIABLES = {
    "temperature_2m": Quantity.TEMPERATURE_C,
    "relative_humidity_2m": Quantity.RELATIVE_HUMIDITY_PCT,
    "relativehumidity_2m": Quantity.RELATIVE_HUMIDITY_PCT,
    "cloud_cover": Quantity.CLOUD_COVER_PCT,
    "cloudcover": Quantity.CLOUD_COVER_PCT,
    "wind_speed_10m": Quantity.WIND_SPEED_KMH,
    "windspeed_10m": Quantity.WIND_SPEED_KMH,
}

# Unit of the file to (scale, offset) into ours.
_UNITS: Mapping[Quantity, Mapping[str, tuple[float, float]]] = {
    Quantity.TEMPERATURE_C: {"°C": (1.0, 0.0), "°F": (1.0 / 1.8, -32.0 / 1.8)},
    Quantity.RELATIVE_HUMIDITY_PCT: {"%": (1.0, 0.0)},
    Quantity.CLOUD_COVER_PCT: {"%": (1.0, 0.0)},
    Quantity.WIND_SPEED_KMH: {
        "km/h": (1.0, 0.0),
        "m/s": (3.6, 0.0),
        "mp/h": (1.609344, 0.0),
        "mph": (1.609344, 0.0),
        "kn": (1.852, 0.0),
    },
}


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    quantity: Quantity
    slot: int
    values: list[object]
    scale: float
    offset: float


def open_open_meteo(content: HashedBytes, rules: ReadRules) -> TelemetryFile:
    """Open the answer of one request; its hours are counted from 1 as line numbers.

    Times carry no offset and are all at `utc_offset_seconds`, in winter and summer,
    whatever `timezone` says: the file has no daylight-saving change. Wet bulb is
    derived where temperature and humidity are there and Stull's fit holds.

    Raises
    ------
    InvalidInput, BadFile
        When no region is given; when the content is not such an answer.
    """
    if rules.region_slug is None:
        message = "An Open-Meteo file names no region; say which one with --region."
        raise InvalidInput(message)
    rules.gate.require(rules.region_slug)
    answer = _load(content)
    hourly = _require_object(answer, "hourly")
    units = _require_object(answer, "hourly_units")
    times = _require_list(hourly, "time")
    columns = _columns(hourly, units, len(times))
    hours = _Hours(answer, units, rules)
    quantities = {column.quantity for column in columns}
    if {Quantity.TEMPERATURE_C, Quantity.RELATIVE_HUMIDITY_PCT} <= quantities:
        quantities.add(Quantity.WET_BULB_C)
    return TelemetryFile(
        quantities=tuple(q for q in QUANTITIES if q in quantities),
        ignored_columns=tuple(
            name for name in hourly if name != "time" and name not in _VARIABLES
        ),
        location_deg=_location(answer),
        rows=_rows(times, columns, hours, rules),
    )


def _load(content: HashedBytes) -> dict[str, object]:
    raw = _read_capped(content)
    if raw.count(b"[") + raw.count(b"{") > MAX_CONTAINERS:
        message = (
            "The file is no hourly answer of Open-Meteo: it holds more than"
            f" {MAX_CONTAINERS:,} lists and objects."
        )
        raise BadFile(message)
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        message = f"The file is no JSON: {exc}."
        raise BadFile(message) from exc
    if not isinstance(answer, dict):
        message = "The file is no answer of Open-Meteo: it must be a JSON object."
        raise BadFile(message)
    if answer.get("error"):
        message = f"The file holds an error of Open-Meteo: {answer.get('reason')}."
        raise BadFile(message)
    return answer


def _read_capped(content: HashedBytes) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := content.read(1 << 16):
        size += len(chunk)
        if size > MAX_BYTES:
            message = (
                f"The JSON is larger than {MAX_BYTES // 1024**2} MiB; request fewer"
                " years at once."
            )
            raise BadFile(message)
        chunks.append(chunk)
    return b"".join(chunks)


def _require_object(parent: dict[str, object], name: str) -> dict[str, object]:
    child = parent.get(name)
    if not isinstance(child, dict):
        message = f"The file is no hourly answer of Open-Meteo: it has no {name!r}."
        raise BadFile(message)
    return child


def _require_list(hourly: dict[str, object], name: str) -> list[object]:
    values = hourly.get(name)
    if not isinstance(values, list):
        message = f"The file is no hourly answer of Open-Meteo: {name!r} is no list."
        raise BadFile(message)
    return values


def _columns(
    hourly: dict[str, object], units: dict[str, object], n_hours: int
) -> tuple[_Column, ...]:
    columns: dict[Quantity, _Column] = {}
    for name, quantity in _VARIABLES.items():
        if name not in hourly:
            continue
        values = _require_list(hourly, name)
        if len(values) != n_hours:
            message = f"{name} has {len(values)} values for {n_hours} hours."
            raise BadFile(message)
        if quantity in columns:
            message = f"{columns[quantity].name} and {name} both carry {quantity}."
            raise BadFile(message)
        unit = units.get(name)
        if not isinstance(unit, str) or unit not in _UNITS[quantity]:
            known = ", ".join(_UNITS[quantity])
            message = f"{name} is in {unit!r}; known units are {known}."
            raise BadFile(message)
        slot = QUANTITIES.index(quantity)
        columns[quantity] = _Column(
            name, quantity, slot, values, *_UNITS[quantity][unit]
        )
    if not columns:
        message = f"The file carries none of {', '.join(_VARIABLES)}."
        raise BadFile(message)
    return tuple(columns.values())


class _Hours:
    """Reads the times of an answer: text at the file's offset, or seconds of UTC."""

    def __init__(
        self, answer: dict[str, object], units: dict[str, object], rules: ReadRules
    ) -> None:
        offset_s = answer.get("utc_offset_seconds")
        if not isinstance(offset_s, int) or not abs(offset_s) <= 14 * 3600:
            message = "The file does not say its offset (utc_offset_seconds)."
            raise BadFile(message)
        self._reader = HourReader(timezone(timedelta(seconds=offset_s)), rules.now_utc)
        self._is_unix = units.get("time") == "unixtime"

    def read(self, time: object) -> datetime:
        if self._is_unix and isinstance(time, int):
            try:
                instant = datetime.fromtimestamp(time, UTC)
            except (OverflowError, ValueError, OSError) as exc:
                message = f"{str(time)[:40]} is no time in seconds since 1970."
                raise RowRefused(Reason.BAD_TIMESTAMP, message) from exc
            return self._reader.check(instant, time)
        return self._reader.read(str(time))


def _rows(
    times: list[object], columns: tuple[_Column, ...], hours: _Hours, rules: ReadRules
) -> Iterator[ParsedRow | RefusedRow]:
    parsed = [
        _parse_hour(index, times[index], columns, hours, rules)
        for index in range(len(times))
    ]
    wet_bulb_c = _derive_wet_bulb(parsed)
    for row, wet_bulb in zip(parsed, wet_bulb_c.tolist(), strict=True):
        if isinstance(row, ParsedRow) and np.isfinite(wet_bulb):
            values = list(row.values)
            values[_WET_BULB] = wet_bulb
            yield row._replace(values=tuple(values))
        else:
            yield row


def _parse_hour(
    index: int,
    time: object,
    columns: tuple[_Column, ...],
    hours: _Hours,
    rules: ReadRules,
) -> ParsedRow | RefusedRow:
    raw_text = _raw_text(index, time, columns)
    try:
        hour_utc = hours.read(time)
        values = _hour_values(index, columns, rules)
    except RowRefused as refusal:
        return refused_row(index + 1, refusal, raw_text)
    return ParsedRow(index + 1, rules.region_slug or "", hour_utc, values, raw_text)


def _hour_values(
    index: int, columns: tuple[_Column, ...], rules: ReadRules
) -> tuple[float | None, ...]:
    values: list[float | None] = [None] * len(QUANTITIES)
    for column in columns:
        values[column.slot] = check_json_number(
            column.values[index],
            column.quantity,
            rules.ranges[column.quantity],
            scale=column.scale,
            offset=column.offset,
        )
    if values.count(None) == len(values):
        message = "The hour has no value."
        raise RowRefused(Reason.NO_VALUES, message)
    return tuple(values)


def _raw_text(index: int, time: object, columns: tuple[_Column, ...]) -> str:
    cells = (f"{column.name}={column.values[index]!s:.60}" for column in columns)
    return cut_raw_text(", ".join([f"time={time!s:.60}", *cells]))


def _derive_wet_bulb(rows: list[ParsedRow | RefusedRow]) -> NDArray[np.float64]:
    """Wet bulb of every row, degC, NaN where it cannot be derived."""
    pairs = [
        (row.values[_DRY_BULB], row.values[_HUMIDITY])
        if isinstance(row, ParsedRow)
        else (None, None)
        for row in rows
    ]
    inputs = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    wet_bulb_c = estimate_wet_bulb(inputs[:, 0], inputs[:, 1], clamp_humidity=True)
    return wet_bulb_c.round(2)


def _location(answer: dict[str, object]) -> tuple[float, float] | None:
    latitude, longitude = answer.get("latitude"), answer.get("longitude")
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        return float(latitude), float(longitude)
    return None
