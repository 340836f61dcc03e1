"""Hostile and foreign bytes: a right parse or a clear refusal, in bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.telemetry import VALID_RANGES
from orchestrator.telemetry.readers.contents import MAX_JSON_BYTES
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.rows import (
    BadFile,
    ParsedRow,
    RefusedRow,
    RegionGate,
)
from orchestrator.telemetry.readers.sources import open_source

pytestmark = pytest.mark.slow

RULES = ReadRules(
    gate=RegionGate({"texas"}),
    region_slug=None,
    zone=None,
    now_utc=datetime(2026, 1, 1, tzinfo=UTC),
    ranges=VALID_RANGES,
)
FOR_TEXAS = replace(RULES, region_slug="texas")
HEADER = "timestamp,region,temperature_c\n"
ROW = "2023-08-01T00:00:00Z,texas,36.5\n"
MIB = 1024 * 1024


def read(content: bytes | BinaryIO) -> list[ParsedRow | RefusedRow | None]:
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    with open_source(stream) as opened:
        return list(open_telemetry_file(TelemetryFormat.CSV, opened, RULES).rows)


def codes(content: bytes) -> list[tuple[int, str | None]]:
    """Line number of every row, in order, and its reason when it was refused."""
    return sorted(
        (row.line_number, row.code.value if isinstance(row, RefusedRow) else None)
        for row in read(content)
        if row is not None
    )


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"], ids=str
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_encodings_line_ends_and_gzip_are_recognised(
    encoding: str, newline: str, pack: Callable[[bytes], bytes]
) -> None:
    text = (HEADER + ROW).replace("\n", newline)
    rows = read(pack(text.encode(encoding)))
    assert [row.values[0] for row in rows if isinstance(row, ParsedRow)] == [36.5]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_are_recognised(delimiter: str) -> None:
    content = (HEADER + ROW).replace(",", delimiter).encode()
    assert codes(content) == [(2, None)]


def test_quoted_cells_are_read() -> None:
    content = HEADER + '"2023-08-01T00:00:00Z","texas","36.5"\n'
    assert codes(content.encode()) == [(2, None)]


def test_utf_16_without_a_mark_is_named() -> None:
    with pytest.raises(BadFile, match="UTF-16"):
        read((HEADER + ROW).encode("utf-16-le"))


def test_a_line_in_latin_1_is_refused_and_the_others_read() -> None:
    content = HEADER.encode() + b"2023-08-01T00:00:00Z,t\xe9xas,36.5\n" + ROW.encode()
    assert codes(content) == [(2, "not_text"), (3, None)]
    refused = read(content)[0]
    assert isinstance(refused, RefusedRow)
    assert refused.raw_text == "2023-08-01T00:00:00Z,t\\udce9xas,36.5"


def test_bytes_that_are_no_text_cost_nothing_in_a_column_that_is_not_read() -> None:
    content = b"timestamp,region,temperature_c,note\n"
    content += b"2023-08-01T00:00:00Z,texas,36.5,caf\xe9\n"
    assert codes(content) == [(2, None)]


def test_a_header_in_latin_1_is_a_bad_file() -> None:
    with pytest.raises(BadFile, match="UTF-8"):
        read("timestamp,region,température\n".encode("latin-1"))


def test_nul_bytes_are_refused_and_can_be_stored() -> None:
    content = HEADER.encode() + b"2023-08-01T00:00:00Z,te\x00xas,36.5\n"
    refused = read(content)[0]
    assert isinstance(refused, RefusedRow)
    assert refused.code.value == "not_text"
    assert "\x00" not in refused.raw_text


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("2023-08-01T00:00:00Z,texas", "cell_count"),
        ("2023-08-01T00:00:00Z,texas,12,5", "cell_count"),
        ("2023-08-01T00:00:00Z,texas,", "no_values"),
        ('2023-08-01T00:00:00Z,"texas,36.5', "quoting"),
        ("2023-08-01T00:00:00Z,,36.5", "unknown_region"),
        ("2023-08-01T00:00:00Z;texas;36.5", "cell_count"),
    ],
)
def test_broken_lines_are_refused_with_their_reason(line: str, code: str) -> None:
    assert codes(f"{HEADER}{ROW}{line}\n".encode()) == [(2, None), (3, code)]


def test_raw_text_is_cut() -> None:
    refused = read(f"{HEADER}{'x' * 2_000}\n".encode())[0]
    assert isinstance(refused, RefusedRow)
    assert refused.raw_text == "x" * 500


def test_the_content_hash_does_not_depend_on_packing_or_reading(
    tmp_path: Path,
) -> None:
    content = (HEADER + ROW).encode()
    packed = tmp_path / "named_without_ending"
    packed.write_bytes(gzip.compress(content))
    expected = hashlib.sha256(content).hexdigest()
    for source in (packed, io.BytesIO(content)):
        with open_source(source) as opened:
            assert opened.finish_sha256() == expected
    with open_source(packed) as opened:
        list(open_telemetry_file(TelemetryFormat.CSV, opened, RULES).rows)
        assert opened.finish_sha256() == expected


def test_a_given_stream_stays_open() -> None:
    stream = io.BytesIO((HEADER + ROW).encode())
    read(stream)
    assert not stream.closed


def test_paths_that_cannot_be_read_are_said_so(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidInput, match="no file"),
        open_source(tmp_path / "absent.csv"),
    ):
        pass
    with pytest.raises(InvalidInput, match="is a folder"), open_source(tmp_path):
        pass


class Repeated(io.RawIOBase):
    """A stream of a head and then one block over and over, never held in memory."""

    def __init__(self, head: bytes, block: bytes, n_blocks: int) -> None:
        super().__init__()
        self._head, self._block, self._left = head, block, n_blocks

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._head and self._left:
            self._head, self._left = self._block, self._left - 1
        piece, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def peak_mib(source: BinaryIO) -> tuple[float, list[str | None]]:
    """Peak memory while every row is read and let go, and the distinct reasons."""
    tracemalloc.start()
    try:
        with open_source(source) as opened:
            rows = open_telemetry_file(TelemetryFormat.CSV, opened, RULES).rows
            reasons = {
                row.code.value if isinstance(row, RefusedRow) else None for row in rows
            }
        return tracemalloc.get_traced_memory()[1] / MIB, sorted(reasons, key=str)
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file() -> None:
    source = Repeated(HEADER.encode(), ROW.encode() * 1_000, n_blocks=200)
    peak, reasons = peak_mib(source)  # type: ignore[arg-type]
    assert reasons == [None]
    assert peak < 2.0


def test_a_line_of_100_mb_is_one_refused_row_in_little_memory() -> None:
    source = Repeated(HEADER.encode(), b"x" * MIB, n_blocks=100)
    peak, reasons = peak_mib(source)  # type: ignore[arg-type]
    assert reasons == ["line_too_long"]
    assert peak < 6.0


def packed(head: bytes, filling: bytes, mib: int) -> BinaryIO:
    """A head and then `mib` MiB of a filling, gzipped a thousandth as large."""
    pack = gzip.compress(head + filling * (mib * MIB // len(filling)))
    return io.BytesIO(pack)


@pytest.mark.parametrize("head", [b"", HEADER.encode(), (HEADER + ROW).encode()])
@pytest.mark.parametrize("filling", [b"\x00", b"0", b"\n"], ids=["NUL", "0", "LF"])
def test_a_gzip_bomb_ends_at_the_limit_in_little_memory(
    head: bytes, filling: bytes
) -> None:
    bomb = packed(head, filling, 8)
    tracemalloc.start()
    try:
        with (
            pytest.raises(BadFile, match=r"more than 2 MiB when|NUL bytes"),
            open_source(bomb, largest_bytes=2 * MIB) as opened,
        ):
            for _ in open_telemetry_file(TelemetryFormat.CSV, opened, RULES).rows:
                pass
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("filling", "said"),
    [
        ("[],", "lists and objects"),
        ("[[[[]]]],", "lists and objects"),
        ("0,", "hourly"),
    ],
)
def test_a_json_bomb_takes_little_memory(filling: str, said: str) -> None:
    content = '{"hourly": [' + filling * (10 * MIB // len(filling)) + "0]}"
    bomb = io.BytesIO(gzip.compress(content.encode()))
    tracemalloc.start()
    try:
        with pytest.raises(BadFile, match=said), open_source(bomb) as opened:
            open_telemetry_file(TelemetryFormat.OPEN_METEO, opened, FOR_TEXAS)
        assert tracemalloc.get_traced_memory()[1] < 200 * MIB
    finally:
        tracemalloc.stop()


def test_the_most_memory_that_json_of_the_largest_size_takes() -> None:
    """Short words that differ are what takes most; 12 MiB of them stay below 200."""
    words = (f'"{number:x}",' for number in range(10**9))
    content = '{"hourly": ['
    parts, size = [content], len(content)
    while size < MAX_JSON_BYTES - 20:
        parts.append(next(words))
        size += len(parts[-1])
    raw = ("".join(parts) + "0]}").encode()
    del parts
    tracemalloc.start()
    try:
        with (
            pytest.raises(BadFile, match="hourly"),
            open_source(io.BytesIO(raw)) as opened,
        ):
            open_telemetry_file(TelemetryFormat.OPEN_METEO, opened, FOR_TEXAS)
        assert tracemalloc.get_traced_memory()[1] < 200 * MIB
    finally:
        tracemalloc.stop()


def test_rows_after_an_overlong_line_keep_their_numbers() -> None:
    content = f"{HEADER}{'x' * 200_000}\n{ROW}".encode()
    assert codes(content) == [(2, "line_too_long"), (3, None)]


def test_a_million_columns_are_a_bad_file() -> None:
    with pytest.raises(BadFile, match="longer than"):
        read(b"timestamp," + b"column," * 1_000_000 + b"\n" + ROW.encode())


@settings(max_examples=200, deadline=None)  # the first Parquet file loads its library
@given(st.binary(max_size=400))
def test_no_bytes_make_anything_but_rows_and_refusals(content: bytes) -> None:
    for candidate in (content, HEADER.encode() + content):
        with suppress(BadFile):
            assert all(isinstance(r, ParsedRow | RefusedRow) for r in read(candidate))
