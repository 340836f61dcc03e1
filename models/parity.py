"""Comparison of an exported model with scikit-learn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.forecasts import Target
from core.telemetry import VALID_RANGES
from models.contract import MEAN_OUTPUT, SCALE_OUTPUT
from models.inference import InferenceProcess, IsolatedModel

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


class Predicting(Protocol):
    """A trained model, or anything else with predictions for rows."""

    def predict(
        self, features: NDArray[np.float32], region_index: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means and scales, each of shape (N, H)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """The largest difference between ONNX and scikit-learn.

    Attributes
    ----------
    worst_row, worst_hour : int
        Row and hour of the forecast of the largest difference; -1 without rows.
    worst_output : str
        ``mean`` or ``scale``.
    onnx_value, expected_value, max_abs_difference, limit : float
        In the target's unit.
    """

    n_rows: int
    worst_row: int
    worst_hour: int
    worst_output: str
    onnx_value: float
    expected_value: float
    max_abs_difference: float
    limit: float

    @property
    def holds(self) -> bool:
        """True when rows were compared and none differs by more than the limit."""
        return self.n_rows > 0 and bool(self.max_abs_difference <= self.limit)


def validate_parity(
    trained: Predicting,
    onnx_bytes: bytes,
    features: NDArray[np.float32],
    region_index: NDArray[np.int64],
) -> ParityReport:
    """Compare the exported model with scikit-learn's own predict on these rows.

    The file runs in a confined process, asked as it serves: row by row.

    Parameters
    ----------
    features : ndarray of float32, shape (N, F)
    region_index : ndarray of int64, shape (N,)
    """
    process = InferenceProcess()
    try:
        model = process.load(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())
        return _report(trained, model, features, region_index)
    finally:
        process.stop()


def _report(
    trained: Predicting,
    model: IsolatedModel,
    features: NDArray[np.float32],
    region_index: NDArray[np.int64],
) -> ParityReport:
    limit = PARITY_LIMITS[model.contract.target]
    if not len(features):
        nothing = float("nan")
        return ParityReport(
            n_rows=0,
            worst_row=-1,
            worst_hour=-1,
            worst_output="mean",
            onnx_value=nothing,
            expected_value=nothing,
            max_abs_difference=nothing,
            limit=limit,
        )
    found = np.stack(model.predict(features, region_index))
    expected = np.stack(trained.predict(features, region_index))
    difference = np.abs(found - expected)
    # NaN must count as the largest difference.
    worst = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    output, row, hour = np.unravel_index(worst, difference.shape)
    return ParityReport(
        n_rows=len(features),
        worst_row=int(row),
        worst_hour=int(hour),
        worst_output=(MEAN_OUTPUT, SCALE_OUTPUT)[output],
        onnx_value=float(found[output, row, hour]),
        expected_value=float(expected[output, row, hour]),
        max_abs_difference=float(difference[output, row, hour]),
        limit=limit,
    )
