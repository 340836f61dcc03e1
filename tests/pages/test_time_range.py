"""What an address says of time, on every page alike."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import InvalidInput
from pages.addresses import Query
from pages.time_range import Period, compared_days, period_of

TODAY = date(2026, 7, 20)


@pytest.mark.parametrize(
    ("search", "first_day", "last_day", "is_live"),
    [
        ("?span=7", date(2026, 7, 14), TODAY, True),
        ("?span=365&from=2026-01-01", date(2025, 7, 21), TODAY, True),
        ("?day=2026-07-04", date(2026, 7, 4), date(2026, 7, 4), False),
        (
            "?span=dates&from=2026-07-01&to=2026-07-04",
            date(2026, 7, 1),
            date(2026, 7, 4),
            False,
        ),
        ("?from=2026-07-01", date(2026, 7, 1), TODAY, False),
        ("?to=2026-07-01", date(2026, 7, 1), date(2026, 7, 1), False),
    ],
)
def test_an_address_names_a_period(
    search: str, first_day: date, last_day: date, *, is_live: bool
) -> None:
    assert period_of(Query.parse(search), TODAY) == Period(
        first_day=first_day, last_day=last_day, is_live=is_live
    )


@pytest.mark.parametrize("search", ["", "?span=dates", "?compare=7"])
def test_without_a_period_it_is_now(search: str) -> None:
    assert period_of(Query.parse(search), TODAY) is None


@pytest.mark.parametrize(
    "search",
    ["?span=8", "?from=2026-07-04&to=2026-07-01", "?from=yesterday", "?day=2026-02-30"],
)
def test_a_period_that_cannot_be_is_refused(search: str) -> None:
    with pytest.raises(InvalidInput):
        period_of(Query.parse(search), TODAY)


def test_a_comparison_is_so_many_days_earlier() -> None:
    assert compared_days(Query.parse("?compare=364")) == 364
    assert compared_days(Query.parse("")) is None
    with pytest.raises(InvalidInput):
        compared_days(Query.parse("?compare=2"))
