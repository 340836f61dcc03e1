"""Error metrics of means and intervals; hours with NaN are ignored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray
from core.errors import InvalidInput


def rmse(observed: FloatArray, predicted: FloatArray) -> float:
    """Root mean squared error, in the unit of the arguments.

    Raises
    ------
    InvalidInput
        When the shapes differ or no pair is finite.

    Examples
    --------
    >>> rmse(np.array([1.0, 2.0, np.nan]), np.array([1.0, 4.0, 0.0]))
    1.4142135623730951
    """
    return float(np.sqrt(np.mean(_errors(observed, predicted) ** 2)))


def mae(observed: FloatArray, predicted: FloatArray) -> float:
    """Mean absolute error, in the unit of the arguments."""
    return float(np.mean(np.abs(_errors(observed, predicted))))


def skill_frac(
    observed: FloatArray, predicted: FloatArray, persistence: FloatArray
) -> float:
    """RMSE skill over persistence, 1 - rmse / rmse_persistence, on common hours.

    Returns NaN when persistence is perfect: skill is then undefined.

    Examples
    --------
    >>> observed = np.array([1.0, 2.0])
    >>> skill_frac(observed, observed + 1.0, observed + 4.0)
    0.75
    """
    common = np.isfinite(observed) & np.isfinite(predicted) & np.isfinite(persistence)
    reference = rmse(observed[common], persistence[common])
    if not reference > 0.0:
        return float("nan")
    return 1.0 - rmse(observed[common], predicted[common]) / reference


def coverage_frac(observed: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
    """Share of known hours with lower <= observed <= upper, [0, 1]."""
    known = _known(observed, lower, upper)
    inside = (observed >= lower) & (observed <= upper)
    return float(np.mean(inside[known]))


def mean_width(lower: FloatArray, upper: FloatArray) -> float:
    """Mean of upper - lower, in their unit."""
    return float(np.mean(_errors(upper, lower)))


def winkler_score(
    observed: FloatArray, lower: FloatArray, upper: FloatArray, confidence: float
) -> float:
    """Mean interval score: width plus 2 / alpha times the distance outside.

    Smaller is better; in the unit of the arguments.

    References
    ----------
    Winkler (1972), J. Amer. Statist. Assoc. 67, 187; Gneiting & Raftery (2007),
    J. Amer. Statist. Assoc. 102, 359, eq. 43.

    Examples
    --------
    >>> at, low, high = np.array([1.0, 4.0]), np.zeros(2), np.full(2, 3.0)
    >>> round(winkler_score(at, low, high, 0.95), 6)
    23.0
    """
    if not 0.0 < confidence < 1.0:
        message = f"confidence is {confidence}, not between 0 and 1."
        raise InvalidInput(message)
    known = _known(observed, lower, upper)
    below = np.maximum(lower - observed, 0.0)
    above = np.maximum(observed - upper, 0.0)
    score = upper - lower + 2.0 / (1.0 - confidence) * (below + above)
    return float(np.mean(score[known]))


def _errors(observed: FloatArray, predicted: FloatArray) -> FloatArray:
    known = _known(observed, predicted)
    errors: FloatArray = (observed - predicted)[known]
    return errors


def _known(*arrays: FloatArray) -> NDArray[np.bool_]:
    if len({array.shape for array in arrays}) != 1:
        message = f"Shapes differ: {[array.shape for array in arrays]}."
        raise InvalidInput(message)
    known = np.all([np.isfinite(array) for array in arrays], axis=0)
    if not known.any():
        message = "No hour has both an observation and a forecast."
        raise InvalidInput(message)
    return np.asarray(known, dtype=np.bool_)
