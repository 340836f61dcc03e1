"""An ONNX model in ONNX Runtime: verified bytes, one thread, one row at a time."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from core.aliases import FloatArray, IntArray
from core.errors import ModelRejected
from models.metadata import ModelContract, contract_from_metadata


class OnnxModel:
    """An ONNX model, loaded only when its hash is the expected one.

    Every process has its own session, also after a fork: a session from before the fork
    may hold locks that no thread of the child releases.

    Parameters
    ----------
    expected_sha256 : str
        Hex digest under which the registry knows the model.

    Attributes
    ----------
    sha256 : str
        Hex digest of the bytes.
    process_id : int
        Process to which the open session belongs.

    Raises
    ------
    ModelRejected
        When the bytes are not the expected ones or cannot be loaded.
    """

    def __init__(self, onnx_bytes: bytes, expected_sha256: str) -> None:
        found = hashlib.sha256(onnx_bytes).hexdigest()
        if found != expected_sha256.lower():
            message = (
                f"The model's SHA-256 is {found[:12]}…, but it was registered under "
                f"{expected_sha256[:12]}…."
            )
            raise ModelRejected(message)
        self.sha256 = found
        self._onnx_bytes = onnx_bytes
        self._session = _open_session(onnx_bytes)
        self.process_id = os.getpid()
        properties = self._session.get_modelmeta().custom_metadata_map
        self._contract = contract_from_metadata(properties)

    @property
    def contract(self) -> ModelContract:
        """What the model says about itself."""
        return self._contract

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Run the model on each row alone, which is how every caller asks it.

        A live forecast is one row. Were others asked in batches, a model could answer
        a single row in another way than the rows it was judged by.

        Parameters
        ----------
        features : ndarray of float32, shape (N, F)
        region_index : ndarray of int64, shape (N,)
            0 for pooled weights, else 1 to the number of regions.

        Returns
        -------
        mean, scale : ndarray of float64, shape (N, horizon_h)
            In the target's unit, as the model gave them: not yet checked.
        """
        shape = (len(features), self._contract.horizon_h)
        mean, scale = np.empty(shape), np.empty(shape)
        for row in range(len(features)):
            alone = slice(row, row + 1)
            mean[alone], scale[alone] = self._run(features[alone], region_index[alone])
        return mean, scale

    def predict_together(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """As `predict`, with all rows in one batch: only to compare the two."""
        mean, scale = self._run(features, region_index)
        return mean.astype(np.float64), scale.astype(np.float64)

    def _run(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if os.getpid() != self.process_id:
            self._session = _open_session(self._onnx_bytes)
            self.process_id = os.getpid()
        mean, scale = self._session.run(
            ["mean", "scale"], {"features": features, "region_index": region_index}
        )
        return mean, scale


def _open_session(onnx_bytes: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Otherwise the process keeps the memory of freed batches.
    options.enable_cpu_mem_arena = False
    try:
        return ort.InferenceSession(
            onnx_bytes, options, providers=["CPUExecutionProvider"]
        )
    except Exception as exc:
        # onnxruntime's errors have no common base class.
        message = f"The model cannot be loaded: {str(exc).splitlines()[0]}"
        raise ModelRejected(message) from exc
