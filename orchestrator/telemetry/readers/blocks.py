"""Plain rows of a table read as columns: most rows of most files.

A block is made only of lines that need no judgement, so that every refusal, note and
odd case is left to the reading of single rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from core.aliases import BoolArray, FloatArray, IntArray
from orchestrator.telemetry.readers.lines import Line
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    RAW_TEXT_CHARS,
    HourBlock,
)

BLOCK_LINES = 1_024
"""Enough for columns to pay, and little enough to hold a megabyte."""

_FULL_HOURS = re.compile(
    r"(?:(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:00:00(?:Z|\+00:00)\n)+",
    re.ASCII,
)
_CHARS_OF_HOUR = len("2023-08-01T14")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTable:
    """Where the cells of a table's rows stand, and what they may hold."""

    delimiter: str
    cell_count: int
    stamp_index: int
    region_index: int | None
    region_slug: str | None
    accepted: Collection[str]
    columns: Sequence[ValueColumn]

    def block(
        self, lines: Sequence[Line], *, may_have_points: bool
    ) -> HourBlock | None:
        """The lines as a block; None when any of them has to be judged by itself.

        Parameters
        ----------
        may_have_points : bool
            A point in a number is the decimal mark.
        """
        texts = [line.text for line in lines]
        whole = self.delimiter.join(texts)
        if (
            not whole.isascii()
            or '"' in whole
            or "_" in whole
            or len(max(texts, key=len)) > RAW_TEXT_CHARS
            or any(line.refusal is not None for line in lines)
            or {text.count(self.delimiter) for text in texts} != {self.cell_count - 1}
        ):
            return None
        cells = whole.split(self.delimiter)
        hours = _full_hours(self._column(cells, self.stamp_index))
        places = self._places(cells, len(lines))
        values = self._values(cells, len(lines), may_have_points=may_have_points)
        if hours is None or places is None or values is None:
            return None
        raw_texts = np.empty(len(texts), dtype=np.object_)
        raw_texts[:] = texts
        return HourBlock(
            slugs=places[0],
            codes=places[1],
            line_numbers=np.array([line.number for line in lines]),
            hours=hours,
            values=values,
            raw_texts=raw_texts,
        )

    def _column(self, cells: Sequence[str], index: int) -> Sequence[str]:
        return cells[index :: self.cell_count]

    def _places(
        self, cells: Sequence[str], n_rows: int
    ) -> tuple[tuple[str, ...], IntArray] | None:
        if self.region_index is None:
            return (self.region_slug or "",), np.zeros(n_rows, dtype=np.int64)
        column = self._column(cells, self.region_index)
        codes = {slug: code for code, slug in enumerate(dict.fromkeys(column))}
        for slug in codes:
            if slug not in self.accepted or self.region_slug not in {None, slug}:
                return None
        return tuple(codes), np.array([codes[slug] for slug in column])

    def _values(
        self, cells: Sequence[str], n_rows: int, *, may_have_points: bool
    ) -> FloatArray | None:
        """What `float` reads, where it needs no other reading and is in range."""
        values = np.full((n_rows, len(QUANTITIES)), np.nan)
        for column in self.columns:
            texts = self._column(cells, column.index)
            if not may_have_points and any("." in text for text in texts):
                return None
            is_blank: BoolArray | bool = False
            if "" in texts:
                is_blank = np.array([not text for text in texts])
                texts = [text or "nan" for text in texts]
            try:
                read = np.fromiter(map(float, texts), np.float64, count=n_rows)
            except ValueError:
                return None
            is_plain = (read >= column.valid.low) & (read <= column.valid.high)
            for code in column.codes:
                is_plain &= read != code
            if not (is_plain | is_blank).all():
                return None
            values[:, column.slot] = read + 0.0  # makes zero of negative zero
        return None if np.isnan(values).all(axis=1).any() else values


def _full_hours(stamps: Sequence[str]) -> IntArray | None:
    """Hours since 1970 of stamps like 2023-08-01T14:00:00Z, or with +00:00."""
    if not _FULL_HOURS.fullmatch("\n".join(stamps) + "\n"):
        return None
    try:
        instants = np.array(
            [stamp[:_CHARS_OF_HOUR] for stamp in stamps], dtype="datetime64[h]"
        )
    except ValueError:
        return None
    return instants.astype(np.int64)
