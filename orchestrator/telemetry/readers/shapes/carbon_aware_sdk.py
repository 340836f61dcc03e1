"""Emissions files of the Carbon Aware SDK: ratings of locations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.carbon import CarbonScope, CarbonSignalKind
from core.telemetry import Quantity
from orchestrator.telemetry.readers.documents import (
    JsonRow,
    json_reading,
    require_region,
)
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.pipeline import Reading
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.tables import value_column


def claims_json(document: object) -> bool:
    """Whether it holds ratings of locations."""
    rows = _rows_of(document)
    return bool(rows) and {"location", "rating"} <= set(rows[0])


def _rows_of(document: object) -> list[Mapping[str, object]]:
    """Ratings with the names of their members in lower case."""
    if isinstance(document, dict):
        for name in ("Emissions", "emissions", "emissionsData", "EmissionsData"):
            if isinstance(document.get(name), list):
                document = document[name]
                break
    if not isinstance(document, list):
        return []
    return [
        {str(name).lower(): value for name, value in row.items()}
        for row in document
        if isinstance(row, dict)
    ]


def open_json(document: object, rules: ReadRules) -> Reading:
    """Ratings of one location, g/kWh.

    The files do not say what the rating means; the kind that is said holds.

    Raises
    ------
    BadFile
        When it is no such file, or holds several locations and none is chosen.
    """
    require_region(rules, "A file of the Carbon Aware SDK")
    rows = [row for row in _rows_of(document) if "rating" in row]
    if not rows:
        message = "The JSON is no file of the Carbon Aware SDK: it has no ratings."
        raise BadFile(message)
    places = sorted({str(row.get("location")) for row in rows})
    wanted = rules.options.place or (places[0] if len(places) == 1 else None)
    if wanted is None or wanted not in places:
        message = (
            f"The file is about {len(places)} locations ({', '.join(places)[:200]});"
            " say with --place which of them stands for the region."
        )
        raise BadFile(message)
    quantity = Quantity.CARBON_INTENSITY_GCO2_KWH
    return json_reading(
        FORMAT.name,
        _json_rows([row for row in rows if str(row.get("location")) == wanted]),
        (value_column("Rating", 0, quantity, rules),),
        rules,
        carbon_kind=rules.carbon_kind or CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE),
        place=wanted,
    )


def _json_rows(rows: list[Mapping[str, object]]) -> Iterator[JsonRow]:
    for row in rows:
        yield JsonRow(
            row.get("time"),
            [row.get("rating")],
            span_s=duration_s(row.get("duration")),
        )


def duration_s(value: object) -> int:
    """A duration of .NET like `01:00:00` or `1.00:00:00`, seconds; 0 for no such text.

    Examples
    --------
    >>> duration_s("01:00:00"), duration_s("1.00:00:00"), duration_s(None)
    (3600, 86400, 0)
    """
    if not isinstance(value, str):
        return 0
    days, point, clock = (
        value.rpartition(".") if value.count(".") == 1 else ("", "", value)
    )
    parts = clock.split(":")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 4 for part in parts):
        return 0
    whole_days = int(days) if point and days.isdecimal() and len(days) < 6 else 0
    hours, minutes, seconds = (int(part) for part in parts)
    return whole_days * 86_400 + hours * 3600 + minutes * 60 + seconds


FORMAT = Format(
    name="carbon-aware-sdk",
    words="Emissions file of the Carbon Aware SDK",
    claims_json=claims_json,
    open_json=open_json,
)
