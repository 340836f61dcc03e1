"""Facts of audit events in words: names without underscores, values with their units.

Payloads keep what was hashed. This is how people read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from core.wording import listed

_UNITS = {
    "_c_per_pct": "°C per %",
    "_gco2_kwh": "gCO2/kWh",
    "_l_per_kwh": "L/kWh",
    "_usd_per_mwh": "USD/MWh",
    "_usd_mwh": "USD/MWh",
    "_kgco2e": "kgCO2e",
    "_bytes": "bytes",
    "_deg": "°",
    "_kmh": "km/h",
    "_mwh": "MWh",
    "_usd": "USD",
    "_min": "min",
    "_pct": "%",
    "_mw": "MW",
    "_c": "°C",
    "_h": "h",
    "_l": "L",
    "_s": "s",
}
"""By the end of a name; of two that fit, the longer one comes first."""

_SHARES = ("_frac", "probability", "confidence")
_FLAG = re.compile(r"^(is|has|may|can)_")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$")
_INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d")
_LONG_DIGITS = 6
_SHARE_DIGITS = 3


def fact_words(name: str, value: object) -> tuple[str, str]:
    """The name of a fact and its value, as a person reads them.

    Examples
    --------
    >>> fact_words("thermal_limit_c", "35.0"), fact_words("is_active", True)
    (('thermal limit', '35 °C'), ('active', 'yes'))
    >>> fact_words("flexible_load_frac", "0.4"), fact_words("n_regions", 2)
    (('flexible load', '40 %'), ('number of regions', '2'))
    >>> fact_words("cooling", {"chiller_cop": "6.5", "overhead_frac": "0.125"})
    ('cooling', 'chiller cop 6.5, overhead 12.5 %')
    >>> fact_words("first_hour_utc", "2023-12-01T12:00:00.000000Z")
    ('first hour', '1 Dec 2023, 12:00 UTC')
    """
    if name.endswith(_SHARES) and _is_number(value):
        share_pct = f"{100 * _float(value):.{_SHARE_DIGITS}g}"
        return _words(name.removesuffix("_frac")), f"{share_pct} %"
    for end, unit in _UNITS.items():
        if name.endswith(end) and _is_number(value):
            space = "" if unit == "°" else " "
            text = f"{_digits(_float(value))}{space}{unit}"
            return _words(name.removesuffix(end)), text
    if isinstance(value, str) and name.endswith(("code", "kind", "state")):
        value = value.replace("_", " ")
    return _words(name.removesuffix("_utc")), value_words(value)


def quantity_words(name: str) -> str:
    """The name of a quantity without its unit.

    Examples
    --------
    >>> quantity_words("carbon_intensity_gco2_kwh"), quantity_words("it_load_mw")
    ('carbon intensity', 'IT load')
    """
    for end in _UNITS:
        if name.endswith(end):
            words = _words(name.removesuffix(end))
            return f"IT{words[2:]}" if words.startswith("it ") else words
    return _words(name)


def quantity_and_unit(name: str) -> str:
    """The name of a quantity and its unit, as a table heads them.

    Examples
    --------
    >>> quantity_and_unit("temperature_c"), quantity_and_unit("it_load_mw")
    ('temperature, °C', 'IT load, MW')
    """
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    return f"{quantity_words(name)}, {unit}" if unit else quantity_words(name)


def value_words(value: object) -> str:
    """A value without a unit, as a person reads it.

    Examples
    --------
    >>> value_words(["arizona", "ireland"]), value_words(None), value_words("0.95000")
    ('arizona, ireland', 'none', '0.95')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        pairs = (fact_words(str(name), item) for name, item in value.items())
        return listed((f"{name} {text}" for name, text in pairs), count=len(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return listed(value_words(item) for item in value)
    text = str(value)
    if _INSTANT.match(text):
        return _instant(text)
    return _digits(float(text)) if "." in text and _is_number(text) else text


def changed_facts(
    before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """The facts of an event; of a change only what differs, with its old value.

    Examples
    --------
    >>> list(changed_facts({"limit_c": "35.0", "n": 3}, {"limit_c": "33", "n": 3}))
    [('limit', '35 °C → 33 °C')]
    """
    for name in {**before, **after}:
        label, new = fact_words(name, after.get(name))
        if name not in before:
            if after[name] is not None:
                yield label, new
            continue
        label, old = fact_words(name, before[name])
        if name not in after:
            yield label, old
        elif before[name] != after[name]:
            yield label, f"{old} → {new}"


def _words(name: str) -> str:
    counted = name.removeprefix("n_")
    prefix = "number of " if counted != name else ""
    return prefix + _FLAG.sub("", counted).replace("_", " ")


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return bool(_NUMBER.match(value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _float(value: object) -> float:
    return float(str(value))


def _digits(value: float) -> str:
    """Six significant digits at most, none of them for nothing."""
    if abs(value) >= 10**_LONG_DIGITS:
        return f"{value:,.0f}"
    return f"{value:.{_LONG_DIGITS}g}"


def _instant(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{instant:%-d %b %Y, %H:%M} UTC"
