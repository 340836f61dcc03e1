"""Inputs from the field: each is read or refused as its note says is right."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.carbon import CarbonSignalKind
from core.errors import InvalidInput, NotFound
from core.forecasts import Target
from core.telemetry import HOUR, VALID_RANGES, Quantity
from db.region_places import places_of_regions
from db.regions import region_by_slug
from db.telemetry import load_frame
from db.users import system_actor
from orchestrator.regions.changes import (
    RegionDraft,
    add_region,
    add_regions_from_csv,
)
from orchestrator.registry.training import train_models
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.options import StampAt
from orchestrator.telemetry.readers.rows import BadFile, ParsedRow
from tests.asking import asking
from tests.reading import read_file

CARBON, PRICE = Quantity.CARBON_INTENSITY_GCO2_KWH, Quantity.PRICE_USD_MWH
DRY_BULB, LOAD = Quantity.TEMPERATURE_C, Quantity.IT_LOAD_MW

pytestmark = pytest.mark.real_data


def import_for(session: Session, path: Path, slug: str, *others: str) -> None:
    """Import a file for a region, beside others that exist."""
    actor = system_actor(session, "cli")
    for name in (slug, *others):
        draft = RegionDraft(
            slug=name,
            name=name,
            time_zone="UTC",
            latitude_deg=33.4,
            longitude_deg=-112.0,
        )
        add_region(asking(session, actor), draft)
    file = FileToImport(
        source=path,
        label=path.name,
        telemetry_format=TelemetryFormat.AUTO,
        region_slug=slug,
    )
    import_telemetry(asking(session, actor), file, ranges=VALID_RANGES)


def test_01_a_zone_that_is_another_region_is_refused(
    field_cases: Path, session: Session
) -> None:
    with pytest.raises(BadFile, match="zone US-TEX-ERCO, which is region"):
        import_for(session, field_cases / "01-em-other-zone.csv", "SG", "US-TEX-ERCO")


def test_01_a_zone_of_no_region_is_bound_to_the_first_that_takes_it(
    field_cases: Path, session: Session
) -> None:
    import_for(session, field_cases / "01-em-other-zone.csv", "SG")
    bound = places_of_regions(session, "electricity-maps")
    assert bound == {"SG": "US-TEX-ERCO"}
    with pytest.raises(BadFile, match="to which SG is bound"):
        import_for(session, field_cases / "01-em-other-zone.csv", "texas-2")


@pytest.mark.parametrize(
    ("name", "word"), [("02-em-daily.csv", "daily"), ("04-em-yearly.csv", "yearly")]
)
def test_02_04_coarser_files_are_refused_by_name(
    field_cases: Path, name: str, word: str
) -> None:
    with pytest.raises(BadFile, match=word):
        read_file(field_cases / name)


def test_05_06_finer_files_are_averaged(field_cases: Path) -> None:
    carbon = read_file(field_cases / "05-em-5-minute.csv")
    assert carbon.series(CARBON) == {
        "2025-03-01T00:00": 195.0,
        "2025-03-01T01:00": 195.0,
    }
    assert carbon.refused == [(26, "too_few_samples")]
    load = read_file(field_cases / "06-load-5-minute.csv")
    assert list(load.series(LOAD).values()) == [pytest.approx(55.1667)] * 2


def test_10_a_zone_that_the_stamps_contradict_is_refused(field_cases: Path) -> None:
    path = field_cases / "10-fixed-offset-named-zone.csv"
    with pytest.raises(BadFile, match="--timezone -05:00"):
        read_file(path, "CA-ON", timezone="America/Toronto")
    assert len(read_file(path, "CA-ON", timezone="-05:00").hours) == 6


def test_13_14_units_that_are_stated_are_converted(field_cases: Path) -> None:
    price = read_file(field_cases / "13-price-per-kwh.csv", units={PRICE: "USD/kWh"})
    assert list(price.series(PRICE).values()) == [50.0, 51.0, 52.0, 53.0, 54.0]
    carbon = read_file(
        field_cases / "14-lb-per-mwh.csv",
        units={CARBON: "lb/MWh"},
        carbon_kind=CarbonSignalKind.parse("marginal"),
    )
    assert carbon.series(CARBON)["2025-01-13T00:00"] == pytest.approx(408.2331, 1e-6)
    assert str(carbon.file.carbon_kind) == "direct marginal"


def test_16_17_a_file_has_one_decimal_mark(field_cases: Path) -> None:
    german = read_file(field_cases / "16-german-thousands.csv")
    water = german.series(Quantity.WATER_USAGE_L)
    assert list(water.values()) == [12345.0, 9870.0, 12345.5]
    assert list(german.series(PRICE).values()) == [50.0, 1234.0, 50.1]
    excel = read_file(field_cases / "17-excel-mixed-comma.csv")
    assert list(excel.series(DRY_BULB).values()) == [12.5, 13.0]


def test_21_stamps_that_end_their_hour(field_cases: Path) -> None:
    read = read_file(field_cases / "21-hour-ending.csv", stamp_at=StampAt.END)
    assert read.series(LOAD)["2025-06-05T00:00"] == 51.0
    assert read.series(LOAD)["2025-06-05T23:00"] == 74.0


def test_22_half_hour_zones_are_weighed_into_utc_hours(field_cases: Path) -> None:
    read = read_file(field_cases / "22-open-meteo-half-hour-zone.json", "IN-WE")
    assert read.series(DRY_BULB) == {
        "2023-12-31T19:00": 22.95,
        "2023-12-31T20:00": 22.65,
    }
    assert "30 minutes beside the full UTC hour" in read.notes


def test_23_the_csv_of_open_meteo(field_cases: Path) -> None:
    read = read_file(field_cases / "23-open-meteo-export.csv", "GB")
    assert read.series(DRY_BULB)["2025-04-30T23:00"] == 10.0
    assert len(read.hours) == 4


def test_24_the_place_nearest_to_the_region(field_cases: Path) -> None:
    path = field_cases / "24-open-meteo-locations.json"
    london = read_file(path, "GB", region_deg=(51.5, -0.1))
    assert list(london.series(DRY_BULB).values()) == [10.0]
    san_jose = read_file(path, "US-CAL-CISO", region_deg=(37.4, -121.9))
    assert list(san_jose.series(DRY_BULB).values()) == [14.0]
    with pytest.raises(BadFile, match="holds 2 places"):
        read_file(path, "SG", region_deg=(1.3, 103.8))


def test_25_a_forecast_is_marked_and_the_running_hour_not_taken(
    field_cases: Path,
) -> None:
    text = (field_cases / "25-forecast-as-measured.json").read_text()
    text = text.replace("<this hour>", "2026-11-29T23:00")
    text = text.replace("<next hour>", "2026-11-30T01:00")
    read = read_file(text, "GB")
    assert read.refused == [(2, "future_hour")]
    (ended,) = [row for row in read.rows if isinstance(row, ParsedRow)]
    assert ended.is_forecast
    running = text.replace("2026-11-29T23:00", "2026-11-30T00:00")
    assert (1, "running_hour") in read_file(running, "GB").refused


def test_26_words_for_missing_cost_the_cell(field_cases: Path) -> None:
    read = read_file(field_cases / "26-na-costs-the-row.csv")
    assert read.refused == [(11, "bad_number")]
    assert list(read.series(LOAD).values()) == [50.0] * 13
    assert list(read.series(DRY_BULB).values()) == [10.5, 10.5]


def test_27_unambiguous_stamps_of_tools(field_cases: Path) -> None:
    path = field_cases / "27-timestamps-of-tools.csv"
    naive = {17, 18, 21, 23}
    assert {line for line, _ in read_file(path).refused} == naive
    read = read_file(path, timezone="UTC")
    assert read.refused == []
    assert set(read.hours) == {
        f"2025-06-04T{hour:02}:00" for hour in range(23) if hour not in {11, 13}
    }


def test_28_daylight_saving_marks(field_cases: Path) -> None:
    path = field_cases / "28-dst-marked.csv"
    read = read_file(path, timezone="Europe/Berlin")
    hours = [row.hour_utc.hour for row in read.rows if isinstance(row, ParsedRow)]
    assert hours == [23, 0, 1, 0, 1]


def test_33_the_hint_of_excel_is_skipped(field_cases: Path) -> None:
    read = read_file(field_cases / "33-excel-sep-line.csv")
    assert read.series(DRY_BULB) == {"2025-06-01T00:00": 12.5}


def test_35_estimated_hours_of_the_api_are_marked(field_cases: Path) -> None:
    read = read_file(field_cases / "35-em-api-history.json", "DE-LU")
    rows = [row for row in read.rows if isinstance(row, ParsedRow)]
    assert [row.is_estimated for row in rows] == [False, True]
    assert list(read.series(CARBON).values()) == [399.0, 407.0]
    assert read.file.place == "DE"


def test_35_estimated_hours_are_stored_and_not_used(
    field_cases: Path, session: Session
) -> None:
    import_for(session, field_cases / "35-em-api-history.json", "DE")
    stored = session.execute(
        text(
            "select carbon_intensity_gco2_kwh, estimated from telemetry"
            " order by hour_utc"
        )
    ).all()
    assert stored == [(399.0, None), (407.0, [CARBON.value])]
    start_utc = datetime(2024, 3, 5, 20, tzinfo=UTC)
    used = load_frame(session, "DE", start_utc, start_utc + 2 * HOUR).column(CARBON)
    assert used[0] == 399.0
    assert np.isnan(used[1])


def test_36_watttime_is_marginal_and_a_percentile_is_refused(field_cases: Path) -> None:
    text = (field_cases / "36-watttime-v3.json").read_text()
    read = read_file(text, "US-CAL-CISO")
    assert str(read.file.carbon_kind) == "direct marginal"
    assert read.refused == [(1, "too_few_samples")]  # 2 of 12 samples
    with pytest.raises(BadFile, match="percentile"):
        read_file(text.replace("lbs_co2_per_mwh", "percentile"), "US-CAL-CISO")


def test_37_ratings_of_the_carbon_aware_sdk(field_cases: Path) -> None:
    text = (field_cases / "37-casdk-emissions.json").read_text()
    following = text.replace("14:50", "15:50").replace("90", "30").strip()[1:]
    read = read_file(f"{text.strip()[:-1]},{following}", "US-CAL-CISO")
    assert read.series(CARBON) == {"2025-10-25T15:00": 80.0}
    assert read.file.place == "westus"


def test_39_entsoe_prices_need_a_rate(field_cases: Path) -> None:
    path = field_cases / "39-entsoe.csv"
    with pytest.raises(BadFile, match="EUR/MWh; say how many USD"):
        read_file(path, "DE-LU")
    read = read_file(path, "DE-LU", rates_usd={"EUR": 2.0})
    assert read.series(PRICE) == {"2024-10-27T00:00": 102.4, "2024-10-27T01:00": 99.6}


def test_40_ercot_hours_end_and_the_flag_marks_the_second(field_cases: Path) -> None:
    read = read_file(field_cases / "40-ercot-dam.csv", "US-TEX-ERCO")
    assert read.series(PRICE) == {
        "2024-11-03T05:00": 21.1,
        "2024-11-03T06:00": 20.2,
        "2024-11-03T07:00": 19.9,
        "2024-11-04T05:00": 30.0,
    }


def test_42_a_panel_of_grafana_by_a_column_map(field_cases: Path) -> None:
    columns = {
        "Time": "timestamp",
        "DC1 IT load": "it_load_mw",
        "Cold aisle avg": "temperature_c",
    }
    path = field_cases / "42-grafana.csv"
    with pytest.raises(BadFile, match="--column Time=timestamp"):
        read_file(path, "GB", timezone="UTC")
    read = read_file(path, "GB", timezone="UTC", columns=columns)
    assert list(read.series(LOAD).values()) == [41.2, 41.0]
    assert list(read.series(DRY_BULB).values()) == [22.1, 22.2]


def test_45_a_typical_year_is_not_imported_as_measured(
    field_cases: Path, session: Session
) -> None:
    with pytest.raises(BadFile, match="typical year"):
        import_for(session, field_cases / "45-epw-head.txt", "phoenix")


def test_29_a_regions_file_brings_capacity_and_cooling(
    field_cases: Path, session: Session
) -> None:
    actor = system_actor(session, "cli")
    path = field_cases / "29-regions-with-capacity.csv"
    assert add_regions_from_csv(asking(session, actor), path).added == ("DUB",)
    region = region_by_slug(session, "DUB").region
    assert (region.it_capacity_mw, region.cooling_type.value) == (24.0, "air")
    assert region.flexible_load_frac == 0.2


def test_30_a_region_twice_is_refused(field_cases: Path, session: Session) -> None:
    actor = system_actor(session, "cli")
    path = field_cases / "30-regions-twice.csv"
    with pytest.raises(InvalidInput, match="Region AA appears twice"):
        add_regions_from_csv(asking(session, actor), path)


def test_32_a_near_twin_is_refused(field_cases: Path, session: Session) -> None:
    actor = system_actor(session, "cli")
    draft = RegionDraft(
        slug="DE-LU",
        name="Frankfurt",
        time_zone="Europe/Berlin",
        latitude_deg=50.1,
        longitude_deg=8.7,
    )
    add_region(asking(session, actor), draft)
    path = field_cases / "32-regions-case.csv"
    with pytest.raises(InvalidInput, match="de-lu differs from DE-LU only in case"):
        add_regions_from_csv(asking(session, actor), path)


def test_48_training_without_a_policy_is_refused_before_it_begins(
    session: Session,
) -> None:
    with pytest.raises(NotFound, match="There is no policy yet"):
        train_models(
            asking(session, system_actor(session, "cli")),
            targets=list(Target),
            until_day=None,
            seed=1,
            activate=False,
        )
