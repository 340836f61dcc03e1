"""Wet bulb from dry bulb and relative humidity, after Stull (2011)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import OutOfRange
from core.telemetry import ValidRange

DRY_BULB_FIT_C = ValidRange(-20.0, 50.0)
RELATIVE_HUMIDITY_FIT_PCT = ValidRange(5.0, 99.0)
"""Ranges of the fit, both from the abstract of Stull (2011)."""


def estimate_wet_bulb(
    dry_bulb_c: ArrayLike,
    relative_humidity_pct: ArrayLike,
    *,
    clamp_humidity: bool = False,
) -> NDArray[np.float64]:
    """Wet-bulb temperature, degC; NaN where the fit does not hold.

    Parameters
    ----------
    dry_bulb_c : array_like
        Dry-bulb temperature, degC, valid -20 to 50.
    relative_humidity_pct : array_like, broadcastable to `dry_bulb_c`
        Relative humidity, %, valid 5 to 99.
    clamp_humidity : bool
        Read 0 to 5 % as 5 and 99 to 100 % as 99 instead of giving NaN, so that fog
        keeps its hour. At 100 % the true wet bulb is the dry bulb; the clamp is then
        at most 0.32 degC low. Humidity below 0 or above 100 % stays NaN.

    Returns
    -------
    ndarray of float64
        Wet bulb, degC, never above the dry bulb. NaN where an input is NaN or out of
        range.

    Notes
    -----
    The fit assumes sea-level pressure. The raw formula exceeds the dry bulb, by up to
    2.4 degC at -20 degC and 5 %, hence the cap. See docs/physics.md for its errors.

    References
    ----------
    Stull (2011), J. Appl. Meteor. Climatol. 50, 2267-2269, eq. 1.

    Examples
    --------
    The worked example of the paper, and a humidity outside the fit:

    >>> estimate_wet_bulb([20.0, 20.0], [50.0, 100.0]).round(1).tolist()
    [13.7, nan]
    """
    dry_bulb = np.asarray(dry_bulb_c, dtype=np.float64)
    humidity = np.asarray(relative_humidity_pct, dtype=np.float64)
    if clamp_humidity:
        humidity = _clamp_humidity(humidity)
    # Outside the fit the square root may fail; those hours become NaN before it.
    valid = _within(dry_bulb, DRY_BULB_FIT_C) & _within(
        humidity, RELATIVE_HUMIDITY_FIT_PCT
    )
    dry_bulb = np.where(valid, dry_bulb, np.nan)
    humidity = np.where(valid, humidity, np.nan)
    return np.minimum(dry_bulb, _stull_equation_1(dry_bulb, humidity))


def require_wet_bulb(
    dry_bulb_c: ArrayLike, relative_humidity_pct: ArrayLike
) -> NDArray[np.float64]:
    """Wet-bulb temperature, degC, refusing what `estimate_wet_bulb` makes NaN.

    Raises
    ------
    OutOfRange
        When any dry bulb is not within -20 to 50 degC, or any relative humidity not
        within 5 to 99 %; a NaN is not within.

    Examples
    --------
    >>> float(require_wet_bulb(20.0, 50.0).round(1))
    13.7
    """
    _require_within("Dry bulb", "degC", dry_bulb_c, DRY_BULB_FIT_C)
    _require_within(
        "Relative humidity", "%", relative_humidity_pct, RELATIVE_HUMIDITY_FIT_PCT
    )
    return estimate_wet_bulb(dry_bulb_c, relative_humidity_pct)


def _stull_equation_1(
    dry_bulb_c: NDArray[np.float64], humidity_pct: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Equation 1 as printed: degC and %, arctangents in radians."""
    return (
        dry_bulb_c * np.arctan(0.151977 * np.sqrt(humidity_pct + 8.313659))
        + np.arctan(dry_bulb_c + humidity_pct)
        - np.arctan(humidity_pct - 1.676331)
        + 0.00391838 * humidity_pct**1.5 * np.arctan(0.023101 * humidity_pct)
        - 4.686035
    )


def _clamp_humidity(humidity_pct: NDArray[np.float64]) -> NDArray[np.float64]:
    physical = _within(humidity_pct, ValidRange(0.0, 100.0))
    fit = RELATIVE_HUMIDITY_FIT_PCT
    return np.where(physical, np.clip(humidity_pct, fit.low, fit.high), np.nan)


def _within(values: NDArray[np.float64], valid: ValidRange) -> NDArray[np.bool_]:
    return (values >= valid.low) & (values <= valid.high)


def _require_within(name: str, unit: str, values: ArrayLike, valid: ValidRange) -> None:
    checked = np.asarray(values, dtype=np.float64)
    outside = checked[~_within(checked, valid)]
    if outside.size:
        message = (
            f"{name} is {outside.flat[0]:g} {unit}, outside {valid.low:g} to"
            f" {valid.high:g} {unit}, for which the wet bulb is known."
        )
        raise OutOfRange(message)
