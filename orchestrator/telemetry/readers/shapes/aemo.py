"""AEMO: prices of the Australian market, stamped at the end of 5 or 30 minutes."""

from __future__ import annotations

from datetime import timedelta, timezone

from orchestrator.telemetry.readers.options import ReadRules, StampAt
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.shapes.markets import price_column
from orchestrator.telemetry.readers.tables import Header, Layout, TableHead

_REGIONS = ("region", "regionid")


def _header(head: TableHead) -> Header | None:
    header = head.find("settlementdate", "rrp")
    return header if header and header.find(*_REGIONS) is not None else None


def claims(head: TableHead) -> bool:
    """Whether a line names settlement date, region and regional reference price."""
    return _header(head) is not None


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """The regional reference price in AUD; the market stays at +10:00 all year.

    Reads `PRICE_AND_DEMAND` files, and tables of the data archive whose lines begin
    with C, I and D.

    Raises
    ------
    BadFile
        When a needed column is missing.
    """
    header = _header(head)
    if header is None:
        message = "The file has no SETTLEMENTDATE, REGION and RRP: it is not of AEMO."
        raise BadFile(message)
    stamp_index, price_index = (
        header.find("settlementdate") or 0,
        header.find("rrp") or 0,
    )
    region_index = header.find(*_REGIONS)
    table = header.names[1:3]
    is_archive = header.names[0] == "I"
    return Layout(
        header=header,
        values=price_column("RRP", price_index, "AUD/MWh", rules),
        stamp_index=stamp_index,
        place_index=region_index,
        takes=(lambda cells: cells[:3] == ["D", *table]) if is_archive else None,
        ignored_columns=()
        if is_archive
        else header.unused([stamp_index, price_index, region_index]),
        zone=timezone(timedelta(hours=10)),
        stamp_at=StampAt.END,
    )


FORMAT = Format(
    name="aemo", words="AEMO prices (Australia)", claims_table=claims, layout=layout
)
