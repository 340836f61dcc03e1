"""Wet bulb: worked examples, an independent equation, bounds, and real hours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import OutOfRange
from core.psychrometrics import estimate_wet_bulb, require_wet_bulb

DRY_BULBS_C = st.floats(-20.0, 50.0)
HUMIDITIES_PCT = st.floats(5.0, 99.0)


def solve_psychrometric_equation(
    dry_bulb_c: NDArray[np.float64], humidity_pct: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Wet bulb at sea level by bisection: Bolton (1980) and the psychrometer's law."""

    def saturation_hpa(temperature_c: NDArray[np.float64]) -> NDArray[np.float64]:
        return 6.112 * np.exp(17.67 * temperature_c / (temperature_c + 243.5))

    vapour_hpa = saturation_hpa(dry_bulb_c) * humidity_pct / 100.0
    low, high = np.full_like(dry_bulb_c, -60.0), dry_bulb_c.copy()
    for _ in range(60):
        middle = (low + high) / 2.0
        psychrometer = 0.00066 * (1.0 + 0.00115 * middle) * 1013.25
        guess = saturation_hpa(middle) - psychrometer * (dry_bulb_c - middle)
        low = np.where(guess < vapour_hpa, middle, low)
        high = np.where(guess < vapour_hpa, high, middle)
    return (low + high) / 2.0


def test_stull_worked_example_is_13_7_degc() -> None:
    assert float(estimate_wet_bulb(20.0, 50.0)) == pytest.approx(13.7, abs=0.05)


def test_agrees_with_the_psychrometric_equation_within_stulls_error() -> None:
    # Stull states -1 to +0.65 degC against his own psychrometer constants; with the
    # constants here the range is -0.85 to +0.86.
    dry_bulb, humidity = np.meshgrid(np.arange(0.0, 51.0), np.arange(10.0, 100.0))
    error = estimate_wet_bulb(dry_bulb, humidity) - solve_psychrometric_equation(
        dry_bulb, humidity
    )
    assert np.abs(error).max() < 1.0
    assert np.abs(error).mean() < 0.35


@given(dry_bulb_c=DRY_BULBS_C, humidity_pct=HUMIDITIES_PCT)
def test_wet_bulb_never_exceeds_dry_bulb(
    dry_bulb_c: float, humidity_pct: float
) -> None:
    assert float(estimate_wet_bulb(dry_bulb_c, humidity_pct)) <= dry_bulb_c


def test_cap_holds_where_the_raw_formula_is_2_4_degc_too_warm() -> None:
    assert float(estimate_wet_bulb(-20.0, 5.0)) == -20.0


@given(dry_bulb_c=st.floats(0.0, 50.0), humidity_pct=st.floats(10.0, 98.0))
def test_moister_air_has_a_higher_wet_bulb(
    dry_bulb_c: float, humidity_pct: float
) -> None:
    drier, moister = estimate_wet_bulb(dry_bulb_c, [humidity_pct, humidity_pct + 1.0])
    assert moister > drier


@pytest.mark.parametrize(
    ("dry_bulb_c", "humidity_pct"),
    [
        (-20.1, 50.0),
        (50.1, 50.0),
        (20.0, 4.9),
        (20.0, 99.1),
        (np.nan, 50.0),
        (20.0, np.nan),
        (np.inf, 50.0),
    ],
)
def test_outside_the_fit_is_nan_in_bulk_and_refused_when_strict(
    dry_bulb_c: float, humidity_pct: float
) -> None:
    bulk = estimate_wet_bulb([dry_bulb_c, 20.0], [humidity_pct, 50.0])
    assert np.isnan(bulk).tolist() == [True, False]
    with pytest.raises(OutOfRange, match="outside"):
        require_wet_bulb([dry_bulb_c, 20.0], [humidity_pct, 50.0])


@pytest.mark.parametrize(
    ("dry_bulb_c", "humidity_pct"), [(-20.0, 99.0), (50.0, 5.0), (0.0, 50.0)]
)
def test_strict_form_equals_the_bulk_form_up_to_the_ends_of_the_fit(
    dry_bulb_c: float, humidity_pct: float
) -> None:
    strict = require_wet_bulb(dry_bulb_c, humidity_pct)
    assert np.isfinite(strict)
    assert strict == estimate_wet_bulb(dry_bulb_c, humidity_pct)


def test_clamp_keeps_fog_but_not_impossible_humidity() -> None:
    wet_bulb = estimate_wet_bulb(10.0, [100.0, 99.0, 100.1, -0.1], clamp_humidity=True)
    assert wet_bulb[0] == wet_bulb[1]
    assert 10.0 - wet_bulb[0] < 0.32
    assert np.isnan(wet_bulb[2:]).all()


@pytest.mark.real_data
def test_equals_the_wet_bulb_of_three_real_years(real_data: Path) -> None:
    hours = pd.read_csv(real_data / "telemetry_real.csv.gz")
    published = hours["wet_bulb_c"].to_numpy()
    wet_bulb = estimate_wet_bulb(
        hours["temperature_c"].to_numpy(),
        hours["relative_humidity_pct"].to_numpy(),
        clamp_humidity=True,
    )
    assert (np.isnan(wet_bulb) == np.isnan(published)).all()
    assert np.isfinite(published).sum() > 157_000
    assert np.nanmax(np.abs(wet_bulb - published)) <= 0.05
