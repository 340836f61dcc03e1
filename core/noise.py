"""Seeded noise whose value at an hour does not depend on what else is generated."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOURS_PER_DAY = 24
_MEMORY_TIME_CONSTANTS = 6.0
"""Length of the moving average; what it cuts off is e^-6, 0.25 %, of a shock."""

_DAY_OFFSET = 1_000_000
"""Keeps the day counter positive for days before 1970."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """Persistence of a noise: the time constant of its AR(1) process, hours."""

    time_constant_h: float

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights of the present and past shocks; their squares sum to one."""
        n_lags = math.ceil(_MEMORY_TIME_CONSTANTS * self.time_constant_h) + 1
        weights = np.exp(-np.arange(n_lags) / self.time_constant_h)
        return weights / math.sqrt(float(weights @ weights))


def draw_persistent(
    *,
    seed: int,
    name: str,
    first_day: int,
    n_days: int,
    streams: tuple[Persistence, ...],
) -> NDArray[np.float64]:
    """Standard normal noises with AR(1)-like memory, independent of each other.

    Each day owns a block of a counter-based generator, so a day is drawn without
    drawing the days before it; the memory is a moving average of a fixed length. Hence
    an hour has the same value in every range that contains it.

    Parameters
    ----------
    seed : int
        Any integer; the same seed gives the same noise.
    name : str
        Names the noise, here a region; two names share no shock.
    first_day, n_days : int
        Days since 1970-01-01 UTC, and how many, >= 1.
    streams : tuple of Persistence
        One noise each. Appending a stream leaves the others as they were.

    Returns
    -------
    ndarray of float64, shape (len(streams), 24 n_days)

    References
    ----------
    Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3", SC '11
    (Philox).

    Examples
    --------
    >>> both = draw_persistent(
    ...     seed=7, name="a", first_day=0, n_days=2, streams=(Persistence(12.0),)
    ... )
    >>> second = draw_persistent(
    ...     seed=7, name="a", first_day=1, n_days=1, streams=(Persistence(12.0),)
    ... )
    >>> bool((both[:, 24:] == second).all())
    True
    """
    weights = [stream.weights for stream in streams]
    longest = max(len(weight) for weight in weights)
    history_days = math.ceil((longest - 1) / HOURS_PER_DAY)
    key = _key(seed, name)
    shocks = np.concatenate(
        [
            _day_block(key, day, len(streams))
            for day in range(first_day - history_days, first_day + n_days)
        ],
        axis=1,
    )
    n_hours = n_days * HOURS_PER_DAY
    return np.stack(
        [
            _moving_average(row, weight, n_hours)
            for row, weight in zip(shocks, weights, strict=True)
        ]
    )


def _key(seed: int, name: str) -> NDArray[np.uint64]:
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)


def _day_block(
    key: NDArray[np.uint64], day: int, n_streams: int
) -> NDArray[np.float64]:
    """Shocks of one day; the day is the high word of the counter, so blocks never
    overlap, however many numbers a day draws."""
    counter = np.array([0, 0, 0, day + _DAY_OFFSET], dtype=np.uint64)
    generator = np.random.Generator(np.random.Philox(key=key, counter=counter))
    return generator.standard_normal((n_streams, HOURS_PER_DAY))


def _moving_average(
    shocks: NDArray[np.float64], weights: NDArray[np.float64], n_hours: int
) -> NDArray[np.float64]:
    """Weighted sum of each of the last `n_hours` and its past.

    Lag by lag rather than with `numpy.convolve`: elementwise sums come out bit for bit
    the same whatever the length of the range, a blocked dot product need not.
    """
    total = np.zeros(n_hours)
    end = len(shocks)
    for lag, weight in enumerate(weights):
        total += weight * shocks[end - n_hours - lag : end - lag]
    return total
