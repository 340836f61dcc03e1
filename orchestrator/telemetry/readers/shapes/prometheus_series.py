"""Prometheus and Grafana: answers of query_range, and CSV exports of panels."""

from __future__ import annotations

from collections.abc import Iterator

from core.telemetry import Quantity
from orchestrator.telemetry.readers.documents import (
    JsonRow,
    json_reading,
    member,
    members,
    require_region,
)
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.pipeline import Reading
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.tables import value_column


def claims_json(document: object) -> bool:
    """Whether it is the answer to a range query."""
    return member(member(document, "data"), "resultType") is not None


def open_json(document: object, rules: ReadRules) -> Reading:
    """Series of a range query; names are metrics, or `name{labels}` as in a panel.

    A metric with the name of a quantity means it; others are named by `--column`.

    Raises
    ------
    BadFile
        When it is no matrix, or no series or two of them mean a quantity.
    """
    require_region(rules, "An answer of Prometheus")
    data = member(document, "data")
    if member(document, "status") == "error":
        message = f"The file holds an error of Prometheus: {member(document, 'error')}."
        raise BadFile(message)
    if member(data, "resultType") != "matrix":
        message = (
            f"The answer is a {str(member(data, 'resultType'))[:20]}, not the matrix of"
            " a range query; export query_range."
        )
        raise BadFile(message)
    columns: list[ValueColumn] = []
    points: dict[str, dict[int, object]] = {}
    unknown: list[str] = []
    for series in members(data, "result"):
        name, metric = _names(series)
        meaning = rules.options.columns.get(name) or rules.options.columns.get(metric)
        quantity = _quantity(meaning or metric)
        if quantity is None:
            unknown.append(name)
            continue
        columns.append(value_column(name, len(columns), quantity, rules))
        for point in members(series, "values"):
            if isinstance(point, list) and len(point) == 2:
                row = points.setdefault(repr(point[0]), {})
                row[len(columns) - 1] = _number(point[1])
    quantities = [column.quantity for column in columns]
    if not columns or len(set(quantities)) < len(quantities):
        message = (
            "Each quantity needs one series; say which with --column NAME=QUANTITY. The"
            f" file has {', '.join([*(c.name for c in columns), *unknown])[:300]}."
        )
        raise BadFile(message)
    return json_reading(
        FORMAT.name,
        _rows(points, len(columns)),
        tuple(columns),
        rules,
        ignored_columns=tuple(unknown),
    )


def _rows(points: dict[str, dict[int, object]], count: int) -> Iterator[JsonRow]:
    for stamp, values in points.items():
        yield JsonRow(stamp, [values.get(index) for index in range(count)])


def _names(series: object) -> tuple[str, str]:
    """The name of a series with its labels, and that of its metric alone."""
    labels = member(series, "metric")
    labels = labels if isinstance(labels, dict) else {}
    metric = str(labels.get("__name__", ""))
    others = [f'{key}="{value}"' for key, value in labels.items() if key != "__name__"]
    return (f"{metric}{{{', '.join(others)}}}" if others else metric), metric


def _quantity(name: str) -> Quantity | None:
    try:
        return Quantity(name)
    except ValueError:
        return None


def _number(value: object) -> object:
    """Values are texts, so that NaN and +Inf can be written."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


FORMAT = Format(
    name="prometheus",
    words="Prometheus: answer of query_range",
    claims_json=claims_json,
    open_json=open_json,
)
