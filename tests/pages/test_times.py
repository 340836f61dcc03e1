"""Whose clock: region, browser or UTC; days that change their clock keep every hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plotly import graph_objects as go

from core.days import issue_at_local_midnight
from orchestrator.forecasts.views import FleetView
from pages.audit import list_grids
from pages.audit.decision_content import decision_page
from pages.forecast.figures import MEAN_LABEL, forecast_band
from pages.forecast.layout import content
from pages.theme import local_labels, local_time_axis, zone_label
from pages.times import Clock, Times, in_times, parse_times
from pages.words import exact_time, local_time

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
        go.Figure(forecast_band(in_times(view, times))) for times in (Times(), BERLIN)
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
    assert axis["title"] == "Time (Europe/Dublin, UTC+0 then UTC+1)"
    texts = [text.split("<br>")[0] for text in axis["ticktext"]]
    assert texts == ["00:00", "06:00", "12:00", "18:00", "00:00"]


def test_a_day_without_a_change_says_its_offset_once() -> None:
    hours = hours_of("Europe/Dublin", 2023, 7, 1)
    assert local_labels(hours, "Europe/Dublin")[0] == "Sat 1 Jul 00:00"
    assert zone_label(hours, "Europe/Dublin") == "Europe/Dublin, UTC+1"


@pytest.mark.parametrize(
    ("zone", "instant", "said"),
    [
        # The hour that comes twice in autumn, and the one that is missing in spring.
        ("Europe/Dublin", "2026-10-25T00:30:15", "25 Oct 2026, 01:30:15 (UTC+1)"),
        ("Europe/Dublin", "2026-10-25T01:30:15", "25 Oct 2026, 01:30:15 (UTC+0)"),
        ("America/Chicago", "2026-03-08T07:59:59", "8 Mar 2026, 01:59:59 (UTC−6)"),
        ("America/Chicago", "2026-03-08T08:00:00", "8 Mar 2026, 03:00:00 (UTC−5)"),
        ("UTC", "2026-03-08T08:00:00", "8 Mar 2026, 08:00:00 UTC"),
    ],
)
def test_audit_events_say_their_offset_when_a_clock_changes(
    make_event_page: Make, zone: str, instant: str, said: str
) -> None:
    moment = datetime.fromisoformat(f"{instant}+00:00")
    assert exact_time(moment, zone) == said
    page = make_event_page(count=1)
    page = replace(page, rows=(replace(page.rows[0], occurred_at_utc=moment),))
    assert list_grids.event_rows(page, zone)[0]["time"] == [
        {"text": said, "time": moment.isoformat()}
    ]


def test_decisions_follow_the_chosen_clock_list_and_story(
    make_decision_page: Make, make_detail: Make, text_of: Text
) -> None:
    def taken(times: Times) -> object:
        page = in_times(make_decision_page(count=1), times)
        zone = times.zone_without_region
        return list_grids.decision_rows(page, zone)[0]["taken"]

    iso = "2023-07-14T07:03:11+00:00"
    assert taken(Times()) == [{"text": "14 Jul 2023, 07:03 UTC", "time": iso}]
    assert taken(BERLIN) == [{"text": "14 Jul 2023, 09:03 (UTC+2)", "time": iso}]
    assert taken(UTC_TIMES) == [{"text": "14 Jul 2023, 07:03 UTC", "time": iso}]
    story = text_of(decision_page(in_times(make_detail(), BERLIN)))
    assert "14 Jul 2023, 09:00 (UTC+2) to 15 Jul 2023, 09:00 (UTC+2)" in story
    assert "Telemetry known until 14 Jul 2023, 09:00 (UTC+2)" in story
    assert "UTC−7" not in story


def test_what_belongs_to_no_region_is_shown_in_utc_or_on_the_browsers_clock() -> None:
    assert Times().zone_without_region == "UTC"
    assert UTC_TIMES.zone_without_region == "UTC"
    assert BERLIN.zone_without_region == "Europe/Berlin"


def test_utc_says_utc() -> None:
    instant = datetime(2023, 7, 1, 12, tzinfo=UTC)
    assert local_time(instant, "UTC") == "1 Jul 2023, 12:00 UTC"
    assert zone_label([instant], "UTC") == "UTC"
