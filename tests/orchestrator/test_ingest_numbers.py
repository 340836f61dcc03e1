"""Numbers: one decimal mark a file, words for missing, units; nothing is guessed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.telemetry import VALID_RANGES, Quantity
from orchestrator.telemetry.readers.numbers import (
    MISSING_WORDS,
    CellReader,
    Undecided,
    ValueColumn,
    json_value,
)
from orchestrator.telemetry.readers.options import DecimalMark
from orchestrator.telemetry.readers.rows import BadFile, Findings, RowRefused
from orchestrator.telemetry.readers.units import conversion, own_unit


def column(
    quantity: Quantity = Quantity.TEMPERATURE_C, unit: str | None = None
) -> ValueColumn:
    given_unit = conversion(quantity, unit, {}) if unit else own_unit(quantity)
    return ValueColumn("cell", 0, quantity, VALID_RANGES[quantity], given_unit)


def reader(
    mark: DecimalMark | None = None, *, comma_divides: bool = True
) -> CellReader:
    return CellReader(mark, Findings(), {"EUR": 1.1}, comma_divides=comma_divides)


def read(
    text: str, quantity: Quantity = Quantity.TEMPERATURE_C, unit: str | None = None
) -> float | None:
    return reader().read(text, column(quantity, unit))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("35.5", 35.5),
        (" -3 ", -3.0),
        ("1e1", 10.0),
        ("+0.50", 0.5),
        ("60", 60.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("\u22125.2", -5.2),
    ],
)
def test_plain_numbers_are_read(text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_a_blank_cell_is_missing(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize("word", [*sorted(MISSING_WORDS), "NA", "NaN", "#VALUE!"])
def test_a_word_for_missing_is_a_missing_cell(word: str) -> None:
    assert read(word) is None


def test_negative_zero_becomes_zero() -> None:
    value = read("-0.0")
    assert value is not None
    assert math.copysign(1.0, value) == 1.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("inf", "not_finite"),
        ("-Infinity", "not_finite"),
        ("1e400", "not_finite"),
        ("1e308", "out_of_range"),
        ("-1e308", "out_of_range"),
        ("60.01", "out_of_range"),
        ("warm", "bad_number"),
        ("1_0", "bad_number"),
        ("٣٥", "bad_number"),
        ("0x10", "bad_number"),
        ("35.5 parsecs", "bad_number"),
        ("10.5*", "bad_number"),
        ("=1+1", "bad_number"),
    ],
)
def test_everything_else_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(RowRefused) as caught:
        read(text)
    assert caught.value.code.value == code
    assert caught.value.message.startswith("temperature_c is ")


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("-999", Quantity.TEMPERATURE_C),
        ("-9999.0", Quantity.TEMPERATURE_C),
        ("99.9", Quantity.TEMPERATURE_C),
        ("9999", Quantity.TEMPERATURE_C),
        ("999", Quantity.RELATIVE_HUMIDITY_PCT),
        ("-999.0", Quantity.PRICE_USD_MWH),
        ("-99", Quantity.PRICE_USD_MWH),
        ("9999.99", Quantity.PRICE_USD_MWH),
        ("255", Quantity.WIND_SPEED_KMH),
        ("9999", Quantity.CARBON_INTENSITY_GCO2_KWH),
    ],
)
def test_a_code_for_missing_is_a_missing_cell(text: str, quantity: Quantity) -> None:
    assert read(text, quantity) is None


@pytest.mark.parametrize(
    ("text", "quantity", "value"),
    [
        ("9999", Quantity.WATER_USAGE_L, 9999.0),
        ("999", Quantity.CARBON_INTENSITY_GCO2_KWH, 999.0),
        ("99.9", Quantity.RELATIVE_HUMIDITY_PCT, 99.9),
        ("99", Quantity.CLOUD_COVER_PCT, 99.0),
    ],
)
def test_a_plausible_value_is_no_code(
    text: str, quantity: Quantity, value: float
) -> None:
    assert read(text, quantity) == value


@pytest.mark.parametrize(
    ("text", "quantity", "value"),
    [
        ("41.2 MW", Quantity.IT_LOAD_MW, 41.2),
        ("980 kW", Quantity.IT_LOAD_MW, 0.98),
        ("22.1 °C", Quantity.TEMPERATURE_C, 22.1),
        ("50°F", Quantity.TEMPERATURE_C, 10.0),
        ("295.15 K", Quantity.TEMPERATURE_C, 22.0),
        ("73%", Quantity.RELATIVE_HUMIDITY_PCT, 73.0),
        ("$45.1", Quantity.PRICE_USD_MWH, 45.1),
        ("€10", Quantity.PRICE_USD_MWH, 11.0),
        ("10 EUR/MWh", Quantity.PRICE_USD_MWH, 11.0),
        ("2 m³", Quantity.WATER_USAGE_L, 2000.0),
    ],
)
def test_a_unit_beside_the_number_is_read(
    text: str, quantity: Quantity, value: float
) -> None:
    assert read(text, quantity) == pytest.approx(value)


@pytest.mark.parametrize(
    ("unit", "quantity", "text", "value"),
    [
        ("lb/MWh", Quantity.CARBON_INTENSITY_GCO2_KWH, "1000", 453.59237),
        ("lbs_co2_per_mwh", Quantity.CARBON_INTENSITY_GCO2_KWH, "1000", 453.59237),
        ("gCO₂eq/kWh", Quantity.CARBON_INTENSITY_GCO2_KWH, "400", 400.0),
        ("kg/kWh", Quantity.CARBON_INTENSITY_GCO2_KWH, "0.4", 400.0),
        ("tCO2/MWh", Quantity.CARBON_INTENSITY_GCO2_KWH, "0.4", 400.0),
        ("USD/kWh", Quantity.PRICE_USD_MWH, "0.05", 50.0),
        ("GW", Quantity.IT_LOAD_MW, "0.05", 50.0),
        ("W", Quantity.IT_LOAD_MW, "50000000", 50.0),
        ("K", Quantity.TEMPERATURE_C, "273.15", 0.0),
        ("F", Quantity.WET_BULB_C, "95", 35.0),
        ("kn", Quantity.WIND_SPEED_KMH, "10", 18.52),
        ("gal", Quantity.WATER_USAGE_L, "100", 378.541178),
    ],
)
def test_units_that_are_stated_are_converted(
    unit: str, quantity: Quantity, text: str, value: float
) -> None:
    assert read(text, quantity, unit) == pytest.approx(value)


def test_a_currency_needs_a_stated_rate_and_milliwatts_are_no_megawatts() -> None:
    with pytest.raises(BadFile, match="--rate GBP="):
        conversion(Quantity.PRICE_USD_MWH, "GBP/MWh", {})
    with pytest.raises(BadFile, match="'mW' is no known unit"):
        conversion(Quantity.IT_LOAD_MW, "mW", {})


def test_ranges_are_those_of_the_portal_after_conversion() -> None:
    with pytest.raises(RowRefused, match=r"60.5556 degC \(141 °F\), outside"):
        read("141", unit="°F")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["12.345", "9.870", "12.345,5"], [12345.0, 9870.0, 12345.5]),
        (["12,345", "987.5"], [12345.0, 987.5]),
        (["1.234.567", "12,5"], [1234567.0, 12.5]),
        (["1 234,5", "7"], [1234.5, 7.0]),
        (["1'234.5", "7"], [1234.5, 7.0]),
        (["0.125", "12.345"], [0.125, 12.345]),
        (["12,5", "13"], [12.5, 13.0]),
    ],
)
def test_one_mark_is_found_for_all_cells(cells: list[str], values: list[float]) -> None:
    cell_reader = reader(comma_divides=False)
    for cell in cells:
        cell_reader.learn(cell)
    water = column(Quantity.WATER_USAGE_L)
    assert [cell_reader.read(cell, water) for cell in cells] == values


@pytest.mark.parametrize("text", ["12.345", "1,234", "-9.870"])
def test_what_could_be_thousands_or_decimals_is_not_guessed(text: str) -> None:
    with pytest.raises(Undecided):
        reader(comma_divides=False).read(text, column())


def test_a_point_among_commas_between_cells_is_a_decimal_one() -> None:
    assert reader(comma_divides=True).read("12.345", column()) == 12.345


@pytest.mark.parametrize(
    ("first", "second"), [("12,5", "12.5"), ("12.5", "12,5"), ("1.234,5", "12.5")]
)
def test_a_second_mark_makes_the_file_unreadable(first: str, second: str) -> None:
    cell_reader = reader(comma_divides=False)
    cell_reader.read(first, column(Quantity.WATER_USAGE_L))
    with pytest.raises(BadFile, match="one decimal mark"):
        cell_reader.read(second, column(Quantity.WATER_USAGE_L))


def test_the_mark_that_is_said_holds() -> None:
    water = column(Quantity.WATER_USAGE_L)
    comma = reader(DecimalMark.COMMA, comma_divides=False)
    assert comma.read("12.345", water) == 12_345.0
    point = reader(DecimalMark.POINT, comma_divides=False)
    assert point.read("12.345", water) == 12.345


@given(st.text(max_size=12))
def test_any_text_is_read_refused_or_missing_but_never_implausible(text: str) -> None:
    try:
        value = read(text)
    except (RowRefused, BadFile, Undecided):
        return
    assert value is None or -50.0 <= value <= 60.0


@given(
    st.decimals(-40, 50, places=2, allow_nan=False), st.sampled_from(["point", "comma"])
)
def test_a_number_written_with_its_mark_is_that_number(
    number: object, mark: str
) -> None:
    text = str(number) if mark == "point" else str(number).replace(".", ",")
    cell_reader = reader(DecimalMark(mark), comma_divides=False)
    assert cell_reader.read(text, column()) == float(str(number))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "bad_number"),
        ("20", "bad_number"),
        ([20.0], "bad_number"),
        (float("inf"), "not_finite"),
        (10**400, "not_finite"),
        (61, "out_of_range"),
    ],
)
def test_json_values_are_judged_like_cells(value: object, code: str) -> None:
    with pytest.raises(RowRefused) as caught:
        json_value(value, column(), Findings())
    assert caught.value.code.value == code


@pytest.mark.parametrize("value", [None, float("nan"), -999, -9999.0])
def test_json_null_and_codes_are_missing(value: object) -> None:
    assert json_value(value, column(unit="°F"), Findings()) is None


def test_missing_cells_are_counted_by_their_word() -> None:
    findings = Findings()
    for text in ("NA", "NA", "-999"):
        CellReader(None, findings, {}, comma_divides=True).read(text, column())
    assert findings.missing_cells == {"NA": 2, "-999": 1}
