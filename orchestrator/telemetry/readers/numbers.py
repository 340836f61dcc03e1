"""Numbers of telemetry files: one decimal mark per file, and words for missing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.telemetry import DEFINITIONS, Quantity, ValidRange
from orchestrator.telemetry.readers.options import DecimalMark
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    Findings,
    Reason,
    RowRefused,
)
from orchestrator.telemetry.readers.units import Conversion, find_conversion

MISSING_WORDS = frozenset(
    {
        *("na", "n/a", "#n/a", "#na", "<na>", "n.a.", "nan", "null", "none", "nil"),
        *("n/e", "nd", "n/d", "-", "--", "---", "–", "—", ".", "..", "?", "m"),
        *("missing", "no data", "nodata", "undefined", "unknown", "not available"),
        *("#value!", "#ref!", "#div/0!", "#null!", "#num!", "#name?", "#error!"),
    }
)
"""What tools write instead of a value, in lower case."""

_CODES = frozenset({-999.0, -999.9, -999.99, -9999.0, -9999.9, -9999.99, -99999.0})
"""Codes for "missing" in many archives, whatever the quantity."""

_CODES_IN_RANGE = {
    Quantity.PRICE_USD_MWH: frozenset({-99.0, 9999.0, 9999.99, 99999.0}),
    Quantity.WIND_SPEED_KMH: frozenset({255.0, 999.0, 999.9}),
}
"""Codes that would pass as values of the quantity (255 is a byte with all bits set)."""

_CODES_OUT_OF_RANGE = frozenset(
    {-99.0, -99.9, -99.99, 99.9, 255.0, 999.0, 999.9, 999.99, 9999.0}
    | {9999.9, 9999.99, 32767.0, 65535.0, 99999.0, 999999.0, 9999999.0}
)
"""Codes only where no value of the quantity can be as high or as low."""

_AMBIGUOUS = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_GROUPS = r"[0-9]{1,3}(?:[%s \u00a0\u202f'’][0-9]{3})+"
_EXPONENT = r"(?:[eE][+-]?[0-9]{1,3})?"
_POINT = re.compile(
    rf"[+-]?(?:{_GROUPS % ','}|[0-9]+)?(?:\.[0-9]*)?{_EXPONENT}", re.ASCII
)
_COMMA = re.compile(
    rf"[+-]?(?:{_GROUPS % '.'}|[0-9]+)?(?:,[0-9]*)?{_EXPONENT}", re.ASCII
)
_GROUP_MARKS = str.maketrans("", "", "  \u202f'’")
_WITH_UNIT = re.compile(
    r"(?P<before>[$€£]|[A-Z]{3} )?\s*(?P<number>[+-]?[0-9](?:[0-9.,'’ \u00a0\u202f]*"
    r"[0-9])?(?:[eE][+-]?[0-9]+)?)\s*(?P<unit>[^0-9\s].{0,19})?"
)


class Undecided(Exception):
    """The decimal mark or the order of dates shows only further down the file."""

    def __init__(self, text: str, *, is_date: bool) -> None:
        super().__init__(text)
        self.text = text
        self.is_date = is_date


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """A quantity of a row: its unit in the file, and what is plausible in ours."""

    name: str
    index: int
    quantity: Quantity
    valid: ValidRange
    conversion: Conversion

    @property
    def slot(self) -> int:
        """Where the value stands in the values of a row."""
        return QUANTITIES.index(self.quantity)

    @property
    def codes(self) -> frozenset[float]:
        """Codes for "missing" that lie within the range of the quantity."""
        return _CODES_IN_RANGE.get(self.quantity, frozenset()) | {
            code for code in _CODES if self.valid.contains(code)
        }

    def judge(self, value: float, findings: Findings) -> float | None:
        """`value` of the file in our unit, None when it is a code for "missing".

        Raises
        ------
        RowRefused
            When it is not finite or out of range.
        """
        if value in _CODES or value in _CODES_IN_RANGE.get(self.quantity, ()):
            findings.count_missing(f"{value:g}")
            return None
        ours = value
        if self.conversion.is_needed and math.isfinite(value):
            ours = self.conversion.of(value)
        if self.valid.low <= ours <= self.valid.high:
            return ours + 0.0  # makes zero of negative zero
        if math.isnan(value) or value in _CODES_OUT_OF_RANGE:
            findings.count_missing(f"{value:g}")
            return None
        if not math.isfinite(value):
            message = f"{self.quantity} is {value}; leave a missing value blank."
            raise RowRefused(Reason.NOT_FINITE, message)
        shown = f"{ours:g}"
        if self.conversion.is_needed:
            ours_unit = DEFINITIONS[self.quantity].unit
            shown = f"{ours:g} {ours_unit} ({value:g} {self.conversion.unit})"
        message = (
            f"{self.quantity} is {shown}, outside {self.valid.low:g} to"
            f" {self.valid.high:g}."
        )
        raise RowRefused(Reason.OUT_OF_RANGE, message)


class CellReader:
    """Reads the number cells of one file, all with the same decimal mark.

    Parameters
    ----------
    mark : DecimalMark | None
        None finds it: the first cell that shows it decides for the whole file.
    comma_divides : bool
        Cells are divided by commas, so that a point is a decimal one.
    """

    def __init__(
        self,
        mark: DecimalMark | None,
        findings: Findings,
        rates_usd: Mapping[str, float],
        *,
        comma_divides: bool,
    ) -> None:
        self.mark = mark
        self._findings = findings
        self._rates_usd = rates_usd
        self._comma_divides = comma_divides

    def learn(self, text: str) -> None:
        """Look at a cell for the decimal mark, without judging it."""
        match = _WITH_UNIT.fullmatch(text.strip())
        if self.mark is None and match:
            self.mark = self._shown_mark(match["number"])

    def read(self, text: str, column: ValueColumn) -> float | None:
        """The value of a cell in our unit, None when it holds none.

        Raises
        ------
        RowRefused
            When the text is no number, not finite or out of range.
        BadFile
            When it has the other decimal mark than the cells before.
        Undecided
            When it could be read with either mark, and no cell decided yet.
        """
        stripped = text.strip()
        if not stripped:
            return None
        if stripped.lower() in MISSING_WORDS:
            self._findings.count_missing(stripped[:20])
            return None
        number, unit = self._split(stripped.replace("−", "-"), column)
        value = self._number(number, column)
        if unit is not None:
            column = ValueColumn(
                column.name, column.index, column.quantity, column.valid, unit
            )
        return column.judge(value, self._findings)

    def _split(self, text: str, column: ValueColumn) -> tuple[str, Conversion | None]:
        """Number and the unit written beside it."""
        is_infinite = text.lower().lstrip("+-") in {"inf", "infinity"}
        if is_infinite or _POINT.fullmatch(text) or _COMMA.fullmatch(text):
            return text, None
        match = _WITH_UNIT.fullmatch(text)
        if match is None:
            raise _not_a_number(text, column.quantity)
        before, unit = match["before"], match["unit"]
        if before is None and unit is None:
            return match["number"], None
        quantity = column.quantity
        words = unit or ""
        if quantity is Quantity.PRICE_USD_MWH:
            money = (before or "").strip() or words
            words = money if "/" in money else f"{money}/MWh"
        elif before is not None:
            raise _not_a_number(text, quantity)
        found = find_conversion(quantity, words, self._rates_usd)
        if found is None:
            raise _not_a_number(text, quantity)
        return match["number"], found

    def _number(self, text: str, column: ValueColumn) -> float:
        has_mark = "." in text or "," in text
        if has_mark and self.mark is None:
            self.mark = self._shown_mark(text)
            if self.mark is None:
                raise Undecided(text, is_date=False)
        own, other = (
            (_COMMA, _POINT)
            if self.mark is DecimalMark.COMMA
            else (
                _POINT,
                _COMMA,
            )
        )
        if own.fullmatch(text) and any(char.isdigit() for char in text):
            plain = text.translate(_GROUP_MARKS)
            if self.mark is DecimalMark.COMMA:
                return float(plain.replace(".", "").replace(",", "."))
            return float(plain.replace(",", ""))
        if has_mark and other.fullmatch(text):
            message = (
                f"{column.name} has {text[:40]!r}, where the file has a decimal"
                f" {self.mark}; a file is read with one decimal mark. Say which with"
                " --decimal, or mend the file."
            )
            raise BadFile(message)
        try:
            return float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError as exc:
            raise _not_a_number(text, column.quantity) from exc

    def _shown_mark(self, text: str) -> DecimalMark | None:
        """The decimal mark that a number shows, None when it could be either."""
        has_point, has_comma = "." in text, "," in text
        if not (has_point or has_comma):
            return None
        if has_point and has_comma:
            is_comma = text.rindex(",") > text.rindex(".")
        elif text.count(".") > 1 or text.count(",") > 1:
            is_comma = has_point  # what comes twice divides thousands
        elif _AMBIGUOUS.fullmatch(text) and not (has_point and self._comma_divides):
            return None
        else:
            is_comma = has_comma
        return DecimalMark.COMMA if is_comma else DecimalMark.POINT


def json_value(value: object, column: ValueColumn, findings: Findings) -> float | None:
    """A JSON value in our unit, None when it is null or a code for "missing".

    Raises
    ------
    RowRefused
        When it is no number, not finite or out of range.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not_a_number(str(value), column.quantity)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return column.judge(number, findings)


def _not_a_number(text: str, quantity: Quantity) -> RowRefused:
    message = f"{quantity} is {text.strip()[:40]!r}, which is no number."
    return RowRefused(Reason.BAD_NUMBER, message)
