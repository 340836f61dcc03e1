"""ERCOT settlement point prices: day-ahead by the hour, real time by quarters."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.shapes.markets import (
    day_reader,
    hour_ending,
    price_column,
)
from orchestrator.telemetry.readers.stamps import unreadable
from orchestrator.telemetry.readers.tables import (
    Layout,
    TableHead,
    require_header,
)

_ZONE = ZoneInfo("America/Chicago")
_WORDS = "a price file of ERCOT"
_DAYS = ("deliverydate", "delivery date")
_HOURS = ("hourending", "hour ending", "deliveryhour", "delivery hour")
_INTERVALS = ("deliveryinterval", "delivery interval")
_POINTS = (
    *("settlementpoint", "settlement point", "settlementpointname"),
    "settlement point name",
)
_PRICES = ("settlementpointprice", "settlement point price")
_REPEATED = ("dstflag", "repeated hour flag", "dst flag")


def claims(head: TableHead) -> bool:
    """Whether it has delivery days and settlement point prices."""
    header = head.header(0)
    return None not in {header.find(*_DAYS), header.find(*_PRICES)}


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """Prices of one settlement point: hours and quarters are those that end.

    Raises
    ------
    BadFile
        When a needed column is missing.
    """
    header = require_header(head)
    day_index = header.require(_WORDS, *_DAYS)
    hour_index = header.require(_WORDS, *_HOURS)
    price_index = header.require(_WORDS, *_PRICES)
    point_index = header.find(*_POINTS)
    flag_index = header.find(*_REPEATED)
    interval_index = header.find(*_INTERVALS)
    hour_of = hour_ending(
        day_reader(rules, month_first=True), day_index, hour_index, _ZONE, flag_index
    )

    def quarter(cells: list[str]) -> datetime:
        text = cells[interval_index or 0].strip()
        if text not in {"1", "2", "3", "4"}:
            raise unreadable(text)
        return hour_of(cells) + timedelta(minutes=15 * (int(text) - 1))

    used = [day_index, hour_index, price_index, point_index, flag_index, interval_index]
    return Layout(
        header=header,
        values=price_column(header.names[price_index], price_index, "USD/MWh", rules),
        stamp_of=hour_of if interval_index is None else quarter,
        span_of=(lambda _: 900) if interval_index is not None else (lambda _: 3600),
        place_index=point_index,
        ignored_columns=header.unused(used),
        zone=_ZONE,
    )


FORMAT = Format(
    name="ercot",
    words="ERCOT settlement point prices",
    claims_table=claims,
    layout=layout,
)
