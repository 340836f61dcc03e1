"""Conformity scores of finished windows, and the calibration that a year of them gives.

The quantile is tracked: an offset follows how often the bound was too low.

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
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from operator import le

import numpy as np
from numpy.typing import NDArray

from core.errors import CalibrationInsufficient, InvalidInput, OutOfRange
from core.rescoring import CalibrationWindows, WindowHours

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
    return float(conformity_scores(np.array([day_max]), mean, scale)[0])


def conformity_scores(
    day_max: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores of finished windows, shape (n_windows,); see `conformity_score`.

    Parameters
    ----------
    day_max : ndarray of float64, shape (n_windows,)
    mean, scale : ndarray of float64, shape (n_windows, n_hours)
    """
    if not np.isfinite(day_max).all():
        found = day_max[~np.isfinite(day_max)][0]
        message = f"The observed maximum is {found}; only finished days have a score."
        raise InvalidInput(message)
    if not len(day_max):
        return np.empty(0)
    require_forecast(mean, scale)
    scores = scores_of(day_max, mean, scale)
    if not np.isfinite(scores).all():
        found = day_max[~np.isfinite(scores)][0]
        message = f"The score of a maximum of {found} is not finite."
        raise InvalidInput(message)
    return scores


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


def _require_scores(n_scores: int, alpha: Decimal) -> None:
    needed = required_scores(alpha)
    if n_scores < needed:
        message = (
            f"Only {n_scores} scored days; a bound at {_percent(1 - alpha)} needs"
            f" {needed}."
        )
        raise CalibrationInsufficient(message)


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
    windows : CalibrationWindows | None
        Hours of the scored windows, in any order. Without them a rise that is not the
        same in every hour moves the bound by its largest hour.
    tracked_scores : ndarray, shape (n_scores,)
        The scores plus the offset, ascending.

    Raises
    ------
    CalibrationInsufficient
        When there are fewer than `required_scores(alpha)` scores.
    InvalidInput
        When the scores are not finite and ascending, the windows are not as many, or
        the offset is outside its limits.
    OutOfRange
        When alpha is outside (0, 1).
    """

    ordered_scores: tuple[float, ...]
    offset: float
    alpha: Decimal
    windows: CalibrationWindows | None = field(default=None, repr=False, compare=False)
    tracked_scores: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require_scores(len(self.ordered_scores), self.alpha)
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
        if self.windows is not None and len(self.windows.day_max) != self.n_scores:
            message = "There must be the hours of every scored window, or of none."
            raise InvalidInput(message)
        tracked_scores = np.asarray(self.ordered_scores) + self.offset
        object.__setattr__(self, "tracked_scores", tracked_scores)

    @property
    def n_scores(self) -> int:
        """Number of scores."""
        return len(self.ordered_scores)

    @property
    def most_above(self) -> int:
        """How many scores may lie above a limit that is kept.

        1 + n_above <= (n + 1) alpha; both sides are whole numbers here.
        """
        return math.floor((self.n_scores + 1) * self.alpha) - 1

    @property
    def rank(self) -> int:
        """Which of the scores, in ascending order, calibrates the bound."""
        return quantile_rank(self.n_scores, self.alpha)

    @property
    def quantile(self) -> float:
        """The tracked quantile q: the k-th smallest score plus the offset."""
        return self.ordered_scores[self.rank - 1] + self.offset

    def count_above(
        self, limit_score: float | NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """How many tracked scores lie strictly above each limit score; all for NaN."""
        n_at_most = np.searchsorted(self.tracked_scores, limit_score, side="right")
        return self.n_scores - np.where(np.isnan(limit_score), 0, n_at_most)


class ScoreTracker:
    """Replays the scores of one region, model and local issue hour, oldest first.

    b_{t+1} = b_t + 0.1 (miss_t - alpha), b_0 = 0, |b| <= 3, where miss_t is 1 when
    the day's maximum passed the bound of day t, else 0. Days before the first bound
    leave b as it is. The state is a function of the scores alone, so a new model or
    confidence restarts it by replay.

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
        self._ranks = _quantile_ranks(alpha)
        self._recent: deque[float] = deque()
        self._hours: deque[WindowHours | None] = deque(maxlen=SCORE_WINDOW)
        self._ordered: list[float] = []
        self._offset = 0.0
        self._extend(scores)

    @property
    def n_scores(self) -> int:
        """Scores in the window, at most 365."""
        return len(self._recent)

    def add(self, score: float, hours: WindowHours | None = None) -> None:
        """Add the score of the next finished day, and its hours where they are kept."""
        self._extend((score,))
        self._hours[-1] = hours

    def _extend(self, scores: Iterable[float]) -> None:
        # A cycle replays a year of scores for every region: only what must be done for
        # each score is.
        new = list(scores)
        if not all(map(math.isfinite, new)):
            message = "Conformity scores must be finite."
            raise InvalidInput(message)
        recent, ordered, ranks = self._recent, self._ordered, self._ranks
        offset, alpha, needed = self._offset, float(self._alpha), self._needed
        up, down = OFFSET_GAIN * (1.0 - alpha), OFFSET_GAIN * (0.0 - alpha)
        for score in new:
            n_scores = len(ordered)
            if n_scores >= needed:
                offset += up if score > ordered[ranks[n_scores] - 1] + offset else down
                if offset > OFFSET_LIMIT:
                    offset = OFFSET_LIMIT
                elif offset < -OFFSET_LIMIT:
                    offset = -OFFSET_LIMIT
            recent.append(score)
            insort(ordered, score)
            if n_scores == SCORE_WINDOW:
                del ordered[bisect_left(ordered, recent.popleft())]
        self._offset = offset
        self._hours.extend([None] * len(new))

    def calibration(self, windows: CalibrationWindows | None = None) -> Calibration:
        """The calibration for the next day.

        Parameters
        ----------
        windows : CalibrationWindows, optional
            Of the scores in the window, where their hours were not added with them.

        Raises
        ------
        CalibrationInsufficient
            When there are too few scores for a bound.
        """
        if windows is None:
            hours = [window for window in self._hours if window is not None]
            if 0 < len(hours) == self.n_scores:
                windows = CalibrationWindows.stacked(hours)
        return Calibration(
            ordered_scores=tuple(self._ordered),
            offset=self._offset,
            alpha=self._alpha,
            windows=windows,
        )

    def chance_above(self, limit_score: float) -> float:
        """Probability that the next day's maximum passes a limit of this score.

        The `exceedance_probability` of `check_limit` without a rise, for replays of
        many days: no scores are copied.

        Parameters
        ----------
        limit_score : float
            `conformity_score` of the limit, finite.

        Raises
        ------
        CalibrationInsufficient
            When there are too few scores for a bound.
        """
        ordered, offset = self._ordered, self._offset
        if len(ordered) < self._needed:
            _require_scores(len(ordered), self._alpha)
        # A difference may be rounded; the sums decide.
        n_at_most = bisect_right(ordered, limit_score - offset)
        while n_at_most and ordered[n_at_most - 1] + offset > limit_score:
            n_at_most -= 1
        while n_at_most < len(ordered) and ordered[n_at_most] + offset <= limit_score:
            n_at_most += 1
        return (1 + len(ordered) - n_at_most) / (1 + len(ordered))


@cache
def _quantile_ranks(alpha: Decimal) -> tuple[int, ...]:
    """`quantile_rank` by the number of scores, up to those of a full window."""
    return tuple(quantile_rank(n_scores, alpha) for n_scores in range(SCORE_WINDOW + 1))


def scores_of(
    limits: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Score of each limit, shape (n,): the least of its hours; may be infinite."""
    # Against a scale next to 0 the quotient overflows to the right infinity.
    with np.errstate(over="ignore"):
        return np.asarray(np.min((limits[:, np.newaxis] - mean) / scale, axis=-1))


def require_forecast(mean: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
    """Raise InvalidInput unless means are finite and scales positive."""
    sound = np.isfinite(mean) & np.isfinite(scale) & (scale > 0)
    if not (mean.size > 0 and sound.all()):
        message = "A forecast has at least one hour, finite means and positive scales."
        raise InvalidInput(message)


def _percent(fraction: Decimal) -> str:
    return f"{(fraction * 100).normalize():f} %"
