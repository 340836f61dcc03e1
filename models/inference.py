"""Run models in a child process with a deadline, because a model may hang or crash."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray, IntArray
from core.errors import ModelRejected, ModelUnavailable
from models.messages import Message, read_message
from models.metadata import ModelContract, contract_from_metadata

DEADLINE_S = 5.0
"""For `BATCH_ROWS` rows, each alone; models usually need milliseconds."""

LOAD_DEADLINE_S = 20.0
"""For the start of the process and 64 MiB of weights on a busy machine."""

BATCH_ROWS = 256
"""Rows of one message to the process; the model gets them one by one."""

MOST_LOADED = 8
"""Most models in one process; then it is restarted and loads models on demand."""

_CHILD = Path(__file__).with_name("inference_child.py")
_PIPE_BYTES = 65_536


class InferenceProcess:
    """A child process that loads models and runs them.

    It has no files, no network, no environment and 2 GiB, and is killed when it does
    not answer in time. The next request starts another, which has to load its models
    again, from verified bytes. Thread-safe.
    """

    def __init__(
        self,
        *,
        deadline_s: float = DEADLINE_S,
        runtime: Literal["onnxruntime", "reference"] = "onnxruntime",
    ) -> None:
        self._deadline_s = deadline_s
        self._runtime = runtime
        self._child: subprocess.Popen[bytes] | None = None
        self._loaded: set[str] = set()
        self._lock = threading.RLock()
        self._end_at_exit: weakref.finalize[..., object] | None = None

    @property
    def process_id(self) -> int | None:
        """Process id of the child, when there is one."""
        return None if self._child is None else self._child.pid

    def has(self, sha256: str) -> bool:
        """Whether the model is loaded and the process runs."""
        with self._lock:
            is_alive = self._child is not None and self._child.poll() is None
            return is_alive and sha256 in self._loaded

    def load(self, onnx_bytes: bytes, sha256: str) -> IsolatedModel:
        """Load a model whose bytes have this hash.

        Raises
        ------
        ModelRejected
            When the bytes have another hash or cannot be loaded.
        ModelUnavailable
            When the process did not answer in time.
        """
        with self._lock:
            if len(self._loaded) >= MOST_LOADED:
                self.stop()
            answer = self._ask(
                Message({"do": "load", "sha256": sha256}, (onnx_bytes,)),
                LOAD_DEADLINE_S,
            )
            error, metadata = answer.header.get("error"), answer.header.get("metadata")
            if error is not None or not isinstance(metadata, dict):
                raise ModelRejected(str(error))
            self._loaded.add(sha256)
        contract = contract_from_metadata({str(k): str(metadata[k]) for k in metadata})
        return IsolatedModel(self, sha256, contract)

    def predict(
        self,
        sha256: str,
        features: NDArray[np.float32],
        region_index: IntArray,
        *,
        together: bool = False,
    ) -> tuple[bytes, bytes]:
        """Means and scales of one message's rows, as raw float64.

        Raises
        ------
        ModelUnavailable
            When the model did not answer in time, died or failed.
        """
        parts = (
            np.ascontiguousarray(features, np.float32).tobytes(),
            np.ascontiguousarray(region_index, np.int64).tobytes(),
        )
        with self._lock:
            if not self.has(sha256):
                message = "The process that ran the model has ended."
                raise ModelUnavailable(message)
            do = "predict_together" if together else "predict"
            request = Message({"do": do, "sha256": sha256}, parts)
            answer = self._ask(request, self._deadline_s)
        error = answer.header.get("error")
        if error is not None or len(answer.parts) != 2:
            message = f"The model fails: {error}"
            raise ModelUnavailable(message)
        return answer.parts[0], answer.parts[1]

    def stop(self) -> None:
        """End the child; the next request starts another."""
        with self._lock:
            if self._end_at_exit is not None:
                self._end_at_exit()
            self._child, self._end_at_exit = None, None
            self._loaded.clear()

    def _ask(self, request: Message, deadline_s: float) -> Message:
        deadline = time.monotonic() + deadline_s
        child = self._running()
        try:
            _write(child, request.encoded(), deadline)
            answer = read_message(lambda n_bytes: _read(child, n_bytes, deadline))
        except TimeoutError as exc:
            self.stop()
            message = f"The model did not answer within {deadline_s:g} s."
            raise ModelUnavailable(message) from exc
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as exc:
            self.stop()
            message = "The process that runs the model died."
            raise ModelUnavailable(message) from exc
        if answer is None:
            self.stop()
            message = "The process that runs the model died."
            raise ModelUnavailable(message)
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.stop()
        with tempfile.TemporaryDirectory(prefix="gfo-inference-") as empty_folder:
            child = subprocess.Popen(  # noqa: S603 -- our own program, no shell
                [sys.executable, "-I", str(_CHILD), str(os.getpid()), self._runtime],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd=empty_folder,
                env={},
                start_new_session=True,
            )
        for stream in (child.stdin, child.stdout):
            assert stream is not None  # noqa: S101 -- both were asked for
            os.set_blocking(stream.fileno(), False)
        self._child = child
        self._end_at_exit = weakref.finalize(self, _end, child)
        return child


class IsolatedModel:
    """A model in an `InferenceProcess`; a `Predictor`."""

    def __init__(
        self, process: InferenceProcess, sha256: str, contract: ModelContract
    ) -> None:
        self._process = process
        self._contract = contract
        self.sha256 = sha256

    @property
    def contract(self) -> ModelContract:
        """What the model says about itself."""
        return self._contract

    @property
    def is_loaded(self) -> bool:
        """Whether it is still loaded."""
        return self._process.has(self.sha256)

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales, each of shape (N, horizon_h), not yet checked.

        Every row is asked alone; see `OnnxModel.predict`.

        Raises
        ------
        ModelUnavailable
            When the model did not answer in time, died, failed, or gave another shape.
        """
        return self._ask(features, region_index, together=False)

    def predict_together(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """As `predict`, in batches of `BATCH_ROWS`: only to compare the two."""
        return self._ask(features, region_index, together=True)

    def _ask(
        self,
        features: NDArray[np.float32],
        region_index: IntArray,
        *,
        together: bool,
    ) -> tuple[FloatArray, FloatArray]:
        shape = (len(features), self._contract.horizon_h)
        mean, scale = np.empty(shape), np.empty(shape)
        for start in range(0, len(features), BATCH_ROWS):
            batch = slice(start, start + BATCH_ROWS)
            raw = self._process.predict(
                self.sha256,
                features[batch],
                region_index[batch],
                together=together,
            )
            for filled, part in zip((mean, scale), raw, strict=True):
                if len(part) != filled[batch].nbytes:
                    message = "The model gave an answer of another shape."
                    raise ModelUnavailable(message)
                filled[batch] = np.frombuffer(part, np.float64).reshape(-1, shape[1])
        return mean, scale


def _write(child: subprocess.Popen[bytes], content: bytes, deadline: float) -> None:
    assert child.stdin is not None  # noqa: S101
    view = memoryview(content)
    while view:
        _wait_for(child.stdin.fileno(), selectors.EVENT_WRITE, deadline)
        view = view[os.write(child.stdin.fileno(), view[:_PIPE_BYTES]) :]


def _read(child: subprocess.Popen[bytes], n_bytes: int, deadline: float) -> bytes:
    assert child.stdout is not None  # noqa: S101
    content = bytearray()
    while len(content) < n_bytes:
        _wait_for(child.stdout.fileno(), selectors.EVENT_READ, deadline)
        piece = os.read(child.stdout.fileno(), min(n_bytes - len(content), _PIPE_BYTES))
        if not piece:
            break
        content += piece
    return bytes(content)


def _wait_for(descriptor: int, event: int, deadline: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, event)
        if not selector.select(max(deadline - time.monotonic(), 0.0)):
            raise TimeoutError


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            stream.close()
