"""A datacenter region: where it is, how it is cooled, what it can carry."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import InvalidInput, OutOfRange

_SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?\Z")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")


SAME_PLACE_DEG = 2.0
"""Weather of a point further away than this is that of another place."""


def degrees_apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The larger of the differences in latitude and longitude, degrees.

    Infinite when a coordinate is not finite.

    Examples
    --------
    >>> degrees_apart((50.0, 179.5), (50.5, -179.0))
    1.5
    """
    if not all(map(math.isfinite, (*one, *other))):
        return math.inf
    east = abs(one[1] - other[1]) % 360.0
    return max(abs(one[0] - other[0]), min(east, 360.0 - east))


class CoolingType(StrEnum):
    """How a region rejects heat."""

    EVAPORATIVE = "evaporative"
    AIR = "air"
    HYBRID = "hybrid"
    ADIABATIC = "adiabatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingParameters:
    """Parameters of a region's PUE and WUE models (see `core.pue` and `core.water`).

    Attributes
    ----------
    overhead_frac : float
        Power for fans, pumps, conversion and lighting over IT power, [0, 1].
    chiller_cop : float
        Coefficient of performance of mechanical cooling, > 0.
    economiser_full_c, economiser_none_c : float
        Wet bulb, degC, up to which the economiser carries all heat, and from which
        it carries none; full < none.
    wue_air_l_per_kwh : float
        On-site water of an air-cooled plant, litres per kWh of IT energy, >= 0.
    adiabatic_switch_c : float
        Dry bulb, degC, at which adiabatic and hybrid plants begin to use water.
    """

    overhead_frac: float
    chiller_cop: float
    economiser_full_c: float
    economiser_none_c: float
    wue_air_l_per_kwh: float
    adiabatic_switch_c: float

    def __post_init__(self) -> None:
        _require_range("overhead_frac", self.overhead_frac, 0.0, 1.0)
        _require_range("chiller_cop", self.chiller_cop, 0.5, 50.0)
        _require_range("economiser_full_c", self.economiser_full_c, -50.0, 60.0)
        _require_range("economiser_none_c", self.economiser_none_c, -50.0, 60.0)
        _require_range("wue_air_l_per_kwh", self.wue_air_l_per_kwh, 0.0, 10.0)
        _require_range("adiabatic_switch_c", self.adiabatic_switch_c, -50.0, 60.0)
        if not self.economiser_full_c < self.economiser_none_c:
            message = "economiser_full_c must be below economiser_none_c."
            raise InvalidInput(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region of the fleet, validated once, here.

    Attributes
    ----------
    slug : str
        Identifier in URLs, files and models; letters, digits and inner hyphens, <= 32.
    time_zone : str
        IANA name; calendar days of the region are days in this zone.
    it_capacity_mw : float
        Largest IT load the region can carry, MW, > 0.
    flexible_load_frac : float
        Share of its IT load that may be moved elsewhere, [0, 1].
    grid_water_l_per_kwh : float
        Off-site water of its electricity, litres per kWh, >= 0, without the
        evaporation of hydropower's reservoirs.
    grid_hydro_frac : float
        Hydropower's share of its electricity, [0, 1]; counted if the policy sets so.
    is_synthetic : bool
        Its telemetry is generated; every view of it is labelled so.

    Raises
    ------
    InvalidInput
        When a text is not written as it must be, or there is no such time zone.
    OutOfRange
        When a number is outside its range or not a number.
    """

    slug: str
    name: str
    time_zone: str
    latitude_deg: float
    longitude_deg: float
    cooling_type: CoolingType
    cooling: CoolingParameters
    it_capacity_mw: float
    flexible_load_frac: float
    grid_water_l_per_kwh: float
    colour: str
    is_synthetic: bool = False
    is_active: bool = True
    grid_hydro_frac: float = 0.0

    def __post_init__(self) -> None:
        if not _SLUG.match(self.slug):
            message = (
                f"Region slug {self.slug!r} must be 1 to 32 letters, digits or hyphens."
            )
            raise InvalidInput(message)
        # A line break in a name would forge lines in logs and exports.
        named = self.name.strip() and self.name.isprintable() and len(self.name) <= 80
        if not named:
            message = (
                f"Region {self.slug} needs a name of 1 to 80 printable characters."
            )
            raise InvalidInput(message)
        require_time_zone(self.time_zone)
        _require_range("latitude_deg", self.latitude_deg, -90.0, 90.0)
        _require_range("longitude_deg", self.longitude_deg, -180.0, 180.0)
        _require_range("it_capacity_mw", self.it_capacity_mw, 0.001, 100_000.0)
        _require_range("flexible_load_frac", self.flexible_load_frac, 0.0, 1.0)
        _require_range("grid_water_l_per_kwh", self.grid_water_l_per_kwh, 0.0, 100.0)
        _require_range("grid_hydro_frac", self.grid_hydro_frac, 0.0, 1.0)
        if not _COLOUR.match(self.colour):
            message = f"Colour {self.colour!r} must be written like #1f77b4."
            raise InvalidInput(message)


def require_time_zone(name: str) -> ZoneInfo:
    """Return the IANA zone called `name`.

    Raises
    ------
    InvalidInput
        When there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        message = f"Time zone {name!r} is unknown; use an IANA name like Europe/Dublin."
        raise InvalidInput(message) from exc


def _require_range(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        message = f"{name} is {value}, outside {low:g} to {high:g}."
        raise OutOfRange(message)
