"""Forecasts in the JSON answers of APIs, as rows of a tidy file of runs.

An answer does not say when it was known: who asked for it does. Recognised are
Open-Meteo (forecast, single runs, ensemble and previous runs), the forecast of
Electricity Maps and that of the UK Carbon Intensity API.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from core.regions import SAME_PLACE_DEG, degrees_apart
from core.telemetry import Quantity
from orchestrator.telemetry.readers.documents import (
    fixed_offset,
    member,
    members,
    number_of,
    text_of,
)
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.open_meteo import VARIABLES
from orchestrator.telemetry.readers.units import conversion

_MEMBER = re.compile(r"_member([0-9]+)\Z")
_PREVIOUS_DAY = re.compile(r"_previous_day([0-9]+)\Z")


class _Row(NamedTuple):
    """One value; `days_ago` where it is of a run so many days before its hour."""

    valid_at_utc: datetime
    quantity: Quantity
    value: float
    model: str = ""
    member: str = ""
    days_ago: int = 0


def tidy_forecasts(
    content: bytes,
    slug: str,
    *,
    known_at_utc: datetime,
    issued_at_utc: datetime | None = None,
    model: str = "",
    region_deg: tuple[float, float] | None = None,
) -> bytes:
    """An answer about a region as a tidy file of `read_weather_forecasts`.

    Values of hours that had begun by the issue are left out. Those of previous days
    prove no time: they are of an archive, and `known_at_utc` stays blank.

    Parameters
    ----------
    known_at_utc : datetime
        When the answer came.
    issued_at_utc : datetime, optional
        Issue of the run, where the question named it; else what the answer says, else
        when it came.
    model : str
        The model that was asked for, where the answer does not name one.
    region_deg : tuple of float, optional
        Latitude and longitude; an answer that names its place has to be about it.

    Raises
    ------
    BadFile
        When the answer is none of these, is cut or of another place, or has no value
        of a coming hour.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        message = "The answer is neither a tidy CSV nor JSON; it may be cut."
        raise BadFile(message) from exc
    if region_deg is not None:
        _require_place(document, region_deg)
    if member(document, "hourly") is not None:
        rows = _open_meteo(document)
    elif isinstance(member(document, "forecast"), list):
        rows = _electricity_maps(document)
        said = text_of(member(document, "updatedAt"))
        issued_at_utc = issued_at_utc or (_instant(said) if said else None)
    elif isinstance(member(document, "data"), list):
        rows = _uk_carbon(document)
    else:
        reason = text_of(member(document, "reason"))
        said = f": {reason[:100]}" if reason else ""
        message = f"The JSON is no forecast that is known here{said}."
        raise BadFile(message)
    issued = min(issued_at_utc or known_at_utc, known_at_utc)
    return _csv(list(rows), slug, known_at_utc, issued, model)


def _open_meteo(document: object) -> Iterator[_Row]:
    hourly, units = member(document, "hourly"), member(document, "hourly_units")
    offset = fixed_offset(member(document, "utc_offset_seconds"))
    if offset is None or not isinstance(hourly, dict):
        message = "The answer does not say its offset (utc_offset_seconds)."
        raise BadFile(message)
    times = [_instant(str(stamp), offset) for stamp in members(hourly, "time")]
    for name in hourly:
        variable = next((v for v in VARIABLES if name.startswith(v)), None)
        if variable is None:
            continue
        quantity = VARIABLES[variable]
        unit = text_of(member(units, name)) or ""
        factor = conversion(quantity, unit, {})
        rest = name.removeprefix(variable)
        of_member, of_day = _MEMBER.search(rest), _PREVIOUS_DAY.search(rest)
        label = _PREVIOUS_DAY.sub("", _MEMBER.sub("", rest)).lstrip("_")
        values = members(hourly, name)
        if len(values) != len(times):
            message = f"{name} does not have a value for each hour; the answer is cut."
            raise BadFile(message)
        for valid, raw in zip(times, values, strict=True):
            value = number_of(raw)
            if value is not None:
                yield _Row(
                    valid,
                    quantity,
                    factor.of(value),
                    label,
                    of_member.group(1) if of_member else "",
                    int(of_day.group(1)) if of_day else 0,
                )


def _electricity_maps(document: object) -> Iterator[_Row]:
    for item in members(document, "forecast"):
        value = number_of(member(item, "carbonIntensity"))
        if value is not None:
            stamp = _instant(str(member(item, "datetime")))
            yield _Row(stamp, Quantity.CARBON_INTENSITY_GCO2_KWH, value)


def _uk_carbon(document: object) -> Iterator[_Row]:
    for item in members(document, "data"):
        value = number_of(member(member(item, "intensity"), "forecast"))
        if value is not None:
            stamp = _instant(str(member(item, "from")))
            yield _Row(stamp, Quantity.CARBON_INTENSITY_GCO2_KWH, value)


def _instant(text: str, zone: tzinfo | None = None) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        message = f"{text[:40]!r} is not an instant."
        raise BadFile(message) from exc
    if found.tzinfo is None:
        if zone is None:
            message = f"{text[:40]} has no time zone."
            raise BadFile(message)
        found = found.replace(tzinfo=zone)
    return found.astimezone(UTC)


def _require_place(document: object, region_deg: tuple[float, float]) -> None:
    latitude = number_of(member(document, "latitude"))
    longitude = number_of(member(document, "longitude"))
    if latitude is None or longitude is None:
        return
    if not degrees_apart((latitude, longitude), region_deg) <= SAME_PLACE_DEG:
        message = (
            f"The answer is about {latitude:.2f}, {longitude:.2f}; the region lies at"
            f" {region_deg[0]:.2f}, {region_deg[1]:.2f}."
        )
        raise BadFile(message)


def _csv(
    rows: list[_Row],
    slug: str,
    known_at_utc: datetime,
    issued_at_utc: datetime,
    model: str,
) -> bytes:
    table: dict[tuple[str, ...], dict[Quantity, float]] = defaultdict(dict)
    for row in rows:
        issued, known = issued_at_utc, known_at_utc.isoformat()
        if row.days_ago:
            issued, known = row.valid_at_utc - timedelta(days=row.days_ago), ""
        if row.valid_at_utc < issued or issued > known_at_utc:
            continue
        times = (issued.isoformat(), known, row.valid_at_utc.isoformat())
        table[(*times, row.model or model, row.member)][row.quantity] = row.value
    if not table:
        message = "The answer has no value of a coming hour."
        raise BadFile(message)
    quantities = list(dict.fromkeys(row.quantity for row in rows))
    text = io.StringIO()
    writer = csv.writer(text)
    names = ("region", "issued_at_utc", "known_at_utc", "valid_at_utc", "model")
    writer.writerow([*names, "member", *(f"{q}_forecast" for q in quantities)])
    for of_run, values in table.items():
        writer.writerow([slug, *of_run, *(values.get(q, "") for q in quantities)])
    return text.getvalue().encode()
