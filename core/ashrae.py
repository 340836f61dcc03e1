"""Thermal limits from ASHRAE's classes of equipment and an approach temperature."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from core.errors import OutOfRange
from core.telemetry import ValidRange

APPROACH_C = ValidRange(0.0, 30.0)
"""Air does not reach an inlet colder than outdoors without being cooled; assumed."""


class AshraeClass(StrEnum):
    """Classes of air-cooled equipment; RECOMMENDED holds for A1 to A4 alike."""

    RECOMMENDED = "recommended"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"


INLET_C: Mapping[AshraeClass, ValidRange] = MappingProxyType(
    {
        AshraeClass.RECOMMENDED: ValidRange(18.0, 27.0),
        AshraeClass.A1: ValidRange(15.0, 32.0),
        AshraeClass.A2: ValidRange(10.0, 35.0),
        AshraeClass.A3: ValidRange(5.0, 40.0),
        AshraeClass.A4: ValidRange(5.0, 45.0),
    }
)
"""Dry bulb at the equipment's inlet, degC: ASHRAE TC 9.9 (2021), Thermal Guidelines for
Data Processing Environments, 5th ed.; allowable for A1 to A4. At altitude the upper
ends fall, which is left out."""


def outdoor_limit_c(equipment: AshraeClass, approach_c: float) -> float:
    """Warmest outdoor air at which the inlet stays within the class, degC.

    Parameters
    ----------
    approach_c : float
        Inlet minus outdoor temperature, degC, [0, 30]. There is no default: it is a
        fact of the plant, and without it a class gives no outdoor limit.

    Raises
    ------
    OutOfRange
        When the approach is outside its range or not a number.

    Examples
    --------
    >>> outdoor_limit_c(AshraeClass.A2, 6.0)
    29.0
    """
    if not APPROACH_C.contains(approach_c):
        message = (
            f"The approach temperature is {approach_c} degC, outside"
            f" {APPROACH_C.low:g} to {APPROACH_C.high:g}."
        )
        raise OutOfRange(message)
    return INLET_C[equipment].high - approach_c
