"""Match the scales of all hours of a forecast to one another.

The scale estimates the mean absolute residual. What bounds need is its tail, and the
tails of the first hours after issue are heavier: one calibrated quantile for all hours
would cover them too seldom and the later ones too often.
"""

from __future__ import annotations

import numpy as np

from core.aliases import FloatArray

TAIL_LEVEL = 0.95
"""The level at which the hours are matched: that of the displayed interval."""


def tail_factor(ratios: FloatArray) -> FloatArray:
    """What the scale of each hour is to be multiplied with; the mean of all is 1.

    Parameters
    ----------
    ratios : ndarray, shape (n, H)
        Absolute residuals of rows that the weights had not seen, in scales; NaN where
        an hour was not sampled.

    Returns
    -------
    ndarray, shape (H,)
        Each hour's 95 % quantile as a share of the mean over the hours; ones when
        nothing was ever missed.

    Examples
    --------
    >>> tail_factor(np.array([[3.0, 1.0], [3.0, 1.0]])).tolist()
    [1.5, 0.5]
    """
    tails = np.nanquantile(ratios, TAIL_LEVEL, axis=0)
    typical = float(tails.mean())
    if not (np.isfinite(typical) and (tails > 0).all()):
        return np.ones(ratios.shape[1])
    return np.asarray(tails / typical, dtype=np.float64)
