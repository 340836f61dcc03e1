"""Timestamps: what names one instant, in which zone, and why the rest is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from core.errors import InvalidInput
from orchestrator.telemetry.readers.local_clock import LocalClock
from orchestrator.telemetry.readers.numbers import Undecided
from orchestrator.telemetry.readers.options import DateOrder, StampAt
from orchestrator.telemetry.readers.pipeline import on_time_line
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    Findings,
    RefusedRow,
    RowRefused,
    Sample,
)
from orchestrator.telemetry.readers.stamps import StampReader, parse_zone


def read(
    text: str,
    zone: str | None = None,
    order: DateOrder | None = None,
    stamp_at: StampAt | None = None,
) -> datetime:
    given = parse_zone(zone) if zone else None
    stamp = StampReader(given, order, stamp_at).read(text)
    return on_time_line(stamp, given, text)


def refusal(text: str, zone: str | None = None) -> str:
    with pytest.raises(RowRefused) as caught:
        read(text, zone)
    assert caught.value.message.endswith(".")
    return caught.value.code.value


HOUR_14 = datetime(2023, 8, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2023-08-01T14:00:00Z",
        "2023-08-01 14:00Z",
        "2023-08-01T14:00:00.000+00:00",
        "2023-08-01T09:00:00-05:00",
        "2023-08-01T19:30:00+0530",
        "2023-08-01 14:00:00 UTC",
        "2023-08-01T14:00:00.0000000Z",
        "2023-08-01T14:00:00.000000000Z",
        "2023-08-01 14:00:00+00",
        "2023-08-01T14:00:00Z[UTC]",
        "2023-08-01T16:00:00+02:00[Europe/Berlin]",
        "20230801T1400Z",
        "20230801T140000Z",
        "2023-08-01T14Z",
        "2023-08-01T14:00:00 +0000",
        "2023-08-01 14:00:00 +0000 UTC",
        "2023-08-01t14:00:00z",
        "2023-08-01T14:00:00\u221200:00",
        "Tue, 01 Aug 2023 14:00:00 GMT",
        "Tue, 01 Aug 2023 10:00:00 -0400",
        "1690898400",
        "1690898400.0",
        "1690898400000",
        "1690898400000000000",
        "1.6908984e9",
        "1.6908984E+12",
        "/Date(1690898400000)/",
        "/Date(1690898400000+0200)/",
        "2023-08-01 16:00 CEST",
        "2023-08-01 10:00 (EDT)",
    ],
)
def test_an_instant_with_its_offset_is_that_instant(text: str) -> None:
    assert read(text) == HOUR_14
    assert read(text, "Asia/Tokyo") == HOUR_14
    assert read(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2023/08/01 14:00:00",
        "2023-8-1 14:00",
        "01.08.2023 14:00",
        "1.8.2023 14:00",
        "01-Aug-2023 14:00",
        "Aug 1, 2023 2:00 PM",
        "Aug 1, 2023 2:00\u202fPM",
        "1 August 2023 14:00",
        "202308011400",
        "20230801 14:00",
        "2023-08-01_14:00",
        "2023-08-01 14.00",
    ],
)
def test_unambiguous_local_stamps_are_read_in_the_zone_given(text: str) -> None:
    assert read(text, "UTC") == HOUR_14
    assert refusal(text) == "naive_timestamp"


@pytest.mark.parametrize(
    ("text", "zone", "hour_utc"),
    [
        ("2023-08-01T09:00", "-05:00", datetime(2023, 8, 1, 14, tzinfo=UTC)),
        ("2023-01-01T09:00", "-05:00", datetime(2023, 1, 1, 14, tzinfo=UTC)),
        ("2023-01-01T09:00", "UTC", datetime(2023, 1, 1, 9, tzinfo=UTC)),
    ],
)
def test_a_naive_time_is_read_at_the_offset_given(
    text: str, zone: str, hour_utc: datetime
) -> None:
    assert read(text, zone) == hour_utc


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2023-08-01T14:00:00", "naive_timestamp"),
        ("2023-08-01T24:00:00Z", "hour_24"),
        ("9999-12-31T23:00:00-05:00", "bad_timestamp"),
        ("0001-01-01T00:00:00+05:00", "bad_timestamp"),
        ("2023-02-29T00:00:00Z", "bad_timestamp"),
        ("2023-13-01T00:00:00Z", "bad_timestamp"),
        ("2023-08-01", "bad_timestamp"),
        ("2023-W31-2T14:00Z", "bad_timestamp"),
        ("٢٠٢٣-08-01T14:00:00Z", "bad_timestamp"),
        ("45139.5", "bad_timestamp"),
        ("2023-08-01 14:00 CST", "naive_timestamp"),
        ("2023-08-01 14:00 nonsense", "bad_timestamp"),
        ("2023-08-01 02A:00", "naive_timestamp"),
        ("17", "bad_timestamp"),
        ("", "bad_timestamp"),
    ],
)
def test_other_texts_are_refused_with_their_reason(text: str, code: str) -> None:
    assert refusal(text) == code


def test_a_name_of_several_offsets_is_settled_by_the_zone_given() -> None:
    instant = read("2023-01-01 08:00 CST", "America/Chicago")
    assert instant == datetime(2023, 1, 1, 14, tzinfo=UTC)
    assert read("2023-01-01 22:00 CST", "Asia/Shanghai") == instant


def test_hour_24_ends_the_day_where_stamps_end_their_hours() -> None:
    midnight = datetime(2023, 8, 2, tzinfo=UTC)
    assert read("2023-08-01 24:00", "UTC", stamp_at=StampAt.END) == midnight


def test_day_and_month_are_never_guessed() -> None:
    stamps = StampReader(None, None, None)
    with pytest.raises(Undecided):
        stamps.read("01/06/2025 00:00")
    stamps.learn("13/06/2025 00:00")
    assert stamps.read("01/06/2025 00:00") == datetime(2025, 6, 1)  # noqa: DTZ001
    assert read("6/1/25 12:00 AM", "UTC", DateOrder.MONTH_FIRST) == datetime(
        2025, 6, 1, tzinfo=UTC
    )


def test_serials_of_excel_are_read_when_they_are_said_to_be_that() -> None:
    instant = read("45139.583333333336", "UTC", DateOrder.EXCEL)
    assert instant == datetime(2023, 8, 1, 14, tzinfo=UTC)


CHICAGO, BERLIN = ZoneInfo("America/Chicago"), ZoneInfo("Europe/Berlin")


def samples(*stamps: str, values: tuple[float | None, ...] = ()) -> Iterator[Sample]:
    for number, text in enumerate(stamps, start=2):
        row = values or (float(number),)
        padded = (*row, *[None] * (len(QUANTITIES) - len(row)))
        stamp = datetime.fromisoformat(text)
        yield Sample(number, "here", stamp, padded, text)


def on_clock(zone: ZoneInfo, *stamps: str) -> list[datetime | str]:
    """The instant of each stamp in the order of the file, or why it was refused."""
    rows = LocalClock(zone, Findings()).read(samples(*stamps))
    read_rows = sorted((row for row in rows if row), key=lambda row: row.line_number)
    return [
        row.code.value if isinstance(row, RefusedRow) else row.stamp
        for row in read_rows
    ]


def test_local_times_follow_the_clock_of_the_zone() -> None:
    assert on_clock(CHICAGO, "2023-08-01T09:00", "2023-01-01T09:00") == [
        datetime(2023, 8, 1, 14, tzinfo=UTC),
        datetime(2023, 1, 1, 15, tzinfo=UTC),
    ]
    assert on_clock(ZoneInfo("Asia/Kolkata"), "2023-01-01T09:30") == [
        datetime(2023, 1, 1, 4, tzinfo=UTC)
    ]


@pytest.mark.parametrize(
    ("zone", "stamp", "offset"),
    [
        (CHICAGO, "2023-03-12T02:00", "-06:00"),
        (BERLIN, "2023-03-26T02:30", r"\+01:00"),
        (ZoneInfo("Australia/Sydney"), "2023-10-01T02:00", r"\+10:00"),
        (ZoneInfo("America/Toronto"), "2024-03-10T02:00", "-05:00"),
    ],
)
def test_a_skipped_hour_in_the_file_shows_that_the_zone_is_wrong(
    zone: ZoneInfo, stamp: str, offset: str
) -> None:
    with pytest.raises(BadFile, match=f"skips: .*looks like .*{offset}"):
        on_clock(zone, stamp)


def test_a_repeated_hour_that_comes_once_shows_it_as_well() -> None:
    hours = [f"2023-11-05T{hour:02}:00" for hour in range(5)]
    with pytest.raises(BadFile, match=r"once, which .* repeats: .*-06:00"):
        on_clock(CHICAGO, *hours)
    with pytest.raises(BadFile, match="repeats"):
        on_clock(CHICAGO, *reversed(hours))


@pytest.mark.parametrize(
    "stamps",
    [
        ("2023-11-05T00:00", "2023-11-05T01:00"),
        ("2023-11-05T01:00", "2023-11-05T02:00"),
        ("2023-11-05T01:00",),
    ],
)
def test_a_repeated_hour_at_the_end_of_a_file_is_ambiguous(
    stamps: tuple[str, ...],
) -> None:
    assert "ambiguous_hour" in on_clock(CHICAGO, *stamps)


def test_a_pair_is_read_in_the_order_of_the_file() -> None:
    first, second = (
        datetime(2023, 11, 5, 6, tzinfo=UTC),
        datetime(2023, 11, 5, 7, tzinfo=UTC),
    )
    pair = ("2023-11-05T01:00", "2023-11-05T01:00")
    assert on_clock(CHICAGO, "2023-11-05T00:00", *pair, "2023-11-05T02:00")[1:3] == [
        first,
        second,
    ]
    backwards = on_clock(CHICAGO, "2023-11-05T02:00", *pair, "2023-11-05T00:00")
    assert backwards[1:3] == [second, first]


@pytest.mark.parametrize("is_paired", [True, False])
def test_finer_stamps_of_the_repeated_hour_are_read_in_order(
    *, is_paired: bool
) -> None:
    quarters = [f"2023-10-29T02:{minute:02}" for minute in (0, 15, 30, 45)]
    twice = sorted(quarters * 2) if is_paired else quarters * 2
    read_stamps = on_clock(BERLIN, "2023-10-29T01:45", *twice, "2023-10-29T03:00")
    start = datetime(2023, 10, 29, 0, tzinfo=UTC)
    expected = [start + timedelta(minutes=15 * i) for i in range(8)]
    assert sorted(map(str, read_stamps[1:-1])) == sorted(map(str, expected))


def test_two_rows_that_complete_one_hour_are_no_pair() -> None:
    stamp = "2023-11-05T01:00"
    rows = [
        *samples(stamp, values=(1.0, None)),
        *samples(stamp, values=(None, 2.0)),
    ]
    read_rows = list(LocalClock(CHICAGO, Findings()).read(iter(rows)))
    assert [type(row) for row in read_rows] == [RefusedRow, RefusedRow]


@pytest.mark.parametrize(
    ("text", "hour_utc"),
    [
        ("2024-10-27 02:00 CEST", 0),
        ("2024-10-27 02:00 CET", 1),
        ("2024-10-27 02A:00", 0),
        ("2024-10-27 02B:00", 1),
        ("2024-10-27 02:00A", 0),
        ("2024-10-27 02:00 B", 1),
    ],
)
def test_marks_tell_the_repeated_hours_apart(text: str, hour_utc: int) -> None:
    expected = datetime(2024, 10, 27, hour_utc, tzinfo=UTC)
    assert read(text, "Europe/Berlin") == expected


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
