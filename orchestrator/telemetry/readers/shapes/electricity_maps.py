"""Electricity Maps: CSV of the data portal, and answers of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC

from core.carbon import CarbonMethod, CarbonScope, CarbonSignalKind
from core.errors import InvalidInput
from core.telemetry import Quantity
from orchestrator.telemetry.readers.documents import (
    JsonRow,
    json_reading,
    members,
    require_region,
    text_of,
)
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.pipeline import Reading
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.tables import (
    Header,
    Layout,
    TableHead,
    require_header,
    value_column,
)

_WORDS = "a CSV of Electricity Maps"
_HOUR_COLUMN = "datetime (utc)"
_CARBON_COLUMNS = {
    CarbonScope.DIRECT: ("carbon intensity gco2eq/kwh (direct)",),
    CarbonScope.LIFE_CYCLE: (
        "carbon intensity gco2eq/kwh (lca)",
        "carbon intensity gco2eq/kwh (life cycle)",
        "carbon intensity gco2eq/kwh (lifecycle)",
    ),
}
_ARCHIVE_COLUMNS = ("carbon_intensity_avg", "carbon_intensity_direct_avg")
_SCOPES = {"lifecycle": CarbonScope.LIFE_CYCLE, "direct": CarbonScope.DIRECT}
_NO_WORDS = frozenset({"", "false", "0", "no", "none", "null", "measured"})


def claims(head: TableHead) -> bool:
    """Whether the first line is that of the portal, or of the API's archive."""
    names = set(head.header(0).plain)
    carbon = {name for names in _CARBON_COLUMNS.values() for name in names}
    return (_HOUR_COLUMN in names and not names.isdisjoint(carbon)) or (
        {"datetime", "carbon_intensity_avg"} <= names
    )


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """The carbon intensity of the kind asked for, of one zone.

    The region is the zone id, unless a region is given: the zone then stands for it
    (zone `DE` for region `DE-LU`). The column's name says that times are UTC, so a
    time zone given otherwise is not used.

    Raises
    ------
    BadFile, InvalidInput
        When a needed column is missing; when the region is named nowhere.
    """
    header = require_header(head)
    if header.find("carbon_intensity_avg") is not None:
        return _archive_layout(header, rules)
    scope = average_kind(rules).scope
    hour_index = header.require(_WORDS, _HOUR_COLUMN)
    carbon_index = header.require(_WORDS, *_CARBON_COLUMNS[scope])
    zone_index = header.find("zone id")
    if zone_index is None and rules.region_slug is None:
        message = "The file has no column 'Zone Id'; say which region with --region."
        raise InvalidInput(message)
    estimated_index = header.find("data estimated")
    return Layout(
        header=header,
        values=_carbon_value(header, carbon_index, rules),
        stamp_index=hour_index,
        place_index=zone_index,
        place_is_region=zone_index is not None,
        ignored_columns=header.unused(
            [hour_index, carbon_index, zone_index, estimated_index]
        ),
        zone=UTC,
        carbon_kind=CarbonSignalKind(scope=scope),
        is_estimated=_says(estimated_index),
    )


def _archive_layout(header: Header, rules: ReadRules) -> Layout:
    """The CSV of the API's archive: datetime, timestamp, carbon_intensity_avg."""
    hour_index = header.require(_WORDS, "datetime")
    scope = average_kind(rules).scope
    name = _ARCHIVE_COLUMNS[scope is CarbonScope.DIRECT]
    carbon_index = header.require(_WORDS, name)
    zone_index = header.find("zone_name", "zone", "zone_id")
    return Layout(
        header=header,
        values=_carbon_value(header, carbon_index, rules),
        stamp_index=hour_index,
        place_index=zone_index,
        place_is_region=zone_index is not None,
        ignored_columns=header.unused([hour_index, carbon_index, zone_index]),
        zone=UTC,
        carbon_kind=CarbonSignalKind(scope=scope),
    )


def average_kind(rules: ReadRules) -> CarbonSignalKind:
    """The kind asked for, life-cycle unless said; raises BadFile for a marginal one."""
    kind = rules.carbon_kind or CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE)
    if kind.method is CarbonMethod.MARGINAL:
        message = f"The file holds average carbon intensity, not {kind}."
        raise BadFile(message)
    return kind


def _carbon_value(
    header: Header, index: int, rules: ReadRules
) -> tuple[ValueColumn, ...]:
    quantity = Quantity.CARBON_INTENSITY_GCO2_KWH
    return (value_column(header.names[index], index, quantity, rules),)


def _says(index: int | None) -> Callable[[list[str]], bool] | None:
    if index is None:
        return None
    return lambda cells: cells[index].strip().lower() not in _NO_WORDS


def claims_json(document: object) -> bool:
    """Whether it is an answer about the carbon intensity of a zone."""
    rows = _json_rows(document)
    return bool(rows) and isinstance(rows[0], dict) and "carbonIntensity" in rows[0]


def _json_rows(document: object) -> list[object]:
    """The hours of an answer: of a history, a range, a forecast, or the latest one."""
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        for name in ("history", "data", "forecast"):
            if isinstance(document.get(name), list):
                return members(document, name)
        return [document] if "carbonIntensity" in document else []
    return []


def open_json(document: object, rules: ReadRules) -> Reading:
    """Hours of one zone; estimated ones are marked, a forecast is as a whole.

    Raises
    ------
    BadFile
        When it is no such answer, or holds several zones or kinds.
    """
    rows: list[Mapping[str, object]] = [
        row for row in _json_rows(document) if isinstance(row, dict)
    ]
    if not rows or not any("carbonIntensity" in row for row in rows):
        message = (
            "The JSON is no answer of Electricity Maps: it has no carbonIntensity."
        )
        raise BadFile(message)
    zone_of_all = text_of(document.get("zone")) if isinstance(document, dict) else None
    zones = {text_of(row.get("zone")) or zone_of_all or "" for row in rows}
    kinds = {text_of(row.get("emissionFactorType")) or "lifecycle" for row in rows}
    if len(zones) > 1 or len(kinds) > 1:
        message = (
            f"The JSON mixes {', '.join(sorted(zones if len(zones) > 1 else kinds))}."
        )
        raise BadFile(message)
    kind = CarbonSignalKind(scope=_SCOPES.get(kinds.pop(), CarbonScope.LIFE_CYCLE))
    if rules.carbon_kind is not None and rules.carbon_kind != kind:
        message = f"The JSON holds {kind} carbon intensity, not {rules.carbon_kind}."
        raise BadFile(message)
    zone = zones.pop() or None
    rules = _for_zone(rules, zone)
    is_forecast = isinstance(document, dict) and "forecast" in document
    quantity = Quantity.CARBON_INTENSITY_GCO2_KWH
    return json_reading(
        FORMAT.name,
        _carbon_rows(rows, is_forecast=is_forecast),
        (value_column("carbonIntensity", 0, quantity, rules),),
        rules,
        carbon_kind=kind,
        place=zone,
    )


def _for_zone(rules: ReadRules, zone: str | None) -> ReadRules:
    """The region asked for, or the one that has the zone's name."""
    if rules.region_slug is None and zone is not None:
        rules = replace(rules, region_slug=zone)
    require_region(rules, "The answer")
    return rules


def _carbon_rows(
    rows: list[Mapping[str, object]], *, is_forecast: bool
) -> Iterator[JsonRow]:
    for row in rows:
        yield JsonRow(
            row.get("datetime"),
            [row.get("carbonIntensity")],
            is_estimated=row.get("isEstimated") is True,
            is_forecast=is_forecast,
        )


FORMAT = Format(
    name="electricity-maps",
    words="Electricity Maps (carbon): CSV or answer of the API",
    claims_table=claims,
    layout=layout,
    claims_json=claims_json,
    open_json=open_json,
)
