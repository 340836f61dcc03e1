"""A graph run by the ONNX project's reference implementation, which shares no code with
ONNX Runtime. For comparisons only, in a confined process: it is slow and may take any
memory.
"""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops import aionnxml as _tree_operators

from core.aliases import FloatArray, IntArray
from core.errors import ModelRejected
from models.contract import FEATURES_INPUT, MEAN_OUTPUT, REGION_INPUT, SCALE_OUTPUT
from models.metadata import ModelContract, contract_from_metadata
from models.smallest import smallest_model

__all__ = ["ReferenceModel", "import_operators"]


class ReferenceModel:
    """As `models.onnx_model.OnnxModel`, by the reference implementation.

    Raises
    ------
    ModelRejected
        When the bytes have another hash.
    """

    def __init__(self, onnx_bytes: bytes, expected_sha256: str) -> None:
        self.sha256 = hashlib.sha256(onnx_bytes).hexdigest()
        if self.sha256 != expected_sha256.lower():
            message = "The model's bytes are not the expected ones."
            raise ModelRejected(message)
        model = onnx.load_model_from_string(onnx_bytes)
        properties = {entry.key: entry.value for entry in model.metadata_props}
        self._contract = contract_from_metadata(properties)
        self._evaluator = ReferenceEvaluator(model)

    @property
    def contract(self) -> ModelContract:
        """What the model says about itself."""
        return self._contract

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales of rows, each asked alone."""
        answers = [
            self._run(features[row : row + 1], region_index[row : row + 1])
            for row in range(len(features))
        ]
        mean, scale = (np.concatenate(part) for part in zip(*answers, strict=True))
        return mean, scale

    def predict_together(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales of rows in one batch."""
        return self._run(features, region_index)

    def _run(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        mean, scale = self._evaluator.run(
            [MEAN_OUTPUT, SCALE_OUTPUT],
            {FEATURES_INPUT: features, REGION_INPUT: region_index},
        )
        return np.asarray(mean, np.float64), np.asarray(scale, np.float64)


def import_operators() -> None:
    """Import all that a graph may need: later no file can be opened."""
    _tree_operators.load_op("ai.onnx.ml", "TreeEnsembleRegressor", None)
    content = smallest_model()
    model = ReferenceModel(content, hashlib.sha256(content).hexdigest())
    model.predict(np.zeros((1, 1), np.float32), np.zeros(1, np.int64))
