"""Numbers: nothing is coerced; what is implausible is refused with its reason."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.telemetry import VALID_RANGES, Quantity
from orchestrator.telemetry.readers.numbers import check_json_number, read_cell
from orchestrator.telemetry.readers.rows import RowRefused


def read(text: str, quantity: Quantity = Quantity.TEMPERATURE_C) -> float | None:
    return read_cell(text, quantity, VALID_RANGES[quantity])


def read_json(value: object, scale: float = 1.0, offset: float = 0.0) -> float | None:
    quantity = Quantity.TEMPERATURE_C
    return check_json_number(
        value, quantity, VALID_RANGES[quantity], scale=scale, offset=offset
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("35.5", 35.5), (" -3 ", -3.0), ("1e1", 10.0), ("+0.50", 0.5), ("60", 60.0)],
)
def test_plain_numbers_are_read(text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_a_blank_cell_is_missing(text: str) -> None:
    assert read(text) is None


def test_negative_zero_becomes_zero() -> None:
    value = read("-0.0")
    assert value is not None
    assert math.copysign(1.0, value) == 1.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nan", "not_finite"),
        ("NaN", "not_finite"),
        ("inf", "not_finite"),
        ("-Infinity", "not_finite"),
        ("1e400", "not_finite"),
        ("1e308", "out_of_range"),
        ("-1e308", "out_of_range"),
        ("60.01", "out_of_range"),
        ("-999", "sentinel"),
        ("-9999.0", "sentinel"),
        ("12,5", "decimal_comma"),
        ("1.234,5", "decimal_comma"),
        ("warm", "bad_number"),
        ("null", "bad_number"),
        ("1_0", "bad_number"),
        ("٣٥", "bad_number"),
        ("0x10", "bad_number"),
        ("35.5 C", "bad_number"),
        ("=1+1", "bad_number"),
    ],
)
def test_everything_else_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(RowRefused) as caught:
        read(text)
    assert caught.value.code.value == code
    assert caught.value.message.startswith("temperature_c is ")


def test_a_code_for_missing_is_refused_even_where_it_lies_in_range() -> None:
    assert VALID_RANGES[Quantity.PRICE_USD_MWH].contains(-999.0)
    with pytest.raises(RowRefused, match="code for a missing value"):
        read("-999.0", Quantity.PRICE_USD_MWH)


@given(st.text(max_size=12))
def test_any_text_is_read_refused_or_missing_but_never_implausible(text: str) -> None:
    try:
        value = read(text)
    except RowRefused:
        return
    assert value is None or -50.0 <= value <= 60.0


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "bad_number"),
        ("20", "bad_number"),
        ([20.0], "bad_number"),
        (float("nan"), "not_finite"),
        (float("inf"), "not_finite"),
        (10**400, "not_finite"),
        (-999, "sentinel"),
        (61, "out_of_range"),
    ],
)
def test_json_values_are_judged_like_cells(value: object, code: str) -> None:
    with pytest.raises(RowRefused) as caught:
        read_json(value)
    assert caught.value.code.value == code


def test_json_null_is_missing() -> None:
    assert read_json(None) is None


def test_units_are_converted_before_the_range_is_checked() -> None:
    assert read_json(95.0, scale=1 / 1.8, offset=-32 / 1.8) == 35.0
    with pytest.raises(RowRefused, match="outside"):
        read_json(141.0, scale=1 / 1.8, offset=-32 / 1.8)


def test_a_code_for_missing_is_seen_before_conversion() -> None:
    with pytest.raises(RowRefused, match="code for a missing value"):
        read_json(-999, scale=0.01)
