"""Open-Meteo answers: fixed offset, units, derived wet bulb, and what is refused."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from core.errors import InvalidInput
from core.telemetry import VALID_RANGES, Quantity
from orchestrator.telemetry.readers.contents import MAX_JSON_BYTES
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    ParsedRow,
    RefusedRow,
    RegionGate,
    TelemetryFile,
)
from orchestrator.telemetry.readers.sources import open_source

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read_bytes(
    content: bytes, region_slug: str | None = "texas"
) -> tuple[TelemetryFile, list[ParsedRow | RefusedRow | None]]:
    rules = ReadRules(
        gate=RegionGate({"texas"}),
        region_slug=region_slug,
        zone=None,
        now_utc=NOW,
        ranges=VALID_RANGES,
    )
    with open_source(io.BytesIO(content)) as opened:
        file = open_telemetry_file(TelemetryFormat.OPEN_METEO, opened, rules)
        return file, sorted(file.rows, key=lambda row: row.line_number if row else 0)


def answer(**changes: object) -> dict[str, object]:
    """An answer for two hours of Dallas; keywords replace top-level members."""
    return {
        "latitude": 32.8,
        "longitude": -96.8,
        "utc_offset_seconds": -18_000,
        "timezone": "America/Chicago",
        "hourly_units": {
            "time": "iso8601",
            "temperature_2m": "°C",
            "relative_humidity_2m": "%",
            "windspeed_10m": "km/h",
        },
        "hourly": {
            "time": ["2023-01-01T00:00", "2023-01-01T01:00"],
            "temperature_2m": [20.0, 21.0],
            "relative_humidity_2m": [50, 55],
            "windspeed_10m": [10.8, 9.0],
        },
        **changes,
    }


def hourly(**columns: object) -> dict[str, object]:
    return {"time": ["2023-01-01T00:00", "2023-01-01T01:00"], **columns}


def read(**changes: object) -> list[ParsedRow | RefusedRow | None]:
    return read_bytes(json.dumps(answer(**changes)).encode())[1]


def values(row: ParsedRow | RefusedRow | None) -> dict[Quantity, float]:
    assert isinstance(row, ParsedRow), row
    pairs = zip(QUANTITIES, row.values, strict=True)
    return {quantity: value for quantity, value in pairs if value is not None}


def test_times_are_at_the_fixed_offset_not_in_the_named_zone() -> None:
    """Chicago is at -06:00 in January; the file says -05:00 all year."""
    rows = read()
    assert [row.hour_utc for row in rows if isinstance(row, ParsedRow)] == [
        datetime(2023, 1, 1, 5, tzinfo=UTC),
        datetime(2023, 1, 1, 6, tzinfo=UTC),
    ]


def test_hours_are_not_lost_or_doubled_where_the_named_zone_changes_its_clock() -> None:
    times = [f"2023-03-12T{hour:02}:00" for hour in range(24)]
    times += [f"2023-11-05T{hour:02}:00" for hour in range(24)]
    units = {"temperature_2m": "°C"}
    rows = read(
        hourly={"time": times, "temperature_2m": [20.0] * 48}, hourly_units=units
    )
    hours = {row.hour_utc for row in rows if isinstance(row, ParsedRow)}
    assert len(hours) == 48


def test_wet_bulb_is_derived_by_stull() -> None:
    file, rows = read_bytes(json.dumps(answer()).encode())
    assert Quantity.WET_BULB_C in file.quantities
    # The worked example of Stull (2011): 20 degC and 50 % give 13.7 degC.
    assert values(rows[0])[Quantity.WET_BULB_C] == pytest.approx(13.7, abs=0.05)


def test_wet_bulb_stays_missing_outside_the_fit_or_without_humidity() -> None:
    rows = read(
        hourly=hourly(temperature_2m=[-20.5, 20.0], relative_humidity_2m=[50, None])
    )
    assert Quantity.WET_BULB_C not in values(rows[0])
    assert Quantity.WET_BULB_C not in values(rows[1])
    assert values(rows[1]) == {Quantity.TEMPERATURE_C: 20.0}


@pytest.mark.parametrize(
    ("unit", "speed", "expected_kmh"),
    [
        ("km/h", 10.8, 10.8),
        ("m/s", 3.0, 10.8),
        ("mp/h", 10.0, 16.09344),
        ("kn", 10.0, 18.52),
    ],
)
def test_wind_is_converted_from_the_unit_of_the_file(
    unit: str, speed: float, expected_kmh: float
) -> None:
    rows = read(
        hourly=hourly(windspeed_10m=[speed, speed]),
        hourly_units={"windspeed_10m": unit},
    )
    assert values(rows[0]) == {Quantity.WIND_SPEED_KMH: expected_kmh}


def test_fahrenheit_is_converted() -> None:
    rows = read(
        hourly=hourly(temperature_2m=[95.0, 32.0]),
        hourly_units={"temperature_2m": "°F"},
    )
    assert values(rows[0]) == {Quantity.TEMPERATURE_C: 35.0}
    assert values(rows[1]) == {Quantity.TEMPERATURE_C: 0.0}


def test_present_names_of_the_api_are_known() -> None:
    rows = read(
        hourly=hourly(wind_speed_10m=[3.0, 3.0], cloud_cover=[40, 50]),
        hourly_units={"wind_speed_10m": "m/s", "cloud_cover": "%"},
    )
    assert values(rows[1]) == {
        Quantity.WIND_SPEED_KMH: 10.8,
        Quantity.CLOUD_COVER_PCT: 50.0,
    }


def test_unix_times_are_utc_already() -> None:
    rows = read(
        hourly={"time": [1_672_531_200], "temperature_2m": [20.0]},
        hourly_units={"time": "unixtime", "temperature_2m": "°C"},
    )
    assert isinstance(rows[0], ParsedRow)
    assert rows[0].hour_utc == datetime(2023, 1, 1, tzinfo=UTC)


def test_variables_that_are_not_known_are_named() -> None:
    file, _ = read_bytes(
        json.dumps(
            answer(
                hourly=hourly(temperature_2m=[1, 2], rain=[0, 0]),
            )
        ).encode()
    )
    assert file.ignored_columns == ("rain",)


def test_bad_hours_are_refused_and_counted_from_one() -> None:
    rows = read(
        hourly={
            "time": ["2023-01-01T00:00", "2023-01-01T24:00", "2030-01-01T00:00", 7],
            "temperature_2m": ["hot", 20.0, 20.0, 20.0],
        }
    )
    refused = [row for row in rows if isinstance(row, RefusedRow)]
    assert [(row.line_number, row.code.value) for row in refused] == [
        (1, "bad_number"),
        (2, "hour_24"),
        (3, "future_hour"),
        (4, "bad_timestamp"),
    ]
    assert refused[0].raw_text == "time=2023-01-01T00:00, temperature_2m=hot"


def test_an_hour_without_any_value_is_refused() -> None:
    rows = read(hourly=hourly(temperature_2m=[20.0, None]))
    assert isinstance(rows[1], RefusedRow)
    assert rows[1].code.value == "no_values"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hourly": None}, "no 'hourly'"),
        ({"hourly_units": []}, "no 'hourly_units'"),
        ({"utc_offset_seconds": None}, "utc_offset_seconds"),
        ({"utc_offset_seconds": 10**6}, "utc_offset_seconds"),
        ({"hourly": {"time": "x"}}, "'time' is no list"),
        ({"hourly": hourly(temperature_2m=[1.0])}, "1 values for 2 hours"),
        ({"hourly": hourly(temperature_2m=3.0)}, "is no list"),
        ({"hourly": hourly(rain=[0, 0])}, "carries none"),
        ({"hourly_units": {"temperature_2m": "K"}}, "known units are"),
        (
            {
                "hourly": hourly(windspeed_10m=[1, 1], wind_speed_10m=[1, 1]),
                "hourly_units": {"windspeed_10m": "m/s", "wind_speed_10m": "m/s"},
            },
            "both carry",
        ),
        ({"error": True, "reason": "Rate limit"}, "Rate limit"),
    ],
)
def test_what_is_no_hourly_answer_is_a_bad_file(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadFile, match=sentence):
        read(**changes)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[1, 2]",
        b'"text"',
        b"[" * 100_000,
        b'{"a": 1' + b"0" * 9_000 + b"}",
    ],
    ids=["empty", "html", "list", "text", "nested", "long integer"],
)
def test_what_is_no_json_object_is_a_bad_file(content: bytes) -> None:
    with pytest.raises(BadFile):
        read_bytes(content)


def test_a_json_beyond_the_limit_is_a_bad_file() -> None:
    with pytest.raises(BadFile, match="fewer years"):
        read_bytes(b"{" + b" " * MAX_JSON_BYTES)


def test_the_region_must_be_given() -> None:
    with pytest.raises(InvalidInput, match="--region"):
        read_bytes(json.dumps(answer()).encode(), region_slug=None)
