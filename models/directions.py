"""Directions in which the weights of a fleet's regions differ.

A file has room for all weights of some two thousand regions. Those of more are written
as combinations that all regions share: a region then has a small matrix, inputs'
directions by hours' directions, instead of inputs by hours. The directions are those
that matter most for the forecasts of a sample of the fleet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.errors import InvalidInput

OWN_BYTES, SHARED_BYTES = 2, 4
"""Of a weight of one region, float16, and of one that all share, float32. A region has
twice the directions for it, which counts far more than digits: rounding its weights
changed no error by a tenth of a per mille."""

_JITTER = 1e-6
"""Added to the variances of standardised inputs: nearly equal lags stay invertible."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directions:
    """What all regions share of their weights.

    Attributes
    ----------
    inputs : ndarray, shape (D, d)
        Columns of the reduced design as combinations of those of the design. Column 0
        is the constant; they are orthonormal, so a penalty means the same in both.
    hours : ndarray, shape (H, b)
        Orthonormal courses over the forecast in which a region differs from the pooled
        weights.
    """

    inputs: FloatArray
    hours: FloatArray

    def file_bytes(self, n_regions: int) -> int:
        """Of the mean's weights in a file: own, pooled and shared ones."""
        n_inputs, n_courses = self.inputs.shape[1], self.hours.shape[1]
        of_region = OWN_BYTES * n_inputs * n_courses
        n_shared = self.inputs.size + self.hours.size + n_inputs * len(self.hours)
        return int((n_regions + 1) * of_region + SHARED_BYTES * n_shared)


def common_directions(
    weights: FloatArray,
    design: FloatArray,
    kept: BoolArray,
    *,
    n_regions: int,
    room_bytes: int,
) -> Directions:
    """The directions that leave out least of how the regions' forecasts differ.

    Weights count by what they change in a forecast from usual inputs, not by their
    size: neighbouring lags may have large weights that cancel.

    Parameters
    ----------
    weights : ndarray, shape (S, D, H)
        Of the regions of a sample; row 0 is the constant.
    design : ndarray, shape (n, D)
        Rows of all of them.
    kept : ndarray of bool, shape (D,)
        Columns that stay as they are, the constant among them.
    n_regions : int
        That the model is for.
    room_bytes : int
        Of the mean's weights in the file, shared ones included.

    Raises
    ------
    InvalidInput
        When there is no room for more than the columns that are kept.
    """
    n_inputs = design.shape[1]
    variances = design.T @ design / len(design) + _JITTER * np.eye(n_inputs)
    felt = np.linalg.cholesky(variances).T @ (weights - weights.mean(axis=0))
    hours = _leading(np.tensordot(felt, felt, axes=((0, 1), (0, 1))))
    free = np.flatnonzero(~kept)
    root = np.linalg.cholesky(variances[np.ix_(free, free)])
    felt = root.T @ weights[:, free]
    inputs = _leading(np.tensordot(felt, felt, axes=((0, 2), (0, 2))))
    differences = inputs.T @ (felt - felt.mean(axis=0)) @ hours
    captured = (differences**2).sum(axis=0).cumsum(axis=0).cumsum(axis=1)
    n_kept, n_hours = n_inputs - len(free), len(hours)
    best, n_free, n_courses = -1.0, 0, 0
    for count in range(1, n_hours + 1):
        of_an_input = OWN_BYTES * (n_regions + 1) * count
        of_an_input += SHARED_BYTES * (n_inputs + n_hours)
        left_bytes = room_bytes - SHARED_BYTES * n_hours * count
        most = min(left_bytes // of_an_input - n_kept, len(free))
        if most > 0 and captured[most - 1, count - 1] > best:
            best = captured[most - 1, count - 1]
            n_free, n_courses = most, count
    if not n_courses:
        message = (
            f"A model file has no room for the weights of {n_regions:,} regions."
            " Deactivate some."
        )
        raise InvalidInput(message)
    combined = np.linalg.solve(root.T, inputs[:, :n_free])
    shared = np.zeros((n_inputs, n_kept + n_free))
    shared[np.flatnonzero(kept), np.arange(n_kept)] = 1.0
    shared[free, n_kept:] = np.linalg.qr(combined).Q
    return Directions(inputs=shared, hours=hours[:, :n_courses])


def _leading(gram: FloatArray) -> FloatArray:
    """Eigenvectors of a symmetric matrix, that of the largest eigenvalue first."""
    vectors: FloatArray = np.linalg.eigh(gram).eigenvectors[:, ::-1]
    return vectors
