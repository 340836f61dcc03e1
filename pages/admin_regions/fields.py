"""The fields of the region and policy forms: names, labels and units."""

from __future__ import annotations

from zoneinfo import available_timezones

from core.errors import InvalidInput
from core.regions import CoolingType
from pages.form_fields import Field

REGION_FORM = "region"
"""What the ids of all controls begin with."""

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
"""Of Okabe and Ito, told apart in all three colour-blindnesses."""

REGION_FIELDS: tuple[Field, ...] = (
    Field(
        name="slug",
        label="Identifier",
        kind="text",
        hint="In links and files, such as CA-ON; it cannot change later.",
    ),
    Field(name="name", label="Name", kind="text"),
    Field(
        name="time_zone",
        label="Time zone",
        kind="text",
        hint="IANA name, such as America/Toronto: type a part of it.",
        suggestions=tuple(sorted(z for z in available_timezones() if "/" in z)),
    ),
    Field(name="latitude_deg", label="Latitude, °"),
    Field(name="longitude_deg", label="Longitude, °"),
    Field(
        name="cooling_type",
        label="Cooling",
        kind="choice",
        choices={item.value: item.value for item in CoolingType},
        hint="Another type brings its usual parameters.",
    ),
    Field(name="it_capacity_mw", label="IT capacity, MW"),
    Field(
        name="flexible_load_frac",
        label="Load that may move, %",
        scale=100.0,
    ),
    Field(
        name="grid_water_l_per_kwh",
        label="Water of its electricity, L/kWh",
    ),
    Field(
        name="colour",
        label="Colour",
        kind="text",
        hint="Such as #0072b2; one is chosen where it is empty.",
        suggestions=COLOURS,
    ),
    Field(name="is_active", label="In the fleet", kind="flag"),
)

COOLING_FIELDS: tuple[Field, ...] = (
    Field(name="overhead_frac", label="Overhead of power, %", scale=100.0),
    Field(name="chiller_cop", label="Chiller COP"),
    Field(name="economiser_full_c", label="Free cooling up to wet bulb, °C"),
    Field(name="economiser_none_c", label="No free cooling from wet bulb, °C"),
    Field(name="wue_air_l_per_kwh", label="Water when air-cooled, L/kWh"),
    Field(name="adiabatic_switch_c", label="Sprays from dry bulb, °C"),
)

POLICY_FIELDS: tuple[Field, ...] = (
    Field(name="thermal_limit_c", label="Thermal limit, °C"),
    Field(name="confidence", label="Confidence of the bound, %", scale=100.0),
    Field(
        name="cooling_factor_c_per_pct",
        label="Cooling factor, °C per % of load",
    ),
    Field(name="telemetry_max_age_h", label="Oldest telemetry, h"),
)


def shown_region(shown: object) -> str | None:
    """The region that the page shows; None for the fleet."""
    if not isinstance(shown, dict):
        message = "The page is not loaded yet; try again."
        raise InvalidInput(message)
    slug = shown.get("region")
    return slug if isinstance(slug, str) else None
