"""Bytes of a telemetry file: opened, unpacked if gzip, and hashed while read."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from core.errors import InvalidInput
from orchestrator.telemetry.readers.rows import BadFile

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 16


class HashedBytes(io.RawIOBase):
    """Reads through to the unpacked content and keeps its SHA-256."""

    def __init__(self, content: BinaryIO, largest_bytes: int | None = None) -> None:
        super().__init__()
        self._content = content
        self._largest_bytes = largest_bytes
        self._size_bytes = 0
        self._sha256 = hashlib.sha256()

    def readable(self) -> bool:
        """True: this is made for reading."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` with content; damaged gzip data raises BadFile."""
        try:
            chunk = self._content.read(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
            message = f"The gzip data is damaged or cut off: {exc}."
            raise BadFile(message) from exc
        self._size_bytes += len(chunk)
        if self._largest_bytes is not None and self._size_bytes > self._largest_bytes:
            mebibytes = self._largest_bytes // 1024**2
            message = (
                f"The file has more than {mebibytes} MiB when it is unpacked; import it"
                " in parts, or with `gfo telemetry import`."
            )
            raise BadFile(message)
        self._sha256.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def finish_sha256(self) -> str:
        """SHA-256 of the whole content, whatever was left unread."""
        scratch = bytearray(_CHUNK_BYTES)
        while self.readinto(scratch):
            pass
        return self._sha256.hexdigest()


@contextmanager
def open_source(
    source: Path | BinaryIO, *, largest_bytes: int | None = None
) -> Iterator[HashedBytes]:
    """The content of a path or of an open binary stream, which stays open.

    Gzip is recognised by its first bytes, not by its name. A few kilobytes of it can
    hold gigabytes: `largest_bytes` is the most that is unpacked of it.

    Raises
    ------
    InvalidInput
        When the path cannot be read.
    """
    if isinstance(source, Path):
        with _open_path(source) as stream:
            yield HashedBytes(_unpacked(stream), largest_bytes)
        return
    # A reader that is thrown away closes what it reads from; detaching prevents that.
    stream = io.BufferedReader(cast("io.RawIOBase", source), _CHUNK_BYTES)
    try:
        yield HashedBytes(_unpacked(stream), largest_bytes)
    finally:
        stream.detach()


def _unpacked(stream: io.BufferedReader) -> BinaryIO:
    if stream.peek(2)[:2] == _GZIP_MAGIC:
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    return stream


def _open_path(path: Path) -> io.BufferedReader:
    if path.is_dir():
        message = f"{path} is a folder; give a file."
        raise InvalidInput(message)
    try:
        return path.open("rb")
    except FileNotFoundError as exc:
        message = f"There is no file {path}."
        raise InvalidInput(message) from exc
    except OSError as exc:
        message = f"{path} cannot be read: {exc.strerror}."
        raise InvalidInput(message) from exc
