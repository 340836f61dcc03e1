"""The process that runs models: requests on stdin, answers on stdout.

It drops its rights before it loads the first model. `models.inference` starts it by its
path.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.independence import Askable
    from models.messages import Message

MEMORY_BYTES = 2 * 1024**3

_MOST_ERROR_CHARACTERS = 500


def main(parent_pid: int, runtime: str) -> None:
    """Answer until the parent closes the pipe or ends.

    Parameters
    ----------
    runtime : str
        What runs the models: ``onnxruntime``, or ``reference``.
    """
    # Run by its path in isolated mode: only the standard library is importable yet.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from models.confinement import Limits, confine, end_with_parent, isolate  # noqa: PLC0415

    isolate()
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TZ="UTC")
    from models.messages import read_message  # noqa: PLC0415

    # Not the standard streams, because a library may print to them.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    loaded: dict[str, Askable] = {}
    open_model = _opener(runtime)
    end_with_parent(parent_pid)
    confine(Limits(memory_bytes=MEMORY_BYTES))
    while (request := read_message(requests.read)) is not None:
        view = memoryview(_answer(request, loaded, open_model).encoded())
        while view:
            view = view[os.write(answers, view) :]


def _opener(runtime: str) -> Callable[[bytes, str], Askable]:
    """What opens a model; all of it is imported, for no file can be opened later."""
    if runtime == "reference":
        from models.reference_model import ReferenceModel, import_operators  # noqa: PLC0415

        import_operators()
        return ReferenceModel
    from models.onnx_model import OnnxModel  # noqa: PLC0415

    return OnnxModel


def _answer(
    request: Message,
    loaded: dict[str, Askable],
    open_model: Callable[[bytes, str], Askable],
) -> Message:
    from models.messages import Message  # noqa: PLC0415

    try:
        digest = str(request.header["sha256"])
        if request.header["do"] == "load":
            # It verifies the hash again: only registered bytes are loaded.
            loaded[digest] = open_model(request.parts[0], digest)
            return Message({"metadata": loaded[digest].contract.to_metadata()})
        together = request.header["do"] == "predict_together"
        return _predict(request, loaded[digest], together=together)
    except Exception as exc:  # noqa: BLE001 -- told to the parent, which decides
        lines = str(exc).splitlines() or [type(exc).__name__]
        return Message({"error": lines[0][:_MOST_ERROR_CHARACTERS]})


def _predict(request: Message, model: Askable, *, together: bool) -> Message:
    import numpy as np  # noqa: PLC0415

    from models.messages import Message  # noqa: PLC0415

    n_features = len(model.contract.feature_names)
    features = np.frombuffer(request.parts[0], np.float32).reshape(-1, n_features)
    region_index = np.frombuffer(request.parts[1], np.int64)
    ask = model.predict_together if together else model.predict
    mean, scale = ask(features, region_index)
    return Message({}, (mean.tobytes(), scale.tobytes()))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
