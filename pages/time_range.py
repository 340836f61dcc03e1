"""Which time a page shows: now, a day, a range; live or frozen; beside which days.

All of it is in the address, under the same names on every page: `day`; `span`, so many
days up to today, which stays live; `from` and `to`, which do not move; `compare`, so
many days earlier; `frozen`. Lists and pages of periods keep these as filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from core.errors import InvalidInput
from pages.addresses import Query
from pages.components import field
from pages.list_controls import choice, day_filter, follow_filters
from pages.serving import follow_in_browser

DAY_OUTPUTS = (
    "date",
    "min_date_allowed",
    "max_date_allowed",
    "disabled_days",
    "initial_visible_month",
    "disabled",
)
"""Properties of a DatePickerSingle, in the order that `day_choice` gives them."""

DATES = "dates"
SPANS = {"7": "Last 7 days", "30": "Last 30 days", "90": "Last 90 days",
         "365": "Last 365 days", DATES: "From, to"}  # fmt: skip
COMPARISONS = {"1": "Day before", "7": "Week before", "28": "4 weeks before",
               "364": "Year before"}  # fmt: skip
"""Days earlier; a year is of whole weeks, so that weekdays meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days [first, last] that an address asks for.

    Attributes
    ----------
    is_live : bool
        Whether it ends today, whichever day that is.
    """

    first_day: date
    last_day: date
    is_live: bool = False

    @classmethod
    def until(cls, today: date, n_days: int) -> Period:
        """So many days up to today; it moves on with the calendar."""
        first_day = today - timedelta(days=n_days - 1)
        return cls(first_day=first_day, last_day=today, is_live=True)

    @property
    def n_days(self) -> int:
        """How many days it has."""
        return (self.last_day - self.first_day).days + 1


def period_of(query: Query, today: date) -> Period | None:
    """The period that an address asks for; None for now, or for all time.

    Of a range with one end only, the other is the same day in the past and today.

    Raises
    ------
    InvalidInput
        When its first day is after its last.
    """
    span = query.one_of("span", SPANS)
    if span not in {None, DATES}:
        return Period.until(today, int(str(span)))
    day, first_day_, last_day = query.day("day"), query.day("from"), query.day("to")
    if day is not None:
        return Period(first_day=day, last_day=day)
    if first_day_ is None and last_day is None:
        return None
    found = Period(
        first_day=first_day_ or last_day or today, last_day=last_day or today
    )
    if found.n_days < 1:
        message = "The range ends before it begins; choose a later last day."
        raise InvalidInput(message)
    return found


def compared_days(query: Query) -> int | None:
    """How many days earlier an address compares with; None without a comparison."""
    days = query.one_of("compare", COMPARISONS)
    return None if days is None else int(days)


def day_field(page: str, *, compare: bool = False, freezes: bool = False) -> Component:
    """Of a page of one window: a day that has data, or the next 24 hours.

    `follow_time` keeps it and the address alike, but for the day, which is the page's.
    """
    return html.Div(
        [
            field(
                "Day",
                dcc.DatePickerSingle(
                    id=f"{page}-day",
                    display_format="D MMM YYYY",
                    placeholder="Next 24 hours",
                    first_day_of_week=1,
                ),
            ),
            dbc.Button("Next 24 hours", id=f"{page}-next-24h", color="link"),
            *([_compare(page)] if compare else []),
            *([_frozen(page)] if freezes else []),
        ],
        className="gfo-time",
    )


def range_field(page: str, open_words: str, *, compare: bool = False) -> Component:
    """Of a page of a period: now or all time, so many days up to today, two days.

    `open_words` says what is shown without a period.
    """
    return html.Div(
        [
            field("Time", choice(f"{page}-span", SPANS, open_words)),
            field("From", day_filter(f"{page}-from")),
            field("to", day_filter(f"{page}-to")),
            *([_compare(page)] if compare else []),
        ],
        className="gfo-time",
    )


def _compare(page: str) -> Component:
    return field("Compare with", choice(f"{page}-compare", COMPARISONS, "Nothing"))


def _frozen(page: str) -> Component:
    control: Component = dbc.Checkbox(id=f"{page}-frozen", label="Frozen", value=False)
    return control


def follow_time(
    app: Dash,
    page: str,
    names: Sequence[str],
    *,
    others: Sequence[str] = (),
    refresh: str | None = None,
    location_id: str = "",
) -> None:
    """Keep the picker of a page and its address alike, in the browser.

    `names` are those of the picker's parts that the page has, `others` the ids of its
    other filters. A frozen page is not asked for again: `refresh` is its interval.
    """
    location_id = location_id or f"{page}-url"
    follow_filters(app, location_id, [*others, *(f"{page}-{name}" for name in names)])
    if "span" in names:
        follow_in_browser(
            app,
            "gfo_pages",
            "one_way_of_time",
            *(Input(f"{page}-{name}", "value") for name in ("span", "from", "to")),
            State(location_id, "search"),  # so it is for whom the page is
        )
    if refresh is not None:
        follow_in_browser(
            app,
            "gfo_pages",
            "hold_frozen",
            Output(refresh, "disabled"),
            Input(location_id, "search"),
        )


def day_choice(
    chosen: date | None,
    first_day: date | None,
    last_day: date | None,
    missing_days: Sequence[date],
) -> tuple[object, ...]:
    """What a day picker shows; it is disabled while no day has data."""
    return (
        _iso(chosen),
        _iso(first_day),
        _iso(last_day),
        [day.isoformat() for day in missing_days],
        _iso(chosen or last_day),
        last_day is None,
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
