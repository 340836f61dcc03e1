"""Emissions of electricity use, and carbon signals that are implausible."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

PLAUSIBLE_ZERO_RUN_H = 3
"""Longest run of hours at exactly 0 g/kWh that is taken as real, hours.

Assumed. No hour of the six real grids of 2021-2023 is 0 (the least is 9), so any value
from 0 up gives the same result there; a provider's outage has lasted 10 h.
"""


class CarbonScope(StrEnum):
    """Which emissions a carbon intensity counts."""

    DIRECT = "direct"
    LIFE_CYCLE = "life-cycle"


class CarbonMethod(StrEnum):
    """Whose emissions it counts: all plants' mean, or the plant that would respond."""

    AVERAGE = "average"
    MARGINAL = "marginal"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonSignalKind:
    """What a carbon signal means; two kinds are never added or compared."""

    scope: CarbonScope
    method: CarbonMethod = CarbonMethod.AVERAGE

    def __str__(self) -> str:
        return f"{self.scope} {self.method}"


def emissions_kgco2e(
    facility_mwh: ArrayLike, carbon_intensity_gco2_kwh: ArrayLike
) -> NDArray[np.float64]:
    """Emissions of each hour, kg CO2e.

    1 MWh at 1 g/kWh is 1,000 kWh x 1 g/kWh = 1,000 g, exactly 1 kg: no factor.

    Parameters
    ----------
    facility_mwh : array_like
        Energy drawn from the grid in the hour, MWh, PUE included.
    carbon_intensity_gco2_kwh : array_like
        Carbon intensity of the hour, g CO2e per kWh.

    Examples
    --------
    >>> emissions_kgco2e([1.0, 2.5], [1.0, 400.0]).tolist()
    [1.0, 1000.0]
    """
    intensity = np.asarray(carbon_intensity_gco2_kwh, dtype=np.float64)
    return np.asarray(facility_mwh, dtype=np.float64) * intensity


def suspect_zero_hours(
    carbon_intensity_gco2_kwh: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Hours within a run of exactly 0 that is longer than `PLAUSIBLE_ZERO_RUN_H`.

    A grid at exactly 0 g/kWh for hours on end is a provider's outage until proven
    otherwise. A missing hour (NaN) ends a run; hours outside the array are not seen.

    Parameters
    ----------
    carbon_intensity_gco2_kwh : ndarray of float64, shape (n_hours,)
        Consecutive hours, g CO2e per kWh.

    Returns
    -------
    ndarray of bool, shape (n_hours,)

    Examples
    --------
    >>> suspect_zero_hours(np.array([0.0, 5.0, 0.0, 0.0, 0.0, 0.0])).tolist()
    [False, False, True, True, True, True]
    """
    is_zero = carbon_intensity_gco2_kwh == 0.0
    bounded = np.concatenate(([False], is_zero, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(bounded))
    suspect = np.zeros(is_zero.shape, dtype=np.bool_)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        suspect[start:end] = end - start > PLAUSIBLE_ZERO_RUN_H
    return suspect
