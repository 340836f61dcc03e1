"""Numbers and verdicts in words never contradict each other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from dash import dcc

from core.scheduler import Outcome
from pages import words
from pages.components import named
from pages.glossary.terms import TERMS, explained, term_key
from pages.theme import number, short_number, utc_offset


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("chance", "shown"),
    [
        (0.0712, "7 %"),
        (0.05, "5 %"),
        (0.0546, "5.5 %"),
        (0.0502, "5.02 %"),
        (0.0496, "5 %"),
        (0.00273, "< 0.3 %"),
        (2 / 366, "1 %"),
        (1.0, "100 %"),
    ],
)
def test_a_chance_has_the_digits_that_tell_it_from_the_allowed_one(
    chance: float, shown: str
) -> None:
    assert plain(words.probability(chance, 0.05)) == shown


def test_an_unknown_chance_is_a_dash_and_never_a_zero() -> None:
    assert words.probability(None, 0.05) == "–"
    assert words.probability(float("nan"), 0.05) == "–"


@pytest.mark.parametrize(
    ("bound_c", "shown"), [(36.11, "36.2 °C"), (35.0, "35.0 °C"), (-0.04, "0.0 °C")]
)
def test_a_bound_is_rounded_up(bound_c: float, shown: str) -> None:
    assert plain(words.bound(bound_c)) == shown


def test_an_infinite_bound_is_not_a_number() -> None:
    assert words.bound(float("inf")) == "–"


def test_minus_is_the_true_minus_and_zero_has_none() -> None:
    assert number(-3.25, 1) == "−3.2"
    assert number(-0.01, 1) == "0.0"
    assert short_number(-5.5) == "−5.5"


def test_a_data_problem_has_its_own_shape_and_word() -> None:
    shapes = {
        words.verdict_shape(Outcome.APPROVED, data_problem=False),
        words.verdict_shape(Outcome.BLOCKED, data_problem=False),
        words.verdict_shape(Outcome.BLOCKED, data_problem=True),
    }
    assert len(shapes) == 3


def test_a_time_states_its_offset_on_both_sides_of_a_clock_change() -> None:
    winter = datetime(2023, 3, 12, 7, tzinfo=UTC)
    summer = datetime(2023, 3, 12, 9, tzinfo=UTC)
    assert words.local_time(winter, "America/Chicago").endswith("01:00 (UTC−6)")
    assert words.local_time(summer, "America/Chicago").endswith("04:00 (UTC−5)")


def test_an_offset_of_part_of_an_hour_is_stated_in_full() -> None:
    moment = datetime.fromisoformat("2023-08-01T00:00:00+05:45")
    assert utc_offset(moment) == "UTC+5:45"


def test_sentences_of_the_scheduler_get_thin_spaces_before_units() -> None:
    assert words.typeset("bound -0.8 °C on 2026-07-10") == (
        "bound −0.8\u202f°C on 2026-07-10"
    )
    assert words.typeset("from 36.2 °C, shift 24 %, in 3 h") == (
        "from 36.2\u202f°C, shift 24\u202f%, in 3\u202fh"
    )


def test_words_are_explained_once_and_labels_lead_to_them() -> None:
    keys = [term_key(word) for words in TERMS.values() for word in words]
    assert len(keys) == len(set(keys)) > 50
    for word in (
        "bound",
        "margin",
        "coverage",
        "conformal-score",
        "reserve",
        "hindcast",
    ):
        assert explained(word) is not None
    assert explained("nonsense") is None
    lead = named("Tracking offset")
    assert isinstance(lead, dcc.Link)
    assert lead.href == "/words?term=tracking-offset"
    assert named("Window") == "Window"
