"""Verify a model file against scikit-learn: train it again and compare.

A file contains no scikit-learn estimator (that would need pickle). But its metadata
describe its training, and training is deterministic: the same telemetry gives the same
estimator. A file of another family is compared with the ONNX project's reference
implementation instead, which shares no code with ONNX Runtime.

Imports scikit-learn: for the command line, never for the web process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray
from core.errors import InvalidInput, ModelRejected, ModelUnavailable
from models.fleet_telemetry import RegionTelemetry
from models.inference import InferenceProcess
from models.metadata import Family, ModelContract
from models.parity import ParityReport, Predicting, validate_parity
from models.parity_rows import ParityRows, comparison_rows, real_rows
from models.train import train_model

SCIKIT_LEARN = "scikit-learn"
ONNX_REFERENCE = "the ONNX reference"
REFERENCE_ROWS = 1_000
"""The reference walks trees row by row in Python; ten thousand would take minutes."""

REFERENCE_DEADLINE_S = 60.0
"""For 256 of them; it may use as much memory as a serving model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What a file was compared with, on which rows, and the differences."""

    against: str
    rows: ParityRows
    report: ParityReport

    @property
    def sentence(self) -> str:
        """The largest difference and its row."""
        report = self.report
        verdict = "equals" if report.holds else "DIFFERS from"
        return (
            f"ONNX {verdict} {self.against} on {report.n_rows:,} rows: largest"
            f" difference {report.max_abs_difference:.2e} (allowed {report.limit:.0e}),"
            f" {report.worst_output} of hour {report.worst_hour} in row"
            f" {report.worst_row} ({self.worst_origin}): {report.onnx_value:.9g}"
            f" against {report.expected_value:.9g}."
        )

    @property
    def worst_origin(self) -> str:
        """Where the row of the largest difference comes from."""
        return self.rows.origins[self.report.worst_row]


def reproduce(
    onnx_bytes: bytes,
    contract: ModelContract,
    frames: Mapping[str, RegionTelemetry],
) -> Reproduction:
    """Compare a file with what its metadata describe.

    Parameters
    ----------
    frames : Mapping of slug to (TelemetryFrame, IANA time zone)
        The telemetry that the model was trained on, or more of it.

    Raises
    ------
    InvalidInput
        When no row can be made from the telemetry, it is not that of the training, or
        the reference lacks an operator of the file.
    """
    if contract.family not in list(Family):
        rows = real_rows(frames, contract, REFERENCE_ROWS)
        process = InferenceProcess(deadline_s=REFERENCE_DEADLINE_S, runtime="reference")
        try:
            reference = _Reference(process, onnx_bytes)
            return _compared(ONNX_REFERENCE, reference, onnx_bytes, rows)
        finally:
            process.stop()
    trained = train_model(
        frames,
        contract.target,
        contract.trained_until_utc,
        family=Family(contract.family),
        seed=contract.seed,
    )
    _require_same_training(trained.contract, contract)
    rows = comparison_rows(trained, frames)
    return _compared(SCIKIT_LEARN, trained, onnx_bytes, rows)


def _compared(
    against: str, expected: Predicting, onnx_bytes: bytes, rows: ParityRows
) -> Reproduction:
    if not len(rows):
        message = "The telemetry gives no row from which the model could forecast."
        raise InvalidInput(message)
    return Reproduction(
        against=against,
        rows=rows,
        report=validate_parity(expected, onnx_bytes, rows.features, rows.region_index),
    )


def _require_same_training(again: ModelContract, contract: ModelContract) -> None:
    for name in ("region_slugs", "feature_names", "trained_from_utc"):
        found, expected = getattr(again, name), getattr(contract, name)
        if found != expected:
            message = (
                f"This telemetry is not what the model was trained on: its {name} would"
                f" be {_short(found)}, the file says {_short(expected)}."
            )
            raise InvalidInput(message)


def _short(value: object) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"


class _Reference:
    """The graph run by the ONNX project's reference implementation, confined."""

    def __init__(self, process: InferenceProcess, onnx_bytes: bytes) -> None:
        self._process, self._onnx_bytes = process, onnx_bytes

    def predict(
        self, features: NDArray[np.float32], region_index: NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray]:
        digest = hashlib.sha256(self._onnx_bytes).hexdigest()
        try:
            model = self._process.load(self._onnx_bytes, digest)
            return model.predict(features, region_index)
        except (ModelRejected, ModelUnavailable) as exc:
            message = (
                f"{ONNX_REFERENCE[0].upper()}{ONNX_REFERENCE[1:]} cannot run this file,"
                f" so its answers cannot be checked: {exc.message}"
            )
            raise InvalidInput(message) from exc
