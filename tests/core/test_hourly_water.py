"""Water by the hour: adds up to the footprint's sums, and follows the load."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InvalidInput
from core.footprints import footprint
from core.hourly_water import hourly_water
from core.regions import CoolingType
from tests.core.test_footprints import hours, two_hours


@pytest.mark.parametrize("cooling_type", list(CoolingType))
def test_the_hours_add_up_to_the_footprint(cooling_type: CoolingType) -> None:
    signals = two_hours(cooling_type)
    water, sums = hourly_water(signals, signals.it_load_mw), footprint(signals)
    assert water.on_site_l.sum() == pytest.approx(sums.water_on_site_l)
    assert water.off_site_l.sum() == pytest.approx(sums.water_off_site_l)
    assert water.total_l.tolist() == (water.on_site_l + water.off_site_l).tolist()


def test_a_dry_hour_uses_no_water_on_site() -> None:
    water = hourly_water(two_hours(CoolingType.ADIABATIC), hours(10.0, 20.0))
    assert water.on_site_l[0] == 0.0
    assert water.on_site_l[1] > 0.0


def test_water_is_proportional_to_the_load() -> None:
    signals = two_hours(CoolingType.EVAPORATIVE)
    whole = hourly_water(signals, signals.it_load_mw)
    half = hourly_water(signals, signals.it_load_mw / 2)
    np.testing.assert_allclose(half.total_l * 2, whole.total_l)


def test_a_missing_load_leaves_its_hour_unknown() -> None:
    water = hourly_water(two_hours(), hours(np.nan, 20.0))
    assert np.isnan(water.total_l).tolist() == [True, False]


def test_loads_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be compared"):
        hourly_water(two_hours(), hours(1.0, 2.0, 3.0))
