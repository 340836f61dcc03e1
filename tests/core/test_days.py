"""Days: windows of 24 h on calendars whose days are not, and midnights that are not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.days import (
    full_hour,
    issue_at_local_midnight,
    local_day_of,
    local_issue_hour,
    window_end,
)
from core.errors import InvalidInput, OutOfRange

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZONES = [
    "UTC",
    "America/Chicago",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Chatham",
]


INSTANTS_UTC = st.timedeltas(timedelta(0), timedelta(days=40 * 365)).map(
    lambda passed: datetime(1990, 1, 1, tzinfo=UTC) + passed
)


def first_instant_of(time_zone: str, local_day: date) -> datetime:
    """The oracle: walk through UTC until the local day begins."""
    zone = ZoneInfo(time_zone)
    instant = datetime.combine(local_day, datetime.min.time(), tzinfo=UTC) - DAY
    while instant.astimezone(zone).date() < local_day:
        instant += timedelta(minutes=15)
    return instant


@given(
    time_zone=st.sampled_from(ZONES),
    local_day=st.dates(date(1990, 1, 1), date(2030, 1, 1)),
)
def test_issue_is_the_first_full_utc_hour_of_the_local_day(
    time_zone: str, local_day: date
) -> None:
    issued_at_utc = issue_at_local_midnight(time_zone, local_day)
    first = first_instant_of(time_zone, local_day)
    assert full_hour(issued_at_utc) == issued_at_utc
    assert first <= issued_at_utc < first + HOUR


@pytest.mark.parametrize(
    ("time_zone", "local_day", "expected"),
    [
        ("America/Chicago", date(2023, 8, 1), "2023-08-01T05:00:00+00:00"),
        ("America/Chicago", date(2023, 12, 1), "2023-12-01T06:00:00+00:00"),
        ("Asia/Kolkata", date(2023, 8, 1), "2023-07-31T19:00:00+00:00"),
        ("Asia/Kathmandu", date(2023, 8, 1), "2023-07-31T19:00:00+00:00"),
        ("Australia/Adelaide", date(2023, 7, 1), "2023-06-30T15:00:00+00:00"),
        # Midnights that daylight saving skips: the day begins at 1 o'clock.
        ("America/Santiago", date(2023, 9, 3), "2023-09-03T04:00:00+00:00"),
        ("Africa/Cairo", date(2023, 4, 28), "2023-04-27T22:00:00+00:00"),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00+00:00"),
        ("Asia/Beirut", date(2024, 3, 31), "2024-03-30T22:00:00+00:00"),
        # Midnights that come twice: the first.
        ("America/Havana", date(2023, 11, 5), "2023-11-05T04:00:00+00:00"),
        ("Atlantic/Azores", date(2023, 10, 29), "2023-10-29T00:00:00+00:00"),
    ],
)
def test_known_midnights(time_zone: str, local_day: date, expected: str) -> None:
    assert issue_at_local_midnight(time_zone, local_day).isoformat() == expected


@pytest.mark.parametrize(
    ("time_zone", "spring", "autumn"),
    [
        ("America/Chicago", date(2023, 3, 12), date(2023, 11, 5)),
        ("Europe/Berlin", date(2023, 3, 26), date(2023, 10, 29)),
        ("Australia/Sydney", date(2023, 10, 1), date(2023, 4, 2)),
    ],
)
def test_window_is_24_hours_on_days_of_23_and_25(
    time_zone: str, spring: date, autumn: date
) -> None:
    """It reaches an hour into the day after the short one, and ends before the long."""
    for local_day, hours in [(spring, 23), (autumn, 25), (spring + 9 * DAY, 24)]:
        issued_at_utc = issue_at_local_midnight(time_zone, local_day)
        next_issue_utc = issue_at_local_midnight(time_zone, local_day + DAY)
        assert next_issue_utc - issued_at_utc == hours * HOUR
        assert window_end(issued_at_utc) - issued_at_utc == 24 * HOUR
        assert window_end(issued_at_utc) - next_issue_utc == (24 - hours) * HOUR


@given(
    time_zone=st.sampled_from(ZONES),
    local_day=st.dates(date(1990, 1, 1), date(2030, 1, 1)),
)
def test_local_day_of_an_issue_is_the_day_it_was_issued_for(
    time_zone: str, local_day: date
) -> None:
    issued_at_utc = issue_at_local_midnight(time_zone, local_day)
    apia_skipped = time_zone == "Pacific/Apia" and local_day == date(2011, 12, 30)
    expected = local_day + DAY if apia_skipped else local_day
    assert local_day_of(time_zone, issued_at_utc) == expected
    # The next hour of it begins the day, save where midnight was skipped.
    assert local_issue_hour(time_zone, issued_at_utc) in {0, 1}


def test_local_issue_hour_follows_the_clock_on_the_wall() -> None:
    chicago = [
        local_issue_hour("America/Chicago", datetime(2023, 3, 12, hour, tzinfo=UTC))
        for hour in range(5, 11)
    ]
    assert chicago == [23, 0, 1, 3, 4, 5]
    twice = [
        local_issue_hour("Europe/Berlin", datetime(2023, 10, 29, hour, tzinfo=UTC))
        for hour in range(3)
    ]
    assert twice == [2, 2, 3]
    assert local_issue_hour("Asia/Kolkata", datetime(2023, 8, 1, 19, tzinfo=UTC)) == 0
    skipped = issue_at_local_midnight("America/Santiago", date(2023, 9, 3))
    assert local_issue_hour("America/Santiago", skipped) == 1


@given(
    time_zone=st.sampled_from(ZONES),
    instant=INSTANTS_UTC,
)
def test_local_issue_hour_names_one_of_24_and_needs_a_full_hour(
    time_zone: str, instant: datetime
) -> None:
    hour = full_hour(instant)
    assert local_issue_hour(time_zone, hour) in range(24)
    if instant != hour:
        with pytest.raises(InvalidInput, match="not a full hour"):
            local_issue_hour(time_zone, instant)


@given(instant=INSTANTS_UTC, time_zone=st.sampled_from(ZONES))
def test_full_hour_is_in_utc_and_less_than_an_hour_before(
    instant: datetime, time_zone: str
) -> None:
    hour = full_hour(instant.astimezone(ZoneInfo(time_zone)))
    assert hour.tzinfo is UTC
    assert (hour.minute, hour.second, hour.microsecond) == (0, 0, 0)
    assert timedelta(0) <= instant - hour < HOUR


def test_window_of_a_local_instant_is_24_hours_and_not_a_day_on_the_wall() -> None:
    """Wall clock arithmetic would end the window an hour early or late."""
    berlin = datetime(2023, 3, 26, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert window_end(berlin) == datetime(2023, 3, 26, 23, tzinfo=UTC)


NAIVE = datetime(2023, 8, 1, 5)  # noqa: DTZ001


def test_naive_instants_are_refused_everywhere() -> None:
    """Python would take them for the time zone of the machine."""
    for call in (
        lambda: local_issue_hour("America/Chicago", NAIVE),
        lambda: local_day_of("America/Chicago", NAIVE),
        lambda: window_end(NAIVE),
        lambda: full_hour(NAIVE),
    ):
        with pytest.raises(InvalidInput, match="has no time zone"):
            call()


@pytest.mark.parametrize("time_zone", ["", "Mars/Olympus", "../etc/passwd", "Europe"])
def test_unknown_time_zone_is_refused(time_zone: str) -> None:
    with pytest.raises(InvalidInput, match="use an IANA name"):
        issue_at_local_midnight(time_zone, date(2023, 8, 1))


@pytest.mark.parametrize("time_zone", ["Asia/Tokyo", "America/Los_Angeles", "UTC"])
@pytest.mark.parametrize("local_day", [date.min, date(1, 12, 31), date.max])
def test_day_at_the_end_of_the_calendar_is_refused(
    time_zone: str, local_day: date
) -> None:
    """An address may ask for any day; this one has no window and must not crash."""
    with pytest.raises(OutOfRange, match="choose another day"):
        issue_at_local_midnight(time_zone, local_day)


def test_first_and_last_years_that_are_left_have_their_windows() -> None:
    for local_day in (date(2, 1, 1), date(9998, 12, 31)):
        for time_zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            issued_at_utc = issue_at_local_midnight(time_zone, local_day)
            assert window_end(issued_at_utc) - issued_at_utc == 24 * HOUR


def test_instant_in_a_fixed_offset_is_the_same_instant() -> None:
    offset = timezone(timedelta(hours=5, minutes=30))
    instant = datetime(2023, 8, 1, 0, 30, tzinfo=offset)
    assert full_hour(instant) == datetime(2023, 7, 31, 19, tzinfo=UTC)
    assert local_issue_hour("UTC", instant) == 19
