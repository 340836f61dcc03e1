"""Emissions of electricity use, and carbon signals that are implausible."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InvalidInput

PLAUSIBLE_ZERO_RUN_H = 3
"""Longest run of hours at exactly 0 g/kWh that is taken as real, hours.

Assumed. No hour of the six real grids of 2021-2023 is 0 (the least is 9), so any value
from 0 up gives the same result there; a provider's outage has lasted 10 h.
"""


class CarbonScope(StrEnum):
    """Which emissions a carbon intensity counts."""

    DIRECT = "direct"
    LIFE_CYCLE = "life-cycle"


class CarbonMethod(StrEnum):
    """Whose emissions it counts: all plants' mean, or the plant that would respond."""

    AVERAGE = "average"
    MARGINAL = "marginal"


class CarbonBasis(StrEnum):
    """Whether it counts the plants of a place, or those that contracts name."""

    LOCATION = "location-based"
    MARKET = "market-based"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonSignalKind:
    """What a carbon signal means; two kinds are never added or compared.

    Examples
    --------
    >>> str(CarbonSignalKind.parse("marginal"))
    'direct marginal'
    """

    scope: CarbonScope
    method: CarbonMethod = CarbonMethod.AVERAGE
    basis: CarbonBasis = CarbonBasis.LOCATION

    def __str__(self) -> str:
        words = f"{self.scope} {self.method}"
        market = self.basis is CarbonBasis.MARKET
        return f"{words} {self.basis}" if market else words

    @classmethod
    def parse(cls, text: str) -> CarbonSignalKind:
        """The kind that `text` names: words of scope, method and basis.

        What is not named is life-cycle (direct for a marginal one), average, and
        location-based.

        Raises
        ------
        InvalidInput
            When a word is unknown, or two of them contradict each other.
        """
        left = text.split()
        scope = _take(CarbonScope, left)
        method = _take(CarbonMethod, left) or CarbonMethod.AVERAGE
        basis = _take(CarbonBasis, left) or CarbonBasis.LOCATION
        if left or not text.strip():
            known = ", ".join([*CarbonScope, *CarbonMethod, *CarbonBasis])
            message = f"Carbon kind {text[:40]!r} is unknown; its words are {known}."
            raise InvalidInput(message)
        if scope is None:
            is_marginal = method is CarbonMethod.MARGINAL
            scope = CarbonScope.DIRECT if is_marginal else CarbonScope.LIFE_CYCLE
        return cls(scope=scope, method=method, basis=basis)


_Word = TypeVar("_Word", CarbonScope, CarbonMethod, CarbonBasis)


def _take(words: type[_Word], left: list[str]) -> _Word | None:
    """The first word of this kind, taken out of `left`."""
    for word in words:
        if word in left:
            left.remove(word)
            return word
    return None


def emissions_kgco2e(
    facility_mwh: ArrayLike, carbon_intensity_gco2_kwh: ArrayLike
) -> NDArray[np.float64]:
    """Emissions of each hour, kg CO2e.

    1 MWh at 1 g/kWh is 1,000 kWh x 1 g/kWh = 1,000 g, exactly 1 kg: no factor.

    Parameters
    ----------
    facility_mwh : array_like
        Energy drawn from the grid in the hour, MWh, PUE included.
    carbon_intensity_gco2_kwh : array_like
        Carbon intensity of the hour, g CO2e per kWh.

    Examples
    --------
    >>> emissions_kgco2e([1.0, 2.5], [1.0, 400.0]).tolist()
    [1.0, 1000.0]
    """
    intensity = np.asarray(carbon_intensity_gco2_kwh, dtype=np.float64)
    return np.asarray(facility_mwh, dtype=np.float64) * intensity


def suspect_zero_hours(
    carbon_intensity_gco2_kwh: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Hours within a run of exactly 0 that is longer than `PLAUSIBLE_ZERO_RUN_H`.

    A grid at exactly 0 g/kWh for hours on end is a provider's outage until proven
    otherwise. A missing hour (NaN) ends a run; hours outside the array are not seen.

    Parameters
    ----------
    carbon_intensity_gco2_kwh : ndarray of float64, shape (n_hours,)
        Consecutive hours, g CO2e per kWh.

    Returns
    -------
    ndarray of bool, shape (n_hours,)

    Examples
    --------
    >>> suspect_zero_hours(np.array([0.0, 5.0, 0.0, 0.0, 0.0, 0.0])).tolist()
    [False, False, True, True, True, True]
    """
    is_zero = carbon_intensity_gco2_kwh == 0.0
    bounded = np.concatenate(([False], is_zero, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(bounded))
    suspect = np.zeros(is_zero.shape, dtype=np.bool_)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        suspect[start:end] = end - start > PLAUSIBLE_ZERO_RUN_H
    return suspect
