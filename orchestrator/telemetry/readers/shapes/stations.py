"""Weather of stations: METAR of the IEM archive, NOAA's LCD and ISD, Meteostat."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from core.errors import InvalidInput
from core.regions import require_time_zone
from core.telemetry import Quantity
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.tables import (
    Header,
    Layout,
    TableHead,
    value_column,
)

_MINUTE = re.compile(r"[T ][0-9]{1,2}:([0-9]{2})")
_METAR = {
    "tmpf": (Quantity.TEMPERATURE_C, "°F"),
    "tmpc": (Quantity.TEMPERATURE_C, "°C"),
    "relh": (Quantity.RELATIVE_HUMIDITY_PCT, "%"),
    "sknt": (Quantity.WIND_SPEED_KMH, "kn"),
    "sped": (Quantity.WIND_SPEED_KMH, "mph"),
}
_LCD = {
    "hourlydrybulbtemperature": Quantity.TEMPERATURE_C,
    "hourlywetbulbtemperature": Quantity.WET_BULB_C,
    "hourlyrelativehumidity": Quantity.RELATIVE_HUMIDITY_PCT,
    "hourlywindspeed": Quantity.WIND_SPEED_KMH,
}
_METEOSTAT = {
    "temp": (Quantity.TEMPERATURE_C, "°C"),
    "rhum": (Quantity.RELATIVE_HUMIDITY_PCT, "%"),
    "wspd": (Quantity.WIND_SPEED_KMH, "km/h"),
    "cldc": (Quantity.CLOUD_COVER_PCT, "okta"),
}
_METEOSTAT_BULK = (
    *("date", "hour", "temp", "dwpt", "rhum", "prcp", "snow", "wdir", "wspd", "wpgt"),
    *("pres", "tsun", "coco"),
)
_ROUTINE_REPORTS = ("FM-15", "FM-12", "SAO", "AUTO")
_GOOD_QUALITY = frozenset("01459ACIMPRU")


def claims_metar(head: TableHead) -> bool:
    """Whether a line names station, valid and a temperature or wind."""
    return _metar_header(head) is not None


def _metar_header(head: TableHead) -> Header | None:
    for place in range(len(head.cells)):
        header = head.header(place)
        has_stamp = any(name.startswith("valid") for name in header.plain)
        if has_stamp and "station" in header.plain:
            return header
    return None


def metar_layout(head: TableHead, rules: ReadRules) -> Layout:
    """Routine reports of one station; special reports between them are read past.

    Raises
    ------
    BadFile
        When it is no such file.
    """
    header = _metar_header(head)
    if header is None:
        message = "The file has no columns station and valid: it is no METAR archive."
        raise BadFile(message)
    stamp_index = next(
        i for i, name in enumerate(header.plain) if name.startswith("valid")
    )
    zone_name = header.names[stamp_index].partition("(")[2].rstrip(")") or "UTC"
    try:
        zone = UTC if zone_name == "UTC" else require_time_zone(zone_name)
    except InvalidInput as exc:
        raise BadFile(exc.message) from exc
    minutes = _routine_minutes(head, header, stamp_index)
    station_index = header.find("station")
    values = _columns(header, _METAR, rules)
    return Layout(
        header=header,
        values=values,
        stamp_index=stamp_index,
        span_of=lambda _: 3600 // max(len(minutes), 1),
        takes=lambda cells: _minute_of(cells, stamp_index) in minutes,
        place_index=station_index,
        ignored_columns=header.unused(
            [stamp_index, station_index, *(column.index for column in values)]
        ),
        zone=zone,
        location_deg=_location(head, header, "lat", "lon"),
        derives_wet_bulb=True,
    )


def _minute_of(cells: list[str], index: int) -> int | None:
    match = _MINUTE.search(cells[index]) if len(cells) > index else None
    return int(match[1]) if match else None


def _routine_minutes(head: TableHead, header: Header, index: int) -> set[int]:
    """Minutes of the hour at which most reports come, with two minutes around each."""
    counts: Counter[int] = Counter()
    for cells in head.cells[header.place + 1 :]:
        minute = _minute_of(cells, index)
        if minute is not None:
            counts[minute] += 1
    if not counts:
        return set(range(60))
    most = counts.most_common(1)[0][1]
    return {minute for minute, count in counts.items() if 2 * count >= most}


def claims_lcd(head: TableHead) -> bool:
    """Whether it has the hourly columns of local climatological data."""
    return "hourlydrybulbtemperature" in head.header(0).plain


def lcd_layout(head: TableHead, rules: ReadRules) -> Layout:
    """Routine hourly reports, in local standard time.

    The files are in °F and mph or in °C and m/s and do not say which: it must be said.

    Raises
    ------
    BadFile
        When the units or the offset were not said.
    """
    header = head.header(0)
    units = rules.options.units
    if Quantity.TEMPERATURE_C not in units:
        message = (
            "LCD files are in °F and mph or, in version 2, in °C and m/s, and do not"
            " say which; say --unit temperature_c=F --unit wet_bulb_c=F --unit"
            " wind_speed_kmh=mph, or C and m/s."
        )
        raise BadFile(message)
    if rules.zone is None or isinstance(rules.zone, ZoneInfo):
        message = (
            "LCD stamps are local standard time all year; say the offset, as in"
            " --timezone -06:00."
        )
        raise BadFile(message)
    stamp_index = header.require("an LCD file", "date")
    report_index = header.find("report_type")
    known = {
        name: (quantity, None)
        for name, quantity in _LCD.items()
        if quantity in units or quantity is Quantity.RELATIVE_HUMIDITY_PCT
    }
    values = _columns(header, known, rules)
    return Layout(
        header=header,
        values=values,
        stamp_index=stamp_index,
        span_of=lambda _: 3600,
        takes=_routine(report_index),
        # An s marks a suspect value, and V one that varied.
        texts={
            c.index: lambda text: "" if text[-1:] in {"s", "V"} else text
            for c in values
        },
        ignored_columns=header.unused(
            [stamp_index, report_index, *(column.index for column in values)]
        ),
        place=_first(head, header, "station"),
        location_deg=_location(head, header, "latitude", "longitude"),
        derives_wet_bulb=Quantity.WET_BULB_C not in {c.quantity for c in values},
    )


def claims_isd(head: TableHead) -> bool:
    """Whether it is a CSV of the integrated surface database."""
    return {"station", "date", "report_type", "tmp"} <= set(head.header(0).plain)


def isd_layout(head: TableHead, rules: ReadRules) -> Layout:
    """Routine reports in UTC; values of doubtful quality are missing.

    Raises
    ------
    BadFile
        When a needed column is missing.
    """
    header = head.header(0)
    stamp_index = header.require("an ISD file", "date")
    temperature_index = header.require("an ISD file", "tmp")
    wind_index = header.find("wnd")
    report_index = header.find("report_type")
    values = [value_column("TMP", temperature_index, Quantity.TEMPERATURE_C, rules)]
    texts: dict[int, Callable[[str], str]] = {
        temperature_index: lambda text: _tenths(text, 0, 1)
    }
    if wind_index is not None:
        quantity = Quantity.WIND_SPEED_KMH
        values.append(value_column("WND", wind_index, quantity, rules, "m/s"))
        texts[wind_index] = lambda text: _tenths(text, 3, 4)
    return Layout(
        header=header,
        values=tuple(values),
        stamp_index=stamp_index,
        span_of=lambda _: 3600,
        takes=_routine(report_index),
        texts=texts,
        ignored_columns=header.unused(
            [stamp_index, report_index, *(column.index for column in values)]
        ),
        zone=UTC,
        place=_first(head, header, "station"),
        location_deg=_location(head, header, "latitude", "longitude"),
    )


def _tenths(text: str, value_at: int, quality_at: int) -> str:
    """A value in tenths of a cell like `+0094,1`; blank when missing or doubtful."""
    parts = text.split(",")
    if len(parts) <= quality_at or parts[quality_at] not in _GOOD_QUALITY:
        return ""
    digits = parts[value_at]
    if digits.lstrip("+") in {"9999", "99999"}:
        return ""
    return f"{digits[:-1]}.{digits[-1:]}"


def claims_meteostat(head: TableHead) -> bool:
    """Whether it has Meteostat's names, or is a bulk file, which has none."""
    return _meteostat_header(head) is not None


def _meteostat_header(head: TableHead) -> Header | None:
    for place in range(min(len(head.cells), 3)):
        header = head.header(place)
        names = set(header.plain)
        has_stamp = "time" in names or {"date", "hour"} <= names or "year" in names
        if has_stamp and "temp" in names and names & {"rhum", "wspd", "coco"}:
            return header
    first = head.cells[0]
    is_bulk = len(first) == len(_METEOSTAT_BULK) and re.fullmatch(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}", first[0]
    )
    if is_bulk and first[1].isdecimal():
        return Header(-1, list(_METEOSTAT_BULK), head.delimiters[0])
    return None


def meteostat_layout(head: TableHead, rules: ReadRules) -> Layout:
    """Hourly values in UTC; where a source says that a model filled in, it is marked.

    Raises
    ------
    BadFile
        When it is no such file.
    """
    header = _meteostat_header(head)
    if header is None:
        message = "The file has no columns time, temp and rhum: it is not of Meteostat."
        raise BadFile(message)
    values = _columns(header, _METEOSTAT, rules)
    parts = [header.find(name) for name in ("year", "month", "day", "hour")]
    day_index, hour_index = header.find("date"), header.find("hour")
    source_index = header.find("temp_source")
    return Layout(
        header=header,
        values=values,
        stamp_index=header.find("time") or 0,
        stamp_of=None
        if header.find("time") is not None
        else _stamp_of_parts(parts, day_index, hour_index),
        ignored_columns=header.unused(
            [header.find("time"), *parts, day_index, hour_index]
            + [column.index for column in values]
        ),
        zone=UTC,
        place=_first(head, header, "station"),
        is_forecast=None
        if source_index is None
        else lambda cells: "mosmix" in cells[source_index].lower(),
        derives_wet_bulb=True,
    )


def _stamp_of_parts(
    parts: list[int | None], day_index: int | None, hour_index: int | None
) -> Callable[[list[str]], str | datetime]:
    if day_index is not None:
        return lambda cells: f"{cells[day_index].strip()} {cells[hour_index or 0]}:00"

    def stamp(cells: list[str]) -> str:
        year, month, day, hour = (cells[index or 0].strip() for index in parts)
        return f"{year}-{month}-{day} {hour}:00"

    return stamp


def _columns(
    header: Header,
    known: dict[str, tuple[Quantity, str]] | dict[str, tuple[Quantity, None]],
    rules: ReadRules,
) -> tuple[ValueColumn, ...]:
    """Known columns, each quantity once; raises BadFile when there is none."""
    columns: dict[Quantity, ValueColumn] = {}
    for name, (quantity, unit) in known.items():
        index = header.find(name)
        if index is not None and quantity not in columns:
            columns[quantity] = value_column(
                header.names[index], index, quantity, rules, unit
            )
    if not columns:
        message = f"The file carries none of {', '.join(known)}."
        raise BadFile(message)
    return tuple(columns.values())


def _routine(index: int | None) -> Callable[[list[str]], bool] | None:
    if index is None:
        return None
    return lambda cells: (
        len(cells) > index and cells[index].strip().startswith(_ROUTINE_REPORTS)
    )


def _first(head: TableHead, header: Header, name: str) -> str | None:
    index = header.find(name)
    below = head.cells[header.place + 1 : header.place + 2]
    if index is None or not below or len(below[0]) <= index:
        return None
    return below[0][index]


def _location(
    head: TableHead, header: Header, latitude: str, longitude: str
) -> tuple[float, float] | None:
    try:
        return (
            float(_first(head, header, latitude) or ""),
            float(_first(head, header, longitude) or ""),
        )
    except ValueError:
        return None


METAR = Format(
    name="metar",
    words="METAR archive of the IEM: CSV",
    claims_table=claims_metar,
    layout=metar_layout,
)
LCD = Format(
    name="lcd",
    words="NOAA local climatological data: CSV",
    claims_table=claims_lcd,
    layout=lcd_layout,
)
ISD = Format(
    name="isd",
    words="NOAA integrated surface database: CSV",
    claims_table=claims_isd,
    layout=isd_layout,
)
METEOSTAT = Format(
    name="meteostat",
    words="Meteostat hourly: CSV",
    claims_table=claims_meteostat,
    layout=meteostat_layout,
)
