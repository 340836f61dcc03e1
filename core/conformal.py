"""Conformal bound on a day's maximum: what it is, and how a limit compares with it.

The decision rests on one one-sided bound per region-day, on the maximum of 24 hourly
values. Comparisons are made in score space with integer ranks and the allowed
probability as an exact Decimal, so that "BLOCKED" and "probability above the allowed"
agree always, ties included.

After a rise the bound is calibrated by the same windows, scored again as if they had
been shifted (`core.rescoring`). For no rise, or the same in every hour, that is the
bound without the rise plus the rise, number for number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.conformity import Calibration, require_forecast, scores_of
from core.errors import InvalidInput
from core.rescoring import RankedRises, are_above, rank_rises

_LARGE = 1e100
"""Below it no sum or product of a check leaves the range of floats."""


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


def bound_by_hour(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    *,
    rise_by_hour: NDArray[np.float64],
    quantile: float,
) -> NDArray[np.float64]:
    """What each hour adds to the bound after a rise; shape (n_hours,).

    mean_h + r_h + q scale_h, of which the bound is the largest. At a given quantile a
    further rise keeps a limit exactly when every hour does. Without the hours of the
    calibration windows each hour counts as the hottest: the bound before the rise, plus
    r_h.

    Parameters
    ----------
    quantile : float
        Of a check after this or another rise, see `LimitCheck`.

    Examples
    --------
    >>> from decimal import Decimal
    >>> calibration = Calibration(
    ...     ordered_scores=(0.5,) * 60, offset=0.0, alpha=Decimal("0.05")
    ... )
    >>> bound_by_hour(
    ...     np.array([28.0, 30.0]),
    ...     np.array([1.0, 2.0]),
    ...     calibration,
    ...     rise_by_hour=np.array([-2.0, -1.5]),
    ...     quantile=calibration.quantile,
    ... ).tolist()
    [29.0, 29.5]
    """
    if calibration.windows is None:
        return day_bound(mean, scale, quantile) + rise_by_hour
    return mean + rise_by_hour + quantile * scale


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCheck:
    """A limit compared with the bound of a calibrated forecast.

    Attributes
    ----------
    exceedance_probability : float
        p = (1 + number of scores above the limit's score) / (n + 1).
    is_exceeded : bool
        p > alpha, decided with integers and an exact alpha; the verdict.
    bound : float
        The bound U, finite; at most the limit exactly when not `is_exceeded`.
    quantile : float
        The tracked quantile q after the rise, in scales.
    """

    exceedance_probability: float
    is_exceeded: bool
    bound: float
    quantile: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChecks:
    """The same limit compared after each of several rises, shape (n_rises,) each.

    Where a rise or its bound is not finite, the other numbers are NaN and the limit
    counts as exceeded.
    """

    exceedance_probability: NDArray[np.float64]
    is_exceeded: NDArray[np.bool_]
    bound: NDArray[np.float64]
    quantile: NDArray[np.float64]

    def check(self, number: int) -> LimitCheck | None:
        """The check after one of the rises; None where it has no finite bound."""
        bound = float(self.bound[number])
        if math.isnan(bound):
            return None
        return LimitCheck(
            exceedance_probability=float(self.exceedance_probability[number]),
            is_exceeded=bool(self.is_exceeded[number]),
            bound=bound,
            quantile=float(self.quantile[number]),
        )


def check_limit(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    *,
    limit: float,
    rise_by_hour: NDArray[np.float64] | None = None,
) -> LimitCheck:
    """Compare `limit` with the bound of a forecast, after an optional rise.

    Parameters
    ----------
    rise_by_hour : ndarray of float64, shape (n_hours,), optional
        What each hour rises on top of the forecast (negative: falls).
    mean, scale, limit
        As in `check_limits`.

    Raises
    ------
    InvalidInput
        As `check_limits` does, and when the rise or the bound is not finite.
    """
    rise = np.zeros_like(mean) if rise_by_hour is None else rise_by_hour
    check = check_limits(
        mean, scale, calibration, limit=limit, rises_by_hour=rise[np.newaxis]
    ).check(0)
    if check is None:
        message = "A limit can only be checked against finite numbers."
        raise InvalidInput(message)
    return check


def check_limits(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    *,
    limit: float,
    rises_by_hour: NDArray[np.float64],
) -> LimitChecks:
    """Compare `limit` with the bound of a forecast after each of several rises.

    The rank test decides. The bound is then the float U, moved to the right side of
    the limit where rounding had put it on the wrong one (a difference of the last
    digits), so that bound, probability and verdict never contradict each other.

    Parameters
    ----------
    mean, scale : ndarray of float64, shape (n_hours,)
        The forecast; scale > 0.
    limit : float
        Largest admissible maximum, in the unit of `mean`.
    rises_by_hour : ndarray of float64, shape (n_rises, n_hours)
        What each hour rises on top of the forecast (negative: falls).

    Raises
    ------
    InvalidInput
        When the limit or the forecast is not finite, a scale is not positive, or the
        rises cover other hours than the forecast.
    """
    rises = _sound_rises(mean, scale, limit, rises_by_hour)
    # What overflows or is not a number is caught by `is_known`.
    with np.errstate(over="ignore", invalid="ignore"):
        worst_rise, profiles, limit_scores = _limit_profiles(
            mean, scale, calibration, limit, rises
        )
        ranked = _ranked(calibration, profiles, limit_scores)
        scaled = ranked.quantile[:, np.newaxis] * scale
        bound = np.max(mean + profiles + scaled, axis=1) + worst_rise
    is_known = np.isfinite(rises_by_hour).all(axis=1) & np.isfinite(bound)
    n_above, n_ranks = ranked.n_above, calibration.n_scores + 1
    is_exceeded = ~is_known | (n_above > calibration.most_above)
    return LimitChecks(
        exceedance_probability=np.where(is_known, (1 + n_above) / n_ranks, np.nan),
        is_exceeded=is_exceeded,
        bound=np.where(is_known, _on_the_right_side(bound, limit, is_exceeded), np.nan),
        quantile=np.where(is_known, ranked.quantile, np.nan),
    )


def are_exceeded(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    *,
    limit: float,
    rises_by_hour: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """`check_limits(...).is_exceeded`, shape (n_rises,), several times faster.

    Raises
    ------
    InvalidInput
        As `check_limits` does.
    """
    rises = _sound_rises(mean, scale, limit, rises_by_hour)
    numbers = (mean, scale, rises)
    is_moderate = all(np.abs(values).max(initial=0.0) < _LARGE for values in numbers)
    if calibration.windows is None or not is_moderate:
        checks = check_limits(
            mean, scale, calibration, limit=limit, rises_by_hour=rises_by_hour
        )
        return checks.is_exceeded
    _, profiles, limit_scores = _limit_profiles(mean, scale, calibration, limit, rises)
    varies = profiles.any(axis=1)
    n_above = calibration.count_above(limit_scores)
    is_exceeded = np.asarray(n_above > calibration.most_above)
    if varies.any():
        is_exceeded[varies] = are_above(
            calibration.windows,
            profiles[varies],
            limit_scores[varies],
            most_above=calibration.most_above,
            offset=calibration.offset,
        )
    return np.asarray(is_exceeded | ~np.isfinite(rises_by_hour).all(axis=1))


def errors_quantile(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    *,
    rise_by_hour: NDArray[np.float64],
) -> float:
    """Quantile at which the bound holds past errors laid on the shifted forecast.

    The windows' own scores after a rise, as in `check_limits`, are calibrated for a
    rise that does not follow the forecast. One that levels the hours of this very
    forecast lets any of them become the largest, which it does not do to the windows.
    Laying their errors, hour by hour and in scales, on the forecast as it is shifted
    counts that. Without the hours of the windows it is the quantile of every rise.

    Raises
    ------
    InvalidInput
        When the forecast is not finite or a scale is not positive.
    """
    require_forecast(mean, scale)
    if calibration.windows is None:
        return calibration.quantile
    shifted = mean + rise_by_hour
    maxima = calibration.windows.day_maxima(shifted, scale, calibration.offset)
    bound = np.partition(maxima, calibration.rank - 1)[calibration.rank - 1]
    return float(scores_of(np.array([bound]), shifted, scale)[0])


def day_maxima(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    *,
    rise_by_hour: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """What the day's maximum would be at each score, ascending; shape (n_scores,).

    A limit is exceeded with probability (1 + number of them above it) / (n_scores + 1),
    as `check_limit` counts it, but for rounding where one lies on the limit itself.

    Parameters
    ----------
    rise_by_hour : ndarray of float64, shape (n_hours,), optional
        Finite; what each hour rises on top of the forecast (negative: falls).

    Raises
    ------
    InvalidInput
        When the forecast is not finite or a scale is not positive.

    Examples
    --------
    >>> from decimal import Decimal
    >>> scores = tuple(float(i) for i in range(60))
    >>> calibration = Calibration(
    ...     ordered_scores=scores, offset=0.5, alpha=Decimal("0.05")
    ... )
    >>> day_maxima(np.array([20.0, 30.0]), np.array([1.0, 2.0]), calibration)[:3]
    array([31., 33., 35.])
    """
    require_forecast(mean, scale)
    rise = np.zeros_like(mean) if rise_by_hour is None else rise_by_hour
    worst_rise = np.max(rise, keepdims=True)
    profile = _profiles(rise[np.newaxis], worst_rise, calibration)[0]
    scores = calibration.tracked_scores
    if calibration.windows is not None and profile.any():
        rescored = calibration.windows.scores(profile[np.newaxis])[0]
        scores = np.sort(rescored) + calibration.offset
    maxima = np.max(mean + profile + scale * scores[:, np.newaxis], axis=1)
    return np.asarray(maxima + worst_rise)


def day_max_quantiles(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    n_dots: int,
    *,
    rise_by_hour: NDArray[np.float64],
) -> Sequence[float]:
    """Equally likely values of the day's maximum, ascending: dots of a dot plot.

    Dot i stands at the (i + 1/2) / n_dots quantile of the tracked scores, the largest
    of them standing for whatever lies above it. A rise moves them as it moves the
    bound.
    """
    n_scores = calibration.n_scores
    ranks = [
        min(max(math.ceil((i + 0.5) / n_dots * (n_scores + 1)), 1), n_scores)
        for i in range(n_dots)
    ]
    maxima = day_maxima(mean, scale, calibration, rise_by_hour=rise_by_hour)
    return [float(maxima[rank - 1]) for rank in ranks]


def _sound_rises(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    limit: float,
    rises_by_hour: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The rises, 0 in place of those that are not finite in every hour.

    Raises
    ------
    InvalidInput
        As `check_limits` does.
    """
    require_forecast(mean, scale)
    if rises_by_hour.shape[1:] != mean.shape:
        message = "The rise must cover the hours of the forecast."
        raise InvalidInput(message)
    # An exceeded limit has a bound above it, so something finite must be above.
    if not math.isfinite(limit) or math.nextafter(limit, math.inf) == math.inf:
        message = f"The limit is {limit}; it must be finite."
        raise InvalidInput(message)
    is_finite = np.asarray(np.isfinite(rises_by_hour).all(axis=1))
    return np.where(is_finite[:, np.newaxis], rises_by_hour, 0.0)


def _limit_profiles(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    calibration: Calibration,
    limit: float,
    rises: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Largest hour of each rise, its profile, and the score of the limit after it."""
    worst_rise = np.max(rises, axis=1)
    profiles = _profiles(rises, worst_rise, calibration)
    return (
        worst_rise,
        profiles,
        scores_of(limit - worst_rise, mean + profiles, scale),
    )


def _profiles(
    rises: NDArray[np.float64],
    worst_rise: NDArray[np.float64],
    calibration: Calibration,
) -> NDArray[np.float64]:
    """Rises less their largest hour, <= 0, shape (n_rises, n_hours).

    All 0 without the hours of the calibration windows: each hour is then taken to rise
    as much as the largest, which keeps the guarantee with a wider margin.
    """
    windows = calibration.windows
    if windows is None:
        return np.zeros_like(rises)
    if windows.n_hours != rises.shape[1]:
        message = "The calibration windows have other hours than the forecast."
        raise InvalidInput(message)
    return rises - worst_rise[:, np.newaxis]


def _ranked(
    calibration: Calibration,
    profiles: NDArray[np.float64],
    limit_scores: NDArray[np.float64],
) -> RankedRises:
    """Quantile and count of scores; those of the windows as they were for a 0 profile.

    Stored scores and scores computed again may differ in the last digit.
    """
    quantile = np.full(len(profiles), calibration.quantile)
    n_above = calibration.count_above(limit_scores)
    varies = profiles.any(axis=1)
    if calibration.windows is not None and varies.any():
        again = rank_rises(
            calibration.windows,
            profiles[varies],
            limit_scores[varies],
            rank=calibration.rank,
            offset=calibration.offset,
        )
        quantile[varies], n_above[varies] = again.quantile, again.n_above
    return RankedRises(quantile=quantile, n_above=n_above)


def _on_the_right_side(
    bound: NDArray[np.float64], limit: float, is_exceeded: NDArray[np.bool_]
) -> NDArray[np.float64]:
    above = np.maximum(bound, math.nextafter(limit, math.inf))
    return np.where(is_exceeded, above, np.minimum(bound, limit))
