"""Typical years of weather, EPW, TMY3, NSRDB and PVGIS: made, never measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from core.telemetry import Quantity
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import DateOrder, ReadRules
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.shapes.markets import hour_number, hour_of_day
from orchestrator.telemetry.readers.stamps import StampReader, unreadable
from orchestrator.telemetry.readers.tables import (
    Header,
    Layout,
    TableHead,
    value_column,
)

_EPW_CELLS = 35
_EPW = (
    ("Dry Bulb", 6, Quantity.TEMPERATURE_C, "°C"),
    ("Relative Humidity", 8, Quantity.RELATIVE_HUMIDITY_PCT, "%"),
    ("Wind Speed", 21, Quantity.WIND_SPEED_KMH, "m/s"),
    ("Total Sky Cover", 22, Quantity.CLOUD_COVER_PCT, "tenths"),
)
_TMY3 = (
    ("dry-bulb (c)", Quantity.TEMPERATURE_C, "°C"),
    ("rhum (%)", Quantity.RELATIVE_HUMIDITY_PCT, "%"),
    ("wspd (m/s)", Quantity.WIND_SPEED_KMH, "m/s"),
    ("totcld (tenths)", Quantity.CLOUD_COVER_PCT, "tenths"),
)
_NSRDB = (
    ("temperature", Quantity.TEMPERATURE_C, "°C"),
    ("relative humidity", Quantity.RELATIVE_HUMIDITY_PCT, "%"),
    ("wind speed", Quantity.WIND_SPEED_KMH, "m/s"),
)
_PVGIS = (
    ("t2m", Quantity.TEMPERATURE_C, "°C"),
    ("rh", Quantity.RELATIVE_HUMIDITY_PCT, "%"),
    ("ws10m", Quantity.WIND_SPEED_KMH, "m/s"),
)
_PVGIS_POINT = re.compile(r"(latitude|longitude)[^:]*:\s*(-?[0-9.]+)", re.IGNORECASE)


def claims_epw(head: TableHead) -> bool:
    """Whether the first line is an EPW location."""
    first = head.cells[0]
    return bool(first) and first[0] == "LOCATION" and len(first) >= 10


def epw_layout(head: TableHead, rules: ReadRules) -> Layout:
    """Hours 1 to 24 that end, in local standard time.

    Raises
    ------
    BadFile
        When the first line is no location.
    """
    if not claims_epw(head):
        message = "The file does not begin with LOCATION: it is no EPW."
        raise BadFile(message)
    place = head.cells[0]
    names = [str(index) for index in range(_EPW_CELLS)]
    return Layout(
        header=Header(0, names, ","),
        values=tuple(value_column(n, i, q, rules, u) for n, i, q, u in _EPW),
        stamp_of=_epw_stamp,
        span_of=lambda _: 3600,
        takes=lambda cells: len(cells) >= _EPW_CELLS and cells[0].isdecimal(),
        zone=_offset(place[8]),
        place=place[1],
        location_deg=_point(place[6], place[7]),
        derives_wet_bulb=True,
        is_typical_year=True,
    )


def _epw_stamp(cells: list[str]) -> datetime:
    year, month, day = cells[:3]
    try:
        local = datetime(int(year), int(month), int(day))  # noqa: DTZ001 -- local time
    except (ValueError, OverflowError) as exc:
        raise unreadable("-".join(cells[:3])) from exc
    return hour_of_day(local, hour_number(cells[3]))


def claims_tmy3(head: TableHead) -> bool:
    """Whether a line names the date and time of TMY3."""
    return head.find("date (mm/dd/yyyy)", "time (hh:mm)") is not None


def tmy3_layout(head: TableHead, rules: ReadRules) -> Layout:
    """Hours 01:00 to 24:00 that end, in local standard time.

    Raises
    ------
    BadFile
        When it is no TMY3 file.
    """
    header = head.find("date (mm/dd/yyyy)", "time (hh:mm)")
    if header is None or header.place < 1 or len(head.cells[0]) < 7:
        message = "The file has no station line above its header: it is no TMY3."
        raise BadFile(message)
    station = head.cells[0]
    day_index = header.find("date (mm/dd/yyyy)") or 0
    hour_index = header.find("time (hh:mm)") or 0
    days = StampReader(None, DateOrder.MONTH_FIRST, None)

    def stamp(cells: list[str]) -> datetime:
        day = days.read(f"{cells[day_index].strip()} 00:00")
        return hour_of_day(day, hour_number(cells[hour_index]))

    return _named_layout(
        header,
        _TMY3,
        rules,
        stamp,
        zone=_offset(station[3]),
        place=station[1],
        location_deg=_point(station[4], station[5]),
    )


def claims_nsrdb(head: TableHead) -> bool:
    """Whether a line names the parts of the date as NSRDB does."""
    return (
        head.find("year", "month", "day", "hour", "minute", "temperature") is not None
    )


def nsrdb_layout(head: TableHead, rules: ReadRules) -> Layout:
    """A year of NSRDB; it is typical when its months are of different years.

    Raises
    ------
    BadFile
        When it is no such file.
    """
    header = head.find("year", "month", "day", "hour", "minute", "temperature")
    if header is None or header.place < 2:
        message = "The file has no station lines above its header: it is not of NSRDB."
        raise BadFile(message)
    facts = dict(
        zip(
            head.header(header.place - 2).plain,
            head.cells[header.place - 1],
            strict=False,
        )
    )
    parts = [header.find(n) or 0 for n in ("year", "month", "day", "hour", "minute")]
    stamps = _YearOfParts(parts, accepts_typical=rules.accepts_typical_years)
    return _named_layout(
        header,
        _NSRDB,
        rules,
        stamps.read,
        zone=_offset(facts.get("time zone", "")),
        place=facts.get("location id"),
        location_deg=_point(facts.get("latitude", ""), facts.get("longitude", "")),
        is_typical_year=False,
        span_s=0,
    )


class _YearOfParts:
    """Stamps of five cells; months of different years betray a typical year."""

    def __init__(self, parts: list[int], *, accepts_typical: bool) -> None:
        self._parts = parts
        self._accepts_typical = accepts_typical
        self._last: tuple[int, int] | None = None

    def read(self, cells: list[str]) -> datetime:
        texts = [cells[index].strip() for index in self._parts]
        try:
            stamp = datetime(*(int(text) for text in texts))  # type: ignore[arg-type]  # noqa: DTZ001
        except (ValueError, TypeError, OverflowError) as exc:
            raise unreadable("-".join(texts)) from exc
        month = stamp.year, stamp.month
        if self._last not in {None, month} and self._last is not None:
            follows = month in {
                (self._last[0], self._last[1] + 1),
                (self._last[0] + 1, 1 if self._last[1] == 12 else 0),
            }
            if (
                self._last[0] != stamp.year
                and not follows
                and not self._accepts_typical
            ):
                message = (
                    f"The months of the file are of {self._last[0]} and {stamp.year}:"
                    " it is a typical year, which was never measured. Import it with"
                    " --synthetic into a region of generated telemetry."
                )
                raise BadFile(message)
        self._last = month
        return stamp


def claims_pvgis(head: TableHead) -> bool:
    """Whether a line names the time and temperature of PVGIS."""
    return _pvgis_header(head) is not None


def _pvgis_header(head: TableHead) -> Header | None:
    return head.find("time(utc)", "t2m") or head.find("time", "t2m")


def pvgis_layout(head: TableHead, rules: ReadRules) -> Layout:
    """A typical year (`time(UTC)`), or an hourly series of past years (`time`).

    Raises
    ------
    BadFile
        When it is no such file.
    """
    header = _pvgis_header(head)
    if header is None:
        message = "The file has no columns time and T2m: it is not of PVGIS."
        raise BadFile(message)
    stamps = StampReader(None, DateOrder.DAY_FIRST, None)
    index = header.find("time(utc)", "time") or 0
    above = " ".join(" ".join(cells) for cells in head.cells[: header.place])
    found = {name.lower(): value for name, value in _PVGIS_POINT.findall(above)}
    return _named_layout(
        header,
        _PVGIS,
        rules,
        lambda cells: stamps.read(cells[index].strip()),
        zone=UTC,
        location_deg=_point(found.get("latitude", ""), found.get("longitude", "")),
        is_typical_year=header.find("time(utc)") is not None,
        span_s=3600,
        takes=lambda cells: cells[0][:8].isdecimal(),
    )


def _named_layout(
    header: Header,
    known: tuple[tuple[str, Quantity, str], ...],
    rules: ReadRules,
    stamp_of: Callable[[list[str]], datetime],
    *,
    zone: tzinfo,
    place: str | None = None,
    location_deg: tuple[float, float] | None,
    is_typical_year: bool = True,
    span_s: int = 3600,
    takes: Callable[[list[str]], bool] | None = None,
) -> Layout:
    columns: list[ValueColumn] = []
    for name, quantity, unit in known:
        index = header.find(name)
        if index is not None:
            columns.append(
                value_column(header.names[index], index, quantity, rules, unit)
            )
    if not columns:
        message = f"The file carries none of {', '.join(name for name, *_ in known)}."
        raise BadFile(message)
    return Layout(
        header=header,
        values=tuple(columns),
        stamp_of=stamp_of,
        span_of=lambda _: span_s,
        takes=takes,
        zone=zone,
        place=place,
        location_deg=location_deg,
        derives_wet_bulb=True,
        is_typical_year=is_typical_year,
    )


def _offset(text: str) -> tzinfo:
    try:
        return timezone(timedelta(hours=float(text)))
    except (ValueError, OverflowError) as exc:
        message = f"The file's offset {text[:20]!r} is no number of hours."
        raise BadFile(message) from exc


def _point(latitude: str, longitude: str) -> tuple[float, float] | None:
    try:
        return float(latitude), float(longitude)
    except ValueError:
        return None


EPW = Format(
    name="epw",
    words="EnergyPlus weather (typical year, synthetic only)",
    claims_table=claims_epw,
    layout=epw_layout,
)
TMY3 = Format(
    name="tmy3",
    words="TMY3 (typical year, synthetic only)",
    claims_table=claims_tmy3,
    layout=tmy3_layout,
)
NSRDB = Format(
    name="nsrdb",
    words="NSRDB year: CSV",
    claims_table=claims_nsrdb,
    layout=nsrdb_layout,
)
PVGIS = Format(
    name="pvgis",
    words="PVGIS typical year or hourly series: CSV",
    claims_table=claims_pvgis,
    layout=pvgis_layout,
)
