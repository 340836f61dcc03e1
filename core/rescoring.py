"""Calibration windows scored again as if they had been shifted.

A rise r_h of a forecast window is judged by what it would have done to the windows that
calibrate the bound: each gets the score

    s_i(r) = min_h (max_k (y_ik + r_k) - mean_ih - r_h) / scale_ih

of its observed hours y, moved by the same rise. A rise that is the same in every hour
cancels, so only its profile counts: the rise less its largest hour, <= 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from core.aliases import BoolArray, FloatArray, IntArray
from core.errors import InvalidInput

BATCH_RISES = 32
"""Rises that share one range of scores; see `rank_rises`."""
_SPLIT = 4

_Chosen = slice | IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowHours:
    """What the score of a finished window after a rise is computed from.

    Attributes
    ----------
    day_max : float
        Largest observed hour, in the unit of the forecast.
    hours : ndarray of float32, shape (3, n_hours)
        Means, scales, and how far each observed hour lay below the largest, >= 0.
        Models answer in float32, so means and scales lose nothing; the last row is
        rounded by less than a millionth of a degree, and its 0 is exact.
    """

    day_max: float
    hours: NDArray[np.float32]

    @classmethod
    def observed(
        cls, values: FloatArray, mean: FloatArray, scale: FloatArray
    ) -> WindowHours:
        """Of a window whose hours, shape (n_hours,), are all observed and finite."""
        day_max = float(np.max(values))
        hours = np.stack([mean, scale, day_max - values])
        return cls(day_max=day_max, hours=hours.astype(np.float32))

    def to_bytes(self) -> bytes:
        """The hours as little-endian floats of four bytes, row by row."""
        return self.hours.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, day_max: float, stored: bytes) -> WindowHours:
        """The window that `to_bytes` wrote.

        Raises
        ------
        InvalidInput
            When the bytes are not three rows.
        """
        if not stored or len(stored) % 12:
            message = f"{len(stored)} bytes are not three rows of hours."
            raise InvalidInput(message)
        hours = np.frombuffer(stored, dtype="<f4").reshape(3, -1)
        return cls(day_max=day_max, hours=hours)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibrationWindows:
    """The hours of all windows that calibrate one bound.

    Attributes
    ----------
    day_max : ndarray, shape (n_windows,)
    hours : ndarray of float32, shape (n_windows, 3, n_hours)
        As in `WindowHours`.

    Raises
    ------
    InvalidInput
        When the windows are of different lengths, or a number cannot be of a window.
    """

    day_max: FloatArray
    hours: NDArray[np.float32]
    _above_mean: FloatArray = field(init=False, repr=False)
    _below_max: FloatArray = field(init=False, repr=False)
    _scale: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.hours.ndim != 3 or self.hours.shape[:2] != (len(self.day_max), 3):
            message = "Calibration windows have three rows of hours each."
            raise InvalidInput(message)
        # Hours first: numpy reduces over the first axis far faster.
        mean, scale, below_max = self.hours.astype(np.float64).transpose(1, 2, 0)
        sound = np.isfinite(mean) & np.isfinite(below_max) & (scale > 0.0)
        if not (sound.all() and np.isfinite(scale).all() and (below_max >= 0.0).all()):
            message = "Calibration windows have finite hours and positive scales."
            raise InvalidInput(message)
        for name, value in (
            ("_above_mean", self.day_max - mean),
            ("_below_max", below_max),
            ("_scale", scale),
        ):
            object.__setattr__(self, name, np.ascontiguousarray(value))

    @classmethod
    def stacked(cls, windows: Sequence[WindowHours]) -> CalibrationWindows:
        """All of `windows`.

        Raises
        ------
        InvalidInput
            When they are of different lengths.
        """
        if len({window.hours.shape for window in windows}) != 1:
            message = "Calibration windows must be of one length."
            raise InvalidInput(message)
        return cls(
            day_max=np.array([window.day_max for window in windows]),
            hours=np.stack([window.hours for window in windows]),
        )

    @classmethod
    def from_bytes(cls, day_max: FloatArray, stored: bytes) -> CalibrationWindows:
        """The windows that `WindowHours.to_bytes` wrote, one after the other.

        Raises
        ------
        InvalidInput
            When the bytes are not three rows for each.
        """
        if not len(day_max) or len(stored) % (12 * len(day_max)):
            message = f"{len(stored)} bytes are not three rows for each window."
            raise InvalidInput(message)
        hours = np.frombuffer(stored, dtype="<f4").reshape(len(day_max), 3, -1)
        return cls(day_max=day_max, hours=hours)

    @property
    def n_hours(self) -> int:
        """Hours of each window."""
        return int(self.hours.shape[2])

    @property
    def digest(self) -> str:
        """SHA-256 of all numbers as little-endian floats, hexadecimal."""
        parts = self.day_max.astype("<f8"), self.hours.astype("<f4")
        return sha256(b"".join(part.tobytes() for part in parts)).hexdigest()

    def scores(self, profiles: FloatArray, chosen: _Chosen = slice(None)) -> FloatArray:
        """Scores after each rise, shape (n_rises, n_chosen).

        Parameters
        ----------
        profiles : ndarray, shape (n_rises, n_hours)
            Rises less their largest hour: <= 0, with a 0 in each row.
        chosen : slice or ndarray of int
            Which windows; all by default.
        """
        return self._scores(profiles, profiles, chosen)

    def score_range(self, profiles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Between which numbers each window's score lies after every one of the rises.

        A score grows with the rise of the observed hours and falls with that of the
        means, in floats too; each is taken at its extreme. Shape (n_windows,) each.
        """
        low, high = profiles.min(axis=0)[None], profiles.max(axis=0)[None]
        return (
            self._scores(low, high, slice(None))[0],
            self._scores(high, low, slice(None))[0],
        )

    def day_maxima(
        self, mean: FloatArray, scale: FloatArray, offset: float
    ) -> FloatArray:
        """The day's maximum had each window's errors come on top of a forecast.

        Errors are taken in scales, plus the offset; shape (n_windows,).
        """
        errors = (self._above_mean - self._below_max) / self._scale + offset
        return np.asarray(np.max(mean[:, None] + errors * scale[:, None], axis=0))

    def _scores(
        self, observed_rise: FloatArray, mean_rise: FloatArray, chosen: _Chosen
    ) -> FloatArray:
        # Against a scale next to 0 the quotient overflows to the right infinity.
        with np.errstate(over="ignore"):
            largest = np.max(
                observed_rise.T[:, :, None] - self._below_max[:, None, chosen], axis=0
            )
            above = self._above_mean[:, None, chosen] - mean_rise.T[:, :, None]
            above += largest
            above /= self._scale[:, None, chosen]
        return np.asarray(np.min(above, axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRises:
    """What the tracked scores say of each rise, shape (n_rises,) each.

    Attributes
    ----------
    quantile : ndarray
        The score of the asked rank plus the offset.
    n_above : ndarray of int
        Tracked scores strictly above the rise's limit score.
    """

    quantile: FloatArray
    n_above: IntArray


def rank_rises(
    windows: CalibrationWindows,
    profiles: FloatArray,
    limit_scores: FloatArray,
    *,
    rank: int,
    offset: float,
) -> RankedRises:
    """Quantile and count of the scores after each of several rises.

    Rises are taken in batches of neighbours. Most windows' scores are shown by their
    range over the batch to lie on one side of the quantile and of the limit scores
    alike; only the rest are computed for each rise. The answer is exact, in the last
    digit, whatever the rises.

    Parameters
    ----------
    profiles : ndarray, shape (n_rises, n_hours)
        As in `CalibrationWindows.scores`.
    limit_scores : ndarray, shape (n_rises,)
    rank : int
        1 for the smallest score.
    """
    quantile = np.empty(len(profiles))
    n_above = np.empty(len(profiles), dtype=np.int64)
    is_one_profile = bool((profiles == profiles[:1]).all())
    size = len(profiles) if is_one_profile else BATCH_RISES
    for first in range(0, len(profiles), max(size, 1)):
        batch = slice(first, first + size)
        if is_one_profile or len(profiles[batch]) == 1:
            scores = windows.scores(profiles[batch][:1])
            ordered = np.sort(scores[0])
            quantile[batch] = ordered[rank - 1] + offset
            n_at_most = np.searchsorted(
                ordered + offset, limit_scores[batch], side="right"
            )
            n_above[batch] = len(ordered) - n_at_most
        else:
            quantile[batch], n_above[batch] = _ranked_batch(
                windows, profiles[batch], limit_scores[batch], rank, offset
            )
    return RankedRises(quantile=quantile, n_above=n_above)


def are_above(
    windows: CalibrationWindows,
    profiles: FloatArray,
    limit_scores: FloatArray,
    *,
    most_above: int,
    offset: float,
) -> BoolArray:
    """Whether more than `most_above` scores pass the limit score, for each rise.

    By bisection: neighbours that the range of the scores settles together are done, the
    others are taken in smaller batches. Exactly what counting for each rise says, also
    where the answer turns back and forth.

    Parameters
    ----------
    profiles, limit_scores, offset
        As in `rank_rises`.
    """
    low, high = windows.score_range(profiles)
    passes: BoolArray = low + offset > limit_scores.max()
    keeps: BoolArray = high + offset <= limit_scores.min()
    n_passing = int(np.count_nonzero(passes))
    if n_passing > most_above:
        return np.ones(len(profiles), dtype=np.bool_)
    if len(low) - np.count_nonzero(keeps) <= most_above:
        return np.zeros(len(profiles), dtype=np.bool_)
    if len(profiles) <= 2 * BATCH_RISES:
        scores = windows.scores(profiles, np.flatnonzero(~(passes | keeps))) + offset
        n_above = n_passing + np.count_nonzero(scores > limit_scores[:, None], axis=1)
        return np.asarray(n_above > most_above)
    parts = zip(
        np.array_split(profiles, _SPLIT),
        np.array_split(limit_scores, _SPLIT),
        strict=True,
    )
    return np.concatenate(
        [
            are_above(windows, *part, most_above=most_above, offset=offset)
            for part in parts
        ]
    )


def _ranked_batch(
    windows: CalibrationWindows,
    profiles: FloatArray,
    limit_scores: FloatArray,
    rank: int,
    offset: float,
) -> tuple[FloatArray, IntArray]:
    low, high = windows.score_range(profiles)
    is_below = high < np.partition(low, rank - 1)[rank - 1]
    is_above = low > np.partition(high, rank - 1)[rank - 1]
    passes: BoolArray = low + offset > limit_scores.max()
    keeps: BoolArray = high + offset <= limit_scores.min()
    is_settled = (is_below | is_above) & (passes | keeps)
    scores = windows.scores(profiles, np.flatnonzero(~is_settled))
    left = rank - int(np.count_nonzero(is_settled & is_below)) - 1
    n_above = np.count_nonzero(is_settled & passes) + np.count_nonzero(
        scores + offset > limit_scores[:, None], axis=1
    )
    return np.partition(scores, left, axis=1)[:, left] + offset, n_above
