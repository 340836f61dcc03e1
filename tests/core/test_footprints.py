"""Footprints: hand-computed sums, what is missing, and what is not believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import InvalidInput
from core.footprints import (
    Footprint,
    RegionSignals,
    SignalBasis,
    footprint,
    hourly_rates,
    total_footprint,
)
from core.pue import PRESETS
from core.regions import CoolingType, Region
from core.telemetry import Quantity

SUMS = [
    "it_energy_mwh",
    "facility_energy_mwh",
    "emissions_kgco2e",
    "water_on_site_l",
    "water_off_site_l",
    "cost_usd",
]


def region(cooling_type: CoolingType) -> Region:
    """Region with the preset of its cooling type and 1.5 L/kWh on its grid."""
    return Region(
        slug="dallas",
        name="Dallas",
        time_zone="America/Chicago",
        latitude_deg=32.8,
        longitude_deg=-96.8,
        cooling_type=cooling_type,
        cooling=PRESETS[cooling_type],
        it_capacity_mw=100.0,
        flexible_load_frac=0.5,
        grid_water_l_per_kwh=1.5,
        colour="#1f77b4",
    )


def hours(*values: float) -> NDArray[np.float64]:
    """Vector of hours."""
    return np.array(values)


def two_hours(cooling_type: CoolingType = CoolingType.AIR) -> RegionSignals:
    """A cold hour of 10 MW and a hot hour of 20 MW."""
    return RegionSignals(
        region=region(cooling_type),
        it_load_mw=hours(10.0, 20.0),
        dry_bulb_c=hours(5.0, 36.0),
        wet_bulb_c=hours(4.0, 24.0),
        carbon_intensity_gco2_kwh=hours(100.0, 500.0),
        price_usd_mwh=hours(-20.0, 80.0),
        basis=SignalBasis.ACTUAL,
    )


def known_sums(result: Footprint) -> set[str]:
    """Names of the sums that could be computed."""
    return {name for name in SUMS if getattr(result, name) is not None}


def test_sums_hourly_products_with_each_hours_pue() -> None:
    result = footprint(two_hours())

    # PUE is 1.10 in the cold hour and 1.10 + 1/4.2 in the hot one.
    cold_mwh, hot_mwh = 11.0, 20.0 * (1.1 + 1.0 / 4.2)
    assert result.it_energy_mwh == 30.0
    assert result.facility_energy_mwh == pytest.approx(cold_mwh + hot_mwh)
    assert result.emissions_kgco2e == pytest.approx(cold_mwh * 100 + hot_mwh * 500)
    assert result.water_on_site_l == pytest.approx(30_000 * 0.05)
    assert result.water_off_site_l == pytest.approx((cold_mwh + hot_mwh) * 1500)
    assert result.cost_usd == pytest.approx(cold_mwh * -20 + hot_mwh * 80)
    assert (result.missing, result.suspect) == ((), ())


def test_another_load_replaces_the_one_in_the_signals() -> None:
    doubled = footprint(two_hours(), hours(20.0, 40.0))
    once = footprint(two_hours())
    for name in SUMS:
        assert getattr(doubled, name) == pytest.approx(2 * getattr(once, name))


@pytest.mark.parametrize(
    ("field", "quantity", "still_known"),
    [
        ("it_load_mw", Quantity.IT_LOAD_MW, set()),
        ("wet_bulb_c", Quantity.WET_BULB_C, {"it_energy_mwh"}),
        ("dry_bulb_c", Quantity.TEMPERATURE_C, set(SUMS) - {"water_on_site_l"}),
        (
            "carbon_intensity_gco2_kwh",
            Quantity.CARBON_INTENSITY_GCO2_KWH,
            set(SUMS) - {"emissions_kgco2e"},
        ),
        ("price_usd_mwh", Quantity.PRICE_USD_MWH, set(SUMS) - {"cost_usd"}),
    ],
)
def test_one_missing_hour_leaves_its_sums_unknown_and_is_named(
    field: str, quantity: Quantity, still_known: set[str]
) -> None:
    signals = two_hours(CoolingType.ADIABATIC)
    gap = getattr(signals, field).copy()
    gap[1] = np.nan

    result = footprint(replace(signals, **{field: gap}))

    assert result.missing == (quantity,)
    assert known_sums(result) == still_known


@pytest.mark.parametrize("cooling_type", [CoolingType.AIR, CoolingType.EVAPORATIVE])
def test_dry_bulb_is_not_missed_where_nothing_depends_on_it(
    cooling_type: CoolingType,
) -> None:
    signals = replace(two_hours(cooling_type), dry_bulb_c=hours(np.nan, np.nan))
    result = footprint(signals)
    assert result.missing == ()
    assert known_sums(result) == set(SUMS)


def day_with_carbon(intensity: NDArray[np.float64]) -> RegionSignals:
    """Twenty-four equal hours with this carbon intensity."""
    flat = np.ones(24)
    return RegionSignals(
        region=region(CoolingType.AIR),
        it_load_mw=flat * 10.0,
        dry_bulb_c=flat * 10.0,
        wet_bulb_c=flat * 5.0,
        carbon_intensity_gco2_kwh=intensity,
        price_usd_mwh=flat * 50.0,
        basis=SignalBasis.FORECAST,
    )


def test_ten_hours_of_zero_carbon_are_flagged_and_not_counted_as_clean() -> None:
    intensity = np.full(24, 300.0)
    intensity[5:15] = 0.0

    result = footprint(day_with_carbon(intensity))

    assert result.emissions_kgco2e is None
    assert len(result.suspect) == 1
    assert "dallas" in result.suspect[0]
    assert "exactly 0 for 10 hours" in result.suspect[0]
    assert result.missing == ()
    assert known_sums(result) == set(SUMS) - {"emissions_kgco2e"}


def test_three_hours_of_zero_carbon_are_believed() -> None:
    intensity = np.full(24, 300.0)
    intensity[5:8] = 0.0
    result = footprint(day_with_carbon(intensity))
    assert result.suspect == ()
    assert result.emissions_kgco2e == pytest.approx(21 * 11.0 * 300.0)


def test_negative_carbon_is_flagged_and_earns_no_credit() -> None:
    intensity = np.full(24, 300.0)
    intensity[3] = -1.0
    result = footprint(day_with_carbon(intensity))
    assert result.emissions_kgco2e is None
    assert "below 0" in result.suspect[0]


@pytest.mark.parametrize("load_mw", [-0.1, np.inf, -np.inf])
def test_impossible_load_is_refused(load_mw: float) -> None:
    with pytest.raises(InvalidInput, match="dallas: IT load"):
        replace(two_hours(), it_load_mw=hours(10.0, load_mw))
    with pytest.raises(InvalidInput, match="dallas: IT load"):
        footprint(two_hours(), hours(10.0, load_mw))


@pytest.mark.parametrize(
    "values", [hours(1.0), hours(1.0, 2.0, 3.0), hours(1.0, np.inf)]
)
def test_signals_of_other_hours_or_without_bound_are_refused(
    values: NDArray[np.float64],
) -> None:
    with pytest.raises(InvalidInput, match="price_usd_mwh"):
        replace(two_hours(), price_usd_mwh=values)


def test_a_window_without_hours_is_refused() -> None:
    nothing = np.array([])
    with pytest.raises(InvalidInput, match="at least one hour"):
        replace(
            two_hours(),
            it_load_mw=nothing,
            dry_bulb_c=nothing,
            wet_bulb_c=nothing,
            carbon_intensity_gco2_kwh=nothing,
            price_usd_mwh=nothing,
        )


def test_load_of_another_window_is_refused() -> None:
    with pytest.raises(InvalidInput, match="2 and 3 hours"):
        footprint(two_hours(), hours(1.0, 2.0, 3.0))


def test_total_adds_regions_and_keeps_what_is_unknown_unknown() -> None:
    whole = footprint(two_hours())
    gap = footprint(replace(two_hours(), price_usd_mwh=hours(np.nan, 1.0)))

    total = total_footprint([whole, gap, gap])

    assert total.it_energy_mwh == 90.0
    assert total.cost_usd is None
    assert total.missing == (Quantity.PRICE_USD_MWH,)


def test_total_of_no_regions_is_refused() -> None:
    with pytest.raises(InvalidInput):
        total_footprint([])


@pytest.mark.parametrize("cooling_type", list(CoolingType))
def test_a_footprint_is_load_times_rate_summed(cooling_type: CoolingType) -> None:
    signals = two_hours(cooling_type)
    rates, result = hourly_rates(signals), footprint(signals)
    for name, rate in (
        ("facility_energy_mwh", rates.facility_mwh),
        ("emissions_kgco2e", rates.emissions_kgco2e),
        ("water_on_site_l", rates.water_on_site_l),
        ("water_off_site_l", rates.water_off_site_l),
        ("cost_usd", rates.cost_usd),
    ):
        expected = float((rate * signals.it_load_mw).sum())
        assert getattr(result, name) == pytest.approx(expected), name


def test_hydropower_counts_only_when_the_switch_says_so() -> None:
    signals = two_hours()
    quarter_hydro = replace(
        signals, region=replace(signals.region, grid_hydro_frac=0.25)
    )
    without = footprint(quarter_hydro)
    counted = footprint(replace(quarter_hydro, counts_hydro_water=True))
    assert without == footprint(signals)
    assert without.facility_energy_mwh is not None
    assert without.water_off_site_l is not None
    assert counted.water_off_site_l == pytest.approx(
        without.water_off_site_l + 0.25 * 17_000 * without.facility_energy_mwh
    )
    assert counted.water_on_site_l == without.water_on_site_l


def test_rates_of_a_signal_not_to_be_believed_are_unknown() -> None:
    outage = RegionSignals(
        region=region(CoolingType.AIR),
        it_load_mw=np.full(5, 10.0),
        dry_bulb_c=np.full(5, 20.0),
        wet_bulb_c=np.full(5, 15.0),
        carbon_intensity_gco2_kwh=hours(300.0, 0.0, 0.0, 0.0, 0.0),
        price_usd_mwh=np.full(5, 40.0),
        basis=SignalBasis.FORECAST,
    )
    assert np.isnan(hourly_rates(outage).emissions_kgco2e).all()
    assert np.isfinite(hourly_rates(outage).cost_usd).all()
