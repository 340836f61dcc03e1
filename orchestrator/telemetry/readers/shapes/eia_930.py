"""EIA-930: the hourly electric grid monitor, stamped at the end of the hour in UTC."""

from __future__ import annotations

from datetime import UTC

from core.carbon import CarbonScope, CarbonSignalKind
from core.telemetry import Quantity
from orchestrator.telemetry.readers.options import ReadRules, StampAt
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.shapes.mapped_table import meaning_of
from orchestrator.telemetry.readers.shapes.markets import month_first_stamps
from orchestrator.telemetry.readers.tables import (
    Layout,
    TableHead,
    header_column,
    plain_name,
    require_header,
)

_WORDS = "a file of EIA-930"
_HOUR = "utc time at end of hour"


def claims(head: TableHead) -> bool:
    """Whether it has hours by their end in UTC."""
    return _HOUR in head.header(0).plain


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """The columns that `--column` names; demand and generation are no telemetry.

    Raises
    ------
    BadFile
        When none is named.
    """
    header = require_header(head)
    hour_index = header.require(_WORDS, _HOUR)
    place_index = header.find("balancing authority", "region")
    meanings = {plain_name(n): m for n, m in rules.options.columns.items()}
    values = tuple(
        header_column(header, index, meaning_of(meanings[name]), rules)
        for index, name in enumerate(header.plain)
        if name in meanings and meanings[name] != "timestamp"
    )
    if not values:
        message = (
            "EIA-930 holds demand, generation and interchange of a grid, none of which"
            " is telemetry of a region by itself; say what a column stands for, as in"
            " --column 'Demand (MW)=it_load_mw'."
        )
        raise BadFile(message)
    carries_carbon = any(
        column.quantity is Quantity.CARBON_INTENSITY_GCO2_KWH for column in values
    )
    return Layout(
        header=header,
        values=values,
        stamp_of=month_first_stamps(rules, hour_index),
        place_index=place_index,
        ignored_columns=header.unused(
            [hour_index, place_index, *(column.index for column in values)]
        ),
        zone=UTC,
        stamp_at=StampAt.END,
        carbon_kind=(rules.carbon_kind or CarbonSignalKind(scope=CarbonScope.DIRECT))
        if carries_carbon
        else None,
    )


FORMAT = Format(
    name="eia-930",
    words="EIA-930 grid monitor, with a column map",
    claims_table=claims,
    layout=layout,
    takes_columns=True,
)
