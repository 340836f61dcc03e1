"""Water: curves per cooling type, the latent-heat bound, and grid factors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput, OutOfRange
from core.pue import PRESETS
from core.regions import CoolingType
from core.water import (
    EWIF_L_PER_KWH,
    TOWER_FIT_C,
    PowerSource,
    estimate_wue,
    grid_water_l_per_kwh,
    latent_heat_bound_l_per_kwh,
    off_site_water_l,
    on_site_water_l,
    scarcity_weighted_l,
    tower_wue,
)

SPRAYING = [CoolingType.ADIABATIC, CoolingType.HYBRID]
TEMPERATURES_C = st.floats(-50.0, 60.0)


def wue(
    cooling_type: CoolingType, dry_bulb_c: object, wet_bulb_c: object
) -> list[float]:
    """WUE of the type's preset, as a list."""
    return estimate_wue(
        cooling_type=cooling_type,
        cooling=PRESETS[cooling_type],
        dry_bulb_c=np.asarray(dry_bulb_c, dtype=np.float64),
        wet_bulb_c=np.asarray(wet_bulb_c, dtype=np.float64),
    ).tolist()


def test_tower_curve_at_20_degc() -> None:
    # By hand: 1.24 + 0.03386 x 20 - 0.0006143 x 400.
    assert float(tower_wue(20.0)) == pytest.approx(1.67148)


def test_tower_curve_equals_the_fahrenheit_form_it_comes_from() -> None:
    celsius = np.linspace(TOWER_FIT_C.low, TOWER_FIT_C.high, 50)
    fahrenheit = celsius * 1.8 + 32.0
    original = -0.0001896 * fahrenheit**2 + 0.03095 * fahrenheit + 0.4442
    assert tower_wue(celsius) == pytest.approx(original, abs=0.001)


def test_tower_curve_is_clamped_at_its_maximum() -> None:
    step_c = 0.01
    below = tower_wue(TOWER_FIT_C.high - step_c)
    assert below < tower_wue(TOWER_FIT_C.high) == tower_wue(60.0)
    assert tower_wue(-10.0) == tower_wue(-50.0)


@given(wet_bulb_c=TEMPERATURES_C, warmer_by_c=st.floats(0.0, 30.0))
def test_tower_water_never_falls_with_the_wet_bulb(
    wet_bulb_c: float, warmer_by_c: float
) -> None:
    assert tower_wue(wet_bulb_c + warmer_by_c) >= tower_wue(wet_bulb_c)


@given(
    cooling_type=st.sampled_from(CoolingType),
    dry_bulb_c=TEMPERATURES_C,
    wet_bulb_c=TEMPERATURES_C,
    cop=st.floats(0.5, 50.0),
    cycles=st.floats(1.01, 6.0),
)
def test_no_cooling_type_uses_more_than_the_latent_heat_bound(
    cooling_type: CoolingType,
    dry_bulb_c: float,
    wet_bulb_c: float,
    cop: float,
    cycles: float,
) -> None:
    used = float(np.asarray(wue(cooling_type, dry_bulb_c, wet_bulb_c)))
    assert 0.0 <= used <= latent_heat_bound_l_per_kwh(cop, cycles)


def test_latent_heat_bound_worked_by_hand() -> None:
    # 3.6 / 2.45 x (1 + 1/6) x 6/5
    assert latent_heat_bound_l_per_kwh(6.0, 6.0) == pytest.approx(2.0571, abs=1e-4)


def test_latent_heat_bound_would_catch_the_curve_at_more_cycles() -> None:
    assert tower_wue(TOWER_FIT_C.high) > latent_heat_bound_l_per_kwh(np.inf, 8.0)


@pytest.mark.parametrize(
    ("cop", "cycles"),
    [(0.0, 6.0), (-1.0, 6.0), (np.nan, 6.0), (5.0, 1.0), (5.0, np.nan), (5.0, np.inf)],
)
def test_latent_heat_bound_refuses_impossible_plants(cop: float, cycles: float) -> None:
    with pytest.raises(OutOfRange):
        latent_heat_bound_l_per_kwh(cop, cycles)


@pytest.mark.parametrize("cooling_type", SPRAYING)
def test_spraying_plants_are_dry_at_the_switch_and_a_tower_two_degc_above(
    cooling_type: CoolingType,
) -> None:
    wet_bulb = [20.0] * 5
    used = wue(cooling_type, [10.0, 29.0, 30.0, 31.0, 40.0], wet_bulb)
    tower = float(tower_wue(20.0))
    assert used == pytest.approx([0.0, 0.0, tower / 2, tower, tower])


def test_evaporative_water_follows_the_wet_bulb_not_the_dry_bulb() -> None:
    used = wue(CoolingType.EVAPORATIVE, [10.0, 40.0, 40.0], [10.0, 10.0, 20.0])
    assert used[0] == used[1] < used[2]


def test_air_cooled_water_is_a_constant_within_0_02_to_0_10() -> None:
    used = wue(CoolingType.AIR, [-10.0, 40.0], [-12.0, 25.0])
    assert used[0] == used[1]
    assert 0.02 <= used[0] <= 0.10


@pytest.mark.parametrize("cooling_type", SPRAYING)
def test_missing_temperatures_leave_water_missing_unless_the_plant_is_dry(
    cooling_type: CoolingType,
) -> None:
    used = wue(cooling_type, [np.nan, 35.0, 10.0], [20.0, np.nan, np.nan])
    assert np.isnan(used).tolist() == [True, True, False]
    assert used[2] == 0.0


def test_evaporative_water_is_missing_without_a_wet_bulb() -> None:
    assert np.isnan(wue(CoolingType.EVAPORATIVE, [20.0], [np.nan])).all()


def test_every_power_source_has_a_factor() -> None:
    assert set(EWIF_L_PER_KWH) == set(PowerSource)


def test_hydro_factor_is_the_4491_gallons_per_mwh_of_macknick() -> None:
    litres_per_gallon = 3.785411784
    assert EWIF_L_PER_KWH[PowerSource.HYDRO] == pytest.approx(
        4491 * litres_per_gallon / 1000, abs=0.01
    )


def test_grid_water_is_shares_times_factors_and_hydro_is_a_switch() -> None:
    mix = {PowerSource.COAL: 0.5, PowerSource.WIND: 0.3, PowerSource.HYDRO: 0.2}
    assert grid_water_l_per_kwh(mix, hydro_counts=True) == pytest.approx(4.155)
    assert grid_water_l_per_kwh(mix, hydro_counts=False) == pytest.approx(0.755)


@given(
    weights=st.lists(
        st.floats(0.01, 1.0), min_size=len(PowerSource), max_size=len(PowerSource)
    )
)
def test_grid_water_lies_between_the_least_and_the_greatest_factor(
    weights: list[float],
) -> None:
    mix = {
        source: weight / sum(weights)
        for source, weight in zip(PowerSource, weights, strict=True)
    }
    with_hydro = grid_water_l_per_kwh(mix, hydro_counts=True)
    assert 0.0 <= grid_water_l_per_kwh(mix, hydro_counts=False) < with_hydro <= 17.0


@pytest.mark.parametrize(
    "mix",
    [
        {},
        {PowerSource.COAL: 0.9},
        {PowerSource.COAL: 1.2, PowerSource.GAS: -0.2},
        {PowerSource.COAL: np.nan},
        {"peat": 1.0},
    ],
)
def test_a_power_mix_that_is_not_one_is_refused(mix: dict[PowerSource, float]) -> None:
    with pytest.raises(InvalidInput):
        grid_water_l_per_kwh(mix, hydro_counts=True)


def test_one_mwh_at_one_litre_per_kwh_is_a_thousand_litres() -> None:
    assert on_site_water_l(1.0, 1.0) == 1000.0
    assert off_site_water_l(1.0, 1.0) == 1000.0


def test_scarcity_weight_is_refused_outside_the_aware_range() -> None:
    assert scarcity_weighted_l(10.0, 100.0) == 1000.0
    for factor in (0.05, 101.0, np.nan):
        with pytest.raises(OutOfRange):
            scarcity_weighted_l(10.0, factor)


@pytest.mark.real_data
def test_presets_use_as_much_water_as_disclosed_in_real_climates(
    real_data: Path,
) -> None:
    """Annual WUE of 2023 against the 2024 disclosures in docs/physics.md."""
    hours = pd.read_csv(real_data / "telemetry_real.csv.gz")
    hours = hours[hours["timestamp"].str.startswith("2023")].dropna()
    annual = {
        (slug, cooling_type): float(
            np.mean(wue(cooling_type, rows["temperature_c"], rows["wet_bulb_c"]))
        )
        for slug, rows in hours.groupby("region")
        for cooling_type in CoolingType
    }
    # ap-southeast-1 discloses 1.68 L/kWh, eu-central-1 0.01.
    assert annual["SG", CoolingType.EVAPORATIVE] == pytest.approx(1.68, rel=0.03)
    assert annual["DE-LU", CoolingType.ADIABATIC] == pytest.approx(0.01, abs=0.01)
    for (_, cooling_type), used in annual.items():
        if cooling_type in SPRAYING:
            # The drier regions disclosed for 2024 lie between 0.01 and 0.51.
            assert 0.0 <= used <= 0.51
