"""Addresses are hostile text until they are parsed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from core.errors import InvalidInput, NotFound
from pages import addresses
from pages.addresses import Query


def test_a_link_reproduces_what_it_was_built_from() -> None:
    href = addresses.what_if_href("arizona", "ireland", date(2023, 7, 14))
    query = Query.parse(href.removeprefix("/what-if"))
    assert (query.text("source"), query.text("target")) == ("arizona", "ireland")
    assert query.day("day") == date(2023, 7, 14)


def test_an_absent_day_means_the_next_24_hours() -> None:
    assert addresses.forecast_href("arizona") == "/forecast?region=arizona"
    assert Query.parse("?region=arizona").day("day") is None


@pytest.mark.parametrize("search", [None, "", "?", 7, ["?region=x"], {"a": 1}])
def test_an_address_without_a_query_has_no_values(search: object) -> None:
    assert Query.parse(search).text("region") is None


def test_a_repeated_parameter_counts_as_its_last() -> None:
    assert Query.parse("?region=a&region=b").text("region") == "b"


@pytest.mark.parametrize("day", ["2023-13-01", "yesterday", "2023-02-30", "1" * 70])
def test_a_day_that_is_none_is_refused_by_name(day: str) -> None:
    with pytest.raises(InvalidInput):
        Query.parse(f"?day={day}").day("day")


@pytest.mark.parametrize(
    "instant",
    ["2023-07-14", "2023-07-14T06:00", "0001-01-01T00:00Z", "9999-12-31T23:00Z", "now"],
)
def test_an_instant_without_its_zone_or_beyond_reason_is_refused(instant: str) -> None:
    with pytest.raises(InvalidInput):
        Query.parse(f"?issued={instant}").instant("issued")


def test_an_instant_reads_back_as_it_was_written() -> None:
    given = datetime(2023, 7, 14, 6, tzinfo=UTC)
    text = addresses.instant_text(given)
    assert Query.parse(f"?issued={text}").instant("issued") == given
    assert Query.parse("?issued=2023-07-14T08:00%2B02:00").instant("issued") == given


@pytest.mark.parametrize("shift", ["-1", "100.06", "nan", "inf", "1e9", "ten", "0x10"])
def test_a_shift_outside_0_to_100_is_refused(shift: str) -> None:
    with pytest.raises(InvalidInput, match="0 to 100"):
        Query.parse(f"?shift={shift}").shift_pct("shift")


def test_a_shift_is_rounded_to_the_steps_of_the_slider() -> None:
    assert addresses.parse_shift_pct("33.333") == 33.3
    assert addresses.parse_shift_pct(100) == 100.0


@pytest.mark.parametrize(
    "path",
    [
        "/decisions/",
        "/decisions/x",
        "/decisions/-1",
        "/decisions/²",
        None,
        "/decisions/99999999999999999999",
        "/decisions/0",
    ],
)
def test_an_address_that_names_no_decision_is_not_found(path: str | None) -> None:
    with pytest.raises(NotFound):
        addresses.decision_id_of(path)


def test_the_permalink_names_its_decision() -> None:
    assert addresses.decision_id_of(addresses.decision_href(412)) == 412


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(InvalidInput):
        Query.parse("?" + "&".join(f"a{i}=1" for i in range(100)))


@pytest.mark.parametrize(
    "search", ["?region=a%00b", "?region=a%0Ab", "?region=%E2%80%AEa"]
)
def test_an_address_with_characters_that_cannot_be_shown_is_refused(
    search: str,
) -> None:
    with pytest.raises(InvalidInput, match="cannot be shown"):
        Query.parse(search).text("region")
