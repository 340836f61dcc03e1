"""Assumed plants at the six real regions, for the backtest of plans.

Nobody publishes what the datacenters there are like, so every figure is assumed: the
cooling type after what is common in the climate, grid mixes near the published annual
ones of 2023. `docs/physics.md` says how much the results move with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import InvalidInput
from core.pue import PRESETS
from core.regions import CoolingType, Region
from core.water import PowerSource, grid_water_l_per_kwh

REGION_COLUMNS = ("slug", "name", "time_zone", "latitude", "longitude")
"""What a table of regions needs for an assumed plant."""

IT_CAPACITY_MW = 100.0
FLEXIBLE_LOAD_FRAC = 0.5

_S = PowerSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """How a region is cooled and what its grid is made of.

    Attributes
    ----------
    auctioned_h : int
        Hours from midnight UTC on whose price a day-ahead auction has set by then; 0
        where prices are made in real time. Germany's next day begins at 22 or 23 h
        UTC, and its auction comes later.
    """

    cooling_type: CoolingType
    mix: Mapping[PowerSource, float]
    auctioned_h: int = 0


PLANTS: Mapping[str, Plant] = MappingProxyType(
    {
        "US-TEX-ERCO": Plant(
            cooling_type=CoolingType.EVAPORATIVE,
            mix={
                _S.GAS: 0.45,
                _S.WIND: 0.24,
                _S.COAL: 0.14,
                _S.NUCLEAR: 0.09,
                _S.SOLAR: 0.08,
            },
            auctioned_h=24,
        ),
        "US-CAL-CISO": Plant(
            cooling_type=CoolingType.ADIABATIC,
            mix={
                _S.GAS: 0.41,
                _S.SOLAR: 0.23,
                _S.HYDRO: 0.13,
                _S.NUCLEAR: 0.09,
                _S.WIND: 0.07,
                _S.GEOTHERMAL: 0.05,
                _S.BIOMASS: 0.02,
            },
            auctioned_h=24,
        ),
        "CA-ON": Plant(
            cooling_type=CoolingType.AIR,
            mix={_S.NUCLEAR: 0.53, _S.HYDRO: 0.25, _S.GAS: 0.13, _S.WIND: 0.09},
        ),
        "DE-LU": Plant(
            cooling_type=CoolingType.HYBRID,
            mix={
                _S.WIND: 0.32,
                _S.COAL: 0.26,
                _S.SOLAR: 0.13,
                _S.GAS: 0.12,
                _S.BIOMASS: 0.10,
                _S.HYDRO: 0.05,
                _S.NUCLEAR: 0.02,
            },
            auctioned_h=22,
        ),
        "SG": Plant(
            cooling_type=CoolingType.EVAPORATIVE,
            mix={_S.GAS: 0.95, _S.OIL: 0.01, _S.SOLAR: 0.02, _S.COAL: 0.02},
        ),
        "AU-NSW": Plant(
            cooling_type=CoolingType.ADIABATIC,
            mix={
                _S.COAL: 0.64,
                _S.SOLAR: 0.22,
                _S.WIND: 0.09,
                _S.HYDRO: 0.03,
                _S.GAS: 0.02,
            },
        ),
    }
)

_OTHER = Plant(cooling_type=CoolingType.AIR, mix={_S.GAS: 1.0})
"""What stands for a region that is not named here."""


def plant_of(slug: str) -> Plant:
    """The assumed plant of a region."""
    return PLANTS.get(slug, _OTHER)


def assumed_region(row: Mapping[str, str]) -> Region:
    """A region of a table, with its assumed plant.

    Raises
    ------
    InvalidInput
        When a cell is not what a region needs.
    """
    plant = plant_of(row["slug"])
    try:
        latitude_deg, longitude_deg = float(row["latitude"]), float(row["longitude"])
    except ValueError as exc:
        message = f"{row['slug']}: latitude and longitude must be numbers."
        raise InvalidInput(message) from exc
    return Region(
        slug=row["slug"],
        name=row["name"],
        time_zone=row["time_zone"],
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        cooling_type=plant.cooling_type,
        cooling=PRESETS[plant.cooling_type],
        it_capacity_mw=IT_CAPACITY_MW,
        flexible_load_frac=FLEXIBLE_LOAD_FRAC,
        grid_water_l_per_kwh=grid_water_l_per_kwh(plant.mix, hydro_counts=False),
        grid_hydro_frac=plant.mix.get(PowerSource.HYDRO, 0.0),
        colour="#0072B2",
    )
