"""What an admin may write of a feed, without a database."""

from __future__ import annotations

import math

import pytest

from core.errors import InvalidInput
from orchestrator.feeds.configuration import check_numbers, read_pairs
from orchestrator.feeds.kinds.known_kinds import kind_named
from tests.feeds.asking_kinds import facts_of


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("every_min", (1, 1440), (0, 1441)),
        ("priority", (1, 99), (0, 100)),
        ("stale_after_h", (1.5, 168.0), (1.4, 168.5, math.nan, math.inf)),
        ("backfill_h", (1, 744), (0, 745)),
        ("requests_a_day", (None, 1, 1_000_000), (0, -1, 1_000_001)),
    ],
)
def test_a_number_has_bounds(
    name: str, good: tuple[float | None, ...], bad: tuple[float, ...]
) -> None:
    for value in good:
        check_numbers(facts_of("folder", "site", **{name: value}))
    for value in bad:
        with pytest.raises(InvalidInput, match="must be from"):
            check_numbers(facts_of("folder", "site", **{name: value}))


def test_only_a_source_of_files_has_a_format() -> None:
    assert kind_named("folder").takes_option("format")
    assert not kind_named("postgresql").takes_option("format")
    for name in ("folder", "postgresql"):
        assert kind_named(name).takes_option("column.load")


def test_pairs_are_divided_at_the_first_sign_and_named_once() -> None:
    assert read_pairs(["here", "there = a{b=c} ", "x="]) == {
        "here": "",
        "there": "a{b=c}",
        "x": "",
    }
    for texts in (["=1"], [" "], ["here=1", "here"]):
        with pytest.raises(InvalidInput, match="NAME=VALUE, or comes twice"):
            read_pairs(texts)
