"""The product's own CSV: timestamp, region and one column per quantity."""

from __future__ import annotations

from core.carbon import CarbonScope, CarbonSignalKind
from core.telemetry import Quantity
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.tables import (
    Header,
    Layout,
    TableHead,
    require_header,
    value_column,
)

HOUR_COLUMN = "timestamp"
REGION_COLUMN = "region"

_COLUMNS = {
    **{quantity.value: quantity for quantity in Quantity},
    # The name in files of the dashboard that came before.
    "carbon_intensity_gco2": Quantity.CARBON_INTENSITY_GCO2_KWH,
}


def claims(head: TableHead) -> bool:
    """Whether the first line names a timestamp and a quantity."""
    names = {name.lower() for name in head.cells[0]}
    return HOUR_COLUMN in names and not names.isdisjoint(_COLUMNS)


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """Any subset of the quantities, in any order.

    A file with a region column is read for every region it names, or only for the one
    asked for; without such a column the region must be given.

    Raises
    ------
    BadFile
        When the header has no timestamp, no quantity, or one quantity twice.
    """
    header = require_header(head)
    lowered = [name.lower() for name in header.names]
    if HOUR_COLUMN not in lowered:
        message = (
            "The file has no column 'timestamp'. The first line must name the columns:"
            f" timestamp, region and any of {', '.join(Quantity)}; or say what its own"
            " names mean, as in --column Time=timestamp --column 'Load (kW)=it_load_mw'"
            f". It names {', '.join(header.names)[:200]}."
        )
        raise BadFile(message)
    values = tuple(
        value_column(header.names[index], index, _COLUMNS[name], rules)
        for index, name in enumerate(lowered)
        if name in _COLUMNS
    )
    return named_layout(
        header,
        rules,
        values,
        hour_index=lowered.index(HOUR_COLUMN),
        region_index=lowered.index(REGION_COLUMN) if REGION_COLUMN in lowered else None,
    )


def named_layout(
    header: Header,
    rules: ReadRules,
    values: tuple[ValueColumn, ...],
    *,
    hour_index: int,
    region_index: int | None,
) -> Layout:
    """The layout of a table whose columns have the portal's names.

    Raises
    ------
    BadFile
        When there is no quantity, or one twice.
    """
    quantities = [column.quantity for column in values]
    if not quantities:
        message = f"The file carries none of {', '.join(Quantity)}."
        raise BadFile(message)
    for quantity in quantities:
        if quantities.count(quantity) > 1:
            message = f"Two columns of the file carry {quantity}."
            raise BadFile(message)
    kind = None
    if Quantity.CARBON_INTENSITY_GCO2_KWH in quantities:
        kind = rules.carbon_kind or CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE)
    return Layout(
        header=header,
        values=values,
        stamp_index=hour_index,
        region_index=region_index,
        ignored_columns=header.unused(
            [hour_index, region_index, *(column.index for column in values)]
        ),
        carbon_kind=kind,
    )


FORMAT = Format(
    name="csv",
    words="Table with the portal's column names",
    claims_table=claims,
    layout=layout,
)
