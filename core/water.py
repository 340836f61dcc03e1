"""Water: on site by cooling type, off site by power source, and its physical bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InvalidInput, OutOfRange
from core.regions import CoolingParameters, CoolingType
from core.telemetry import ValidRange

TOWER_FIT_C = ValidRange(-10.0, 27.56)
"""Wet bulbs of the tower curve; 27.56 degC is its maximum, so it never turns down."""

TOWER_CYCLES_OF_CONCENTRATION = 6.0
"""Most cycles of concentration at which the curve keeps the latent-heat bound."""

ADIABATIC_RAMP_C = 2.0
"""Dry-bulb band over which spraying comes on, degC. Assumed. At 1 or 4 degC instead,
the water of 2023 in Dallas changes by +8 or -14 %, in Singapore, which hovers at the
switch, by +45 or -45 %.
"""

LATENT_HEAT_MJ_PER_KG = 2.45
"""Latent heat of water at 20 degC: Allen et al. (1998), FAO Irrigation and Drainage
Paper 56, eq. 3-1. It falls by 1 % to 30 degC, which would raise the bound by as much.
"""

MJ_PER_KWH = 3.6
AWARE_RANGE = ValidRange(0.1, 100.0)
"""Range of AWARE factors: Boulay et al. (2018), Int. J. Life Cycle Assess. 23, 368."""


class PowerSource(StrEnum):
    """Power sources of a grid mix; the values name them in files."""

    COAL = "coal"
    GAS = "gas"
    NUCLEAR = "nuclear"
    OIL = "oil"
    BIOMASS = "biomass"
    GEOTHERMAL = "geothermal"
    SOLAR = "solar"
    WIND = "wind"
    HYDRO = "hydro"


EWIF_L_PER_KWH: Mapping[PowerSource, float] = MappingProxyType(
    {
        PowerSource.COAL: 1.51,
        PowerSource.GAS: 1.02,
        PowerSource.NUCLEAR: 2.6,
        PowerSource.OIL: 1.79,
        PowerSource.BIOMASS: 1.14,
        PowerSource.GEOTHERMAL: 5.8,
        PowerSource.SOLAR: 0.06,
        PowerSource.WIND: 0.0,
        PowerSource.HYDRO: 17.0,
    }
)
"""Water consumed per kWh generated, litres (energy water intensity factors).

Hydro is the median of Macknick et al. (2012), Environ. Res. Lett. 7, 045802: 4,491
gal/MWh. The others are assumed; docs/physics.md compares each with its medians.
"""


def estimate_wue(
    *,
    cooling_type: CoolingType,
    cooling: CoolingParameters,
    dry_bulb_c: ArrayLike,
    wet_bulb_c: ArrayLike,
) -> NDArray[np.float64]:
    """On-site water per IT energy, litres per kWh.

    Evaporative plants follow the tower curve of the wet bulb; air-cooled ones use their
    constant `wue_air_l_per_kwh`; adiabatic and hybrid ones are dry up to
    `adiabatic_switch_c` of dry bulb and ramp over 2 degC to the tower curve.

    Parameters
    ----------
    dry_bulb_c, wet_bulb_c : array_like, broadcastable to each other
        Outdoor air, degC.

    Returns
    -------
    ndarray of float64
        NaN where a temperature that the type depends on is NaN. A plant that is known
        to run dry uses 0 whatever the wet bulb.

    Examples
    --------
    >>> from core.pue import PRESETS
    >>> kind = CoolingType.ADIABATIC
    >>> estimate_wue(
    ...     cooling_type=kind,
    ...     cooling=PRESETS[kind],
    ...     dry_bulb_c=[25.0, 30.0, 35.0],
    ...     wet_bulb_c=[20.0, 20.0, 20.0],
    ... ).round(3).tolist()
    [0.0, 0.836, 1.671]
    """
    dry_bulb, wet_bulb = np.broadcast_arrays(
        np.asarray(dry_bulb_c, dtype=np.float64),
        np.asarray(wet_bulb_c, dtype=np.float64),
    )
    match cooling_type:
        case CoolingType.EVAPORATIVE:
            return tower_wue(wet_bulb)
        case CoolingType.AIR:
            return np.full(wet_bulb.shape, cooling.wue_air_l_per_kwh)
        case CoolingType.ADIABATIC | CoolingType.HYBRID:
            over_switch_c = dry_bulb - cooling.adiabatic_switch_c
            ramp = np.clip(over_switch_c / ADIABATIC_RAMP_C, 0.0, 1.0)
            return np.where(ramp == 0.0, 0.0, ramp * tower_wue(wet_bulb))


def tower_wue(wet_bulb_c: ArrayLike) -> NDArray[np.float64]:
    """Water of an evaporative tower per IT energy, litres per kWh.

    `1.24 + 0.03386 T - 0.0006143 T^2` with T the wet bulb, degC, clamped to -10 to
    27.56: 0.84 to 1.71 L/kWh, non-decreasing.

    References
    ----------
    Fixed-approach tower, attributed to Sen Gupta et al. (2024), "A Dataset for Research
    on Water Sustainability", arXiv 2405.17469. The paper has such a model; that these
    are its coefficients is unverified.

    Examples
    --------
    >>> tower_wue([-30.0, 0.0, 27.56, 40.0]).round(3).tolist()
    [0.84, 1.24, 1.707, 1.707]
    """
    fit = TOWER_FIT_C
    wet_bulb = np.clip(np.asarray(wet_bulb_c, dtype=np.float64), fit.low, fit.high)
    return 1.24 + 0.03386 * wet_bulb - 0.0006143 * wet_bulb**2


def latent_heat_bound_l_per_kwh(
    chiller_cop: float,
    cycles_of_concentration: float = TOWER_CYCLES_OF_CONCENTRATION,
) -> float:
    """Most water that evaporation can use per IT energy, litres per kWh.

    `(3.6 / 2.45) (1 + 1 / COP) S / (S - 1)`: every joule of IT and compressor heat
    leaves as vapour, and the blow-down keeps the salts at S times the make-up's. A
    curve above it is wrong whatever its source.

    Parameters
    ----------
    chiller_cop : float
        Coefficient of performance, > 0; infinity leaves the compressor out.
    cycles_of_concentration : float
        S, > 1; more cycles mean less blow-down and a lower bound.

    Raises
    ------
    OutOfRange
        When COP is not above 0 or S not above 1.

    Examples
    --------
    >>> round(latent_heat_bound_l_per_kwh(6.0), 3)
    2.057
    """
    if not chiller_cop > 0.0:
        message = f"The chiller's COP is {chiller_cop}; it must be above 0."
        raise OutOfRange(message)
    if not 1.0 < cycles_of_concentration < math.inf:
        message = (
            f"Cycles of concentration are {cycles_of_concentration}; they must be"
            " above 1."
        )
        raise OutOfRange(message)
    blow_down = cycles_of_concentration / (cycles_of_concentration - 1.0)
    return MJ_PER_KWH / LATENT_HEAT_MJ_PER_KG * (1.0 + 1.0 / chiller_cop) * blow_down


def grid_water_l_per_kwh(mix: Mapping[PowerSource, float], hydro_counts: bool) -> float:
    """Off-site water of a kWh of the grid, litres: shares times factors.

    Parameters
    ----------
    mix : Mapping[PowerSource, float]
        Share of each source, [0, 1]; they sum to 1 within 0.001.
    hydro_counts : bool
        Whether reservoir evaporation is charged to hydropower (17 L/kWh) or not (0).
        Studies disagree, so the switch is shown beside the result.

    Raises
    ------
    InvalidInput
        When a source is unknown, a share is not within [0, 1] or the shares do not
        sum to 1.

    Examples
    --------
    >>> mix = {PowerSource.HYDRO: 0.25, PowerSource.NUCLEAR: 0.75}
    >>> round(grid_water_l_per_kwh(mix, hydro_counts=True), 3)
    6.2
    >>> round(grid_water_l_per_kwh(mix, hydro_counts=False), 3)
    1.95
    """
    _require_mix(mix)
    return sum(
        share * EWIF_L_PER_KWH[PowerSource(source)]
        for source, share in mix.items()
        if hydro_counts or source != PowerSource.HYDRO
    )


def region_grid_water_l_per_kwh(
    without_hydro_l_per_kwh: float, hydro_frac: float, *, hydro_counts: bool
) -> float:
    """Off-site water of a kWh of a region's grid under the hydropower switch, litres.

    Parameters
    ----------
    without_hydro_l_per_kwh : float
        Litres per kWh of the whole mix, reservoir evaporation left out.
    hydro_frac : float
        Hydropower's share of the mix, [0, 1].
    hydro_counts : bool
        As in `grid_water_l_per_kwh`.

    Examples
    --------
    >>> region_grid_water_l_per_kwh(1.95, 0.25, hydro_counts=True)
    6.2
    >>> region_grid_water_l_per_kwh(1.95, 0.25, hydro_counts=False)
    1.95
    """
    if not hydro_counts:
        return without_hydro_l_per_kwh
    return without_hydro_l_per_kwh + hydro_frac * EWIF_L_PER_KWH[PowerSource.HYDRO]


def on_site_water_l(
    it_energy_mwh: ArrayLike, wue_l_per_kwh: ArrayLike
) -> NDArray[np.float64]:
    """Water of the plant in each hour, litres: 1,000 kWh per MWh x WUE.

    Examples
    --------
    >>> on_site_water_l([1.0], [1.5]).tolist()
    [1500.0]
    """
    wue = np.asarray(wue_l_per_kwh, dtype=np.float64)
    return np.asarray(it_energy_mwh, dtype=np.float64) * 1000.0 * wue


def off_site_water_l(
    facility_mwh: ArrayLike, grid_water_l_per_kwh: float
) -> NDArray[np.float64]:
    """Water of the electricity in each hour, litres: 1,000 kWh per MWh x EWIF.

    Examples
    --------
    >>> off_site_water_l([2.0], 1.02).tolist()
    [2040.0]
    """
    return np.asarray(facility_mwh, dtype=np.float64) * 1000.0 * grid_water_l_per_kwh


def scarcity_weighted_l(water_l: float, aware_factor: float) -> float:
    """World-equivalent litres, to show beside the raw litres and never instead.

    Raises
    ------
    OutOfRange
        When the AWARE factor is not within 0.1 to 100.

    Examples
    --------
    >>> scarcity_weighted_l(1000.0, 42.0)
    42000.0
    """
    if not AWARE_RANGE.contains(aware_factor):
        message = f"AWARE factor is {aware_factor}, outside 0.1 to 100."
        raise OutOfRange(message)
    return water_l * aware_factor


def _require_mix(mix: Mapping[PowerSource, float]) -> None:
    unknown = sorted(str(source) for source in mix if source not in EWIF_L_PER_KWH)
    if unknown:
        message = (
            f"Power source {unknown[0]!r} has no water factor; use one of"
            f" {', '.join(PowerSource)}."
        )
        raise InvalidInput(message)
    for source, share in mix.items():
        if not 0.0 <= share <= 1.0:
            message = f"The share of {source} is {share}, outside 0 to 1."
            raise InvalidInput(message)
    total = math.fsum(mix.values())
    if not abs(total - 1.0) <= 0.001:
        message = f"The shares of the power mix sum to {total:g}; they must sum to 1."
        raise InvalidInput(message)
