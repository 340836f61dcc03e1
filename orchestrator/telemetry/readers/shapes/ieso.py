"""IESO: the hourly Ontario energy price, by hours that end, at one offset all year."""

from __future__ import annotations

from datetime import timedelta, timezone

from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.shapes.markets import (
    day_reader,
    hour_ending,
    price_column,
)
from orchestrator.telemetry.readers.tables import Header, Layout, TableHead

_PRICES = ("hoep", "oemp", "ontario price", "zonal price", "zonalprice")
_DAYS, _HOURS = ("date", "delivery date"), ("hour", "delivery hour")


def _header(head: TableHead) -> Header | None:
    for place in range(len(head.cells)):
        header = head.header(place)
        if None not in {header.find(*n) for n in (_DAYS, _HOURS, _PRICES)}:
            return header
    return None


def claims(head: TableHead) -> bool:
    """Whether a line names date, hour and the Ontario price."""
    return _header(head) is not None


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """Prices in CAD; the market stays at -05:00 in summer.

    Raises
    ------
    BadFile
        When no line names date, hour and price.
    """
    header = _header(head)
    if header is None:
        message = "The file has no columns Date, Hour and HOEP: it is not of IESO."
        raise BadFile(message)
    day_index = header.find(*_DAYS) or 0
    hour_index, price_index = header.find(*_HOURS) or 0, header.find(*_PRICES) or 0
    return Layout(
        header=header,
        values=price_column(header.names[price_index], price_index, "CAD/MWh", rules),
        stamp_of=hour_ending(
            day_reader(rules, month_first=True), day_index, hour_index
        ),
        span_of=lambda _: 3600,
        ignored_columns=header.unused([day_index, hour_index, price_index]),
        zone=timezone(timedelta(hours=-5)),
        place="Ontario",
    )


FORMAT = Format(
    name="ieso", words="IESO Ontario prices", claims_table=claims, layout=layout
)
