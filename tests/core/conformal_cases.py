"""Forecasts and calibrations for tests of the bound."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.conformity import Calibration, required_scores

ALPHA = Decimal("0.05")
ALPHAS = st.sampled_from(
    [Decimal(text) for text in ("0.05", "0.1", "0.02", "0.01", "0.025", "0.5")]
)
# Quarters and powers of two: every sum, product and quotient below is exact in floats.
QUARTERS = st.integers(-200, 200).map(lambda i: i / 4)
POWERS_OF_TWO = st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0])
TEMPERATURES_C = st.floats(-60.0, 70.0)
SCALES_C = st.floats(0.01, 8.0)
SCORES = st.floats(-5.0, 5.0)

Hours = list[tuple[float, float]]


def hours(
    means: st.SearchStrategy[float], scales: st.SearchStrategy[float]
) -> st.SearchStrategy[Hours]:
    """Pairs of mean and scale, one for each hour."""
    return st.lists(st.tuples(means, scales), min_size=1, max_size=5)


def arrays(pairs: Hours) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and scales of hours."""
    mean, scale = zip(*pairs, strict=True)
    return np.array(mean), np.array(scale)


def calibrated(
    scores: Sequence[float], offset: float = 0.0, alpha: Decimal = ALPHA
) -> Calibration:
    """A calibration from scores in any order, topped up to the fewest allowed."""
    missing = max(required_scores(alpha) - len(scores), 0)
    padded = [*scores, *np.linspace(-2.0, 2.0, missing).tolist()]
    return Calibration(ordered_scores=tuple(sorted(padded)), offset=offset, alpha=alpha)


def worst_hour_bound(bound: float, rise_by_hour: NDArray[np.float64]) -> float:
    """A bound moved by the largest hour of a rise: the rule without hours of windows.

    The shifted day's maximum is at most M + max_h rise_h.
    """
    return bound + float(np.max(rise_by_hour))


CALIBRATIONS = st.builds(
    calibrated,
    st.one_of(
        st.lists(SCORES, min_size=60, max_size=120),
        st.lists(st.integers(-3, 3).map(float), min_size=60, max_size=120),
    ),
    st.floats(-3.0, 3.0),
    ALPHAS,
)
