"""Conformal bound on a day's maximum: scores, tracked quantile, bound, exceedance.

The decision rests on one one-sided bound per region-day, on the maximum of 24 hourly
values. Comparisons are made in score space with integer ranks and the allowed
probability as an exact Decimal, so that "BLOCKED" and "probability above the allowed"
agree always, ties included.

References
----------
Gibbs & Candès (2021), Adaptive conformal inference under distribution shift.
Angelopoulos, Candès & Tibshirani (2023), Conformal PID control for time series.
Zhou et al. (2024), arXiv:2402.09623 (normalised maximum score).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import le

import numpy as np
from numpy.typing import NDArray

from core.errors import CalibrationInsufficient, InvalidInput, OutOfRange

SCORE_WINDOW = 365
"""Scores that calibrate a bound: the last year of one local hour of issue."""
MINIMUM_SCORES = 60
OFFSET_GAIN = 0.1
OFFSET_LIMIT = 3.0


def conformity_score(
    day_max: float, mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> float:
    """Score of a finished window: how many scales its maximum lay above the means.

    Parameters
    ----------
    day_max : float
        Largest of the observed hourly values, in the unit of `mean`.
    mean, scale : ndarray of float64, shape (n_hours,)
        The forecast; scale > 0.

    Returns
    -------
    float
        min over h of (day_max - mean_h) / scale_h. The bound with quantile q holds,
        U >= day_max, exactly when q >= this score.

    Raises
    ------
    InvalidInput
        When the maximum, the forecast or the score itself is not finite, or a scale
        is not positive.

    Examples
    --------
    >>> conformity_score(31.0, np.array([28.0, 30.0]), np.array([1.0, 2.0]))
    0.5
    """
    if not math.isfinite(day_max):
        message = f"The observed maximum is {day_max}; only finished days have a score."
        raise InvalidInput(message)
    _require_forecast(mean, scale)
    score = _limit_score(day_max, mean, scale)
    if not math.isfinite(score):
        message = f"The score of a maximum of {day_max} is not finite."
        raise InvalidInput(message)
    return score


def required_scores(alpha: Decimal) -> int:
    """Fewest scores that allow a bound: max(60, ceil(1/alpha) - 1).

    Parameters
    ----------
    alpha : Decimal
        Allowed exceedance probability, (0, 1).

    Raises
    ------
    OutOfRange
        When alpha is outside (0, 1).

    Examples
    --------
    >>> required_scores(Decimal("0.05")), required_scores(Decimal("0.01"))
    (60, 99)
    """
    if not (alpha.is_finite() and 0 < alpha < 1):
        message = f"The allowed probability is {alpha}, not between 0 and 1."
        raise OutOfRange(message)
    return max(MINIMUM_SCORES, math.ceil(1 / alpha) - 1)


def quantile_rank(n_scores: int, alpha: Decimal) -> int:
    """Rank k = n + 1 - floor((n + 1) alpha) of the calibration quantile, 1-based.

    Examples
    --------
    >>> quantile_rank(365, Decimal("0.05"))
    348
    """
    return n_scores + 1 - math.floor((n_scores + 1) * alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a bound is calibrated by.

    Attributes
    ----------
    ordered_scores : tuple of float
        The last scores (at most 365) of finished windows, ascending.
    offset : float
        Tracking offset b, |b| <= 3, in scales.
    alpha : Decimal
        Allowed exceedance probability, 1 - confidence.

    Raises
    ------
    CalibrationInsufficient
        When there are fewer than `required_scores(alpha)` scores.
    InvalidInput
        When the scores are not finite and ascending, or the offset is outside its
        limits.
    OutOfRange
        When alpha is outside (0, 1).
    """

    ordered_scores: tuple[float, ...]
    offset: float
    alpha: Decimal

    def __post_init__(self) -> None:
        needed = required_scores(self.alpha)
        if len(self.ordered_scores) < needed:
            message = (
                f"Only {len(self.ordered_scores)} scored days; a bound at "
                f"{_percent(1 - self.alpha)} needs {needed}."
            )
            raise CalibrationInsufficient(message)
        if not all(map(math.isfinite, self.ordered_scores)):
            message = "Conformity scores must be finite."
            raise InvalidInput(message)
        # Ranks are found by bisection, which is silently wrong without the order.
        if not all(map(le, self.ordered_scores, self.ordered_scores[1:])):
            message = "Conformity scores must be in ascending order."
            raise InvalidInput(message)
        if not abs(self.offset) <= OFFSET_LIMIT:
            message = (
                f"The tracking offset is {self.offset}, outside -{OFFSET_LIMIT:g} to"
                f" {OFFSET_LIMIT:g}."
            )
            raise InvalidInput(message)

    @property
    def n_scores(self) -> int:
        """Number of scores."""
        return len(self.ordered_scores)

    @property
    def quantile(self) -> float:
        """The tracked quantile q: the k-th smallest score plus the offset."""
        rank = quantile_rank(self.n_scores, self.alpha)
        return self.ordered_scores[rank - 1] + self.offset

    def count_above(self, limit_score: float) -> int:
        """How many scores, moved by the offset, lie strictly above `limit_score`."""
        if math.isnan(limit_score):
            return self.n_scores
        first_above = bisect_right(
            self.ordered_scores, limit_score, key=lambda score: score + self.offset
        )
        return self.n_scores - first_above


class ScoreTracker:
    """Replays the scores of one region, model and local issue hour, oldest first.

    b_{t+1} = b_t + 0.1 (miss_t - alpha), b_0 = 0, |b| <= 3, where miss_t tells whether
    the day's maximum passed the bound of day t. Days before the first bound leave b
    as it is. The state is a function of the scores alone, so a new model or confidence
    restarts it by replay.

    Parameters
    ----------
    alpha : Decimal
        Allowed exceedance probability, (0, 1).
    scores : iterable of float
        Scores of finished days, finite, oldest first.

    Raises
    ------
    OutOfRange
        When alpha is outside (0, 1).
    InvalidInput
        When a score is not finite.
    """

    def __init__(self, alpha: Decimal, scores: Iterable[float] = ()) -> None:
        self._alpha = alpha
        self._needed = required_scores(alpha)
        self._recent: deque[float] = deque()
        self._ordered: list[float] = []
        self._offset = 0.0
        for score in scores:
            self.add(score)

    @property
    def n_scores(self) -> int:
        """Scores in the window, at most 365."""
        return len(self._recent)

    def add(self, score: float) -> None:
        """Learn the score of the next finished day."""
        if not math.isfinite(score):
            message = "Conformity scores must be finite."
            raise InvalidInput(message)
        if self.n_scores >= self._needed:
            rank = quantile_rank(self.n_scores, self._alpha)
            missed = score > self._ordered[rank - 1] + self._offset
            step = OFFSET_GAIN * (float(missed) - float(self._alpha))
            self._offset = min(max(self._offset + step, -OFFSET_LIMIT), OFFSET_LIMIT)
        self._recent.append(score)
        insort(self._ordered, score)
        if len(self._recent) > SCORE_WINDOW:
            oldest = self._recent.popleft()
            del self._ordered[bisect_left(self._ordered, oldest)]

    def calibration(self) -> Calibration:
        """The calibration for the next day.

        Raises
        ------
        CalibrationInsufficient
            When there are too few scores for a bound.
        """
        return Calibration(
            ordered_scores=tuple(self._ordered),
            offset=self._offset,
            alpha=self._alpha,
        )


def day_bound(
    mean: NDArray[np.float64], scale: NDArray[np.float64], quantile: float
) -> float:
    """Bound U = max over h of (mean_h + q scale_h) on the day's maximum.

    A bound on the largest of the hours, not a band for all of them.

    Examples
    --------
    >>> day_bound(np.array([28.0, 30.0]), np.array([1.0, 2.0]), 0.5)
    31.0
    """
    return float(np.max(mean + quantile * scale))


def shifted_bound(bound: float, rise_by_hour: NDArray[np.float64]) -> float:
    """The bound after each hour rises by `rise_by_hour` (negative: falls).

    The shifted day's maximum is at most M + max_h rise_h, so moving the bound by the
    most unfavourable hour keeps its guarantee. One function for the scheduler, the
    what-if and the optimiser.

    Examples
    --------
    >>> shifted_bound(36.0, np.array([-2.0, -1.5]))
    34.5
    """
    return bound + float(np.max(rise_by_hour))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCheck:
    """A limit held against a calibrated forecast.

    Attributes
    ----------
    exceedance_probability : float
        p = (1 + number of scores above the limit's score) / (n + 1).
    is_exceeded : bool
        p > alpha, decided with integers and an exact alpha; the verdict.
    bound : float
        The bound U, finite; at most the limit exactly when not `is_exceeded`.
    """

    exceedance_probability: float
    is_exceeded: bool
    bound: float


def check_limit(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    *,
    limit: float,
    rise_by_hour: NDArray[np.float64] | None = None,
) -> LimitCheck:
    """Hold `limit` against the bound of a forecast, after an optional rise.

    The rank test decides. The bound is then the float U, moved to the right side of
    the limit where rounding had put it on the wrong one (a difference of the last
    digits), so that bound, probability and verdict never contradict each other.

    Parameters
    ----------
    mean, scale : ndarray of float64, shape (n_hours,)
        The forecast; scale > 0.
    limit : float
        Largest admissible maximum, in the unit of `mean`.
    rise_by_hour : ndarray of float64, shape (n_hours,), optional
        What each hour rises on top of the forecast (negative: falls).

    Raises
    ------
    InvalidInput
        When the limit, the rise, the forecast or the bound is not finite, a scale is
        not positive, or the rise covers other hours than the forecast.
    """
    _require_forecast(mean, scale)
    rise = np.zeros_like(mean) if rise_by_hour is None else rise_by_hour
    if rise.shape != mean.shape:
        message = "The rise must cover the hours of the forecast."
        raise InvalidInput(message)
    with np.errstate(over="ignore"):
        bound = shifted_bound(day_bound(mean, scale, calibration.quantile), rise)
    if not (math.isfinite(limit) and np.isfinite(rise).all() and math.isfinite(bound)):
        message = "A limit can only be checked against finite numbers."
        raise InvalidInput(message)
    n_above = calibration.count_above(
        _limit_score(limit - float(np.max(rise)), mean, scale)
    )
    is_exceeded = 1 + n_above > (calibration.n_scores + 1) * calibration.alpha
    return LimitCheck(
        exceedance_probability=(1 + n_above) / (calibration.n_scores + 1),
        is_exceeded=is_exceeded,
        bound=_on_the_right_side(bound, limit, is_exceeded=is_exceeded),
    )


def day_maxima(
    mean: NDArray[np.float64], scale: NDArray[np.float64], calibration: Calibration
) -> NDArray[np.float64]:
    """What the day's maximum would be at each score, ascending; shape (n_scores,).

    A limit is exceeded with probability (1 + number of them above it) / (n_scores + 1),
    as `check_limit` counts it, but for rounding where one lies on the limit itself.

    Raises
    ------
    InvalidInput
        When the forecast is not finite or a scale is not positive.

    Examples
    --------
    >>> scores = tuple(float(i) for i in range(60))
    >>> calibration = Calibration(
    ...     ordered_scores=scores, offset=0.5, alpha=Decimal("0.05")
    ... )
    >>> day_maxima(np.array([20.0, 30.0]), np.array([1.0, 2.0]), calibration)[:3]
    array([31., 33., 35.])
    """
    _require_forecast(mean, scale)
    scores = np.asarray(calibration.ordered_scores) + calibration.offset
    return np.asarray(np.max(mean + scale * scores[:, np.newaxis], axis=1))


def day_max_quantiles(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    n_dots: int,
) -> Sequence[float]:
    """Equally likely values of the day's maximum, ascending: dots of a dot plot.

    Dot i stands at the (i + 1/2) / n_dots quantile of the tracked scores, the largest
    of them standing for whatever lies above it.
    """
    n_scores = calibration.n_scores
    ranks = [
        min(max(math.ceil((i + 0.5) / n_dots * (n_scores + 1)), 1), n_scores)
        for i in range(n_dots)
    ]
    maxima = day_maxima(mean, scale, calibration)
    return [float(maxima[rank - 1]) for rank in ranks]


def _limit_score(
    limit: float, mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> float:
    # Against a scale next to 0 the quotient overflows to the right infinity.
    with np.errstate(over="ignore"):
        return float(np.min((limit - mean) / scale))


def _require_forecast(mean: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
    sound = np.isfinite(mean) & np.isfinite(scale) & (scale > 0)
    if not (mean.size > 0 and sound.all()):
        message = "A forecast has at least one hour, finite means and positive scales."
        raise InvalidInput(message)


def _on_the_right_side(bound: float, limit: float, *, is_exceeded: bool) -> float:
    if is_exceeded:
        return bound if bound > limit else math.nextafter(limit, math.inf)
    return min(bound, limit)


def _percent(fraction: Decimal) -> str:
    return f"{(fraction * 100).normalize():f} %"
