"""A model whose scale may have any size: it is brought to a typical one.

Bounds rest on scores in scales, and the offset that tracks what happened moves
in steps of a scale. So that the size of the scale changes no bound, as the contract
promises, the scale is divided by its median over the probes.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray, IntArray
from core.errors import ModelUnavailable
from core.telemetry import VALID_RANGES
from models.independence import Askable
from models.metadata import ModelContract
from models.probes import probe_rows

TYPICAL_FRAC = 2.0 / 110.0
"""Typical scale as a share of the valid range: 2 degC. Assumed, about the mean error of
a day-ahead hour; only the steps of the tracking offset depend on it."""


class NormalisedModel:
    """An uploaded model; the portal's own families have errors for scales."""

    def __init__(self, model: Askable) -> None:
        self._model = model

    @property
    def contract(self) -> ModelContract:
        """What the model says about itself."""
        return self._model.contract

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and normalised scales; see `OnnxModel.predict`.

        Raises
        ------
        ModelUnavailable
            As the model does, and when it has no typical scale.
        """
        mean, scale = self._model.predict(features, region_index)
        return mean, scale / self._unit

    def predict_together(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """As `predict`, in batches."""
        mean, scale = self._model.predict_together(features, region_index)
        return mean, scale / self._unit

    @cached_property
    def _unit(self) -> float:
        """The model's own scale over the typical one."""
        contract = self._model.contract
        _, scale = self._model.predict(*probe_rows(contract))
        median = float(np.median(scale))
        if not 0.0 < median < np.inf:
            message = "The model's scale over its probes is not a positive number."
            raise ModelUnavailable(message)
        valid = VALID_RANGES[contract.target.quantity]
        return median / (TYPICAL_FRAC * (valid.high - valid.low))


def as_served(model: Askable, *, normalises_scale: bool) -> Askable:
    """A loaded model as every forecast asks it: live, past and replayed."""
    return NormalisedModel(model) if normalises_scale else model
