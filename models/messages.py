"""Messages between the process that requests forecasts and the one that runs models.

A message is a length, a JSON header, and raw parts whose lengths the header lists. No
pickle, so that neither side can make the other execute code.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass

_LENGTH = struct.Struct("!I")
_MOST_HEADER_BYTES = 4 * 1024 * 1024
_MOST_PART_BYTES = 128 * 1024 * 1024

Read = Callable[[int], bytes]
"""Returns exactly so many bytes, or fewer at the end of the stream."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    header: dict[str, object]
    parts: tuple[bytes, ...] = ()

    def encoded(self) -> bytes:
        """The message as bytes."""
        sizes = {"sizes": [len(part) for part in self.parts]}
        header = json.dumps(self.header | sizes).encode()
        return b"".join([_LENGTH.pack(len(header)), header, *self.parts])


def read_message(read: Read) -> Message | None:
    """The next message; None at the end of the stream.

    Raises
    ------
    ValueError
        When the bytes are no message, or it is too large.
    """
    head = read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (header_bytes,) = _LENGTH.unpack(head)
    if header_bytes > _MOST_HEADER_BYTES:
        message = "The header of a message is too long."
        raise ValueError(message)
    header = json.loads(_exactly(read, header_bytes))
    sizes = [int(size) for size in header.pop("sizes")]
    if any(not 0 <= size <= _MOST_PART_BYTES for size in sizes):
        message = "A part of a message is too long."
        raise ValueError(message)
    return Message(header, tuple(_exactly(read, size) for size in sizes))


def _exactly(read: Read, n_bytes: int) -> bytes:
    content = read(n_bytes)
    if len(content) < n_bytes:
        message = "A message breaks off."
        raise ValueError(message)
    return content
