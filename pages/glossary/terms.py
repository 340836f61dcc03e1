"""The words of the portal, each explained once, in `words.md` beside this module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files


def _read() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in files(__package__).joinpath("words.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            found[line.removeprefix("## ")] = {}
        elif word := re.fullmatch(r"\*\*(.+?)\*\*: (.+)", line):
            found[list(found)[-1]][word[1]] = word[2]
    return found


TERMS = _read()
"""Sentences by word, in groups."""


def term_key(word: str) -> str:
    """The word as addresses write it.

    Examples
    --------
    >>> term_key("Chance of exceeding")
    'chance-of-exceeding'
    """
    return re.sub(r"[^a-z0-9]+", "-", word.casefold())


_BY_KEY = {
    term_key(word): (word, sentence)
    for words in TERMS.values()
    for word, sentence in words.items()
}


def explained(key: str) -> tuple[str, str] | None:
    """The word with this key and what it means; None where it is not explained."""
    return _BY_KEY.get(key)
