"""Does the exported model say what scikit-learn says?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.forecasts import Target
from core.telemetry import VALID_RANGES
from models.runtime import ModelRuntime

if TYPE_CHECKING:
    from models.train import TrainedModel

_TEMPERATURE_LIMIT_C = 1e-4
_RANGE_FRAC = 2e-6


def _span(target: Target) -> float:
    valid = VALID_RANGES[target.quantity]
    return valid.high - valid.low


PARITY_LIMITS: Mapping[Target, float] = {
    Target.TEMPERATURE_C: _TEMPERATURE_LIMIT_C,
    Target.WET_BULB_C: _TEMPERATURE_LIMIT_C,
    Target.CARBON_INTENSITY_GCO2_KWH: _RANGE_FRAC
    * _span(Target.CARBON_INTENSITY_GCO2_KWH),
    Target.IT_LOAD_MW: _RANGE_FRAC * _span(Target.IT_LOAD_MW),
}
"""Largest admissible difference, in the target's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """How far ONNX and scikit-learn lie apart.

    Attributes
    ----------
    worst_row : int
        Row of the largest difference, of mean or scale.
    max_abs_difference, limit : float
        In the target's unit.
    """

    n_rows: int
    worst_row: int
    max_abs_difference: float
    limit: float

    @property
    def holds(self) -> bool:
        """True when rows were compared and none differs by more than the limit."""
        return self.n_rows > 0 and bool(self.max_abs_difference <= self.limit)


def validate_parity(
    trained: TrainedModel,
    onnx_bytes: bytes,
    features: NDArray[np.float32],
    region_index: NDArray[np.int64],
) -> ParityReport:
    """Compare the exported model with scikit-learn's own predict on these rows.

    Parameters
    ----------
    features : ndarray of float32, shape (N, F)
    region_index : ndarray of int64, shape (N,)
    """
    runtime = ModelRuntime(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())
    limit = PARITY_LIMITS[trained.contract.target]
    if not len(features):
        return ParityReport(
            n_rows=0, worst_row=-1, max_abs_difference=float("nan"), limit=limit
        )
    mean, scale = runtime.predict(features, region_index)
    expected_mean, expected_scale = trained.predict(features, region_index)
    difference = np.maximum(
        np.abs(mean - expected_mean), np.abs(scale - expected_scale)
    ).max(axis=1)
    # A difference that is not a number must come out worst, not be passed over.
    worst_row = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    return ParityReport(
        n_rows=len(features),
        worst_row=worst_row,
        max_abs_difference=float(difference[worst_row]),
        limit=limit,
    )
