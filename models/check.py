"""Check an ONNX file against the contract, and its answers to probes.

This runs the model: check untrusted files only through `models.sandbox`.
"""

from __future__ import annotations

import numpy as np

from core.aliases import FloatArray
from core.errors import ModelRejected
from core.telemetry import VALID_RANGES
from models.contract import read_contract
from models.forecasting import PLAUSIBLE_MARGIN_FRAC
from models.independence import require_independent_rows
from models.metadata import ModelContract
from models.onnx_model import OnnxModel
from models.probes import probe_rows


def check_model(onnx_bytes: bytes, expected_sha256: str) -> ModelContract:
    """The contract of a model that keeps it and answers its probes correctly.

    Correct answers are finite, have a positive scale, are plausible for the target, and
    are the same when repeated and in the company of other rows. The check finds files
    that cannot serve; only an evaluation on telemetry measures accuracy.

    Raises
    ------
    ModelRejected
        With the sentence that says what is wrong.
    """
    contract = read_contract(onnx_bytes)
    model = OnnxModel(onnx_bytes, expected_sha256)
    features, region_index = probe_rows(contract)
    mean, scale = model.predict(features, region_index)
    _require_finite(mean, scale)
    _require_plausible(contract, mean)
    again = model.predict(features, region_index)
    if not all(np.array_equal(a, b) for a, b in zip((mean, scale), again, strict=True)):
        message = "The model answers the same probe differently the second time."
        raise ModelRejected(message)
    require_independent_rows(model, features, region_index)
    return contract


def _require_finite(mean: FloatArray, scale: FloatArray) -> None:
    if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
        message = "The model answers a probe with values that are not finite."
        raise ModelRejected(message)
    if not (scale > 0).all():
        message = "The model answers a probe with a scale that is not positive."
        raise ModelRejected(message)


def _require_plausible(contract: ModelContract, mean: FloatArray) -> None:
    valid = VALID_RANGES[contract.target.quantity]
    margin = PLAUSIBLE_MARGIN_FRAC * (valid.high - valid.low)
    if (mean < valid.low - margin).any() or (mean > valid.high + margin).any():
        message = (
            f"The model answers a probe with {contract.target} from {mean.min():.4g} to"
            f" {mean.max():.4g}, outside {valid.low - margin:g} to"
            f" {valid.high + margin:g}."
        )
        raise ModelRejected(message)
