"""The fields of the region and policy forms: names, labels, units, how to read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import InvalidInput
from core.regions import CoolingType

FieldKind = Literal["text", "number", "choice", "flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field; `scale` turns the stored value into what the form shows."""

    name: str
    label: str
    kind: FieldKind = "number"
    hint: str = ""
    choices: tuple[str, ...] = ()
    scale: float = 1.0

    def shown(self, value: object) -> object:
        """A stored value as the form holds it."""
        if self.kind == "number" and isinstance(value, int | float):
            return float(f"{value * self.scale:.10g}")
        return value

    def read(self, value: object) -> str | float | bool | None:
        """What somebody entered; None where a number was left empty."""
        if self.kind == "flag":
            return bool(value)
        text = "" if value is None else str(value).strip()
        if self.kind != "number":
            return text
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            message = f"{self.label}: {text[:20]!r} is not a number."
            raise InvalidInput(message)
        return float(f"{number / self.scale:.12g}")


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
        hint="IANA name, such as America/Toronto.",
    ),
    Field(name="latitude_deg", label="Latitude, °"),
    Field(name="longitude_deg", label="Longitude, °"),
    Field(
        name="cooling_type",
        label="Cooling",
        kind="choice",
        choices=tuple(item.value for item in CoolingType),
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
    Field(name="colour", label="Colour", kind="text", hint="Such as #0072b2."),
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


def read_all(
    fields: Sequence[Field], values: Sequence[object]
) -> dict[str, str | float | bool | None]:
    """What somebody entered into these fields, by name."""
    return {
        field.name: field.read(value)
        for field, value in zip(fields, values, strict=True)
    }
