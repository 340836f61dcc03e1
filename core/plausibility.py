"""Is the bound of a serving model plausible beside that of the portal's plain model?

Whatever a model file does, it cannot approve a day that the plain model's bound blocks
by more than the allowed gap: below that the verdict is BLOCKED.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.aliases import FloatArray
from core.errors import InvalidInput

ALLOWED_ERRORS = 4.0
"""Mean errors of the plain model by which a bound may lie below its own. Two honest
families stayed within 4.0 in twelve region-years of hourly issues
(docs/forecast-quality.md, *False alarms of the plain model*)."""

DRIFT_ISSUES = 72
"""Newest live issues of a model in a region over which its distances are averaged."""

DRIFT_ERRORS = 2.0
"""Mean errors by which those issues may lie below on average; honest families reached
1.4. A model beyond it gets no gap at all."""


HOUR_ERRORS = 5.0
"""Spreads by which the bound of one hour may lie below the day's usual course. Honest
families stayed within 4.6 in twelve region-years (docs/forecast-quality.md)."""


LOAD_FACTOR = 2.0
"""By which forecast load may leave the range of what was measured. Assumed: the load
of a datacenter does not halve or double within a day without a decision to do so."""

LEAST_LOAD_H = 24
"""With fewer measured hours nothing is said of forecast load."""


def load_problem(forecast_mw: FloatArray, measured_mw: FloatArray) -> str | None:
    """Why forecast load is implausible beside the last days', with both figures.

    A shift is judged by shares of load: a model that says too little of it makes a rise
    and a full region look small.

    Parameters
    ----------
    forecast_mw, measured_mw : ndarray, shape (n_hours,)
        MW; the last days' with NaN where unknown.

    Examples
    --------
    >>> week_mw = np.linspace(40.0, 60.0, 168)
    >>> load_problem(np.full(24, 25.0), week_mw) is None
    True
    >>> load_problem(np.full(24, 4.0), week_mw)  # doctest: +NORMALIZE_WHITESPACE
    'its load model says 4.0 to 4.0 MW; after 40.0 to 60.0 MW in the last days 20.0 to
    120.0 MW is plausible.'
    """
    known_mw = measured_mw[np.isfinite(measured_mw)]
    if len(known_mw) < LEAST_LOAD_H or not np.isfinite(forecast_mw).all():
        return None
    least_mw, most_mw = float(known_mw.min()), float(known_mw.max())
    lowest_mw, highest_mw = float(forecast_mw.min()), float(forecast_mw.max())
    if lowest_mw >= least_mw / LOAD_FACTOR and highest_mw <= most_mw * LOAD_FACTOR:
        return None
    return (
        f"its load model says {lowest_mw:.1f} to {highest_mw:.1f} MW; after"
        f" {least_mw:.1f} to {most_mw:.1f} MW in the last days"
        f" {least_mw / LOAD_FACTOR:.1f} to {LOAD_FACTOR * most_mw:.1f} MW is plausible."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DayShape:
    """How far each hour of a window usually lies below its warmest one.

    A day's bound says nothing of the hours below it, but load that is moved away from
    the warmest hours, or to others, rests on these.

    Attributes
    ----------
    below_c, spread_c : ndarray, shape (n_hours,)
        Mean and spread, degC, >= 0.
    """

    below_c: FloatArray
    spread_c: FloatArray

    def excess_c(self, hour_bounds_c: FloatArray, plain: PlainBound) -> float:
        """By how much an hour's bound lies lower than is plausible; <= 0 where none.

        Parameters
        ----------
        hour_bounds_c : ndarray, shape (n_hours,)
            Of the serving model: mean and scale times its quantile, degC.

        Examples
        --------
        >>> below_c = np.array([9.0, 4.0, 0.0])
        >>> course = DayShape(below_c=below_c, spread_c=np.array([2.0, 1.0, 0.0]))
        >>> plain = PlainBound(bound_c=37.0, error_c=1.5, allowed_gap_c=6.0)
        >>> honest, lying = np.array([27.0, 32.0, 36.0]), np.array([5.0, 32.0, 36.0])
        >>> course.excess_c(honest, plain) < 0
        True
        >>> round(course.excess_c(lying, plain), 1)
        10.5
        """
        spread_c = np.hypot(self.spread_c, plain.error_c)
        lowest_c = plain.bound_c - self.below_c - HOUR_ERRORS * spread_c
        return float((lowest_c - hour_bounds_c).max())


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainBound:
    """The plain model's bound on a day's maximum, and how far below another may lie.

    Attributes
    ----------
    bound_c : float
        Of the plain model, at the policy's confidence, degC.
    error_c : float
        Mean error of the plain model for this issue, degC, > 0.
    allowed_gap_c : float
        By which another bound may lie below `bound_c`, degC, >= 0.
    hour_excess_c : float | None
        Of `DayShape.excess_c` for the serving model; None where no bound was served
        or, in hindcasts, nobody asked.
    hours_c : tuple of float
        What the plain model expects of each hour, degC, where the skill of the serving
        model is held against it (`core.model_watch`); else empty.

    Raises
    ------
    InvalidInput
        When a value is not finite or outside its range.
    """

    bound_c: float
    error_c: float
    allowed_gap_c: float
    hour_excess_c: float | None = None
    hours_c: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        is_sound = (
            math.isfinite(self.bound_c)
            and 0.0 < self.error_c < math.inf
            and 0.0 <= self.allowed_gap_c < math.inf
            and (self.hour_excess_c is None or math.isfinite(self.hour_excess_c))
            and all(map(math.isfinite, self.hours_c))
        )
        if not is_sound:
            message = "A plain bound, its error and its gap must be finite numbers."
            raise InvalidInput(message)

    def distance_errors(self, bound_c: float) -> float:
        """How many mean errors a bound lies below; negative above."""
        return (self.bound_c - bound_c) / self.error_c

    def problem_of(self, bound_c: float) -> str | None:
        """Why a serving model's bound is implausible, with both figures; or None.

        Examples
        --------
        >>> plain = PlainBound(bound_c=37.4, error_c=1.5, allowed_gap_c=6.0)
        >>> plain.problem_of(31.4) is None
        True
        >>> plain.problem_of(28.1)  # doctest: +NORMALIZE_WHITESPACE
        "the model's bound, 28.1 °C, lies 9.3 °C below the 37.4 °C of the portal's own
        plain model; at most 6.0 °C is plausible."
        """
        if bound_c >= self.bound_c - self.allowed_gap_c:
            return self._problem_of_hours()
        return (
            f"the model's bound, {bound_c:.1f} °C, lies {self.bound_c - bound_c:.1f} °C"
            f" below the {self.bound_c:.1f} °C of the portal's own plain model; at most"
            f" {self.allowed_gap_c:.1f} °C is plausible."
        )

    def _problem_of_hours(self) -> str | None:
        if self.hour_excess_c is None or self.hour_excess_c <= 0.0:
            return None
        return (
            "the model's bound of a single hour lies"
            f" {self.hour_excess_c:.1f} °C lower than the usual course of a day makes"
            f" plausible under the {self.bound_c:.1f} °C of the portal's own plain"
            " model."
        )


def allowed_gap_c(error_c: float, recent_errors: Sequence[float]) -> float:
    """The gap that an issue is allowed, degC: 0 for a model that drifts away.

    Parameters
    ----------
    error_c : float
        Mean error of the plain model, degC.
    recent_errors : sequence of float
        `PlainBound.distance_errors` of the model's newest live issues in the region;
        fewer than `DRIFT_ISSUES` say nothing.

    Examples
    --------
    >>> allowed_gap_c(1.5, [0.3] * 72), allowed_gap_c(1.5, [2.5] * 72)
    (6.0, 0.0)
    """
    drifts = (
        len(recent_errors) >= DRIFT_ISSUES
        and not math.fsum(recent_errors) / len(recent_errors) <= DRIFT_ERRORS
    )
    return 0.0 if drifts else ALLOWED_ERRORS * error_c
