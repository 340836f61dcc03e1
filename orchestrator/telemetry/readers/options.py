"""How a file is to be read: what its user says, and what the portal knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from math import isfinite

from core.carbon import CarbonSignalKind
from core.errors import InvalidInput
from core.telemetry import Quantity, ValidRange
from orchestrator.telemetry.readers.rows import RegionGate


class StampAt(StrEnum):
    """Which end of its interval a stamp names."""

    BEGIN = "begin"
    END = "end"


class DateOrder(StrEnum):
    """How dates that could be read in two ways are read."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"
    EXCEL = "excel"


class DecimalMark(StrEnum):
    """What stands before the decimals; the other mark groups thousands."""

    POINT = "point"
    COMMA = "comma"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What is said of a file because it does not say it itself; empty finds all.

    Attributes
    ----------
    columns : Mapping of str to str
        Names of a table's columns to `timestamp`, `region` or a quantity.
    units : Mapping of Quantity to str
        Units of columns whose names carry none or another.
    rates_usd : Mapping of str to float
        USD for one unit of a currency.
    place, model : str | None
        The one to read of a file that holds several.
    """

    stamp_at: StampAt | None = None
    date_order: DateOrder | None = None
    decimal_mark: DecimalMark | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[Quantity, str] = field(default_factory=dict)
    rates_usd: Mapping[str, float] = field(default_factory=dict)
    place: str | None = None
    model: str | None = None

    def given(self) -> dict[str, object]:
        """What was said, as plain values, for audit and comparison."""
        facts: dict[str, object] = {
            "stamp": self.stamp_at,
            "dates": self.date_order,
            "decimal": self.decimal_mark,
            "columns": dict(self.columns),
            "units": {quantity.value: unit for quantity, unit in self.units.items()},
            "rates_usd": dict(self.rates_usd),
            "place": self.place,
            "model": self.model,
        }
        return {
            name: value.value if isinstance(value, StrEnum) else value
            for name, value in facts.items()
            if value
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRules:
    """What a reader needs to judge rows; it looks up nothing itself.

    Attributes
    ----------
    region_slug : str | None
        The region the file is about, for formats or files that do not name it; in a
        file that names regions, the only one to read.
    region_deg : (latitude, longitude) | None
        Where that region lies.
    zone : tzinfo | None
        What timestamps without an offset mean; None refuses them.
    now_utc : datetime
        Hours that have not ended by then are refused.
    carbon_kind : CarbonSignalKind | None
        What the carbon intensity means where the file does not say.
    accepts_typical_years : bool
        The region holds generated telemetry, which a year that never was may be.
    """

    gate: RegionGate
    region_slug: str | None
    zone: tzinfo | None
    now_utc: datetime
    ranges: Mapping[Quantity, ValidRange]
    carbon_kind: CarbonSignalKind | None = None
    region_deg: tuple[float, float] | None = None
    accepts_typical_years: bool = False
    options: ReadOptions = field(default_factory=ReadOptions)


def parse_pairs(texts: Iterable[str], what: str) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping; the last `=` divides.

    Raises
    ------
    InvalidInput
        When a text is no pair, or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, divider, value = (part.strip() for part in text.rpartition("="))
        if not divider or not name or not value:
            message = f"{what} {text[:60]!r} is not like NAME=VALUE."
            raise InvalidInput(message)
        if name in pairs:
            message = f"{what} names {name[:60]!r} twice."
            raise InvalidInput(message)
        pairs[name] = value
    return pairs


def parse_units(texts: Iterable[str]) -> dict[Quantity, str]:
    """`QUANTITY=UNIT` texts; raises InvalidInput for an unknown quantity."""
    units: dict[Quantity, str] = {}
    for name, unit in parse_pairs(texts, "Unit").items():
        try:
            units[Quantity(name)] = unit
        except ValueError as exc:
            message = f"{name[:40]!r} is no quantity; use {', '.join(Quantity)}."
            raise InvalidInput(message) from exc
    return units


def parse_rates(texts: Iterable[str]) -> dict[str, float]:
    """`CURRENCY=RATE` texts; raises InvalidInput unless rates are above 0."""
    rates: dict[str, float] = {}
    for name, text in parse_pairs(texts, "Rate").items():
        try:
            rate = float(text)
        except ValueError:
            rate = 0.0
        if not (isfinite(rate) and rate > 0.0):
            message = f"The rate of {name[:10]} must be USD for one, not {text[:20]!r}."
            raise InvalidInput(message)
        rates[name.upper()] = rate
    return rates
