"""Shifts: load is conserved, heat moves by percentages, and losses show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.carbon import CarbonScope, CarbonSignalKind
from core.errors import InvalidInput, OutOfRange
from core.pue import PRESETS
from core.regions import CoolingType, Region
from core.shift import (
    Footprint,
    LoadShift,
    RegionSignals,
    SignalBasis,
    shift_impact,
    shift_load,
)
from core.telemetry import Quantity

LOADS_MW = st.lists(st.floats(0.0, 500.0), min_size=24, max_size=24).map(np.array)
SHIFTS_PCT = st.floats(0.0, 100.0)
SUMS = [
    "it_energy_mwh",
    "facility_energy_mwh",
    "emissions_kgco2e",
    "water_on_site_l",
    "water_off_site_l",
    "cost_usd",
]


def move(
    source_load_mw: NDArray[np.float64],
    target_load_mw: NDArray[np.float64],
    shift_pct: float,
    *,
    source_factor: float = 0.05,
    target_factor: float = 0.05,
) -> LoadShift:
    """Shift with the fleet's first cooling factors."""
    return shift_load(
        source_load_mw=source_load_mw,
        target_load_mw=target_load_mw,
        shift_pct=shift_pct,
        source_cooling_factor_c_per_pct=source_factor,
        target_cooling_factor_c_per_pct=target_factor,
    )


def day(
    slug: str,
    *,
    cooling_type: CoolingType = CoolingType.EVAPORATIVE,
    carbon: float = 400.0,
    dry_bulb_c: float = 30.0,
    wet_bulb_c: float = 20.0,
) -> RegionSignals:
    """A day of 40 MW in a region with constant weather and grid."""
    flat = np.ones(24)
    return RegionSignals(
        region=Region(
            slug=slug,
            name=slug.title(),
            time_zone="UTC",
            latitude_deg=0.0,
            longitude_deg=0.0,
            cooling_type=cooling_type,
            cooling=PRESETS[cooling_type],
            it_capacity_mw=100.0,
            flexible_load_frac=1.0,
            grid_water_l_per_kwh=1.2,
            colour="#1f77b4",
        ),
        it_load_mw=flat * 40.0,
        dry_bulb_c=flat * dry_bulb_c,
        wet_bulb_c=flat * wet_bulb_c,
        carbon_intensity_gco2_kwh=flat * carbon,
        price_usd_mwh=flat * 60.0,
        basis=SignalBasis.FORECAST,
    )


def sums(footprint: Footprint) -> list[float]:
    """The footprint's sums, all known."""
    values = [getattr(footprint, name) for name in SUMS]
    assert None not in values
    return values


@given(source=LOADS_MW, target=LOADS_MW, shift_pct=SHIFTS_PCT)
def test_load_is_conserved_in_every_hour(
    source: NDArray[np.float64], target: NDArray[np.float64], shift_pct: float
) -> None:
    shift = move(source, target, shift_pct)
    before = shift.source_load_before_mw + shift.target_load_before_mw
    after = shift.source_load_after_mw + shift.target_load_after_mw
    assert np.abs(after - before).max() <= 1e-9
    assert (shift.source_load_after_mw >= 0.0).all()


@given(source=LOADS_MW, target=LOADS_MW)
def test_zero_shift_changes_nothing(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> None:
    shift = move(source, target, 0.0)
    assert (shift.source_load_after_mw == source).all()
    assert (shift.target_load_after_mw == target).all()
    assert not np.signbit(shift.source_rise_c).any()
    assert (shift.source_rise_c == 0.0).all()
    assert (shift.target_rise_c == 0.0).all()


@given(
    source=LOADS_MW, target=LOADS_MW, shift_pct=SHIFTS_PCT, other_shift_pct=SHIFTS_PCT
)
def test_more_shift_never_warms_the_source_nor_cools_the_target(
    source: NDArray[np.float64],
    target: NDArray[np.float64],
    shift_pct: float,
    other_shift_pct: float,
) -> None:
    small = move(source, target, min(shift_pct, other_shift_pct))
    large = move(source, target, max(shift_pct, other_shift_pct))
    assert (large.source_rise_c <= small.source_rise_c).all()
    assert (large.target_rise_c >= small.target_rise_c).all()


def test_source_falls_the_same_each_hour_and_target_by_its_own_load() -> None:
    shift = move(
        np.array([10.0, 60.0]),
        np.array([40.0, 40.0]),
        50.0,
        source_factor=0.1,
        target_factor=0.02,
    )
    assert shift.moved_mw.tolist() == [5.0, 30.0]
    assert shift.source_rise_c.tolist() == [-5.0, -5.0]
    # 5 MW are 12.5 % of the target's load, 30 MW are 75 %.
    assert shift.target_rise_c == pytest.approx([0.25, 1.5])


@pytest.mark.parametrize("target_factor", [0.05, 0.0])
def test_load_moved_to_an_empty_target_is_an_infinite_rise(
    target_factor: float,
) -> None:
    shift = move(
        np.array([10.0, 0.0, 10.0]),
        np.array([0.0, 0.0, 10.0]),
        10.0,
        target_factor=target_factor,
    )
    assert np.isposinf(shift.target_rise_c).tolist() == [True, False, False]
    assert shift.target_rise_c[1] == 0.0
    assert not np.isnan(shift.target_rise_c).any()


@pytest.mark.parametrize("target_factor", [0.05, 0.0])
def test_rise_against_a_vanishing_target_load_is_never_nan(
    target_factor: float,
) -> None:
    shift = move(
        np.array([500.0]), np.array([5e-324]), 100.0, target_factor=target_factor
    )
    assert np.isposinf(shift.target_rise_c).all()


def test_source_without_load_gets_no_credit_for_moving_nothing() -> None:
    shift = move(np.array([0.0, 10.0]), np.array([20.0, 20.0]), 40.0)
    assert shift.source_rise_c.tolist() == [0.0, -2.0]


@pytest.mark.parametrize("load_mw", [-1.0, np.nan, np.inf])
def test_impossible_loads_are_refused_at_either_end(load_mw: float) -> None:
    bad, good = np.array([10.0, load_mw]), np.array([10.0, 10.0])
    with pytest.raises(InvalidInput, match="The source's load"):
        move(bad, good, 10.0)
    with pytest.raises(InvalidInput, match="The target's load"):
        move(good, bad, 10.0)


@pytest.mark.parametrize("shift_pct", [-0.1, 100.1, np.nan, np.inf])
def test_shift_outside_0_to_100_pct_is_refused(shift_pct: float) -> None:
    with pytest.raises(OutOfRange, match="shift"):
        move(np.array([10.0]), np.array([10.0]), shift_pct)


@pytest.mark.parametrize("factor", [-0.1, np.nan, np.inf])
def test_impossible_cooling_factor_is_refused(factor: float) -> None:
    load = np.array([10.0])
    with pytest.raises(OutOfRange, match="source's cooling factor"):
        move(load, load, 10.0, source_factor=factor)
    with pytest.raises(OutOfRange, match="target's cooling factor"):
        move(load, load, 10.0, target_factor=factor)


def test_windows_of_different_length_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 and 1 hours"):
        move(np.array([10.0, 10.0]), np.array([10.0]), 10.0)


def test_shift_to_a_twin_region_changes_no_sum_of_the_fleet() -> None:
    impact = shift_impact(day("east"), day("west"), np.full(24, 13.0))
    assert sums(impact.fleet_after) == pytest.approx(sums(impact.fleet_before))
    assert impact.source_after.emissions_kgco2e != pytest.approx(
        impact.source_before.emissions_kgco2e
    )


@given(shift_pct=SHIFTS_PCT)
def test_fleet_it_energy_is_conserved(shift_pct: float) -> None:
    source, target = day("dallas"), day("toronto", carbon=50.0, wet_bulb_c=5.0)
    moved = source.it_load_mw * shift_pct / 100.0
    impact = shift_impact(source, target, moved)
    before, after = impact.fleet_before.it_energy_mwh, impact.fleet_after.it_energy_mwh
    assert after == pytest.approx(before, abs=1e-9)


def test_zero_shift_has_no_impact() -> None:
    impact = shift_impact(day("dallas"), day("toronto", carbon=50.0), np.zeros(24))
    assert impact.source_after == impact.source_before
    assert impact.target_after == impact.target_before
    assert impact.fleet_after == impact.fleet_before


def test_moved_water_arrives_at_the_target() -> None:
    dry = day("dublin", cooling_type=CoolingType.AIR)
    impact = shift_impact(day("dallas"), dry, np.full(24, 10.0))
    arrived = impact.target_after.water_on_site_l - impact.target_before.water_on_site_l
    # 240 MWh at the target's 0.05 L/kWh.
    assert arrived == pytest.approx(12_000.0)
    assert impact.fleet_after.water_on_site_l < impact.fleet_before.water_on_site_l


def test_shift_to_a_dirtier_and_warmer_region_shows_as_a_loss() -> None:
    source = day("toronto", carbon=50.0, wet_bulb_c=5.0)
    target = day("singapore", carbon=480.0, wet_bulb_c=25.0)
    impact = shift_impact(source, target, np.full(24, 10.0))
    for name in ["facility_energy_mwh", "emissions_kgco2e", "water_on_site_l"]:
        assert getattr(impact.source_after, name) < getattr(impact.source_before, name)
        assert getattr(impact.fleet_after, name) > getattr(impact.fleet_before, name)


def test_each_region_is_judged_by_its_own_weather() -> None:
    source = day("dallas", wet_bulb_c=25.0)
    warm = shift_impact(source, day("west", wet_bulb_c=25.0), np.full(24, 10.0))
    cool = shift_impact(source, day("west", wet_bulb_c=5.0), np.full(24, 10.0))
    assert cool.source_after == warm.source_after
    for name in ["facility_energy_mwh", "water_on_site_l", "water_off_site_l"]:
        assert getattr(cool.target_after, name) < getattr(warm.target_after, name)


def test_gap_at_the_target_leaves_the_fleet_unknown_and_the_source_known() -> None:
    target = day("toronto")
    gap = target.carbon_intensity_gco2_kwh.copy()
    gap[7] = np.nan
    target = replace(target, carbon_intensity_gco2_kwh=gap)

    impact = shift_impact(day("dallas"), target, np.full(24, 10.0))

    assert impact.source_after.emissions_kgco2e is not None
    assert impact.fleet_after.emissions_kgco2e is None
    assert impact.fleet_after.missing == (Quantity.CARBON_INTENSITY_GCO2_KWH,)
    assert impact.fleet_after.cost_usd is not None


def test_unknown_source_load_leaves_its_sums_unknown() -> None:
    source = day("dallas")
    load = source.it_load_mw.copy()
    load[0] = np.nan
    impact = shift_impact(
        replace(source, it_load_mw=load), day("toronto"), np.full(24, 10.0)
    )
    assert impact.source_after.it_energy_mwh is None
    assert impact.fleet_after.missing == (Quantity.IT_LOAD_MW,)


def test_target_equal_to_source_is_refused() -> None:
    with pytest.raises(InvalidInput, match="both dallas"):
        shift_impact(day("dallas"), day("dallas"), np.zeros(24))


@pytest.mark.parametrize(
    ("moved_mw", "sentence"),
    [(40.1, "More load is moved"), (-1.0, "moved load"), (np.nan, "moved load")],
)
def test_impossible_moved_load_is_refused(moved_mw: float, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        shift_impact(day("dallas"), day("toronto"), np.full(24, moved_mw))


def test_carbon_of_different_kinds_is_not_compared() -> None:
    direct = replace(
        day("dallas"), carbon_kind=CarbonSignalKind(scope=CarbonScope.DIRECT)
    )
    life_cycle = replace(
        day("toronto"), carbon_kind=CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE)
    )
    with pytest.raises(InvalidInput, match="direct average in dallas"):
        shift_impact(direct, life_cycle, np.zeros(24))
    assert shift_impact(
        direct, day("toronto"), np.zeros(24)
    ).fleet_after.emissions_kgco2e


def test_energy_of_the_migration_is_drawn_by_the_target_and_heats_it() -> None:
    load = np.array([40.0, 20.0])
    shift = shift_load(
        source_load_mw=load,
        target_load_mw=load,
        shift_pct=10.0,
        source_cooling_factor_c_per_pct=0.05,
        target_cooling_factor_c_per_pct=0.05,
        migration_energy_frac=0.1,
    )
    assert shift.arrived_mw == pytest.approx([4.4, 2.2])
    assert shift.source_load_after_mw == pytest.approx([36.0, 18.0])
    assert shift.target_load_after_mw == pytest.approx([44.4, 22.2])
    assert shift.target_rise_c == pytest.approx([0.55, 0.55])
    assert shift.source_rise_c == pytest.approx([-0.5, -0.5])


def test_migration_costs_energy_at_the_target_and_money_at_the_source() -> None:
    source, target = day("texas"), day("dublin")
    moved = np.full(24, 4.0)
    free = shift_impact(source, target, moved)
    paid = shift_impact(
        source, target, moved, migration_energy_frac=0.1, migration_usd_per_mwh=2.0
    )
    assert free.fleet_after.it_energy_mwh == free.fleet_before.it_energy_mwh
    assert paid.fleet_after.it_energy_mwh == pytest.approx(40.0 * 48 + 0.1 * 96)
    assert paid.source_after.cost_usd == pytest.approx(
        sums(free.source_after)[SUMS.index("cost_usd")] + 2.0 * 96
    )
    assert paid.source_after.emissions_kgco2e == free.source_after.emissions_kgco2e


@pytest.mark.parametrize("frac", [-0.01, 1.01, np.nan])
def test_impossible_migration_energy_is_refused(frac: float) -> None:
    load = np.array([40.0])
    with pytest.raises(OutOfRange, match="migration's energy"):
        shift_load(
            source_load_mw=load,
            target_load_mw=load,
            shift_pct=1.0,
            source_cooling_factor_c_per_pct=0.05,
            target_cooling_factor_c_per_pct=0.05,
            migration_energy_frac=frac,
        )
    with pytest.raises(OutOfRange, match="migration's energy"):
        shift_impact(
            day("texas"), day("dublin"), np.zeros(24), migration_energy_frac=frac
        )


@pytest.mark.parametrize("usd", [-0.01, np.nan, np.inf])
def test_impossible_migration_price_is_refused(usd: float) -> None:
    with pytest.raises(OutOfRange, match="Moving a MWh costs"):
        shift_impact(
            day("texas"), day("dublin"), np.zeros(24), migration_usd_per_mwh=usd
        )
