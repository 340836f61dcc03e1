"""Walk a model through past days: what it would have bounded, approved and missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from core.conformal import ScoreTracker, check_limit, conformity_score
from core.errors import CalibrationInsufficient
from core.forecasts import HourlyForecast
from core.model_gate import ModelFigures

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWindow:
    """A window with what came of it.

    Attributes
    ----------
    forecast : HourlyForecast | None
        None when none could be made.
    is_model_at_fault : bool
        No forecast although telemetry allowed one.
    observed, persistence : ndarray of float64, shape (horizon,)
        NaN where unknown.
    """

    issued_at_utc: datetime
    forecast: HourlyForecast | None
    is_model_at_fault: bool
    observed: FloatArray
    persistence: FloatArray

    @property
    def day_max(self) -> float:
        """Largest value of the window; NaN unless every hour is known."""
        return float(np.max(self.observed))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDay:
    """A past day as the scheduler would have judged it, and its real maximum."""

    issued_at_utc: datetime
    bound_c: float
    is_blocked: bool
    day_max_c: float


def error_figures(windows: Sequence[PastWindow]) -> ModelFigures:
    """Errors of the means over hours that persistence can be asked for too."""
    made = [window for window in windows if window.forecast is not None]
    n_hours, squared, absolute, reference = 0, 0.0, 0.0, 0.0
    for window in made:
        assert window.forecast is not None  # noqa: S101 -- filtered above
        error = window.forecast.mean - window.observed
        persistence_error = window.persistence - window.observed
        known = np.isfinite(error) & np.isfinite(persistence_error)
        n_hours += int(known.sum())
        squared += float(np.sum(error[known] ** 2))
        absolute += float(np.sum(np.abs(error[known])))
        reference += float(np.sum(persistence_error[known] ** 2))
    return ModelFigures(
        n_windows=len(made),
        n_hours=n_hours,
        squared_error_sum=squared,
        absolute_error_sum=absolute,
        persistence_squared_sum=reference,
        unanswered_windows=sum(window.is_model_at_fault for window in windows),
    )


def walk_forward(
    windows: Sequence[PastWindow], *, alpha: Decimal, limit_c: float
) -> list[JudgedDay]:
    """Judge each finished window with the scores of those that had ended before it.

    Parameters
    ----------
    windows : sequence of PastWindow
        Of one region and one local issue hour, in the order of time.

    Returns
    -------
    list of JudgedDay
        Windows that had a bound and whose maximum is known.
    """
    judged = []
    for window, tracker in _with_known_scores(windows, alpha):
        forecast = window.forecast
        if forecast is None or not np.isfinite(window.day_max):
            continue
        try:
            calibration = tracker.calibration()
        except CalibrationInsufficient:
            continue
        check = check_limit(forecast.mean, forecast.scale, calibration, limit=limit_c)
        judged.append(
            JudgedDay(
                issued_at_utc=window.issued_at_utc,
                bound_c=check.bound,
                is_blocked=check.is_exceeded,
                day_max_c=window.day_max,
            )
        )
    return judged


def _with_known_scores(
    windows: Sequence[PastWindow], alpha: Decimal
) -> Iterator[tuple[PastWindow, ScoreTracker]]:
    tracker, waiting = ScoreTracker(alpha), 0
    for window in windows:
        while waiting < len(windows):
            earlier = windows[waiting]
            ended = earlier.issued_at_utc + timedelta(hours=len(earlier.observed))
            if ended > window.issued_at_utc:
                break
            if earlier.forecast is not None and np.isfinite(earlier.day_max):
                tracker.add(
                    conformity_score(
                        earlier.day_max, earlier.forecast.mean, earlier.forecast.scale
                    )
                )
            waiting += 1
        yield window, tracker


def bound_figures(days: Sequence[JudgedDay], limit_c: float) -> ModelFigures:
    """Coverage, margin and decisions of judged days."""
    return ModelFigures(
        bound_days=len(days),
        covered_days=sum(day.day_max_c <= day.bound_c for day in days),
        margin_sum_c=sum(day.bound_c - day.day_max_c for day in days),
        exceedance_days=sum(day.day_max_c > limit_c for day in days),
        approved_exceedance_days=count_unsafe(days, limit_c),
        blocked_safe_days=sum(
            day.is_blocked and day.day_max_c <= limit_c for day in days
        ),
    )


def count_unsafe(days: Sequence[JudgedDay], limit_c: float) -> int:
    """Days that were approved and exceeded the limit."""
    return sum(day.day_max_c > limit_c and not day.is_blocked for day in days)
