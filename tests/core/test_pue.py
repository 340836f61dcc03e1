"""PUE: its formula, bounds and monotony, and presets against published ranges."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.psychrometrics import estimate_wet_bulb
from core.pue import PRESETS, economiser_frac, estimate_pue, facility_energy_mwh
from core.regions import CoolingType

ANNUAL_PUE_RANGES = {
    # Lei & Masanet (2022), 5th to 95th percentile: water-cooled with economiser.
    CoolingType.EVAPORATIVE: (1.08, 1.20),
    # The same, air-side with adiabatic cooling, cool and hot-dry climates together.
    CoolingType.ADIABATIC: (1.10, 1.25),
    # A hybrid plant is either of the two by the hour.
    CoolingType.HYBRID: (1.08, 1.25),
    # Lowest and highest region disclosed for 2024 (eu-west-1, eu-central-1).
    CoolingType.AIR: (1.11, 1.35),
}

WET_BULBS_C = st.floats(-50.0, 60.0)


@pytest.mark.parametrize("cooling_type", CoolingType)
def test_every_cooling_type_has_a_preset(cooling_type: CoolingType) -> None:
    assert estimate_pue(10.0, PRESETS[cooling_type]) > 1.0


def test_pue_follows_its_formula() -> None:
    cooling = PRESETS[CoolingType.ADIABATIC]
    # Half way through the band of 15 to 28 degC: 1 + 0.125 + 0.5 / 6.5.
    assert float(estimate_pue(21.5, cooling)) == pytest.approx(1.2019230769)


@pytest.mark.parametrize("cooling_type", CoolingType)
def test_economiser_carries_all_heat_up_to_the_band_and_none_from_its_end(
    cooling_type: CoolingType,
) -> None:
    cooling = PRESETS[cooling_type]
    ends = [cooling.economiser_full_c, cooling.economiser_none_c]
    assert economiser_frac(ends, cooling).tolist() == [1.0, 0.0]


@given(
    cooling_type=st.sampled_from(CoolingType),
    wet_bulb_c=WET_BULBS_C,
    warmer_by_c=st.floats(0.0, 30.0),
)
def test_pue_is_bounded_and_never_falls_with_the_wet_bulb(
    cooling_type: CoolingType, wet_bulb_c: float, warmer_by_c: float
) -> None:
    cooling = PRESETS[cooling_type]
    cool, warm = estimate_pue([wet_bulb_c, wet_bulb_c + warmer_by_c], cooling)
    least = 1.0 + cooling.overhead_frac
    assert least <= cool <= warm <= least + 1.0 / cooling.chiller_cop


def test_missing_wet_bulb_gives_missing_pue() -> None:
    pue = estimate_pue([np.nan, 10.0], PRESETS[CoolingType.AIR])
    assert np.isnan(pue).tolist() == [True, False]


def test_facility_energy_is_load_times_pue_hour_by_hour() -> None:
    assert facility_energy_mwh([10.0, 20.0], [1.1, 1.3]).tolist() == [11.0, 26.0]


@pytest.mark.real_data
@pytest.mark.parametrize("cooling_type", CoolingType)
def test_presets_land_in_published_ranges_in_six_real_climates(
    real_data: Path, cooling_type: CoolingType
) -> None:
    hours = pd.read_csv(real_data / "telemetry_real.csv.gz")
    hours = hours[hours["timestamp"].str.startswith("2023")].dropna(
        subset=["wet_bulb_c"]
    )
    low, high = ANNUAL_PUE_RANGES[cooling_type]
    regions = {
        slug: float(estimate_pue(rows["wet_bulb_c"], PRESETS[cooling_type]).mean())
        for slug, rows in hours.groupby("region")
    }
    assert len(regions) == 6
    outside = {slug: pue for slug, pue in regions.items() if not low <= pue <= high}
    assert outside == {}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("station", "low", "high"),
    [
        ("USA_AZ_Phoenix-Sky.Harbor", 1.13, 1.25),
        ("USA_WA_Seattle-Tacoma", 1.10, 1.21),
    ],
)
def test_adiabatic_preset_is_in_range_in_a_hot_dry_and_in_a_cool_climate(
    real_data: Path, station: str, low: float, high: float
) -> None:
    # Lei & Masanet (2022) give the range of each climate apart.
    wet_bulb = epw_wet_bulb(real_data / "raw" / "epw" / f"{station}.epw.gz")
    pue = estimate_pue(wet_bulb, PRESETS[CoolingType.ADIABATIC])
    assert pue.size == 8760
    assert low <= float(pue.mean()) <= high


def epw_wet_bulb(path: Path) -> NDArray[np.float64]:
    """Wet bulb of a typical year; an EPW row holds dry bulb 6 and humidity 8."""
    with gzip.open(path, "rt") as file:
        rows = [line.split(",") for line in file.read().splitlines()[8:]]
    dry_bulb, humidity = np.array([[row[6], row[8]] for row in rows], float).T
    return estimate_wet_bulb(dry_bulb, humidity, clamp_humidity=True)
