"""The process in which `models.sandbox` checks a model; the model comes on stdin.

It answers on stdout: `ready`, then one JSON record. First it checks a small built-in
model, which imports everything that is needed and proves that the check works on this
machine. Then it drops its rights and checks the given model.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

MEMORY_BYTES = 1024**3
CPU_S = 20
READY = b"ready"

_MOST_REASON_CHARACTERS = 500


def main() -> None:
    """Check the model on standard input."""
    # Run by its path in isolated mode: only the standard library is importable yet.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from models.confinement import Limits, confine, isolate  # noqa: PLC0415

    isolate()
    # The model gets one thread; more would only use address space.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TZ="UTC")
    answer_to = _take_stdout()
    from models.check import check_model  # noqa: PLC0415
    from models.smallest import smallest_model  # noqa: PLC0415

    known = smallest_model()
    check_model(known, hashlib.sha256(known).hexdigest())
    confine(Limits(memory_bytes=MEMORY_BYTES, cpu_s=CPU_S))
    _write_all(answer_to, READY + b"\n")
    _write_all(answer_to, json.dumps(_verdict()).encode())
    # Without normal clean-up: a model may have left the process in any state.
    os._exit(0)


def _take_stdout() -> int:
    """Separate the answers to the parent from the output of libraries."""
    answer_to = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answer_to


def _verdict() -> dict[str, object]:
    from core.errors import ModelRejected  # noqa: PLC0415
    from models.check import check_model  # noqa: PLC0415

    try:
        onnx_bytes = sys.stdin.buffer.read()
        contract = check_model(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())
    except ModelRejected as exc:
        return {"reason": _one_line(exc.message)}
    except MemoryError:
        mebibytes = MEMORY_BYTES // 2**20
        return {"reason": f"The model needs more memory than {mebibytes} MiB."}
    except Exception as exc:  # noqa: BLE001 -- whatever it is, the model brought it on
        return {"reason": _one_line(f"The model fails on its probes: {exc}")}
    return {"metadata": contract.to_metadata()}


def _one_line(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:_MOST_REASON_CHARACTERS]


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()
