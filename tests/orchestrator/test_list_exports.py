"""Exports hold no cell that a spreadsheet runs, whatever it takes for a separator."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

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


@pytest.mark.parametrize(
    "place", ["{}=1+1", "seen;{}=1+1", "{}＝1", " {}@cmd", "{}﹦1"]
)
def test_a_formula_behind_characters_that_nobody_sees_is_quoted(place: str) -> None:
    unseen = [
        chr(point)
        for point in range(0x110000)
        if unicodedata.category(chr(point)) in {"Cf", "Cc", "Zs", "Zl", "Zp"}
    ]
    # Arabic and other signs that stand before numbers are format characters, but seen.
    seen = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
    seen |= {"\U000110bd", "\U000110cd", *map(chr, range(0x13430, 0x13440))}
    seen |= set(map(chr, [*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)]))
    for character in (*unseen, "\u3164", "\u115f", "\ufe0f", "\u034f"):
        if character not in seen:
            text = place.format(character)
            assert re.search("'[=@＝﹦]", neutral(text)), f"U+{ord(character):04X}"


def test_plain_text_stays_as_it_is() -> None:
    for text in ("Arizona", "35 °C; Ireland has room", "1;2", "a-b; c+d", ""):
        assert neutral(text) == text
