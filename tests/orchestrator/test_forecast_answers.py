"""Answers of APIs about coming hours, as runs that say when they were known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from core.errors import InvalidInput
from core.telemetry import HOUR, Quantity
from core.weather_runs import IssuedRun
from orchestrator.telemetry.readers.forecast_answers import (
    PublishedFile,
    tidy_forecasts,
)
from orchestrator.telemetry.readers.forecast_files import read_weather_forecasts
from orchestrator.telemetry.readers.options import ReadOptions

CAME = datetime(2024, 5, 1, 6, 20, tzinfo=UTC)
CARBON = Quantity.CARBON_INTENSITY_GCO2_KWH


def _runs(document: object, issued_at_utc: datetime | None = None) -> list[IssuedRun]:
    content = json.dumps(document).encode()
    return _runs_of(_published(content, issued_at_utc=issued_at_utc))


def _published(content: bytes, **more: Any) -> PublishedFile:
    return PublishedFile(content=content, region_slug="AA", known_at_utc=CAME, **more)


def _runs_of(published: PublishedFile) -> list[IssuedRun]:
    tidy = BytesIO(tidy_forecasts(published).file)
    return list(read_weather_forecasts(tidy, {"AA": "UTC"}).runs["AA"])


def _open_meteo(**columns: list[float | None]) -> dict[str, object]:
    return {
        "utc_offset_seconds": 3600,
        "hourly_units": dict.fromkeys(columns, "°F"),
        "hourly": {"time": [f"2024-05-01T{h:02}:00" for h in (7, 8, 9)], **columns},
    }


def test_an_open_meteo_forecast_counts_from_when_it_came() -> None:
    (run,) = _runs(_open_meteo(temperature_2m=[32.0, 50.0, 68.0]))
    assert (run.issued_at_utc, run.known_at_utc) == (CAME, CAME)
    # 07:00 at UTC+1 had begun; leads count from the full hour after the answer.
    assert run.first_lead_h == 0
    assert run.values[Quantity.TEMPERATURE_C].tolist() == [10.0, 20.0]


def test_members_models_and_a_named_run_are_kept_apart() -> None:
    issued = datetime(2024, 5, 1, 0, tzinfo=UTC)
    runs = _runs(
        _open_meteo(
            temperature_2m_icon_d2=[32.0, 50.0, None],
            temperature_2m_icon_d2_member07=[32.0, 32.0, 32.0],
        ),
        issued,
    )
    assert [(run.model, run.member) for run in runs] == [
        ("icon_d2", ""),
        ("icon_d2", "07"),
    ]
    assert {run.issued_at_utc for run in runs} == {issued}
    assert runs[0].first_lead_h == 6


def test_values_of_previous_days_prove_no_time() -> None:
    runs = _runs(_open_meteo(temperature_2m_previous_day1=[32.0, 50.0, 68.0]))
    assert [run.first_lead_h for run in runs] == [24, 24, 24]
    assert {run.known_at_utc for run in runs} == {None}
    assert runs[0].issued_at_utc == datetime(2024, 4, 30, 6, tzinfo=UTC)


def test_carbon_of_electricity_maps_says_its_issue_itself() -> None:
    hours = [CAME.replace(minute=0) + n * HOUR for n in range(3)]
    said = CAME - timedelta(minutes=40)
    (run,) = _runs(
        {
            "zone": "DE",
            "updatedAt": said.isoformat(),
            "forecast": [
                {"carbonIntensity": 300 + n, "datetime": hour.isoformat()}
                for n, hour in enumerate(hours)
            ],
        }
    )
    assert (run.issued_at_utc, run.known_at_utc) == (said, CAME)
    assert run.values[CARBON].tolist() == [300.0, 301.0, 302.0]


def test_half_hours_of_the_uk_become_hours() -> None:
    starts = [CAME.replace(minute=30) + timedelta(minutes=30 * n) for n in range(5)]
    (run,) = _runs(
        {
            "data": [
                {
                    "from": f"{start:%Y-%m-%dT%H:%MZ}",
                    "to": f"{start + timedelta(minutes=30):%Y-%m-%dT%H:%MZ}",
                    "intensity": {"forecast": 100 + n},
                }
                for n, start in enumerate(starts)
            ]
        }
    )
    assert np.array_equal(run.values[CARBON], [101.5, 103.5])


def test_prices_of_a_market_are_read_as_its_telemetry_is() -> None:
    file = (
        "MTU (CET/CEST),Area,Day-ahead Price (EUR/MWh)\n"
        "01/05/2024 08:00 - 01/05/2024 09:00,BZN|FR,99\n"
        "01/05/2024 09:00 - 01/05/2024 10:00,BZN|FR,50\n"
        "01/05/2024 10:00 - 01/05/2024 11:00,BZN|FR,-10\n"
    )
    options = ReadOptions(rates_usd={"EUR": 1.1})
    (run,) = _runs_of(_published(file.encode(), options=options))
    # 08:00 to 09:00 in France had begun when the file came.
    assert run.first_lead_h == 0
    prices = run.values[Quantity.PRICE_USD_MWH]
    assert prices.tolist() == pytest.approx([55.0, -11.0])


def test_the_kind_of_a_carbon_forecast_is_found() -> None:
    document = {
        "meta": {
            "region": "AA",
            "signal_type": "co2_moer",
            "units": "lbs_co2_per_mwh",
            "generated_at": "2024-05-01T06:10:00+00:00",
            "data_point_period_seconds": 3600,
        },
        "data": [{"point_time": "2024-05-01T07:00:00+00:00", "value": 1000.0}],
    }
    published = _published(json.dumps(document).encode())
    assert str(tidy_forecasts(published).carbon_kind) == "direct marginal"
    (run,) = _runs_of(published)
    assert run.issued_at_utc == datetime(2024, 5, 1, 6, 10, tzinfo=UTC)
    assert run.values[CARBON].tolist() == pytest.approx([453.59237])


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "-1e400", "NaN"])
@pytest.mark.parametrize("name", ["latitude", "longitude"])
def test_a_place_that_is_no_number_is_another_place(name: str, number: str) -> None:
    place = {"latitude": "51.5", "longitude": "0.0", name: number}
    content = (
        f'{{"latitude": {place["latitude"]}, "longitude": {place["longitude"]},'
        f"{json.dumps(_open_meteo(temperature_2m=[32.0, 50.0, 68.0]))[1:]}"
    )
    with pytest.raises(InvalidInput, match="The answer is about"):
        tidy_forecasts(_published(content.encode(), region_deg=(51.5, 0.0)))


def test_a_value_beyond_every_float_is_out_of_range() -> None:
    with pytest.raises(InvalidInput, match="temperature_c of 'inf' is out of range"):
        _runs(_open_meteo(temperature_2m=[32.0, 10**400, 10**400]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html>", "a web page, perhaps an error"),
        (b"[1]", "JSON of no known API"),
        (b'{"data": []}', "JSON of no known API"),
        (b'{"hourly": {"time": []}}', "does not say its offset"),
        (
            b'{"forecast": [{"carbonIntensity": 1, "datetime": "x"}]}',
            "no value of a coming hour. 'x' is no",
        ),
        (
            b'{"forecast": [{"carbonIntensity": 1, "datetime": "2024-05-01T06:00Z"}]}',
            "no value of a coming hour.$",
        ),
    ],
)
def test_another_answer_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        tidy_forecasts(_published(content))
