"""Files of weather forecasts as issued: shapes, times that prove nothing, bad rows."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from core.errors import InvalidInput
from core.telemetry import Quantity
from orchestrator.telemetry.readers.forecast_files import (
    ForecastFile,
    read_weather_forecasts,
)

HEAD = "region,issued_at_utc,retrieved_at_utc,valid_at_utc,lead_h"
ZONES = {"AA": "Europe/London", "BB": "America/New_York"}
ROW = "AA,2024-05-01T00:00:00Z,2024-05-01T00:17:00Z"


def _read(*lines: str) -> ForecastFile:
    return read_weather_forecasts(BytesIO("\n".join(lines).encode()), ZONES)


def test_rows_of_one_run_become_one_run() -> None:
    file = _read(
        f"{HEAD},temperature_c_forecast,cloud_cover_pct_forecast",
        f"{ROW},2024-05-01T03:00:00Z,3,12.5,40",
        f"{ROW},2024-05-01T01:00:00Z,1,11.5,",
    )
    (run,) = file.runs["AA"]
    assert run.issued_at_utc == datetime(2024, 5, 1, tzinfo=UTC)
    assert run.known_at_utc == datetime(2024, 5, 1, 0, 17, tzinfo=UTC)
    assert run.first_lead_h == 1
    assert np.array_equal(
        run.values[Quantity.TEMPERATURE_C], [11.5, np.nan, 12.5], equal_nan=True
    )
    assert file.row_count == 2
    assert not file.refused


def test_models_come_in_a_column_or_in_the_names_of_columns() -> None:
    long = _read(
        f"{HEAD},model,member,temperature_c_forecast",
        f"{ROW},2024-05-01T01:00:00Z,1,gfs,00,11",
        f"{ROW},2024-05-01T01:00:00Z,1,icon,00,12",
        f"{ROW},2024-05-01T01:00:00Z,1,icon,01,13",
    )
    wide = _read(
        f"{HEAD},temperature_c_forecast_gfs,temperature_c_forecast_icon",
        f"{ROW},2024-05-01T01:00:00Z,1,11,12",
    )
    assert [(run.model, run.member) for run in long.runs["AA"]] == [
        ("gfs", "00"),
        ("icon", "00"),
        ("icon", "01"),
    ]
    assert [run.model for run in wide.runs["AA"]] == ["gfs", "icon"]


@pytest.mark.parametrize(
    ("head", "cells"),
    [
        ("issued_at_utc,lead_h", "2024-05-01T00:00:00Z,24"),
        ("valid_at_utc,lead_h", "2024-05-02T00:00:00Z,24"),
        ("issued_at_utc,valid_at_utc", "2024-05-01T02:00:00+02:00,2024-05-02T00:00Z"),
    ],
)
def test_two_of_issue_valid_hour_and_lead_suffice(head: str, cells: str) -> None:
    file = _read(f"region,{head},temperature_c_forecast", f"AA,{cells},9")
    (run,) = file.runs["AA"]
    assert run.issued_at_utc == datetime(2024, 5, 1, tzinfo=UTC)
    assert run.first_lead_h == 24
    assert run.known_at_utc is None
    assert file.unproved_rows == 1


def test_a_run_known_before_its_issue_counts_from_its_issue() -> None:
    file = _read(
        f"{HEAD},temperature_c_forecast",
        "AA,2024-05-01T06:00Z,2024-05-01T05:00Z,2024-05-01T07:00Z,1,9",
    )
    (run,) = file.runs["AA"]
    assert run.known_at_utc == run.issued_at_utc


def test_an_issue_within_an_hour_is_taken_as_later_not_earlier() -> None:
    file = _read(
        "region,issued_at_utc,valid_at_utc,temperature_c_forecast",
        "AA,2024-05-01T05:40Z,2024-05-01T07:00Z,9",
    )
    (run,) = file.runs["AA"]
    assert run.first_lead_h == 1
    assert run.issue_hour % 24 == 6


def test_the_maximum_of_a_local_day_has_the_hours_of_that_day_from_the_issue() -> None:
    file = _read(
        "region,issued_at_utc,known_at_utc,valid_day,temperature_day_max_c_forecast",
        "AA,2024-05-01T09:30Z,2024-05-01T10:00Z,2024-05-01,19",
        "AA,2024-05-01T09:30Z,2024-05-01T10:00Z,2024-05-02,21.5",
        "AA,2024-05-01T09:30Z,2024-05-01T10:00Z,2024-04-30,12",
        "AA,2024-05-01T09:30Z,2024-05-01T10:00Z,2024-06-30,30",
        "BB,2024-05-01T21:00Z,,2024-05-02,25",
    )
    (run,) = file.runs["AA"]
    assert run.is_day_max
    # London keeps summer time: its days end at 23:00 UTC.
    assert run.first_lead_h == 0
    values = run.values[Quantity.TEMPERATURE_C].tolist()
    assert values == [19.0] * 13 + [21.5] * 24
    (new_york,) = file.runs["BB"]
    assert new_york.first_lead_h == 7
    assert len(new_york.values[Quantity.TEMPERATURE_C]) == 24
    assert file.refused == {"bad_time": 2}


def test_half_hours_become_the_mean_of_their_hour_where_both_are_there() -> None:
    head = "region,issued_at_utc,known_at_utc,valid_at_utc"
    times = "AA,2024-05-01T00:10Z,2024-05-01T00:12Z"
    file = _read(
        f"{head},carbon_intensity_gco2_kwh_forecast",
        f"{times},2024-05-01T00:30Z,900",
        f"{times},2024-05-01T01:00Z,100",
        f"{times},2024-05-01T01:30Z,140",
        f"{times},2024-05-01T02:00Z,120",
        f"{times},2024-05-01T03:30Z,130",
        f"{times},2024-05-01T04:00Z,90",
        f"{times},2024-05-01T04:30Z,110",
    )
    (run,) = file.runs["AA"]
    assert run.first_lead_h == 0
    values = run.values[Quantity.CARBON_INTENSITY_GCO2_KWH]
    assert np.array_equal(values, [120, np.nan, np.nan, 100], equal_nan=True)
    assert file.refused == {"hour_under_way": 1}


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("CC,2024-05-01T00:00Z,,2024-05-01T01:00Z,1,9", "unknown_region"),
        ("AA,2024-05-01T00:00Z,,2024-05-01T01:00Z,1", "wrong_cell_count"),
        ("AA,2024-05-01T00:00Z,,2024-05-01T01:00Z,5,9", "bad_time"),
        ("AA,2024-05-01T00:00Z,,2024-04-30T23:00Z,-1,9", "bad_time"),
        ("AA,2024-05-01T00:00,,2024-05-01T01:00Z,1,9", "bad_time"),
        ("AA,2024-05-01T00:00Z,soon,2024-05-01T01:00Z,1,9", "bad_time"),
        ("AA,2024-05-01T00:00Z,,2024-05-01T01:07Z,1.1,9", "bad_time"),
        ("AA,2024-05-01T00:00Z,,2024-06-01T01:00Z,745,9", "bad_time"),
        ("AA,2024-05-01T00:00Z,,2024-05-01T01:00Z,1e400,9", "bad_time"),
        ("AA,2024-05-01T00:00Z,,2024-05-01T01:00Z,nan,9", "bad_time"),
        ("AA,2024-05-01T00:00Z,,2024-05-01T01:00Z,1,999", "value_out_of_range"),
        ("AA,2024-05-01T00:00Z,,2024-05-01T01:00Z,1,nan", "value_out_of_range"),
        ("AA,2024-05-01T00:00Z,,2024-05-01T01:00Z,1,cold", "value_out_of_range"),
    ],
)
def test_a_bad_row_is_counted_and_the_others_are_taken(row: str, code: str) -> None:
    good = "BB,2024-05-01T00:00Z,,2024-05-01T01:00Z,1,9"
    file = _read(f"{HEAD},temperature_c_forecast", row, good)
    assert file.refused == {code: 1}
    assert list(file.runs) == ["BB"]
    assert file.first_refusals[0].startswith("Line 2:")


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        ("", "lack region"),
        ("region,lead_h,temperature_c_forecast", "lack two of issued_at_utc"),
        ("region,lead_h,issued_at_utc,temperature_c", "such as temperature_c_forecast"),
        ("region,region,lead_h,issued_at_utc", "a column twice"),
        (f"{HEAD},temperature_c_forecast", "No row"),
        (
            "region,issued_at_utc,valid_day,temperature_c_forecast",
            "temperature_day_max",
        ),
    ],
)
def test_a_file_without_what_is_needed_is_refused(head: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        _read(head)


def test_gzip_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "any.csv"
    text = f"{HEAD},temperature_c_forecast\n{ROW},2024-05-01T01:00:00Z,1,9\n"
    path.write_bytes(gzip.compress(text.encode()))
    assert len(read_weather_forecasts(path, ZONES).runs["AA"]) == 1
