"""Forecasts made while the newest hours of telemetry have not come in.

The model is asked at the last instant whose hours are all known, `lag_h` before the
issue. Its forecast is moved on to the window of the issue; the hours that it does not
reach take those of a day before. Such forecasts are less good, so their bound is
calibrated by the errors of finished windows forecast with the same lag.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.conformity import conformity_score
from core.forecasts import HourlyForecast
from core.rescoring import WindowHours
from core.telemetry import HOUR

MOST_LATE_H = 6
"""Most hours that may be waited for, however old a policy lets telemetry be."""


def moved_on(forecast: HourlyForecast, lag_h: int) -> HourlyForecast:
    """The forecast for the window that begins `lag_h` later."""
    return replace(
        forecast,
        issued_at_utc=forecast.issued_at_utc + lag_h * HOUR,
        mean=np.roll(forecast.mean, -lag_h),
        scale=np.roll(forecast.scale, -lag_h),
    )


def forecast_late(
    window: WindowHours, earlier: WindowHours, lag_h: int
) -> tuple[float, WindowHours]:
    """Score and hours of a finished window, forecast `lag_h` before it began.

    Parameters
    ----------
    window : WindowHours
        The window, with what was observed in it.
    earlier : WindowHours
        The window that began `lag_h` earlier, with its forecast.
    """
    mean, scale = np.roll(earlier.hours[:2], -lag_h, axis=1)
    hours = np.stack([mean, scale, window.hours[2]])
    score = conformity_score(
        window.day_max, mean.astype(np.float64), scale.astype(np.float64)
    )
    return score, WindowHours(day_max=window.day_max, hours=hours)
