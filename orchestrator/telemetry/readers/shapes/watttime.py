"""WattTime v3: marginal carbon intensity, as the API answers."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from core.carbon import CarbonMethod, CarbonScope, CarbonSignalKind
from core.telemetry import Quantity
from orchestrator.telemetry.readers.documents import (
    JsonRow,
    json_reading,
    member,
    members,
    number_of,
    require_region,
    text_of,
)
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.pipeline import Reading
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.tables import value_column

_SIGNALS = {"co2_moer": CarbonMethod.MARGINAL, "co2_aoer": CarbonMethod.AVERAGE}


def claims_json(document: object) -> bool:
    """Whether it has data by `point_time`, and says of what signal."""
    rows = member(document, "data")
    first = rows[0] if isinstance(rows, list) and rows else None
    is_point = isinstance(first, dict) and "point_time" in first
    return is_point or member(member(document, "meta"), "signal_type") is not None


def open_json(document: object, rules: ReadRules) -> Reading:
    """Points of one signal in the unit that it names; imputed ones are estimated.

    Raises
    ------
    BadFile
        When the signal is a percentile or no carbon intensity, or no unit is named.
    """
    require_region(rules, "A WattTime answer")
    meta = member(document, "meta")
    signal = text_of(member(meta, "signal_type")) or ""
    units = text_of(member(meta, "units")) or ""
    method = _SIGNALS.get(signal)
    if "percentile" in units or method is None or not units:
        message = (
            f"The file holds {signal or 'an unnamed signal'} in {units or 'no unit'};"
            " the portal reads co2_moer and co2_aoer in lbs_co2_per_mwh. A percentile"
            " is no carbon intensity: request the history, not the index."
        )
        raise BadFile(message)
    kind = CarbonSignalKind(scope=CarbonScope.DIRECT, method=method)
    if rules.carbon_kind is not None and rules.carbon_kind != kind:
        message = f"The file holds {kind} carbon intensity, not {rules.carbon_kind}."
        raise BadFile(message)
    quantity = Quantity.CARBON_INTENSITY_GCO2_KWH
    is_forecast = member(meta, "generated_at") is not None
    span_s = number_of(member(meta, "data_point_period_seconds"))
    if span_s is None or not isfinite(span_s):
        span_s = 0.0
    return json_reading(
        FORMAT.name,
        _rows(members(document, "data"), int(span_s), is_forecast=is_forecast),
        (value_column(signal, 0, quantity, rules, units),),
        rules,
        carbon_kind=kind,
        place=text_of(member(meta, "region")),
    )


def _rows(points: list[object], span_s: int, *, is_forecast: bool) -> Iterator[JsonRow]:
    for point in points:
        yield JsonRow(
            member(point, "point_time"),
            [member(point, "value")],
            is_estimated=member(point, "imputed_data_used") is True,
            is_forecast=is_forecast,
            span_s=span_s,
        )


FORMAT = Format(
    name="watttime",
    words="WattTime v3 (marginal carbon): answer of the API",
    claims_json=claims_json,
    open_json=open_json,
)
