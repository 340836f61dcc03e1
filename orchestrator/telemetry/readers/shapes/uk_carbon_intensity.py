"""Carbon Intensity API of Great Britain: half hours, forecast and actual."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from core.carbon import CarbonScope, CarbonSignalKind
from core.telemetry import Quantity
from orchestrator.telemetry.readers.documents import (
    JsonRow,
    json_reading,
    member,
    require_region,
    text_of,
)
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.pipeline import Reading
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.tables import (
    Layout,
    TableHead,
    require_header,
    value_column,
)

_WORDS = "a file of the Carbon Intensity API"
_KIND = CarbonSignalKind(scope=CarbonScope.DIRECT)


def claims_json(document: object) -> bool:
    """Whether it has data with an intensity from a time to a time."""
    rows, _ = _half_hours(document)
    return bool(rows) and isinstance(member(rows[0], "intensity"), dict)


def _half_hours(document: object) -> tuple[list[object], str | None]:
    """The half hours, and the region of an answer that is about one."""
    data = member(document, "data")
    place = None
    if isinstance(data, list) and data and isinstance(member(data[0], "data"), list):
        data = data[0]
    if isinstance(data, dict):
        place = text_of(data.get("shortname")) or text_of(data.get("dnoregion"))
        data = data.get("data")
    return (data if isinstance(data, list) else []), place


def open_json(document: object, rules: ReadRules) -> Reading:
    """The actual intensity of each half hour; what is only forecast is marked.

    Raises
    ------
    BadFile
        When it is no such answer.
    """
    require_region(rules, "An answer of the Carbon Intensity API")
    rows, place = _half_hours(document)
    if not rows:
        message = f"The JSON is not {_WORDS}: it has no half hours in 'data'."
        raise BadFile(message)
    quantity = Quantity.CARBON_INTENSITY_GCO2_KWH
    return json_reading(
        FORMAT.name,
        _rows(rows),
        (value_column("intensity", 0, quantity, rules),),
        rules,
        carbon_kind=_KIND,
        place=place,
    )


def _rows(rows: list[object]) -> Iterator[JsonRow]:
    for row in rows:
        intensity = member(row, "intensity")
        actual, forecast = member(intensity, "actual"), member(intensity, "forecast")
        start = member(row, "from")
        yield JsonRow(
            start,
            [forecast if actual is None else actual],
            is_forecast=actual is None and forecast is not None,
            span_s=_span_s(text_of(start), text_of(member(row, "to"))),
        )


def _span_s(start: str | None, end: str | None) -> int:
    try:
        first, last = (
            datetime.fromisoformat(start or ""),
            datetime.fromisoformat(end or ""),
        )
        return max(int((last - first).total_seconds()), 0)
    except (ValueError, TypeError):
        return 0


def claims_table(head: TableHead) -> bool:
    """Whether it is the CSV that the site exports."""
    return {"datetime", "actual", "forecast", "index"} <= set(head.header(0).plain)


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """The CSV of the site: datetime (UTC), actual, forecast, index."""
    header = require_header(head)
    hour_index = header.require(_WORDS, "datetime")
    actual_index = header.require(_WORDS, "actual")
    quantity = Quantity.CARBON_INTENSITY_GCO2_KWH
    return Layout(
        header=header,
        values=(value_column("actual", actual_index, quantity, rules),),
        stamp_index=hour_index,
        ignored_columns=header.unused([hour_index, actual_index]),
        zone=UTC,
        carbon_kind=_KIND,
    )


FORMAT = Format(
    name="uk-carbon-intensity",
    words="Carbon Intensity API of Great Britain",
    claims_table=claims_table,
    layout=layout,
    claims_json=claims_json,
    open_json=open_json,
)
