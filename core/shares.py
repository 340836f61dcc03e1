"""What a share of a region's load means, hour by hour.

A share counts against the load before all decisions. An hour in which earlier decisions
used up what may leave gives what is left, and does not keep the others from giving. A
shift may be for chosen hours of the day only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.errors import InvalidInput
from core.regions import require_time_zone
from core.telemetry import HOUR

_DAY_H = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursOfDay:
    """Hours of the local day, [from_h, until_h); past midnight where until is earlier.

    Raises
    ------
    InvalidInput
        When they are not hours of a day, or no hour or all of them.

    Examples
    --------
    >>> HoursOfDay.parse("22-6").n_hours
    8
    """

    from_h: int
    until_h: int

    def __post_init__(self) -> None:
        is_day = 0 <= self.from_h < _DAY_H and 0 < self.until_h <= _DAY_H
        if not is_day or self.n_hours == _DAY_H:
            message = (
                f"The hours {self} are not some hours of a day; write them like 12-18."
            )
            raise InvalidInput(message)

    @classmethod
    def parse(cls, text: str) -> HoursOfDay:
        """The hours from their text, as `str` writes it."""
        first, _, second = text.partition("-")
        numbers = (first, second)
        if not all(x.isascii() and x.isdigit() and len(x) <= 2 for x in numbers):
            message = f"{text!r} are not hours of a day; write them like 12-18."
            raise InvalidInput(message)
        return cls(from_h=int(first), until_h=int(second))

    @property
    def n_hours(self) -> int:
        """How many hours of each day they are."""
        return (self.until_h - self.from_h) % _DAY_H or _DAY_H

    def __str__(self) -> str:
        return f"{self.from_h}-{self.until_h}"

    def among(self, time_zone: str, start_utc: datetime, n_hours: int) -> BoolArray:
        """Which hours of a window begin in them, shape (n_hours,).

        Parameters
        ----------
        time_zone : str
            Of the region whose clock is meant.
        """
        zone = require_time_zone(time_zone)
        local_h = [
            (start_utc + hour * HOUR).astimezone(zone).hour for hour in range(n_hours)
        ]
        return (np.array(local_h) - self.from_h) % _DAY_H < self.n_hours


def hours_in_words(hours: HoursOfDay) -> str:
    """The hours as a clock shows them.

    Examples
    --------
    >>> hours_in_words(HoursOfDay.parse("22-6"))
    '22:00 to 06:00'
    """
    return f"{hours.from_h:02}:00 to {hours.until_h:02}:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRule:
    """Of which load a share is, and in which hours it leaves.

    Attributes
    ----------
    hours : ndarray of bool, shape (n_hours,) | None
        Those in which load leaves; None for all.
    is_of_load_left : bool
        A share is of the load that earlier decisions left, and each hour may give as
        little as the hour that may give least: the rule of decisions whose inputs are
        of format 1 or 2. They are replayed by it; nothing new is judged by it.
    """

    hours: BoolArray | None = None
    is_of_load_left: bool = False


EVERY_HOUR = ShareRule()


def used_pct(load_mw: FloatArray, reference_mw: FloatArray) -> FloatArray:
    """How much of the load before all decisions has left each hour, %, [0, 100].

    0 where a load is not known, or there was none.

    Examples
    --------
    >>> used_pct(np.array([30.0, 50.0]), np.array([40.0, 40.0])).tolist()
    [25.0, 0.0]
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        used = 100.0 * (reference_mw - load_mw) / reference_mw
    is_known = np.isfinite(used) & (reference_mw > 0.0)
    return np.where(is_known, np.clip(used, 0.0, 100.0), 0.0)


def given_pct(
    shift_pct: float | FloatArray,
    *,
    left_pct: FloatArray,
    used: FloatArray,
    flexible_pct: float,
) -> FloatArray:
    """What each hour gives of its load before all decisions, %.

    A larger shift never gives less. Beyond the flexible share nothing may move; there
    it says what each hour would give if more of its load were flexible.

    Parameters
    ----------
    shift_pct : float or ndarray, shape (n_shifts, 1)
    left_pct, used : ndarray, shape (n_hours,)
        Most that each hour may still give, and what has left it, %.
    flexible_pct : float
        Largest share that any hour may still give, %.

    Examples
    --------
    >>> hours = {"left_pct": np.array([40.0, 10.0]), "used": np.array([0.0, 30.0])}
    >>> given_pct(20.0, **hours, flexible_pct=40.0).tolist()
    [20.0, 10.0]
    >>> given_pct(60.0, **hours, flexible_pct=40.0).tolist()
    [60.0, 30.0]
    """
    most = np.where(
        np.asarray(shift_pct) > flexible_pct,
        np.maximum(left_pct, shift_pct - used),
        left_pct,
    )
    return np.minimum(shift_pct, most)
