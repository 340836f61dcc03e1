"""Scale factors that equalise the tails of a forecast's hours.

The scale estimates the mean absolute residual, but bounds depend on the tail. The tails
of the first hours after issue are heavier: one calibrated quantile for all hours would
cover these hours too seldom and later ones too often.
"""

from __future__ import annotations

import numpy as np

from core.aliases import FloatArray

TAIL_LEVEL = 0.95
"""The level at which the hours are matched: that of the displayed interval."""


def tail_factor(ratios: FloatArray) -> FloatArray:
    """Factor of each hour's scale; the mean over the hours is 1.

    Parameters
    ----------
    ratios : ndarray, shape (n, H)
        Out-of-fold absolute residuals in scales; NaN where an hour was not sampled.

    Returns
    -------
    ndarray, shape (H,)
        Each hour's 95 % quantile as a share of the mean over the hours; ones when all
        residuals are 0.

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
