"""ENTSO-E transparency platform: day-ahead prices as the site exports them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from orchestrator.telemetry.readers.options import DateOrder, ReadRules
from orchestrator.telemetry.readers.pipeline import on_time_line
from orchestrator.telemetry.readers.rows import BadFile, RowRefused
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.shapes.markets import price_column
from orchestrator.telemetry.readers.stamps import StampReader
from orchestrator.telemetry.readers.tables import Header, Layout, TableHead
from orchestrator.telemetry.readers.units import split_unit

_ZONES: dict[str, tzinfo] = {
    "mtu (cet/cest)": ZoneInfo("Europe/Brussels"),
    "mtu (utc)": UTC,
    "mtu (wet/west)": ZoneInfo("Europe/Lisbon"),
    "mtu (eet/eest)": ZoneInfo("Europe/Helsinki"),
}
_PRICE_WORDS = "day-ahead price"


def _header(head: TableHead) -> Header | None:
    return next((found for name in _ZONES if (found := head.find(name))), None)


def claims(head: TableHead) -> bool:
    """Whether a line names the market time unit."""
    return _header(head) is not None


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """The day-ahead price of each market time unit, at the begin of the unit.

    Units are 60 or 15 minutes long (15 since October 2025). Of several sequences the
    first is read: the coupled auction.

    Raises
    ------
    BadFile
        When there is no market time unit or no day-ahead price.
    """
    header = _header(head)
    if header is None:
        message = "The file has no column 'MTU (CET/CEST)': it is not of ENTSO-E."
        raise BadFile(message)
    unit_index = header.find(*_ZONES) or 0
    zone = _ZONES[header.plain[unit_index]]
    price_index = next(
        (i for i, name in enumerate(header.plain) if name.startswith(_PRICE_WORDS)),
        None,
    )
    if price_index is None:
        message = "The file of ENTSO-E has no column 'Day-ahead Price'."
        raise BadFile(message)
    name, unit = split_unit(header.names[price_index])
    units = _Units(zone, unit_index)
    area_index, sequence_index = header.find("area"), header.find("sequence")
    place = next((n for n in header.names if n.startswith("BZN|")), None)
    return Layout(
        header=header,
        values=price_column(name, price_index, unit or "EUR/MWh", rules),
        stamp_of=units.begin,
        span_of=units.span_s,
        place_index=area_index,
        place=place,
        takes=_first_sequence(sequence_index),
        ignored_columns=header.unused(
            [unit_index, price_index, area_index, sequence_index]
        ),
        zone=zone,
    )


class _Units:
    """Market time units, written `begin - end`, day first, with or without marks."""

    def __init__(self, zone: tzinfo, index: int) -> None:
        self._zone = zone
        self._index = index
        self._stamps = StampReader(zone, DateOrder.DAY_FIRST, None)

    def begin(self, cells: list[str]) -> datetime:
        """The begin of the unit."""
        return self._stamps.read(cells[self._index].partition(" - ")[0])

    def span_s(self, cells: list[str]) -> int:
        """Length of the unit, seconds; 0 when its end is not readable."""
        begin, _, end = cells[self._index].partition(" - ")
        try:
            instants = [self._stamps.read(text) for text in (begin, end)]
            marked = any(instant.tzinfo for instant in instants)
            if marked:
                instants = [self._instant(instant) for instant in instants]
            return max(int((instants[1] - instants[0]).total_seconds()), 0)
        except RowRefused:
            return 0

    def _instant(self, stamp: datetime) -> datetime:
        local = stamp if stamp.tzinfo else stamp.replace(tzinfo=self._zone)
        return on_time_line(local, self._zone, stamp)


def _first_sequence(index: int | None) -> Callable[[list[str]], bool] | None:
    if index is None:
        return None
    return lambda cells: (
        len(cells) <= index
        or cells[index].strip().lower()
        in {
            *("", "sequence 1", "sequence sequence 1", "without sequence", "1"),
        }
    )


FORMAT = Format(
    name="entsoe",
    words="ENTSO-E day-ahead prices: CSV of the site",
    claims_table=claims,
    layout=layout,
)
