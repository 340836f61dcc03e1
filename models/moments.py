"""Ridge weights from sums over rows: many fits on overlapping rows at the cost of one.

Out-of-fold residuals need a fit without each block of time, and the choice of a penalty
needs several fits on the same rows. Their normal equations are sums over rows, so the
sums of a block are subtracted from those of all rows. scikit-learn fits the serving
weights (`models.ridge`); a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Linear weights and their constant: outcome = design @ slope + constant."""

    slope: FloatArray
    constant: FloatArray

    def __add__(self, other: Weights) -> Weights:
        return Weights(
            slope=self.slope + other.slope, constant=self.constant + other.constant
        )

    def within(self, hours: FloatArray) -> Weights:
        """The nearest weights whose outcomes are combinations of `hours`, (H, b)."""
        return Weights(
            slope=self.slope @ hours @ hours.T, constant=self.constant @ hours @ hours.T
        )

    def predict(self, design: FloatArray) -> FloatArray:
        """Outcomes of a design without its constant column, shape (n, H)."""
        predicted: FloatArray = design @ self.slope + self.constant
        return predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums over rows of a design (n, D) and its outcomes (n, H).

    Attributes
    ----------
    count : int
    sum_x, sum_y : ndarray, shape (D,), (H,)
    xx, xy : ndarray, shape (D, D), (D, H)
        Sums of products.
    """

    count: int
    sum_x: FloatArray
    sum_y: FloatArray
    xx: FloatArray
    xy: FloatArray

    @classmethod
    def of(cls, design: FloatArray, outcome: FloatArray) -> Moments:
        """The moments of these rows."""
        return cls(
            count=len(design),
            sum_x=design.sum(axis=0),
            sum_y=outcome.sum(axis=0),
            xx=design.T @ design,
            xy=design.T @ outcome,
        )

    def __sub__(self, other: Moments) -> Moments:
        return Moments(
            count=self.count - other.count,
            sum_x=self.sum_x - other.sum_x,
            sum_y=self.sum_y - other.sum_y,
            xx=self.xx - other.xx,
            xy=self.xy - other.xy,
        )

    def left_over(self, weights: Weights) -> Moments:
        """The moments of the same rows with the residuals of `weights` as outcomes."""
        return Moments(
            count=self.count,
            sum_x=self.sum_x,
            sum_y=self.sum_y
            - self.sum_x @ weights.slope
            - self.count * weights.constant,
            xx=self.xx,
            xy=self.xy
            - self.xx @ weights.slope
            - np.outer(self.sum_x, weights.constant),
        )

    def masked(self, kept: NDArray[np.bool_]) -> Moments:
        """The moments with the columns that are not `kept` set to zero."""
        return Moments(
            count=self.count,
            sum_x=self.sum_x * kept,
            sum_y=self.sum_y,
            xx=self.xx * np.outer(kept, kept),
            xy=self.xy * kept[:, None],
        )

    def solve(self, penalty: float) -> Weights:
        """Ridge weights, zeros without rows; the constant is not penalised.

        Parameters
        ----------
        penalty : float
            Per row, > 0.
        """
        if self.count == 0:
            # Without rows a region adds nothing to the pooled weights.
            return Weights(
                slope=np.zeros_like(self.xy), constant=np.zeros_like(self.sum_y)
            )
        mean_x, mean_y = self.sum_x / self.count, self.sum_y / self.count
        centred = self.xx - self.count * np.outer(mean_x, mean_x)
        centred[np.diag_indices_from(centred)] += penalty * self.count
        slope: FloatArray = np.linalg.solve(
            centred, self.xy - self.count * np.outer(mean_x, mean_y)
        ).astype(np.float64)
        return Weights(slope=slope, constant=mean_y - mean_x @ slope)
