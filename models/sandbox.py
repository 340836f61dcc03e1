"""Check an untrusted model in a confined child process with a time limit."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import ModelRejected, ServiceUnavailable
from models.metadata import MAX_MODEL_BYTES, ModelContract, contract_from_metadata
from models.sandbox_child import CPU_S, MEMORY_BYTES, READY

WALL_CLOCK_S = 30.0

_CHILD = Path(__file__).with_name("sandbox_child.py")
_MOST_ANSWER_BYTES = 2 * 1024 * 1024
_READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class _Ending:
    answer: bytes
    return_code: int
    out_of_time: bool


def check_in_sandbox(
    onnx_bytes: bytes, *, wall_clock_s: float = WALL_CLOCK_S
) -> ModelContract:
    """The contract of a model that passes `models.check.check_model`.

    The check runs in a process of its own: no environment, an empty folder, no network
    where the system permits, no files, 1 GiB, 20 s of processor, and it is killed with
    its group after `wall_clock_s`. Its answer is a bounded JSON record.

    Raises
    ------
    ModelRejected
        With the sentence that says what is wrong with the model.
    ServiceUnavailable
        When the check could not be run; the model may be valid.
    """
    if len(onnx_bytes) > MAX_MODEL_BYTES:
        message = f"The file has more than {MAX_MODEL_BYTES // 2**20} MiB."
        raise ModelRejected(message)
    if not onnx_bytes:
        message = "The file is empty."
        raise ModelRejected(message)
    return _judged(_run(onnx_bytes, wall_clock_s), wall_clock_s)


def _run(onnx_bytes: bytes, wall_clock_s: float) -> _Ending:
    try:
        with (
            tempfile.TemporaryFile() as model_file,
            tempfile.TemporaryDirectory(prefix="gfo-check-") as empty_folder,
        ):
            model_file.write(onnx_bytes)
            model_file.seek(0)
            child = subprocess.Popen(  # noqa: S603 -- our own program, no shell
                [sys.executable, "-I", str(_CHILD)],
                stdin=model_file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=empty_folder,
                env={},
                start_new_session=True,
            )
            try:
                return _listen(child, time.monotonic() + wall_clock_s)
            finally:
                _end(child)
    except OSError as exc:
        message = f"The check of the model could not be started: {exc.strerror}."
        raise ServiceUnavailable(message) from exc


def _listen(child: subprocess.Popen[bytes], deadline: float) -> _Ending:
    """Output of the child until it ends or its time is over."""
    stream = child.stdout
    assert stream is not None  # noqa: S101 -- it was asked for
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (left_s := deadline - time.monotonic()) > 0:
            if not selector.select(left_s):
                break
            piece = os.read(stream.fileno(), _READ_BYTES)
            answer += piece
            if not piece or len(answer) > _MOST_ANSWER_BYTES:
                return _Ending(bytes(answer), _exit_code(child, stream), False)
    return _Ending(bytes(answer), 0, out_of_time=True)


def _exit_code(child: subprocess.Popen[bytes], stream: IO[bytes]) -> int:
    stream.close()
    try:
        return child.wait(timeout=2.0)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL


def _end(child: subprocess.Popen[bytes]) -> None:
    # The child leads its own process group and cannot start other processes.
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _judged(ending: _Ending, wall_clock_s: float) -> ModelContract:
    is_ready, _, text = ending.answer.partition(b"\n")
    if is_ready != READY:
        message = "The check of the model could not be run on this machine."
        raise ServiceUnavailable(message)
    if ending.out_of_time:
        message = f"The model was not done with its probes after {wall_clock_s:g} s."
        raise ModelRejected(message)
    if ending.return_code == -signal.SIGXCPU:
        message = f"The model used more than {CPU_S} s of processor time on its probes."
        raise ModelRejected(message)
    if ending.return_code == -signal.SIGKILL:
        message = "The check of the model was ended from outside; try again."
        raise ServiceUnavailable(message)
    if ending.return_code != 0:
        message = (
            f"The model brought its check down (it may use {MEMORY_BYTES // 2**20} MiB"
            " and no files)."
        )
        raise ModelRejected(message)
    return _contract(text)


def _contract(text: bytes) -> ModelContract:
    try:
        answer = json.loads(text)
        reason, metadata = answer.get("reason"), answer.get("metadata")
    except (ValueError, AttributeError, RecursionError) as exc:
        message = "The model brought its check to an answer that cannot be read."
        raise ModelRejected(message) from exc
    if not isinstance(metadata, dict):
        raise ModelRejected(str(reason)[:1000])
    # Read again: the output of the sandbox is as untrusted as its input.
    return contract_from_metadata({str(k): str(v) for k, v in metadata.items()})
