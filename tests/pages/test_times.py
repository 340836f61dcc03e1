"""Whose clock: region, browser or UTC; days that change their clock keep every hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.days import issue_at_local_midnight
from orchestrator.views import FleetView
from pages.forecast.figures import MEAN_LABEL, forecast_band
from pages.forecast.layout import content
from pages.theme import local_labels, local_time_axis, zone_label
from pages.times import Clock, Times, in_times, parse_times
from pages.words import local_time

Make = Callable[..., Any]
Text = Callable[[object], str]

BERLIN = Times(clock=Clock.BROWSER, browser_zone="Europe/Berlin")
UTC_TIMES = Times(clock=Clock.UTC)


@pytest.mark.parametrize(
    ("cookie", "times"),
    [
        (None, Times()),
        ("region", Times()),
        ("utc", UTC_TIMES),
        ("browser:Europe/Berlin", BERLIN),
        ("browser%3AEurope%2FBerlin", BERLIN),
        ("browser", Times()),
        ("browser:", Times()),
        ("browser:Mars/Olympus", Times()),
        ("browser:../../etc/passwd", Times()),
        ("browser:" + "a" * 5000, Times()),
        ("\x00", Times()),
    ],
)
def test_only_a_known_clock_and_zone_are_taken(
    cookie: str | None, times: Times
) -> None:
    assert parse_times(cookie) == times


def test_a_view_in_another_clock_differs_in_its_zones_only(fleet: FleetView) -> None:
    shown = in_times(fleet, UTC_TIMES)
    assert {row.region.time_zone for row in shown.rows} == {"UTC"}
    back = replace(
        shown,
        rows=tuple(
            replace(row, region=before.region)
            for row, before in zip(shown.rows, fleet.rows, strict=True)
        ),
    )
    assert back == fleet
    assert in_times(fleet, Times()) is fleet


def test_the_chart_moves_its_labels_and_not_its_hours(make_forecast_day: Make) -> None:
    view = make_forecast_day()
    region, berlin = (
        forecast_band(in_times(view, times)) for times in (Times(), BERLIN)
    )
    means = [
        next(trace for trace in figure.data if trace.name == MEAN_LABEL)
        for figure in (region, berlin)
    ]
    assert means[0].x == means[1].x
    assert means[0].y == means[1].y
    assert region.layout.xaxis.title.text == "Time (America/Phoenix, UTC−7)"
    assert berlin.layout.xaxis.title.text == "Time (Europe/Berlin, UTC+2)"


def test_every_time_on_the_forecast_page_says_its_zone(
    make_forecast_day: Make, text_of: Text
) -> None:
    view = make_forecast_day()
    assert "14 Jul 2023, 00:00 (UTC−7)" in text_of(content(view))
    shown = text_of(content(in_times(view, UTC_TIMES)))
    assert "14 Jul 2023, 07:00 UTC" in shown
    assert "Hour (UTC)" in shown
    assert "(UTC−7)" not in shown


def hours_of(time_zone: str, year: int, month: int, day: int) -> list[datetime]:
    start = issue_at_local_midnight(time_zone, datetime(year, month, day).date())  # noqa: DTZ001 -- a calendar day
    return [start + timedelta(hours=hour) for hour in range(24)]


def test_in_autumn_the_hour_that_comes_twice_is_told_apart() -> None:
    hours = hours_of("America/Chicago", 2023, 11, 5)
    labels = local_labels(hours, "America/Chicago")
    assert len(set(labels)) == 24
    assert "Sun 5 Nov 01:00 (UTC−5)" in labels
    assert "Sun 5 Nov 01:00 (UTC−6)" in labels
    assert zone_label(hours, "America/Chicago").endswith("UTC−5 then UTC−6")


def test_in_spring_the_hour_that_is_missing_is_not_shown() -> None:
    hours = hours_of("Europe/Dublin", 2023, 3, 26)
    labels = local_labels(hours, "Europe/Dublin")
    assert len(set(labels)) == 24
    assert not any(" 01:00" in label for label in labels)
    axis = local_time_axis(hours, "Europe/Dublin", every_h=6)
    assert axis["title"] == {"text": "Time (Europe/Dublin, UTC+0 then UTC+1)"}
    texts = [text.split("<br>")[0] for text in axis["ticktext"]]  # type: ignore[attr-defined]
    assert texts == ["00:00", "06:00", "12:00", "18:00", "00:00"]


def test_a_day_without_a_change_says_its_offset_once() -> None:
    hours = hours_of("Europe/Dublin", 2023, 7, 1)
    assert local_labels(hours, "Europe/Dublin")[0] == "Sat 1 Jul 00:00"
    assert zone_label(hours, "Europe/Dublin") == "Europe/Dublin, UTC+1"


def test_utc_says_utc() -> None:
    instant = datetime(2023, 7, 1, 12, tzinfo=UTC)
    assert local_time(instant, "UTC") == "1 Jul 2023, 12:00 UTC"
    assert zone_label([instant], "UTC") == "UTC"
