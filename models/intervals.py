"""The displayed two-sided interval: one quantile per region, by MAPIE."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from core.aliases import FloatArray
from core.errors import CalibrationInsufficient, InvalidInput
from core.forecasts import HourlyForecast


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalQuantile:
    """Half width of the displayed interval in units of the scale.

    Attributes
    ----------
    quantile : float
        The interval of an hour is mean ± quantile * scale.
    score_count : int
        Hours that it was calibrated on.
    confidence : Decimal
        Nominal share of hours inside, (0, 1).
    """

    quantile: float
    score_count: int
    confidence: Decimal

    def around(self, forecast: HourlyForecast) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bound of each hour, in the target's unit."""
        half_width = self.quantile * forecast.scale
        return forecast.mean - half_width, forecast.mean + half_width


def recalibration_instants(start_utc: datetime, end_utc: datetime) -> list[datetime]:
    """Instants of recalibration of the displayed interval: each month, and the end.

    Returns
    -------
    list of datetime
        The first of every month (UTC) inside (start, end), then `end_utc`'s hour.
    """
    months = []
    year, month = start_utc.year, start_utc.month
    while (first := datetime(year, month, 1, tzinfo=UTC)) < end_utc:
        if first > start_utc:
            months.append(first)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return [*months, end_utc.replace(minute=0, second=0, microsecond=0)]


def interval_quantile(
    observed: FloatArray, mean: FloatArray, scale: FloatArray, confidence: Decimal
) -> IntervalQuantile:
    """Calibrate the displayed interval of one region on finished forecasts.

    MAPIE's split conformal regressor with the absolute score on |y - mean| / scale;
    MAPIE's normalised score instead models the logarithm of residuals.

    Parameters
    ----------
    observed, mean, scale : ndarray, all of one shape
        What happened and what was forecast; hours with NaN in `observed` are left out.
    confidence : Decimal
        Share of hours that the interval is to hold, (0, 1).

    Raises
    ------
    InvalidInput
        When shapes differ, confidence is not in (0, 1), or a known hour's mean is not
        finite or its scale not finite and positive.
    CalibrationInsufficient
        When too few hours are known for this confidence.
    """
    if not (observed.shape == mean.shape == scale.shape):
        message = "observed, mean and scale must have one shape."
        raise InvalidInput(message)
    if not 0 < confidence < 1:
        message = f"confidence is {confidence}, not between 0 and 1."
        raise InvalidInput(message)
    known = np.isfinite(observed)
    usable = np.isfinite(mean) & np.isfinite(scale) & (scale > 0)
    if not usable[known].all():
        message = "A forecast to calibrate on is not finite."
        raise InvalidInput(message)
    scores = ((observed - mean) / scale)[known]
    # MAPIE's own minimum, with one to spare for its rounding of 1 - confidence.
    needed = math.floor(max(1 / (1 - confidence), 1 / confidence)) + 1
    if len(scores) < needed:
        message = (
            f"{len(scores)} known hours cannot carry an interval at {confidence}; "
            f"at least {needed} are needed."
        )
        raise CalibrationInsufficient(message)
    # Imported where it is needed: seconds of start-up and 100 MB.
    from models.mapie_quantile import mapie_quantile  # noqa: PLC0415

    return IntervalQuantile(
        quantile=mapie_quantile(scores, confidence),
        score_count=len(scores),
        confidence=confidence,
    )
