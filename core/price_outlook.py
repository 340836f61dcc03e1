"""Outlook of hourly prices, from those of the days before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput


def price_outlook_usd_mwh(
    past_usd_mwh: NDArray[np.float64], *, window_h: int = 24
) -> NDArray[np.float64]:
    """Median price of the same hour of the days before, USD per MWh.

    The median, because spikes do not come back at the same hour of the next day.

    Parameters
    ----------
    past_usd_mwh : ndarray of float64, shape (n_days * window_h,)
        Prices of the last hours, oldest first; NaN where missing.
    window_h : int
        Hours of the window, > 0.

    Returns
    -------
    ndarray of float64, shape (window_h,)
        NaN in an hour that no day before has a price for.

    Raises
    ------
    InvalidInput
        When the past is not a whole number of windows, or empty.

    Examples
    --------
    >>> past = np.array([10.0, 20.0, 900.0, 22.0, 12.0, np.nan])
    >>> price_outlook_usd_mwh(past, window_h=2).tolist()
    [12.0, 21.0]
    """
    if past_usd_mwh.size == 0 or past_usd_mwh.size % window_h:
        message = (
            f"{past_usd_mwh.size} past prices are no whole number of windows of"
            f" {window_h} h."
        )
        raise InvalidInput(message)
    days = past_usd_mwh.reshape(-1, window_h)
    if len(days) % 2 and np.isfinite(days).all():
        middle: NDArray[np.float64] = np.sort(days, axis=0)[len(days) // 2]
        return middle
    known = np.isfinite(days).any(axis=0)
    outlook = np.full(window_h, np.nan)
    outlook[known] = np.nanmedian(days[:, known], axis=0)
    return outlook
