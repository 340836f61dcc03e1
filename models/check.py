"""Hold an ONNX file against the contract and let it answer a few probes."""

from __future__ import annotations

import numpy as np

from core.errors import ModelRejected
from models.contract import read_contract
from models.metadata import ModelContract
from models.runtime import ModelRuntime

PROBE_ROWS = 8


def check_model(onnx_bytes: bytes, expected_sha256: str) -> ModelContract:
    """The contract of a model that keeps it and answers finite, repeatable forecasts.

    The probes are constant features, one row per region and one pooled: enough to find
    a file that cannot answer, not a measure of how good it is.

    Raises
    ------
    ModelRejected
        With the sentence that says what is wrong.
    """
    contract = read_contract(onnx_bytes)
    runtime = ModelRuntime(onnx_bytes, expected_sha256)
    n_rows = min(len(contract.region_slugs) + 1, PROBE_ROWS)
    features = np.zeros((n_rows, len(contract.feature_names)), dtype=np.float32)
    region_index = np.arange(n_rows, dtype=np.int64)
    first = runtime.predict(features, region_index)
    again = runtime.predict(features, region_index)
    mean, scale = first
    if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
        message = "The model answers a probe with values that are not finite."
        raise ModelRejected(message)
    if not (scale > 0).all():
        message = "The model answers a probe with a scale that is not positive."
        raise ModelRejected(message)
    if not all(np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
        message = "The model answers the same probe differently the second time."
        raise ModelRejected(message)
    return contract
