"""Made-up telemetry: reproducible hour by hour, and of realistic shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import InvalidInput
from core.noise import Persistence, draw_persistent
from core.regions import CoolingType, require_time_zone
from core.synthetic import RegionProfile, generate
from core.telemetry import HOUR, VALID_RANGES, Quantity, TelemetryFrame
from orchestrator.telemetry.demo_regions import (
    DEMO_REGIONS,
    demo_profile,
    first_demo_profiles,
)

START = datetime(2023, 1, 1, tzinfo=UTC)
YEAR_H = 365 * 24
THREE_YEARS_H = 3 * YEAR_H
SEED = 7
(ARIZONA,) = first_demo_profiles(1)

ARIZONA_15_JULY_2023_21_UTC = {
    Quantity.TEMPERATURE_C: 40.2,
    Quantity.RELATIVE_HUMIDITY_PCT: 16.6,
    Quantity.WET_BULB_C: 21.55,
    Quantity.IT_LOAD_MW: 57.191,
    Quantity.CARBON_INTENSITY_GCO2_KWH: 304.95,
    Quantity.WATER_USAGE_L: 96_332.0,
    Quantity.PRICE_USD_MWH: 37.23,
    Quantity.WIND_SPEED_KMH: 6.0,
    Quantity.CLOUD_COVER_PCT: 27.0,
}


@pytest.fixture(scope="module")
def three_years() -> dict[str, TelemetryFrame]:
    """2021 to 2023 of every demo region."""
    start_utc = datetime(2021, 1, 1, tzinfo=UTC)
    return {
        profile.region.slug: generate(profile, start_utc, THREE_YEARS_H, SEED)
        for profile in DEMO_REGIONS
    }


def local_times(frame: TelemetryFrame, time_zone: str) -> list[datetime]:
    zone = require_time_zone(time_zone)
    return [
        (frame.start_utc + index * HOUR).astimezone(zone)
        for index in range(frame.n_hours)
    ]


def day_maxima(frame: TelemetryFrame, time_zone: str) -> Iterator[tuple[int, float]]:
    """Month and maximum temperature of every whole local day."""
    days: dict[tuple[int, int, int], list[float]] = {}
    temperature_c = frame.column(Quantity.TEMPERATURE_C)
    for local, value in zip(local_times(frame, time_zone), temperature_c, strict=True):
        days.setdefault((local.year, local.month, local.day), []).append(float(value))
    for (_, month, _), temperatures in days.items():
        if len(temperatures) >= 23:
            yield month, max(temperatures)


def in_months(frame: TelemetryFrame, months: set[int]) -> NDArray[np.float64]:
    zone = demo_profile(frame.region_slug).region.time_zone
    return np.array([top for month, top in day_maxima(frame, zone) if month in months])


def assert_same(one: TelemetryFrame, other: TelemetryFrame) -> None:
    for quantity in Quantity:
        np.testing.assert_array_equal(one.column(quantity), other.column(quantity))


class TestReproducible:
    @settings(max_examples=40, deadline=None)
    @given(
        profile=st.sampled_from(DEMO_REGIONS),
        offset_h=st.integers(0, 2_000),
        n_hours=st.integers(1, 60),
        seed=st.integers(0, 2**31 - 1),
    )
    def test_an_hour_is_the_same_in_every_range_that_holds_it(
        self, profile: RegionProfile, offset_h: int, n_hours: int, seed: int
    ) -> None:
        whole = generate(profile, START, 2_060, seed)
        start_utc = START + offset_h * HOUR
        part = generate(profile, start_utc, n_hours, seed)
        assert_same(part, whole.window(start_utc, start_utc + n_hours * HOUR))

    def test_hour_by_hour_equals_one_go(self) -> None:
        whole = generate(ARIZONA, START + 5 * HOUR, 30, SEED)
        for index in range(30):
            start_utc = START + (5 + index) * HOUR
            single = generate(ARIZONA, start_utc, 1, SEED)
            assert_same(single, whole.window(start_utc, start_utc + HOUR))

    def test_seed_and_region_both_matter(self) -> None:
        one = generate(ARIZONA, START, 240, SEED).column(Quantity.TEMPERATURE_C)
        other = generate(ARIZONA, START, 240, SEED + 1).column(Quantity.TEMPERATURE_C)
        assert not np.array_equal(one, other)
        twin = replace(ARIZONA, region=replace(ARIZONA.region, slug="twin"))
        twins = generate(twin, START, 240, SEED).column(Quantity.TEMPERATURE_C)
        assert not np.array_equal(one, twins)

    def test_known_values_stay(self) -> None:
        """A change here changes every demo fleet: do it on purpose only."""
        frame = generate(ARIZONA, datetime(2023, 7, 15, 21, tzinfo=UTC), 1, SEED)
        values = {name: float(column[0]) for name, column in frame.values.items()}
        assert values == pytest.approx(ARIZONA_15_JULY_2023_21_UTC, rel=1e-4, abs=0.011)

    @pytest.mark.parametrize("n_hours", [0, -1, 10**9])
    def test_impossible_lengths_are_refused(self, n_hours: int) -> None:
        with pytest.raises(InvalidInput, match="hours were requested"):
            generate(ARIZONA, START, n_hours, SEED)

    def test_a_start_between_hours_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="full hour"):
            generate(ARIZONA, START + timedelta(minutes=30), 1, SEED)


class TestNoise:
    def test_is_standard_normal_with_the_memory_asked_for(self) -> None:
        time_constant_h = 12.0
        (noise,) = draw_persistent(
            seed=1,
            name="x",
            first_day=0,
            n_days=2_000,
            streams=(Persistence(time_constant_h),),
        )
        assert abs(noise.mean()) < 0.1
        assert noise.std() == pytest.approx(1.0, abs=0.05)
        correlation = np.corrcoef(noise[:-12], noise[12:])[0, 1]
        assert correlation == pytest.approx(np.exp(-1.0), abs=0.05)

    def test_streams_and_names_are_independent(self) -> None:
        first, second = draw_persistent(
            seed=1,
            name="x",
            first_day=0,
            n_days=1_000,
            streams=(Persistence(2.0), Persistence(2.0)),
        )
        (other,) = draw_persistent(
            seed=1, name="y", first_day=0, n_days=1_000, streams=(Persistence(2.0),)
        )
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.05

    def test_days_before_1970_exist(self) -> None:
        (noise,) = draw_persistent(
            seed=1, name="x", first_day=-30, n_days=2, streams=(Persistence(2.0),)
        )
        assert np.isfinite(noise).all()


class TestClimate:
    def test_every_value_is_in_its_valid_range(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        for frame in three_years.values():
            for quantity, column in frame.values.items():
                valid = VALID_RANGES[quantity]
                known = column[np.isfinite(column)]
                assert known.min() >= valid.low, (frame.region_slug, quantity)
                assert known.max() <= valid.high, (frame.region_slug, quantity)
                if quantity is not Quantity.WET_BULB_C:
                    assert len(known) == frame.n_hours

    def test_wet_bulb_never_exceeds_dry_bulb(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        for frame in three_years.values():
            excess = frame.column(Quantity.WET_BULB_C) - frame.column(
                Quantity.TEMPERATURE_C
            )
            assert np.nanmax(excess) <= 0.0

    def test_arizona_summers_breach_35_by_more_than_a_shift_can_clear(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        summer = in_months(three_years["arizona"], {7, 8})
        assert (summer > 35.0).mean() > 0.95
        # A whole shift at 0.05 degC per point cools by 5 degC at most.
        assert (summer > 40.0).mean() > 0.5

    def test_arizona_has_spring_and_autumn_days_that_a_shift_can_clear(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        for months in ({4, 5}, {9, 10}):
            tops = in_months(three_years["arizona"], months)
            # The bound lies some 3 degC above the day's maximum.
            near = (tops > 32.0) & (tops < 36.0)
            assert 0.15 < near.mean() < 0.9

    def test_arizona_winters_are_calm(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        tops = in_months(three_years["arizona"], {12, 1, 2})
        assert tops.max() < 33.0
        assert np.quantile(tops, 0.95) < 30.0

    @pytest.mark.parametrize("slug", ["ireland", "wyoming"])
    def test_ireland_and_wyoming_stay_below_the_limit(
        self, three_years: dict[str, TelemetryFrame], slug: str
    ) -> None:
        assert in_months(three_years[slug], set(range(1, 13))).max() < 35.0

    def test_the_warmest_hour_is_in_the_local_afternoon(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        for slug, frame in three_years.items():
            zone = demo_profile(slug).region.time_zone
            hours = np.array([time.hour for time in local_times(frame, zone)])
            temperature_c = frame.column(Quantity.TEMPERATURE_C)
            by_hour = [temperature_c[hours == hour].mean() for hour in range(24)]
            assert 13 <= int(np.argmax(by_hour)) <= 17, slug
            assert 3 <= int(np.argmin(by_hour)) <= 7, slug

    def test_weather_persists_from_day_to_day(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        frame = three_years["ireland"]
        tops = in_months(frame, {6, 7})
        correlation = np.corrcoef(tops[:-1], tops[1:])[0, 1]
        assert 0.4 < correlation < 0.9


class TestLoadGridAndWater:
    def test_load_follows_the_clock_through_daylight_saving(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        """Dublin moves its clock; the busiest local hour must not move with UTC."""
        frame = three_years["ireland"]
        local = local_times(frame, "Europe/Dublin")
        load_mw = frame.column(Quantity.IT_LOAD_MW)
        for month in (1, 7):
            by_hour = [
                load_mw[[t.month == month and t.hour == hour for t in local]].mean()
                for hour in range(24)
            ]
            assert int(np.argmax(by_hour)) == 16

    def test_weekends_and_holidays_are_lower(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        frame = three_years["ireland"]
        local = local_times(frame, "Europe/Dublin")
        load_mw = frame.column(Quantity.IT_LOAD_MW)
        weekend = np.array([time.weekday() >= 5 for time in local])
        holiday = np.array([(t.month, t.day) == (3, 17) for t in local])
        assert load_mw[weekend].mean() < 0.92 * load_mw[~weekend].mean()
        assert load_mw[holiday].mean() < 0.92 * load_mw[~weekend].mean()

    def test_load_stays_within_capacity(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        for slug, frame in three_years.items():
            load_mw = frame.column(Quantity.IT_LOAD_MW)
            assert load_mw.min() > 0.0
            assert load_mw.max() <= demo_profile(slug).region.it_capacity_mw

    def test_sun_lowers_carbon_at_noon_and_wind_where_it_blows(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        arizona = three_years["arizona"]
        carbon = arizona.column(Quantity.CARBON_INTENSITY_GCO2_KWH)
        hours = np.array([t.hour for t in local_times(arizona, "America/Phoenix")])
        assert carbon[hours == 12].mean() < 0.85 * carbon[hours == 22].mean()

        ireland = three_years["ireland"]
        carbon = ireland.column(Quantity.CARBON_INTENSITY_GCO2_KWH)
        wind = ireland.column(Quantity.WIND_SPEED_KMH)
        assert np.corrcoef(carbon, wind)[0, 1] < -0.6

    def test_water_follows_the_cooling_type(
        self, three_years: dict[str, TelemetryFrame]
    ) -> None:
        def l_per_kwh(slug: str) -> NDArray[np.float64]:
            frame = three_years[slug]
            kwh = 1_000.0 * frame.column(Quantity.IT_LOAD_MW)
            return frame.column(Quantity.WATER_USAGE_L) / kwh

        assert l_per_kwh("arizona").min() > 0.8
        assert l_per_kwh("ireland").max() < 0.11
        assert (l_per_kwh("wyoming") == 0.0).mean() > 0.9
        assert l_per_kwh("wyoming").max() > 0.5


class TestCatalogue:
    def test_the_first_three_are_those_of_the_former_dashboard(self) -> None:
        kinds = {p.region.slug: p.region.cooling_type for p in first_demo_profiles(3)}
        assert kinds == {
            "arizona": CoolingType.EVAPORATIVE,
            "ireland": CoolingType.AIR,
            "wyoming": CoolingType.HYBRID,
        }

    def test_regions_are_synthetic_and_distinct(self) -> None:
        regions = [profile.region for profile in DEMO_REGIONS]
        assert len(regions) >= 12
        assert all(region.is_synthetic for region in regions)
        for name in ("slug", "name", "time_zone", "colour"):
            assert len({getattr(region, name) for region in regions}) == len(regions)

    def test_what_is_not_in_the_catalogue_is_said_so(self) -> None:
        with pytest.raises(InvalidInput, match="arizona, ireland"):
            demo_profile("atlantis")
        for n_regions in (0, len(DEMO_REGIONS) + 1):
            with pytest.raises(InvalidInput, match="demo fleet has"):
                first_demo_profiles(n_regions)
