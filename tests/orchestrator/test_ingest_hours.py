"""Timestamps: what names a full UTC hour, and why the rest is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.errors import InvalidInput
from orchestrator.telemetry.readers.hours import HourReader, parse_zone
from orchestrator.telemetry.readers.rows import RowRefused

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def read(text: str, zone: str | None = None) -> datetime:
    return HourReader(parse_zone(zone) if zone else None, NOW).read(text)


def refusal(text: str, zone: str | None = None) -> str:
    with pytest.raises(RowRefused) as caught:
        read(text, zone)
    assert caught.value.message.endswith(".")
    return caught.value.code.value


@pytest.mark.parametrize(
    ("text", "hour_utc"),
    [
        ("2023-08-01T14:00:00Z", datetime(2023, 8, 1, 14, tzinfo=UTC)),
        ("2023-08-01 14:00Z", datetime(2023, 8, 1, 14, tzinfo=UTC)),
        ("2023-08-01T14:00:00.000+00:00", datetime(2023, 8, 1, 14, tzinfo=UTC)),
        ("2023-08-01T09:00:00-05:00", datetime(2023, 8, 1, 14, tzinfo=UTC)),
        ("2023-08-01T19:30:00+0530", datetime(2023, 8, 1, 14, tzinfo=UTC)),
        ("2024-02-29T23:00:00Z", datetime(2024, 2, 29, 23, tzinfo=UTC)),
        ("2026-01-01T12:00:00Z", datetime(2026, 1, 1, 12, tzinfo=UTC)),
    ],
)
def test_an_instant_with_offset_is_that_utc_hour(text: str, hour_utc: datetime) -> None:
    assert read(text) == hour_utc
    assert read(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "zone", "hour_utc"),
    [
        ("2023-08-01T09:00", "America/Chicago", datetime(2023, 8, 1, 14, tzinfo=UTC)),
        ("2023-01-01T09:00", "America/Chicago", datetime(2023, 1, 1, 15, tzinfo=UTC)),
        ("2023-08-01T09:00", "-05:00", datetime(2023, 8, 1, 14, tzinfo=UTC)),
        ("2023-01-01T09:00", "-05:00", datetime(2023, 1, 1, 14, tzinfo=UTC)),
        ("2023-01-01T09:30", "Asia/Kolkata", datetime(2023, 1, 1, 4, tzinfo=UTC)),
        ("2023-01-01T09:00", "UTC", datetime(2023, 1, 1, 9, tzinfo=UTC)),
    ],
)
def test_a_naive_time_is_read_in_the_zone_given(
    text: str, zone: str, hour_utc: datetime
) -> None:
    assert read(text, zone) == hour_utc


def test_an_offset_in_the_text_wins_over_the_zone_given() -> None:
    hour_utc = datetime(2023, 8, 1, 14, tzinfo=UTC)
    assert read("2023-08-01T14:00:00Z", "Asia/Tokyo") == hour_utc


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2023-08-01T14:00:00", "naive_timestamp"),
        ("2023-08-01T24:00:00Z", "hour_24"),
        ("2023-08-01T14:30:00Z", "not_full_hour"),
        ("2023-08-01T14:00:01Z", "not_full_hour"),
        ("2023-08-01T14:00:00.5Z", "not_full_hour"),
        ("2023-08-01T14:00:00+05:30", "not_full_hour"),
        ("2026-01-01T13:00:00Z", "future_hour"),
        ("9999-12-31T23:00:00-05:00", "bad_timestamp"),
        ("1999-12-31T23:00:00Z", "too_early"),
        ("0001-01-01T00:00:00+05:00", "bad_timestamp"),
        ("2023-02-29T00:00:00Z", "bad_timestamp"),
        ("2023-13-01T00:00:00Z", "bad_timestamp"),
        ("2023-08-01", "bad_timestamp"),
        ("20230801T140000Z", "bad_timestamp"),
        ("2023-W31-2T14:00Z", "bad_timestamp"),
        ("01/08/2023 14:00", "bad_timestamp"),
        ("1690898400", "bad_timestamp"),
        ("٢٠٢٣-08-01T14:00:00Z", "bad_timestamp"),
        ("", "bad_timestamp"),
    ],
)
def test_other_texts_are_refused_with_their_reason(text: str, code: str) -> None:
    assert refusal(text) == code


@pytest.mark.parametrize(
    ("text", "zone", "code"),
    [
        ("2023-11-05T01:00", "America/Chicago", "ambiguous_hour"),
        ("2023-03-12T02:00", "America/Chicago", "nonexistent_hour"),
        ("2023-10-29T02:00", "Europe/Berlin", "ambiguous_hour"),
        ("2023-03-26T02:00", "Europe/Berlin", "nonexistent_hour"),
        ("2023-10-01T02:00", "Australia/Sydney", "nonexistent_hour"),
        ("2023-04-02T02:00", "Australia/Sydney", "ambiguous_hour"),
    ],
)
def test_hours_that_daylight_saving_repeats_or_skips_are_refused(
    text: str, zone: str, code: str
) -> None:
    assert refusal(text, zone) == code


@pytest.mark.parametrize("month", [3, 11])
def test_hours_around_a_clock_change_lie_an_hour_apart(month: int) -> None:
    """The last hour before and the first after, with the 23 or 25 hours of the day."""
    day = {3: 12, 11: 5}[month]
    midnight = read(f"2023-{month:02}-{day:02}T00:00", "America/Chicago")
    next_midnight = read(f"2023-{month:02}-{day + 1:02}T00:00", "America/Chicago")
    assert next_midnight - midnight == timedelta(hours={3: 23, 11: 25}[month])


def test_a_fixed_offset_has_no_clock_change() -> None:
    assert read("2023-11-05T01:00", "-05:00") == datetime(2023, 11, 5, 6, tzinfo=UTC)
    assert read("2023-03-12T02:00", "-05:00") == datetime(2023, 3, 12, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "offset"),
    [
        ("-05:00", timedelta(hours=-5)),
        ("+0530", timedelta(hours=5, minutes=30)),
        ("+14:00", timedelta(hours=14)),
    ],
)
def test_offsets_are_fixed_zones(name: str, offset: timedelta) -> None:
    assert parse_zone(name) == timezone(offset)


@pytest.mark.parametrize(
    "name", ["", "CEST+1", "+15:00", "-05:75", "../etc/passwd", "5"]
)
def test_what_is_no_zone_is_said_so(name: str) -> None:
    with pytest.raises(InvalidInput):
        parse_zone(name)
