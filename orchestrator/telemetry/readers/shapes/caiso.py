"""CAISO OASIS: locational marginal prices, in UTC."""

from __future__ import annotations

from orchestrator.telemetry.readers.options import DateOrder, ReadRules
from orchestrator.telemetry.readers.rows import RowRefused
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.shapes.markets import price_column
from orchestrator.telemetry.readers.stamps import StampReader
from orchestrator.telemetry.readers.tables import Layout, TableHead, require_header

_WORDS = "a price file of CAISO OASIS"
_START, _END = "intervalstarttime_gmt", "intervalendtime_gmt"
_PRICES = ("mw", "value", "prc")


def claims(head: TableHead) -> bool:
    """Whether it has intervals in GMT."""
    return _START in head.header(0).plain


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """Prices of one node: of the components, the LMP itself.

    Raises
    ------
    BadFile
        When a needed column is missing.
    """
    header = require_header(head)
    start_index = header.require(_WORDS, _START)
    price_index = header.require(_WORDS, *_PRICES)
    end_index, type_index = header.find(_END), header.find("lmp_type")
    node_index = header.find("node", "node_id", "tac_zone_name")
    stamps = StampReader(None, DateOrder.MONTH_FIRST, None)

    def span_s(cells: list[str]) -> int:
        try:
            start, end = (
                stamps.read(cells[i].strip()) for i in (start_index, end_index or 0)
            )
            return max(int((end - start).total_seconds()), 0)
        except (RowRefused, TypeError):
            return 0

    def is_price(cells: list[str]) -> bool:
        index = type_index or 0
        return len(cells) <= index or cells[index].strip().upper() == "LMP"

    return Layout(
        header=header,
        values=price_column(header.names[price_index], price_index, "USD/MWh", rules),
        stamp_index=start_index,
        span_of=span_s if end_index is not None else None,
        place_index=node_index,
        takes=is_price if type_index is not None else None,
        ignored_columns=header.unused([start_index, price_index, node_index]),
    )


FORMAT = Format(
    name="caiso", words="CAISO OASIS prices", claims_table=claims, layout=layout
)
