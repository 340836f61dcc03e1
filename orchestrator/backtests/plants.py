"""Assumed plants at the six real regions, for the backtest of plans."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from core.errors import InvalidInput
from core.pue import PRESETS
from core.regions import CoolingType, Region
from core.water import PowerSource, grid_water_l_per_kwh

REGION_COLUMNS = ("slug", "name", "time_zone", "latitude", "longitude")
"""What a table of regions needs for an assumed plant."""


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


def _plant(item: dict[str, Any]) -> Plant:
    return Plant(
        cooling_type=CoolingType(item["cooling_type"]),
        mix={PowerSource(name): share for name, share in item["mix"].items()},
        auctioned_h=item.get("auctioned_h", 0),
    )


_DATA = tomllib.loads(
    files(__package__).joinpath("real_plants.toml").read_text("utf-8")
)

IT_CAPACITY_MW: float = _DATA["it_capacity_mw"]
FLEXIBLE_LOAD_FRAC: float = _DATA["flexible_load_frac"]
PLANTS: Mapping[str, Plant] = {
    slug: _plant(item) for slug, item in _DATA["regions"].items()
}
_OTHER = _plant(_DATA["other"])


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
