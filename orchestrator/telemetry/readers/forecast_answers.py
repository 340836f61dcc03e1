"""What was published about coming hours, as rows of a tidy file of runs.

An answer or file does not say when it was known: who asked for it does. Weather is
read of Open-Meteo (forecast, single runs, ensemble and previous runs). Anything else,
such as the prices of a market or a forecast of carbon intensity, is a telemetry file
with hours to come, and is read as one.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from core.carbon import CarbonSignalKind
from core.regions import SAME_PLACE_DEG, degrees_apart
from core.telemetry import HOUR, VALID_RANGES, Quantity
from orchestrator.telemetry.readers.documents import (
    fixed_offset,
    member,
    members,
    number_of,
    text_of,
)
from orchestrator.telemetry.readers.forecast_files import MAX_LEAD_H
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.options import ReadOptions, ReadRules
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    ParsedRow,
    RefusedRow,
    RegionGate,
)
from orchestrator.telemetry.readers.shapes.open_meteo import VARIABLES
from orchestrator.telemetry.readers.sources import open_source
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file or an answer about the coming hours of a region.

    Attributes
    ----------
    known_at_utc : datetime
        When it came.
    issued_at_utc : datetime, optional
        Issue of the run, where the question named it; else what the answer says, else
        when it came.
    model : str
        The model that was asked for, where the answer does not name one.
    region_deg : tuple of float, optional
        Latitude and longitude; what names its place has to be about it.
    telemetry_format, options, carbon_kind, zone
        How it is read unless it is of Open-Meteo.
    """

    content: bytes
    region_slug: str
    known_at_utc: datetime
    issued_at_utc: datetime | None = None
    model: str = ""
    region_deg: tuple[float, float] | None = None
    telemetry_format: TelemetryFormat = TelemetryFormat.AUTO
    options: ReadOptions = field(default_factory=ReadOptions)
    carbon_kind: CarbonSignalKind | None = None
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyForecasts:
    """A tidy file of `read_weather_forecasts`, and the kind of its carbon intensity."""

    file: bytes
    carbon_kind: CarbonSignalKind | None = None


def tidy_forecasts(published: PublishedFile) -> TidyForecasts:
    """What was published as a tidy file.

    Values of hours that had begun by the issue are left out. Those of previous days
    prove no time: they are of an archive, and `known_at_utc` stays blank.

    Raises
    ------
    BadFile
        When it is of no format, cut or of another place, or has no value of a coming
        hour.
    """
    document = _document(published.content)
    if published.region_deg is not None:
        _require_place(document, published.region_deg)
    said = None
    carbon_kind = None
    if member(document, "hourly") is not None:
        rows = list(_open_meteo(document))
        refusal = ""
    else:
        reason = text_of(member(document, "reason"))
        if reason:
            message = f"The source answered: {reason[:100]}."
            raise BadFile(message)
        said = _issue_said(document)
        rows, refusal, carbon_kind = _hours_to_come(published)
    issued = published.issued_at_utc or said or published.known_at_utc
    file = _csv(rows, published, min(issued, published.known_at_utc), refusal)
    return TidyForecasts(file=file, carbon_kind=carbon_kind)


def _document(content: bytes) -> object:
    """The JSON document; None for another file."""
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document


def _issue_said(document: object) -> datetime | None:
    """When an answer of Electricity Maps or WattTime says that it was made."""
    said = text_of(member(document, "updatedAt")) or text_of(
        member(member(document, "meta"), "generated_at")
    )
    return _instant(said) if said else None


def _hours_to_come(
    published: PublishedFile,
) -> tuple[list[_Row], str, CarbonSignalKind | None]:
    """The hours of a telemetry file, read as if they had passed; and a refusal."""
    slug = published.region_slug
    rules = ReadRules(
        gate=RegionGate({slug}),
        region_slug=slug,
        zone=published.zone,
        now_utc=published.known_at_utc + MAX_LEAD_H * HOUR,
        ranges=VALID_RANGES,
        carbon_kind=published.carbon_kind,
        region_deg=published.region_deg,
        options=published.options,
    )
    with open_source(io.BytesIO(published.content)) as content:
        opened = open_telemetry_file(published.telemetry_format, content, rules)
        hours = list(opened.rows)
    read = {quantity for _, quantity, _ in opened.columns}
    rows = [
        _Row(hour.hour_utc, quantity, value)
        for hour in hours
        if isinstance(hour, ParsedRow)
        for quantity, value in zip(QUANTITIES, hour.values, strict=True)
        if value is not None and quantity in read
    ]
    refusals = (hour.reason for hour in hours if isinstance(hour, RefusedRow))
    return rows, next(refusals, ""), opened.carbon_kind


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
    rows: list[_Row], published: PublishedFile, issued_at_utc: datetime, refusal: str
) -> bytes:
    known_at_utc = published.known_at_utc
    table: dict[tuple[str, ...], dict[Quantity, float]] = defaultdict(dict)
    for row in rows:
        issued, known = issued_at_utc, known_at_utc.isoformat()
        if row.days_ago:
            issued, known = row.valid_at_utc - timedelta(days=row.days_ago), ""
        if row.valid_at_utc < issued or issued > known_at_utc:
            continue
        times = (issued.isoformat(), known, row.valid_at_utc.isoformat())
        of_run: tuple[str, ...] = (*times, row.model or published.model, row.member)
        table[of_run][row.quantity] = row.value
    if not table:
        message = f"The answer has no value of a coming hour. {refusal}".rstrip()
        raise BadFile(message)
    quantities = list(dict.fromkeys(row.quantity for row in rows))
    text = io.StringIO()
    writer = csv.writer(text)
    names = ("region", "issued_at_utc", "known_at_utc", "valid_at_utc", "model")
    writer.writerow([*names, "member", *(f"{q}_forecast" for q in quantities)])
    for of_run, values in table.items():
        cells = (values.get(q, "") for q in quantities)
        writer.writerow([published.region_slug, *of_run, *cells])
    return text.getvalue().encode()
