"""Units of telemetry: what a file may say, and the factor into ours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from core.telemetry import DEFINITIONS, Quantity
from orchestrator.telemetry.readers.rows import BadFile

_TEMPERATURE = {
    "c": (1.0, 0.0),
    "degc": (1.0, 0.0),
    "celsius": (1.0, 0.0),
    "f": (1.0 / 1.8, -32.0 / 1.8),
    "degf": (1.0 / 1.8, -32.0 / 1.8),
    "fahrenheit": (1.0 / 1.8, -32.0 / 1.8),
    "k": (1.0, -273.15),
    "kelvin": (1.0, -273.15),
}
_PERCENT = {
    "%": (1.0, 0.0),
    "pct": (1.0, 0.0),
    "percent": (1.0, 0.0),
    "fraction": (100.0, 0.0),
    "0-1": (100.0, 0.0),
}
# Case tells mega from milli, so these are compared as written.
_POWER = {
    "MW": (1.0, 0.0),
    "megawatt": (1.0, 0.0),
    "GW": (1e3, 0.0),
    "kW": (1e-3, 0.0),
    "KW": (1e-3, 0.0),
    "kilowatt": (1e-3, 0.0),
    "W": (1e-6, 0.0),
    "watt": (1e-6, 0.0),
}
_CARBON = {
    "g/kwh": (1.0, 0.0),
    "kg/mwh": (1.0, 0.0),
    "kg/kwh": (1e3, 0.0),
    "t/mwh": (1e3, 0.0),
    "lb/mwh": (0.45359237, 0.0),
    "lb/kwh": (453.59237, 0.0),
    "g/mwh": (1e-3, 0.0),
}
_WATER = {
    "l": (1.0, 0.0),
    "liter": (1.0, 0.0),
    "litre": (1.0, 0.0),
    "liters": (1.0, 0.0),
    "litres": (1.0, 0.0),
    "m3": (1e3, 0.0),
    "kl": (1e3, 0.0),
    "gal": (3.785411784, 0.0),
    "gallons": (3.785411784, 0.0),
}
_WIND = {
    "km/h": (1.0, 0.0),
    "kmh": (1.0, 0.0),
    "kph": (1.0, 0.0),
    "m/s": (3.6, 0.0),
    "mps": (3.6, 0.0),
    "mp/h": (1.609344, 0.0),
    "mph": (1.609344, 0.0),
    "kn": (1.852, 0.0),
    "kt": (1.852, 0.0),
    "kts": (1.852, 0.0),
    "knots": (1.852, 0.0),
}
_UNITS: Mapping[Quantity, Mapping[str, tuple[float, float]]] = {
    Quantity.TEMPERATURE_C: _TEMPERATURE,
    Quantity.TEMPERATURE_MAX_C: _TEMPERATURE,
    Quantity.WET_BULB_C: _TEMPERATURE,
    Quantity.RELATIVE_HUMIDITY_PCT: _PERCENT,
    Quantity.CLOUD_COVER_PCT: _PERCENT
    | {
        "okta": (12.5, 0.0),
        "oktas": (12.5, 0.0),
        "tenths": (10.0, 0.0),
    },
    Quantity.IT_LOAD_MW: _POWER,
    Quantity.CARBON_INTENSITY_GCO2_KWH: _CARBON,
    Quantity.WATER_USAGE_L: _WATER,
    Quantity.WIND_SPEED_KMH: _WIND,
}

# Energy of the denominator, and what makes a price per MWh of it.
_ENERGY = {"mwh": 1.0, "kwh": 1e3, "gwh": 1e-3}
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "us$": "USD", "a$": "AUD", "c$": "CAD"}
_CENTS = {"¢": "USD", "p": "GBP", "pence": "GBP", "€ct": "EUR", "eurct": "EUR"}

_IN_BRACKETS = re.compile(r"(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]]*)[)\]]\s*")
_CO2 = re.compile(r"_?co2(?:-?eq|e)?_?")


@dataclass(frozen=True, slots=True)
class Conversion:
    """Value of the file times `scale` plus `offset` is ours."""

    unit: str
    scale: float = 1.0
    offset: float = 0.0

    @property
    def is_needed(self) -> bool:
        """Whether the file's unit is another than ours."""
        return (self.scale, self.offset) != (1.0, 0.0)

    def of(self, value: float) -> float:
        """`value` in our unit: 2.3 m/s are 8.28 km/h, not 8.279999999999999."""
        return round(value * self.scale + self.offset, 6)


def split_unit(header: str) -> tuple[str, str | None]:
    """Name and unit of a header like `Load (kW)`.

    Examples
    --------
    >>> split_unit("Load (kW)")
    ('Load', 'kW')
    >>> split_unit("timestamp")
    ('timestamp', None)
    """
    match = _IN_BRACKETS.fullmatch(header)
    return (match["name"], match["unit"].strip()) if match else (header, None)


def own_unit(quantity: Quantity) -> Conversion:
    """The unit in which the portal keeps a quantity."""
    return Conversion(DEFINITIONS[quantity].unit)


def conversion(
    quantity: Quantity, unit: str, rates_usd: Mapping[str, float]
) -> Conversion:
    """The factor from `unit` into ours.

    Raises
    ------
    BadFile
        When the unit is unknown, or a currency has no stated rate.
    """
    found = find_conversion(quantity, unit, rates_usd)
    if found is None:
        known = "USD/MWh, USD/kWh and other currencies"
        if quantity in _UNITS:
            known = ", ".join(_UNITS[quantity])
        message = f"{unit[:40]!r} is no known unit of {quantity}; known: {known}."
        raise BadFile(message)
    return found


def find_conversion(
    quantity: Quantity, unit: str, rates_usd: Mapping[str, float]
) -> Conversion | None:
    """As `conversion`, None for an unknown unit; a currency without rate raises."""
    if quantity is Quantity.PRICE_USD_MWH:
        return _price(unit, rates_usd)
    units = _UNITS[quantity]
    for name in (unit.strip(), unit.strip().lower(), _plain(unit)):
        if name in units:
            return Conversion(unit.strip(), *units[name])
    return None


def _plain(unit: str) -> str:
    """Lower case without degree signs, blanks and CO2 words; power keeps its case."""
    text = unicodedata.normalize("NFKC", unit).replace(" per ", "/")
    text = text.replace(" ", "").replace("°", "")
    lowered = text.lower()
    if lowered in {"mw", "kw", "gw", "w"}:
        return text.upper() if text == lowered else text
    lowered = lowered.replace("_per_", "/").replace("lbs", "lb").replace("grams", "g")
    return _CO2.sub("", lowered).rstrip("s")


def _price(unit: str, rates_usd: Mapping[str, float]) -> Conversion | None:
    text = unicodedata.normalize("NFKC", unit).replace(" per ", "/").replace(" ", "")
    money, divider, energy = text.partition("/")
    if not divider or energy.lower() not in _ENERGY:
        return None
    cents = _CENTS.get(money.lower())
    currency = cents or _SIGNS.get(money.lower(), money.upper())
    if not re.fullmatch(r"[A-Z]{3}", currency):
        return None
    rate = 1.0 if currency == "USD" else rates_usd.get(currency)
    if rate is None:
        message = (
            f"Prices are in {unit.strip()}; say how many USD one {currency} is, as in"
            f" --rate {currency}=1.08."
        )
        raise BadFile(message)
    share = 0.01 if cents else 1.0
    return Conversion(unit.strip(), rate * share * _ENERGY[energy.lower()])
