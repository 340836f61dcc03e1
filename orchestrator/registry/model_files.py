"""Model files on this machine: read whole, but never more than a model may have."""

from __future__ import annotations

from pathlib import Path

from core.errors import InvalidInput, ModelRejected
from models.metadata import MAX_MODEL_BYTES


def read_model_file(path: Path) -> bytes:
    """The bytes of a file.

    Raises
    ------
    InvalidInput
        When it cannot be read.
    ModelRejected
        When it is larger than a model may be.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MODEL_BYTES + 1)
    except OSError as exc:
        message = f"{path} cannot be read: {exc.strerror}."
        raise InvalidInput(message) from exc
    if len(content) > MAX_MODEL_BYTES:
        message = f"{path.name} has more than {MAX_MODEL_BYTES // 2**20} MiB."
        raise ModelRejected(message)
    return content
