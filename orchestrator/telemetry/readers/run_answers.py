"""Runs of weather models from answers of an API, as the tidy table of runs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from core.regions import SAME_PLACE_DEG, degrees_apart
from core.telemetry import Quantity
from orchestrator.telemetry.readers.documents import member, number_of
from orchestrator.telemetry.readers.rows import BadFile

OPEN_METEO_VARIABLES: Mapping[Quantity, tuple[str, str]] = {
    Quantity.TEMPERATURE_C: ("temperature_2m", "°C"),
    Quantity.RELATIVE_HUMIDITY_PCT: ("relative_humidity_2m", "%"),
    Quantity.WET_BULB_C: ("wet_bulb_temperature_2m", "°C"),
    Quantity.WIND_SPEED_KMH: ("wind_speed_10m", "km/h"),
    Quantity.CLOUD_COVER_PCT: ("cloud_cover", "%"),
}
"""What the API calls each quantity, and the unit in which it gives it by default."""

_BY_NAME = {name: (q, unit) for q, (name, unit) in OPEN_METEO_VARIABLES.items()}
_NAME = re.compile(
    rf"({'|'.join(_BY_NAME)})(?:_previous_day([1-7])|_member([0-9]{{1,3}}))?"
)
_Row = tuple[datetime, datetime | None, datetime, str]
"""Issue, known, valid hour, member."""


def open_meteo_runs(
    content: bytes,
    *,
    region_slug: str,
    region_deg: tuple[float, float],
    model: str,
    issued_at_utc: datetime,
    known_at_utc: datetime,
) -> bytes:
    """One answer as a tidy CSV of runs: forecast, single run, ensemble, previous runs.

    A value of a previous day counts as issued so many days before its hour, and cannot
    prove when it was known. Hours before the issue are left out.

    Raises
    ------
    BadFile
        When it is no such answer, is of another place, or in other units.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        message = "The answer of Open-Meteo is no JSON; it may be cut."
        raise BadFile(message) from exc
    hourly, units = member(document, "hourly"), member(document, "hourly_units")
    times = member(hourly, "time")
    if (
        not isinstance(document, dict)
        or not isinstance(hourly, dict)
        or not isinstance(units, dict)
        or not isinstance(times, list)
    ):
        reason = str(member(document, "reason"))
        message = f"The answer holds no hours of a run: {reason[:100]}."
        raise BadFile(message)
    _require_place(document, region_deg)
    hours = _hours(times, document.get("utc_offset_seconds"))
    table: dict[_Row, dict[Quantity, float]] = defaultdict(dict)
    for name, values in hourly.items():
        found = _NAME.fullmatch(name)
        if found is None:
            continue
        quantity, unit = _BY_NAME[found.group(1)]
        if units.get(name) != unit:
            message = f"{name} is in {str(units.get(name))[:20]!r}, not in {unit}."
            raise BadFile(message)
        if not isinstance(values, list) or len(values) != len(hours):
            message = f"{name} does not have a value for each hour; the answer is cut."
            raise BadFile(message)
        days, of_member = found.group(2), found.group(3) or ""
        for hour, value in zip(hours, values, strict=True):
            number = number_of(value)
            issued = hour - timedelta(days=int(days)) if days else issued_at_utc
            known = None if days else known_at_utc
            if number is not None and issued <= hour and issued <= known_at_utc:
                table[issued, known, hour, of_member][quantity] = number
    if not table:
        message = "The answer holds no hour from its issue on."
        raise BadFile(message)
    return _csv(table, region_slug, model)


def _csv(
    table: Mapping[_Row, Mapping[Quantity, float]], region_slug: str, model: str
) -> bytes:
    quantities = sorted({q for values in table.values() for q in values})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            *("region", "issued_at_utc", "known_at_utc", "valid_at_utc", "model"),
            *("member", *(f"{quantity}_forecast" for quantity in quantities)),
        ]
    )
    for (issued, known, hour, of_member), values in table.items():
        instants = (t.isoformat() if t else "" for t in (issued, known, hour))
        numbers = (values.get(quantity, "") for quantity in quantities)
        writer.writerow([region_slug, *instants, model, of_member, *numbers])
    return text.getvalue().encode()


def _hours(times: list[object], offset_s: object) -> list[datetime]:
    if offset_s != 0:
        message = "The answer is not in UTC (utc_offset_seconds)."
        raise BadFile(message)
    try:
        return [datetime.fromisoformat(str(time)).replace(tzinfo=UTC) for time in times]
    except ValueError as exc:
        message = "The answer holds a time that is none."
        raise BadFile(message) from exc


def _require_place(
    document: Mapping[str, object], region_deg: tuple[float, float]
) -> None:
    latitude = number_of(document.get("latitude"))
    longitude = number_of(document.get("longitude"))
    if latitude is None or longitude is None:
        message = "The answer does not say its place."
        raise BadFile(message)
    if not degrees_apart((latitude, longitude), region_deg) <= SAME_PLACE_DEG:
        message = (
            f"The answer is about {latitude:.2f}, {longitude:.2f}; the region lies at"
            f" {region_deg[0]:.2f}, {region_deg[1]:.2f}."
        )
        raise BadFile(message)
