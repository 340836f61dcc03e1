"""What the files of power markets share: stamps of market hours, prices, nodes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from core.telemetry import Quantity
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import DateOrder, ReadRules
from orchestrator.telemetry.readers.rows import Reason, RowRefused
from orchestrator.telemetry.readers.stamps import StampReader, unreadable
from orchestrator.telemetry.readers.tables import value_column


def price_column(
    name: str, index: int, unit: str, rules: ReadRules
) -> tuple[ValueColumn, ...]:
    """The only value of a price file."""
    return (value_column(name, index, Quantity.PRICE_USD_MWH, rules, unit),)


def hour_ending(
    read_day: Callable[[str], datetime],
    day_index: int,
    hour_index: int,
    zone: tzinfo | None = None,
    second_index: int | None = None,
) -> Callable[[list[str]], datetime]:
    """Stamps of rows with a day and the number of the hour that ends, 1 to 24.

    In a zone with daylight saving, `second_index` is the cell that marks the second of
    two equal hours.
    """

    def stamp(cells: list[str]) -> datetime:
        hour = hour_number(cells[hour_index])
        local = hour_of_day(read_day(cells[day_index]), hour)
        if second_index is None or not isinstance(zone, ZoneInfo):
            return local
        is_second = cells[second_index].strip().upper() in {"Y", "YES", "TRUE", "1"}
        aware = local.replace(tzinfo=zone, fold=int(is_second))
        if aware.utcoffset() == aware.replace(fold=0).utcoffset() and is_second:
            message = f"{local} is marked as repeated, but {zone} does not repeat it."
            raise RowRefused(Reason.AMBIGUOUS_HOUR, message)
        # Unmarked hours go through the clock of the zone, which checks them.
        repeats = aware.replace(fold=0).utcoffset() != aware.replace(fold=1).utcoffset()
        return aware if repeats else local

    return stamp


def hour_number(text: str) -> int:
    """The hour of a market day, 1 to 24: written 7, 07, 07:00 or HE07.

    Raises
    ------
    RowRefused
        When it is none.
    """
    digits = text.strip().upper().removeprefix("HE").strip().partition(":")
    is_full = digits[2] in {"", "00", "00:00"} and len(digits[0]) <= 2
    if not (is_full and digits[0].isdecimal() and 1 <= int(digits[0]) <= 24):
        raise unreadable(text)
    return int(digits[0])


def hour_of_day(day: datetime, number: int) -> datetime:
    """When the hour with this number, 1 to 24, begins; raises RowRefused after 9999."""
    try:
        return day + timedelta(hours=number - 1)
    except OverflowError as exc:
        raise unreadable(str(day)) from exc


def day_reader(rules: ReadRules, *, month_first: bool) -> Callable[[str], datetime]:
    """Reads days of a market whose dates have one known order."""
    order = DateOrder.MONTH_FIRST if month_first else DateOrder.DAY_FIRST
    stamps = StampReader(None, rules.options.date_order or order, None)

    def read_day(text: str) -> datetime:
        return stamps.read(f"{text.strip()} 00:00")

    return read_day


def month_first_stamps(rules: ReadRules, index: int) -> Callable[[list[str]], datetime]:
    """Stamps in one cell, whose dates are month first unless said otherwise."""
    order = rules.options.date_order or DateOrder.MONTH_FIRST
    stamps = StampReader(None, order, rules.options.stamp_at)
    return lambda cells: stamps.read(cells[index])
