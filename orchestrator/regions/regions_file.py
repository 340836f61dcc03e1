"""Read a CSV of regions: every line is a region or the file is refused."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InvalidInput
from core.regions import require_time_zone

_NOT_TOLD_APART = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionLine:
    """One line of the file.

    Attributes
    ----------
    number : int
        Line of the file, 1 for the header.
    cells : dict of str to str
        What the columns hold, stripped; an optional column that is empty is left out.
    """

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsFile:
    """The lines of a file of regions, and its columns that nothing reads."""

    lines: tuple[RegionLine, ...]
    unused_columns: tuple[str, ...]


def read_regions_file(
    path: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> RegionsFile:
    """Read a CSV of regions; `slug` and `time_zone` are among the `required` columns.

    Raises
    ------
    InvalidInput
        When the file cannot be read or has no region, lacks a column or names it
        twice; when a line has a required cell empty or more cells than columns, names
        a region that an earlier line names or nearly names, or an unknown time zone.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if any(row)]
    except FileNotFoundError as exc:
        message = f"There is no file {path}."
        raise InvalidInput(message) from exc
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        message = f"{path} cannot be read as CSV: {exc}."
        raise InvalidInput(message) from exc
    if not rows:
        message = f"{path} has no region."
        raise InvalidInput(message)
    for name in (*required, *optional):
        if name in required and name not in header:
            message = f"{path} has no column {name!r}."
            raise InvalidInput(message)
        if header.count(name) > 1:
            message = f"{path} has the column {name!r} twice."
            raise InvalidInput(message)
    lines: list[RegionLine] = []
    earlier: dict[str, RegionLine] = {}
    for number, row in rows:
        line = _line(path, number, dict(zip(header, row, strict=False)), required)
        if any(cell.strip() for cell in row[len(header) :]):
            message = f"Line {number} of {path}: it has more cells than the header."
            raise InvalidInput(message)
        slug = line.cells["slug"]
        first = earlier.setdefault(slug_key(slug), line)
        if first is not line:
            message = (
                f"Line {number} of {path}: {twin_sentence(slug, first.cells['slug'])}"
                f" It is on line {first.number}."
            )
            raise InvalidInput(message)
        used = {*required, *optional}
        cells = {name: text for name, text in line.cells.items() if name in used}
        lines.append(RegionLine(number=number, cells=cells))
    unused = tuple(name for name in header if name and name not in used)
    return RegionsFile(lines=tuple(lines), unused_columns=unused)


def slug_key(slug: str) -> str:
    """What is left of a slug without case and punctuation; twins share it."""
    return _NOT_TOLD_APART.sub("", slug.lower())


def twin_sentence(slug: str, other: str) -> str:
    """Why `slug` cannot stand beside `other`, which has the same key."""
    if slug == other:
        return f"Region {slug} appears twice."
    return f"Region {slug} differs from {other} only in case or punctuation."


def _line(
    path: Path, number: int, row: dict[str, str], required: Sequence[str]
) -> RegionLine:
    cells = {name: text.strip() for name, text in row.items() if text.strip()}
    empty = [name for name in required if name not in cells]
    if empty:
        message = f"Line {number} of {path}: {empty[0]} is missing."
        raise InvalidInput(message)
    try:
        require_time_zone(cells["time_zone"])
    except InvalidInput as exc:
        message = f"Line {number} of {path}: {exc}"
        raise InvalidInput(message) from exc
    return RegionLine(number=number, cells=cells)
