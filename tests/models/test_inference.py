"""Models run in a process of their own; one that hangs or dies takes nobody along."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelRejected, ModelUnavailable
from models.inference import BATCH_ROWS, MOST_LOADED, InferenceProcess
from models.messages import Message, read_message
from models.onnx_model import OnnxModel
from models.smallest import smallest_model
from tests.models.attacks import long_products

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def process() -> Iterator[InferenceProcess]:
    running = InferenceProcess(deadline_s=1.0)
    yield running
    running.stop()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_it_answers_as_the_model_does_here(
    process: InferenceProcess, onnx_bytes: bytes
) -> None:
    here = OnnxModel(onnx_bytes, _sha256(onnx_bytes))
    there = process.load(onnx_bytes, _sha256(onnx_bytes))
    assert there.contract == here.contract
    n_rows = 2 * BATCH_ROWS + 3
    random = np.random.default_rng(3)
    features = random.normal(15, 5, (n_rows, len(here.contract.feature_names)))
    region_index = random.integers(0, 3, n_rows)
    ours = here.predict(features.astype(np.float32), region_index)
    theirs = there.predict(features.astype(np.float32), region_index)
    np.testing.assert_array_equal(theirs, ours)


def test_no_rows_give_no_answers(process: InferenceProcess) -> None:
    content = smallest_model()
    model = process.load(content, _sha256(content))
    mean, scale = model.predict(np.empty((0, 1), np.float32), np.empty(0, np.int64))
    assert mean.shape == scale.shape == (0, 24)


def test_other_bytes_than_registered_are_not_loaded(process: InferenceProcess) -> None:
    with pytest.raises(ModelRejected, match="was registered under 000000000000"):
        process.load(smallest_model(), "0" * 64)


def test_a_model_that_hangs_is_killed_at_its_deadline_and_others_come_back(
    process: InferenceProcess,
) -> None:
    hanging, healthy = long_products(), smallest_model()
    process.load(healthy, _sha256(healthy))
    model = process.load(hanging, _sha256(hanging))
    first_pid = process.process_id
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match="did not answer within 1 s"):
        model.predict(np.full((9, 1), 20, np.float32), np.zeros(9, np.int64))
    assert time.monotonic() - started < 3
    again = process.load(healthy, _sha256(healthy))
    mean, _ = again.predict(np.full((1, 1), 20, np.float32), np.zeros(1, np.int64))
    assert mean[0, 0] == 20
    assert process.process_id != first_pid


def test_a_process_that_was_killed_is_unavailable_until_loaded_again(
    process: InferenceProcess,
) -> None:
    content = smallest_model()
    model = process.load(content, _sha256(content))
    assert process.process_id is not None
    os.kill(process.process_id, signal.SIGKILL)
    time.sleep(0.1)
    assert not model.is_loaded
    with pytest.raises(ModelUnavailable, match="has ended"):
        model.predict(np.zeros((1, 1), np.float32), np.zeros(1, np.int64))
    assert process.load(content, _sha256(content)).is_loaded


def test_a_wrong_question_does_not_end_the_process(
    process: InferenceProcess, onnx_bytes: bytes
) -> None:
    model = process.load(onnx_bytes, _sha256(onnx_bytes))
    before = process.process_id
    with pytest.raises(ModelUnavailable, match="The model fails"):
        process.predict(
            model.sha256, np.zeros((1, 3), np.float32), np.zeros(1, np.int64)
        )
    assert model.is_loaded
    assert process.process_id == before


def test_it_does_not_keep_models_without_end(
    process: InferenceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.inference.MOST_LOADED", 1)
    first, second = smallest_model(), long_products()
    model = process.load(first, _sha256(first))
    process.load(second, _sha256(second))
    assert not model.is_loaded
    assert 2 * len(("four", "targets")) <= MOST_LOADED


def test_it_ends_with_its_parent() -> None:
    script = f"""
import hashlib, os, sys
sys.path.insert(0, {str(ROOT)!r})
from models.inference import InferenceProcess
from models.smallest import smallest_model
process = InferenceProcess()
process.load(smallest_model(), hashlib.sha256(smallest_model()).hexdigest())
print(process.process_id, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True
    )
    child_pid = int(done.stdout)
    for _ in range(50):
        if not Path(f"/proc/{child_pid}/cmdline").exists():
            return
        time.sleep(0.1)
    pytest.fail("The process outlived its parent.")


def test_a_frame_comes_back_as_it_was() -> None:
    sent = Message({"do": "x"}, (b"", b"abc"))
    stream = sent.encoded()
    position = 0

    def read(n_bytes: int) -> bytes:
        nonlocal position
        piece = stream[position : position + n_bytes]
        position += len(piece)
        return piece

    assert read_message(read) == sent
    assert read_message(read) is None


@pytest.mark.parametrize(
    "stream",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x05{}",
        b"\x00\x00\x00\x02{}",
        b'\x00\x00\x00\x0e{"sizes":[-1]}',
    ],
)
def test_what_is_no_frame_is_refused(stream: bytes) -> None:
    content = bytearray(stream)

    def read(n_bytes: int) -> bytes:
        piece = bytes(content[:n_bytes])
        del content[:n_bytes]
        return piece

    with pytest.raises((ValueError, KeyError)):
        read_message(read)
