"""Power usage effectiveness from wet bulb, with presets by cooling type."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.regions import CoolingParameters, CoolingType

PRESETS: Mapping[CoolingType, CoolingParameters] = MappingProxyType(
    {
        CoolingType.EVAPORATIVE: CoolingParameters(
            overhead_frac=0.08,
            chiller_cop=9.0,
            economiser_full_c=12.0,
            economiser_none_c=22.0,
            wue_air_l_per_kwh=0.05,
            adiabatic_switch_c=29.0,
        ),
        CoolingType.AIR: CoolingParameters(
            overhead_frac=0.10,
            chiller_cop=4.2,
            economiser_full_c=8.0,
            economiser_none_c=20.0,
            wue_air_l_per_kwh=0.05,
            adiabatic_switch_c=29.0,
        ),
        CoolingType.HYBRID: CoolingParameters(
            overhead_frac=0.095,
            chiller_cop=6.0,
            economiser_full_c=14.0,
            economiser_none_c=26.0,
            wue_air_l_per_kwh=0.05,
            adiabatic_switch_c=29.0,
        ),
        CoolingType.ADIABATIC: CoolingParameters(
            overhead_frac=0.125,
            chiller_cop=6.5,
            economiser_full_c=15.0,
            economiser_none_c=28.0,
            wue_air_l_per_kwh=0.05,
            adiabatic_switch_c=29.0,
        ),
    }
)
"""Starting parameters of a region, by how it is cooled. Every number is assumed.

They were chosen so that a year's mean PUE lands inside the published 5th-95th
percentile ranges of Lei & Masanet (2022), Resources, Conservation & Recycling 182,
106323, for water-cooled and air-side adiabatic plants, and between the lowest and
highest disclosed PUE of 2024 for air-cooled ones; docs/physics.md has the table and
the sensitivity to each number. An admin replaces them with the plant's own.
"""


def economiser_frac(
    wet_bulb_c: ArrayLike, cooling: CoolingParameters
) -> NDArray[np.float64]:
    """Share of the heat that needs no chiller, in [0, 1].

    Parameters
    ----------
    wet_bulb_c : array_like
        Wet bulb, degC.
    cooling : CoolingParameters
        The share is 1 up to `economiser_full_c`, 0 from `economiser_none_c`, and a
        straight line between them (assumed: partial economising is near linear in
        the approach that is left).

    Returns
    -------
    ndarray of float64
        NaN where the wet bulb is NaN.

    Examples
    --------
    >>> air = PRESETS[CoolingType.AIR]
    >>> economiser_frac([0.0, 14.0, 30.0], air).tolist()
    [1.0, 0.5, 0.0]
    """
    wet_bulb = np.asarray(wet_bulb_c, dtype=np.float64)
    band_c = cooling.economiser_none_c - cooling.economiser_full_c
    return np.clip((cooling.economiser_none_c - wet_bulb) / band_c, 0.0, 1.0)


def estimate_pue(
    wet_bulb_c: ArrayLike, cooling: CoolingParameters
) -> NDArray[np.float64]:
    """Facility power over IT power, >= 1, non-decreasing in the wet bulb.

    `pue = 1 + overhead_frac + (1 - economiser_frac) / chiller_cop`

    Parameters
    ----------
    wet_bulb_c : array_like
        Wet bulb, degC.

    Returns
    -------
    ndarray of float64
        NaN where the wet bulb is NaN.

    Notes
    -----
    It depends on the weather alone. At part load a real plant is less efficient, since
    part of its overhead is fixed; that is left out (see docs/physics.md).

    Examples
    --------
    >>> air = PRESETS[CoolingType.AIR]
    >>> estimate_pue([0.0, 30.0], air).round(3).tolist()
    [1.1, 1.338]
    """
    chiller_share = 1.0 - economiser_frac(wet_bulb_c, cooling)
    return 1.0 + cooling.overhead_frac + chiller_share / cooling.chiller_cop


def facility_energy_mwh(it_load_mw: ArrayLike, pue: ArrayLike) -> NDArray[np.float64]:
    """Energy drawn from the grid in each hour, MWh: IT load, MW, x 1 h x PUE.

    Examples
    --------
    >>> facility_energy_mwh([10.0], [1.2]).tolist()
    [12.0]
    """
    load = np.asarray(it_load_mw, dtype=np.float64)
    return load * np.asarray(pue, dtype=np.float64)
