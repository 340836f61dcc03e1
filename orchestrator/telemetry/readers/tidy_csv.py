"""The product's own CSV: timestamp, region and one column per quantity."""

from __future__ import annotations

from core.errors import InvalidInput
from core.telemetry import Quantity
from orchestrator.telemetry.readers.hours import HourReader
from orchestrator.telemetry.readers.rows import BadFile, ReadRules, TelemetryFile
from orchestrator.telemetry.readers.sources import HashedBytes
from orchestrator.telemetry.readers.tabular import Layout, open_table

HOUR_COLUMN = "timestamp"
REGION_COLUMN = "region"

_COLUMNS = {
    **{quantity.value: quantity for quantity in Quantity},
    # The name in files of the dashboard that came before.
    "carbon_intensity_gco2": Quantity.CARBON_INTENSITY_GCO2_KWH,
}


def open_tidy_csv(content: HashedBytes, rules: ReadRules) -> TelemetryFile:
    """Open a CSV with any subset of the quantities, its columns in any order.

    A file with a region column is read for every region it names, or only for the one
    asked for; without such a column the region must be given.

    Raises
    ------
    BadFile, InvalidInput
        When the header has no timestamp, no quantity, or one quantity twice; when no
        region is named.
    """
    hours = HourReader(rules.zone, rules.now_utc)
    return open_table(content, rules, hours, _layout)


def _layout(names: list[str], delimiter: str, rules: ReadRules) -> Layout:
    lowered = [name.lower() for name in names]
    if HOUR_COLUMN not in lowered:
        message = (
            "The file has no column 'timestamp'. The first line must name the columns:"
            f" timestamp, region and any of {', '.join(Quantity)}."
        )
        raise BadFile(message)
    quantity_indices = tuple(
        (index, _COLUMNS[name])
        for index, name in enumerate(lowered)
        if name in _COLUMNS
    )
    _require_quantities([quantity for _, quantity in quantity_indices])
    has_region = REGION_COLUMN in lowered
    if not has_region and rules.region_slug is None:
        message = "The file has no column 'region'; say which one it is with --region."
        raise InvalidInput(message)
    understood = {HOUR_COLUMN, REGION_COLUMN, *_COLUMNS}
    return Layout(
        cell_count=len(names),
        delimiter=delimiter,
        hour_index=lowered.index(HOUR_COLUMN),
        region_index=lowered.index(REGION_COLUMN) if has_region else None,
        quantity_indices=quantity_indices,
        ignored_columns=tuple(name for name in names if name.lower() not in understood),
    )


def _require_quantities(quantities: list[Quantity]) -> None:
    if not quantities:
        message = f"The file carries none of {', '.join(Quantity)}."
        raise BadFile(message)
    for quantity in quantities:
        if quantities.count(quantity) > 1:
            message = f"Two columns of the file carry {quantity}."
            raise BadFile(message)
