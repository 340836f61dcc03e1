"""Forecast values: targets, the hourly forecast of a window, and its refusal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from core.telemetry import Quantity, require_full_utc_hour


class Target(StrEnum):
    """Quantities that are forecast; one active model each."""

    TEMPERATURE_C = "temperature_c"
    WET_BULB_C = "wet_bulb_c"
    CARBON_INTENSITY_GCO2_KWH = "carbon_intensity_gco2_kwh"
    IT_LOAD_MW = "it_load_mw"

    @property
    def quantity(self) -> Quantity:
        """The telemetry quantity that this target forecasts."""
        return _QUANTITIES[self]


_QUANTITIES = {target: Quantity(target.value) for target in Target}


class RefusalCode(StrEnum):
    """Why no forecast could be issued; the decision is BLOCKED with this reason."""

    MODEL_UNAVAILABLE = "model_unavailable"
    TELEMETRY_MISSING = "telemetry_missing"
    TELEMETRY_STALE = "telemetry_stale"
    TELEMETRY_GAP = "telemetry_gap"
    TELEMETRY_SUSPECT = "telemetry_suspect"
    FORECAST_NOT_FINITE = "forecast_not_finite"


class InputMode(StrEnum):
    """What a forecast rests on beside telemetry, best first; calibrated one by one.

    Ages count from the issue of the oldest run used to the issue of the forecast.
    """

    RUN_12H = "run_12h"
    """A weather forecast at most 12 h old has every hour."""
    RUN_24H = "run_24h"
    RUN_48H = "run_48h"
    RUN_DAY_MAX = "run_day_max"
    """A forecast has every hour, of some only the maximum of their local day."""
    RUN_PARTIAL = "run_partial"
    """Some hours have no weather forecast."""
    TELEMETRY = "telemetry"
    """No weather forecast, or a model that uses none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyForecast:
    """Means and scales of one target for [issue, issue + n hours).

    Attributes
    ----------
    mean, scale : ndarray of float64, shape (n_hours,)
        In the target's unit; finite, scale > 0. Not-finite output of a model never
        becomes a forecast: it is refused with `RefusalCode.FORECAST_NOT_FINITE`.
    input_mode : InputMode
    run_issued_at_utc : datetime | None
        Issue of the newest weather forecast used; None without any.
    """

    region_slug: str
    target: Target
    issued_at_utc: datetime
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    input_mode: InputMode = InputMode.TELEMETRY
    run_issued_at_utc: datetime | None = None

    def __post_init__(self) -> None:
        require_full_utc_hour(self.issued_at_utc)
        if self.mean.ndim != 1 or self.mean.shape != self.scale.shape:
            message = "mean and scale must be vectors of the same length."
            raise InvalidInput(message)
        if self.mean.size == 0:
            message = "A forecast covers at least one hour."
            raise InvalidInput(message)
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all()):
            message = "A forecast must be finite."
            raise InvalidInput(message)
        if not (self.scale > 0).all():
            message = "A forecast's scale must be positive."
            raise InvalidInput(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no forecast, in a code and a sentence."""

    code: RefusalCode
    text: str
