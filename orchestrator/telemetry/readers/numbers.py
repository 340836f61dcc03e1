"""Numbers of telemetry files: text or JSON to a plausible value, or a reason."""

from __future__ import annotations

import math
import re

from core.telemetry import Quantity, ValidRange
from orchestrator.telemetry.readers.rows import Reason, RowRefused

_SENTINELS = frozenset({-999.0, -999.9, -9999.0, -99999.0})
"""Codes for "missing" in many archives; -999 would pass as a price."""

_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+(?:[.\s][0-9]{3})*,[0-9]+")


def read_cell(text: str, quantity: Quantity, valid: ValidRange) -> float | None:
    """The value of a cell, None when it is blank.

    Raises
    ------
    RowRefused
        When the text is no number, not finite, a code for "missing" or out of range.
    """
    try:
        value = float(text)
    except ValueError:
        if not text or text.isspace():
            return None
        raise _not_a_number(text, quantity) from None
    # Python reads 1_000 and digits of other scripts as numbers; a file never means it.
    if "_" in text or not text.isascii():
        raise _not_a_number(text, quantity)
    return _plausible(value, quantity, valid)


def check_json_number(
    value: object, quantity: Quantity, valid: ValidRange, *, scale: float, offset: float
) -> float | None:
    """A JSON value converted to the quantity's unit, None when it is null.

    Raises
    ------
    RowRefused
        As `read_cell`.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not_a_number(str(value), quantity)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if number in _SENTINELS:
        # Before the conversion, which would make a plausible number of it.
        raise _sentinel(number, quantity)
    if (scale, offset) != (1.0, 0.0):
        # 2.3 m/s are 8.28 km/h, not 8.279999999999999.
        number = round(number * scale + offset, 6) if math.isfinite(number) else number
    return _plausible(number, quantity, valid)


def _plausible(value: float, quantity: Quantity, valid: ValidRange) -> float:
    if value in _SENTINELS:
        raise _sentinel(value, quantity)
    if valid.low <= value <= valid.high:
        return value + 0.0  # makes zero of negative zero
    if not math.isfinite(value):
        message = f"{quantity} is {value}; leave a missing value blank."
        raise RowRefused(Reason.NOT_FINITE, message)
    message = f"{quantity} is {value:g}, outside {valid.low:g} to {valid.high:g}."
    raise RowRefused(Reason.OUT_OF_RANGE, message)


def _sentinel(value: float, quantity: Quantity) -> RowRefused:
    message = f"{quantity} is {value:g}, a code for a missing value; leave it blank."
    return RowRefused(Reason.SENTINEL, message)


def _not_a_number(text: str, quantity: Quantity) -> RowRefused:
    shown = text.strip()[:40]
    if _DECIMAL_COMMA.fullmatch(shown):
        message = f"{quantity} is {shown!r}; write decimals with a point."
        return RowRefused(Reason.DECIMAL_COMMA, message)
    message = f"{quantity} is {shown!r}, which is no number."
    return RowRefused(Reason.BAD_NUMBER, message)
