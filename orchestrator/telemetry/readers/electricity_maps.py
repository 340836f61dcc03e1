"""Hourly CSV of Electricity Maps: grid carbon intensity in UTC."""

from __future__ import annotations

import unicodedata
from datetime import UTC

from core.errors import InvalidInput
from core.telemetry import Quantity
from orchestrator.telemetry.readers.hours import HourReader
from orchestrator.telemetry.readers.rows import (
    BadFile,
    CarbonKind,
    ReadRules,
    TelemetryFile,
)
from orchestrator.telemetry.readers.sources import HashedBytes
from orchestrator.telemetry.readers.tabular import Layout, open_table

_HOUR_COLUMN = "datetime (utc)"
_ZONE_COLUMN = "zone id"
_CARBON_COLUMNS = {
    CarbonKind.DIRECT: ("carbon intensity gco2eq/kwh (direct)",),
    CarbonKind.LIFE_CYCLE: (
        "carbon intensity gco2eq/kwh (lca)",
        "carbon intensity gco2eq/kwh (life cycle)",
    ),
}


def open_electricity_maps(content: HashedBytes, rules: ReadRules) -> TelemetryFile:
    """Open a CSV of one zone, and read the carbon intensity of the kind asked for.

    The region is the zone id, unless a region is given: the zone then stands for it
    (zone `DE` for region `DE-LU`). The column's name says that times are UTC, so a
    time zone given otherwise is not used.

    Raises
    ------
    BadFile, InvalidInput
        When a needed column is missing; when the region is named nowhere.
    """
    return open_table(content, rules, HourReader(UTC, rules.now_utc), _layout)


def _layout(names: list[str], delimiter: str, rules: ReadRules) -> Layout:
    plain = [_plain(name) for name in names]
    hour_index = _require_column(plain, (_HOUR_COLUMN,))
    carbon_index = _require_column(plain, _CARBON_COLUMNS[rules.carbon_kind])
    has_zone = _ZONE_COLUMN in plain
    if not has_zone and rules.region_slug is None:
        message = "The file has no column 'Zone Id'; say which region with --region."
        raise InvalidInput(message)
    zone_index = plain.index(_ZONE_COLUMN) if has_zone else None
    used = {hour_index, carbon_index, zone_index}
    return Layout(
        cell_count=len(names),
        delimiter=delimiter,
        hour_index=hour_index,
        region_index=zone_index,
        quantity_indices=((carbon_index, Quantity.CARBON_INTENSITY_GCO2_KWH),),
        ignored_columns=tuple(
            name for index, name in enumerate(names) if index not in used
        ),
        takes_one_zone=True,
    )


def _plain(name: str) -> str:
    """Lower case, and the subscript two of CO₂ as a plain one."""
    return unicodedata.normalize("NFKC", name).strip().lower()


def _require_column(plain: list[str], accepted: tuple[str, ...]) -> int:
    for name in accepted:
        if name in plain:
            return plain.index(name)
    message = (
        f"The file has no column {accepted[0]!r}: it is not an hourly CSV of"
        " Electricity Maps."
    )
    raise BadFile(message)
