"""What forecasting needs of a model, however and wherever it runs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.metadata import ModelContract


class Predictor(Protocol):
    """What forecasting needs of a model; tests may bring their own."""

    @property
    def contract(self) -> ModelContract:
        """What the model says about itself."""

    def predict(
        self, features: NDArray[np.float32], region_index: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means and scales, each of shape (N, horizon_h)."""
