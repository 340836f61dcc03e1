"""Exports hold no cell that a spreadsheet runs, whatever it takes for a separator."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.list_exports import neutral

FORMULA = re.compile(r"""[\s"]*[=+\-@]""")
TEXTS = st.text(alphabet="=+-@;,\t\r\n \"'a1|!()", max_size=30)


def cells(line: str, separator: str) -> list[str]:
    """As a program parts them that honours quotes, and as one that does not."""
    kept = next(csv.reader(io.StringIO(line, newline=""), delimiter=separator), [])
    return [*kept, *re.split(f"[{separator}\\r\\n]", line)]


def written(text: str) -> str:
    """A row of an export: a number, the text, a name."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([7, neutral(text), "olga"])
    return buffer.getvalue()


@given(TEXTS)
def test_no_cell_begins_a_formula_at_any_separator(text: str) -> None:
    for separator in ";\t":
        for cell in cells(written(text), separator):
            assert not FORMULA.match(cell)
    whole = next(csv.reader(io.StringIO(written(text), newline="")))
    assert not FORMULA.match(whole[1])
    assert not whole[1].startswith(("\t", "\r"))


@pytest.mark.parametrize(
    "text",
    ["seen;=1+1", "seen\t=1+1", 'x; "=1+1', "x;\n@cmd", "x\n=1+1", "x;'=1", "x;＝1+1"],
)
def test_a_formula_behind_a_separator_is_quoted(text: str) -> None:
    assert re.search("'[=@\uff1d]", neutral(text))


def test_plain_text_stays_as_it_is() -> None:
    for text in ("Arizona", "35 °C; Ireland has room", "1;2", "a-b; c+d", ""):
        assert neutral(text) == text
