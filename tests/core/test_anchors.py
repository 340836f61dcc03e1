"""Anchors as lines of a file: written once, read strictly."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest

from core.anchors import Anchor, newest, parse_anchor, parse_anchors
from core.errors import InvalidInput

ANCHOR = Anchor(
    installation_id=UUID("00000000-0000-4000-8000-000000000001"),
    seq=42,
    head=bytes(range(32)),
    time_text="2023-08-01T12:00:00.000000Z",
    key_hex="ab" * 32,
    signature=bytes(64),
)


def test_a_line_reads_back_as_the_same_anchor() -> None:
    assert parse_anchors(ANCHOR.line() + "\n") == (ANCHOR,)


def test_the_statement_holds_every_field_but_the_signature() -> None:
    statement = ANCHOR.statement()

    for name, value in (("seq", 43), ("head", bytes(32)), ("key_hex", "cd" * 32)):
        assert replace(ANCHOR, **{name: value}).statement() != statement
    assert replace(ANCHOR, signature=bytes(range(64))).statement() == statement
    assert statement.startswith(b"gfo-audit-anchor:1:{")


def test_an_unfinished_last_line_is_left_out() -> None:
    text = ANCHOR.line() + "\n" + ANCHOR.line()[:100]

    assert parse_anchors(text) == (ANCHOR,)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[1]",
        "not json",
        ANCHOR.line().replace('"seq":42', '"seq":"many"'),
        ANCHOR.line().replace('"seq":42', '"seq":42,"more":1'),
        ANCHOR.line().replace('"seq":42', '"seq": 42'),
        ANCHOR.line().replace('"format":1', '"format":2'),
        ANCHOR.line().replace('"head":"00', '"head":"zz'),
        json.dumps({**json.loads(ANCHOR.line()), "installation_id": None}),
    ],
)
def test_a_finished_line_that_is_no_anchor_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput, match="Line 2"):
        parse_anchors(f"{ANCHOR.line()}\n{line}\n")
    with pytest.raises(InvalidInput):
        parse_anchor(line, 1)


def test_the_newest_anchor_reaches_furthest() -> None:
    assert newest([ANCHOR, replace(ANCHOR, seq=7)]) == ANCHOR
    assert newest([]) is None
