"""Emissions in the right unit, and zeros that are not believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.carbon import (
    CarbonMethod,
    CarbonScope,
    CarbonSignalKind,
    emissions_kgco2e,
    suspect_zero_hours,
)


def test_one_mwh_at_one_gram_per_kwh_is_one_kilogram() -> None:
    assert emissions_kgco2e(1.0, 1.0) == 1.0


def test_hourly_products_are_not_the_product_of_means() -> None:
    energy, intensity = np.array([10.0, 30.0]), np.array([500.0, 100.0])
    emissions = emissions_kgco2e(energy, intensity)
    assert emissions.sum() == 8000.0
    assert energy.sum() * intensity.mean() == 12000.0


@given(
    energy_mwh=st.floats(0.0, 500.0),
    intensity=st.floats(0.0, 2000.0),
    factor=st.floats(1.0, 10.0),
)
def test_emissions_rise_with_energy_and_intensity(
    energy_mwh: float, intensity: float, factor: float
) -> None:
    base = emissions_kgco2e(energy_mwh, intensity)
    assert emissions_kgco2e(energy_mwh * factor, intensity) >= base
    assert emissions_kgco2e(energy_mwh, intensity * factor) >= base


def test_missing_intensity_gives_missing_emissions() -> None:
    assert np.isnan(emissions_kgco2e([1.0, 1.0], [np.nan, 1.0])).tolist() == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("hours", "suspect"),
    [
        ([0.0] * 3, [False] * 3),
        ([0.0] * 4, [True] * 4),
        ([0.0] * 10, [True] * 10),
        ([9.0, *[0.0] * 4, 9.0, 0.0], [False, *[True] * 4, False, False]),
        ([0.0, 0.0, np.nan, 0.0, 0.0], [False] * 5),
        ([1e-9] * 5, [False] * 5),
        ([], []),
    ],
)
def test_only_more_than_three_hours_of_exact_zero_are_suspect(
    hours: list[float], suspect: list[bool]
) -> None:
    assert suspect_zero_hours(np.array(hours)).tolist() == suspect


def test_kinds_differ_by_scope_and_by_method() -> None:
    life_cycle = CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE)
    assert str(life_cycle) == "life-cycle average"
    assert life_cycle != CarbonSignalKind(scope=CarbonScope.DIRECT)
    assert life_cycle != CarbonSignalKind(
        scope=CarbonScope.LIFE_CYCLE, method=CarbonMethod.MARGINAL
    )


@pytest.mark.real_data
def test_no_hour_of_six_real_grids_is_suspect(real_data: Path) -> None:
    hours = pd.read_csv(real_data / "telemetry_real.csv.gz")
    for _, rows in hours.groupby("region"):
        intensity = rows["carbon_intensity_gco2_kwh"].to_numpy()
        assert intensity.size == 26_280
        assert not suspect_zero_hours(intensity).any()
