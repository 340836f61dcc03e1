"""Water of a region hour by hour: what its plant and its electricity use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.footprints import RegionSignals, require_load, require_same_hours
from core.pue import estimate_pue, facility_energy_mwh
from core.water import estimate_wue, off_site_water_l, on_site_water_l


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyWater:
    """Water in each hour, litres, shape (n_hours,); NaN where an input is missing."""

    on_site_l: NDArray[np.float64]
    off_site_l: NDArray[np.float64]

    @property
    def total_l(self) -> NDArray[np.float64]:
        """Both together."""
        return self.on_site_l + self.off_site_l


def hourly_water(
    signals: RegionSignals, it_load_mw: NDArray[np.float64]
) -> HourlyWater:
    """What the plant evaporates and what its electricity used, hour by hour.

    The sums over the window are those of `core.footprints.footprint`.

    Parameters
    ----------
    signals : RegionSignals
        Weather and grid of the window.
    it_load_mw : ndarray of float64, shape (n_hours,)
        Load, MW, >= 0, NaN where unknown.

    Raises
    ------
    InvalidInput
        When the load has another length than the signals, is negative or infinite.
    """
    require_load(f"{signals.region.slug}: IT load", it_load_mw, may_be_missing=True)
    require_same_hours(signals.it_load_mw, it_load_mw)
    cooling = signals.region.cooling
    wue_l_per_kwh = estimate_wue(
        cooling_type=signals.region.cooling_type,
        cooling=cooling,
        dry_bulb_c=signals.dry_bulb_c,
        wet_bulb_c=signals.wet_bulb_c,
    )
    facility_mwh = facility_energy_mwh(
        it_load_mw, estimate_pue(signals.wet_bulb_c, cooling)
    )
    return HourlyWater(
        on_site_l=on_site_water_l(it_load_mw, wue_l_per_kwh),
        off_site_l=off_site_water_l(facility_mwh, signals.region.grid_water_l_per_kwh),
    )
