"""Lines of a text file with their numbers, in bounded memory, whatever the bytes."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from orchestrator.telemetry.readers.rows import BadFile, Reason, RowRefused
from orchestrator.telemetry.readers.sources import HashedBytes

MAX_LINE_CHARS = 65_536
"""No row of telemetry is a hundredth as long."""

_BYTE_ORDER_MARKS = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Line(NamedTuple):
    """A line without its end; `refusal` says why it cannot be used."""

    number: int
    text: str
    refusal: RowRefused | None


def read_lines(buffered: io.BufferedReader[HashedBytes]) -> Iterator[Line]:
    """Lines that are not blank, numbered from 1 as in an editor.

    The encoding is UTF-8, or what a byte order mark says. LF, CRLF and CR end a line.

    Raises
    ------
    BadFile
        When the file begins with bytes that are no text.
    """
    encoding = _encoding(buffered.peek(4096)[:4096])
    strict = encoding == "utf-8-sig"
    text = io.TextIOWrapper(
        buffered, encoding, "surrogateescape" if strict else "replace"
    )
    try:
        yield from _numbered(text)
    finally:
        # Leaves the content open: its hash is still to be finished. A file that was
        # refused half way may be closed before this runs.
        with suppress(ValueError):
            text.detach().detach()


def _numbered(text: io.TextIOWrapper) -> Iterator[Line]:
    number = 0
    while piece := text.readline(MAX_LINE_CHARS + 1):
        number += 1
        if not piece.endswith("\n") and len(piece) > MAX_LINE_CHARS:
            _skip_rest_of_line(text)
            yield Line(number, piece, _too_long())
        elif not piece.isspace():
            line = piece.rstrip("\n")
            is_plain = line.isascii() and "\x00" not in line
            yield Line(number, line, None if is_plain else _refusal(line))


def _skip_rest_of_line(text: io.TextIOWrapper) -> None:
    while piece := text.readline(MAX_LINE_CHARS):
        if piece.endswith("\n"):
            return


def _refusal(line: str) -> RowRefused | None:
    if "\x00" in line:
        message = "The line holds NUL bytes."
        return RowRefused(Reason.NOT_TEXT, message)
    if any(char == "\ufffd" or "\ud800" <= char <= "\udfff" for char in line):
        message = "The line is not UTF-8; save the file as UTF-8."
        return RowRefused(Reason.NOT_TEXT, message)
    return None


def _too_long() -> RowRefused:
    message = f"The line is longer than {MAX_LINE_CHARS:,} characters."
    return RowRefused(Reason.LINE_TOO_LONG, message)


def _encoding(head: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    if b"\x00" in head.partition(b"\n")[0]:
        message = (
            "The first line holds NUL bytes: this is no text file, or it is UTF-16"
            " without a byte order mark. Save it as UTF-8."
        )
        raise BadFile(message)
    return "utf-8-sig"
