"""What a file is by its first bytes: a table of text, a workbook, parquet, or JSON."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from orchestrator.telemetry.readers.lines import Line, read_lines
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.sources import HashedBytes

MAX_JSON_BYTES = 12 * 1024 * 1024
"""The whole JSON is held in memory; this much is some 12 years of hourly weather."""

MAX_CONTAINERS = 200_000
"""Lists and objects of a JSON, which take 30 times their text."""

MAX_BINARY_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_TYPED_ROWS = 5_000_000

CELL_MARK = "\x1f"
"""Stands between the cells of a typed table, which has no delimiter of its own."""

_BUFFER_BYTES = 1 << 16
_BLANKS = b" \t\r\n\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class TableContent:
    """Lines of a table; typed ones have their cells divided by `CELL_MARK`."""

    lines: Iterator[Line]
    is_typed: bool = False


@dataclass(frozen=True, slots=True)
class JsonContent:
    """A whole JSON document."""

    document: object


def open_content(content: HashedBytes) -> TableContent | JsonContent:
    """Look at the first bytes, and open what they announce.

    Raises
    ------
    BadFile
        When the file is empty, or is nothing that can be read.
    """
    buffered = io.BufferedReader(content, _BUFFER_BYTES)
    head = buffered.peek(4096)[:4096]
    start = head.lstrip(_BLANKS)
    if not head:
        message = "The file is empty."
        raise BadFile(message)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return TableContent(_numbered(_workbook_rows(_read_all(buffered))), True)
    if head.startswith(b"PAR1"):
        return TableContent(_numbered(_parquet_rows(_read_all(buffered))), True)
    if start.startswith((b"{", b"[")):
        return JsonContent(_load_json(_read_capped(buffered)))
    if start[:1] == b"<":
        is_page = b"<html" in start[:1000].lower() or b"<!doctype" in start[:20].lower()
        what = "a web page, perhaps an error of a server," if is_page else "XML"
        message = f"The file is {what} and no table or JSON; download the data itself."
        raise BadFile(message)
    return TableContent(read_lines(buffered))


def _read_capped(buffered: io.BufferedReader[HashedBytes]) -> bytes:
    raw = buffered.read(MAX_JSON_BYTES + 1)
    buffered.detach()
    if len(raw) > MAX_JSON_BYTES:
        message = (
            f"The JSON is larger than {MAX_JSON_BYTES // 1024**2} MiB; request fewer"
            " years at once."
        )
        raise BadFile(message)
    return raw


def _load_json(raw: bytes) -> object:
    if raw.count(b"[") + raw.count(b"{") > MAX_CONTAINERS:
        message = (
            "The JSON is no answer of a known API: it holds more than"
            f" {MAX_CONTAINERS:,} lists and objects."
        )
        raise BadFile(message)
    try:
        document: object = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        message = f"The file is no JSON: {exc}."
        raise BadFile(message) from exc
    return document


def _read_all(buffered: io.BufferedReader[HashedBytes]) -> bytes:
    raw = buffered.read(MAX_BINARY_BYTES + 1)
    buffered.detach()
    if len(raw) > MAX_BINARY_BYTES:
        message = (
            f"The file has more than {MAX_BINARY_BYTES // 1024**2} MiB; save it as CSV,"
            " which is read as a stream."
        )
        raise BadFile(message)
    return raw


def _workbook_rows(raw: bytes) -> Iterator[Iterable[object]]:
    """Rows of the first sheet of a workbook that has any."""
    if raw.startswith(b"PK"):
        _require_workbook(raw)
    try:
        from python_calamine import CalamineWorkbook  # noqa: PLC0415 -- an extra
    except ImportError as exc:
        message = (
            "The file is an Excel workbook. Save the sheet as CSV, or install the"
            " extra `workbooks` (python-calamine) to read it as it is."
        )
        raise BadFile(message) from exc
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        for name in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(name).to_python()
            if rows:
                return iter(rows)
    # The library raises errors of its own for each kind of damage.
    except Exception as exc:
        message = f"The workbook cannot be read: {str(exc)[:200]}."
        raise BadFile(message) from exc
    message = "The workbook has no rows."
    raise BadFile(message)


def _require_workbook(raw: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as exc:
        message = f"The file is a damaged zip archive or workbook: {exc}."
        raise BadFile(message) from exc
    names = {entry.filename for entry in entries}
    is_workbook = any(name.startswith("xl/workbook.") for name in names)
    if not is_workbook and "content.xml" not in names:
        inside = ", ".join(sorted(names)[:3])
        message = f"The file is a zip archive ({inside[:120]}); unpack it first."
        raise BadFile(message)
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        message = "The workbook is too large when it is unpacked; save it as CSV."
        raise BadFile(message)


def _parquet_rows(raw: bytes) -> Iterator[Iterable[object]]:
    try:
        from pyarrow import ArrowException, BufferReader  # noqa: PLC0415 -- an extra
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    except ImportError as exc:
        message = (
            "The file is parquet. Save it as CSV, or install the extra `parquet`"
            " (pyarrow) to read it as it is."
        )
        raise BadFile(message) from exc
    try:
        parquet = ParquetFile(BufferReader(raw))
        if parquet.metadata.num_rows > MAX_TYPED_ROWS:
            message = f"The file has more than {MAX_TYPED_ROWS:,} rows; save it as CSV."
            raise BadFile(message)
        yield parquet.schema_arrow.names
        for batch in parquet.iter_batches(batch_size=4096):
            yield from zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            )
    except (ArrowException, OSError, ValueError) as exc:
        message = f"The parquet file cannot be read: {str(exc)[:200]}."
        raise BadFile(message) from exc


def _numbered(rows: Iterable[Iterable[object]]) -> Iterator[Line]:
    """Typed rows as lines; blank ones are left out, and numbered all the same."""
    for number, row in enumerate(rows, start=1):
        text = CELL_MARK.join(_cell_text(cell) for cell in row)
        if text.strip(CELL_MARK + " "):
            yield Line(number, text, None)


def _cell_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        # Workbooks keep days as floats, which miss the second by some microseconds.
        return (cell + timedelta(seconds=0.5)).replace(microsecond=0).isoformat()
    if isinstance(cell, date):
        return f"{cell.isoformat()}T00:00:00"
    if isinstance(cell, time):
        return cell.isoformat()
    if isinstance(cell, float):
        return repr(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell).replace(CELL_MARK, " ").replace("\n", " ")
