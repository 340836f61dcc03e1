"""Granularity: found from the stamps, averaged into hours, coarser files refused."""

from __future__ import annotations

import io
import random
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.telemetry import Quantity
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.options import StampAt
from orchestrator.telemetry.readers.rows import BadFile, ParsedRow
from orchestrator.telemetry.readers.sources import open_source
from tests.reading import RULES, read_file

START = datetime(2024, 6, 3, tzinfo=UTC)
DRY_BULB, WARMEST = Quantity.TEMPERATURE_C, Quantity.TEMPERATURE_MAX_C
LOAD, WATER = Quantity.IT_LOAD_MW, Quantity.WATER_USAGE_L


def table(step: timedelta, count: int, start: datetime = START) -> list[str]:
    """Rows of a series whose values are the number of the row."""
    return [
        f"{start + i * step:%Y-%m-%dT%H:%M:%SZ},here,{i % 100}" for i in range(count)
    ]


def text_of(rows: list[str], name: str = "it_load_mw") -> str:
    return "\n".join([f"timestamp,region,{name}", *rows, ""])


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize("step", [1, 2, 5, 10, 15, 20, 30])
def test_finer_series_are_averaged(step: int) -> None:
    per_hour = 60 // step
    read = read_file(text_of(table(minutes(step), 3 * per_hour)))
    expected = [
        sum((h * per_hour + i) % 100 for i in range(per_hour)) / per_hour
        for h in range(3)
    ]
    assert list(read.series(LOAD).values()) == pytest.approx(expected, abs=1e-6)
    assert f"{step}-minute values" in read.notes


def test_water_is_summed_and_the_warmest_sample_is_kept() -> None:
    rows = [
        f"{START + minutes(15 * i):%Y-%m-%dT%H:%MZ},here,{20 + i},{10 * i}"
        for i in range(8)
    ]
    read = read_file(text_of(rows, "temperature_c,water_usage_l"))
    assert list(read.series(DRY_BULB).values()) == [21.5, 25.5]
    assert list(read.series(WARMEST).values()) == [23.0, 27.0]
    assert list(read.series(WATER).values()) == [60.0, 220.0]
    assert WARMEST in read.file.quantities


def test_hourly_files_have_no_warmest_sample() -> None:
    read = read_file(text_of(table(minutes(60), 3), "temperature_c"))
    assert read.series(WARMEST) == {}
    assert WARMEST not in read.file.quantities


def test_a_mean_needs_three_quarters_of_its_samples_and_a_sum_all() -> None:
    rows = table(minutes(15), 12)
    del rows[9], rows[6], rows[5]  # 4, 2 and 3 of 4 samples are left
    read = read_file(text_of(rows))
    assert list(read.hours) == ["2024-06-03T00:00", "2024-06-03T02:00"]
    assert [code for _, code in read.refused] == ["too_few_samples"]
    water = read_file(text_of(rows, "water_usage_l"))
    assert list(water.hours) == ["2024-06-03T00:00"]


def test_a_missing_cell_is_a_missing_sample_of_its_quantity() -> None:
    rows = [
        f"{START + minutes(15 * i):%Y-%m-%dT%H:%MZ},here,{'' if i > 1 else 20},50"
        for i in range(4)
    ]
    read = read_file(text_of(rows, "temperature_c,it_load_mw"))
    assert read.hours == {"2024-06-03T00:00": {"it_load_mw": 50.0}}


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (timedelta(hours=3), "3-hourly"),
        (timedelta(days=1), "daily"),
        (timedelta(days=7), "weekly"),
        (timedelta(days=30), "monthly"),
        (timedelta(days=365), "yearly"),
    ],
)
@pytest.mark.parametrize("count", [3, 60])
def test_coarser_series_are_refused_by_name(
    step: timedelta, word: str, count: int
) -> None:
    start = datetime(2001, 1, 1, tzinfo=UTC)
    with pytest.raises(BadFile, match=word):
        read_file(text_of(table(step, min(count, 25), start)))


def test_local_midnights_are_days_although_two_have_23_and_25_hours() -> None:
    days = [f"2024-03-{day:02} 00:00,here,1" for day in range(28, 32)]
    days += [f"2024-04-{day:02} 00:00,here,1" for day in range(1, 5)]
    with pytest.raises(BadFile, match="daily"):
        read_file(text_of(days), timezone="Europe/Berlin")


def test_days_without_a_time_are_daily_values() -> None:
    with pytest.raises(BadFile, match="daily"):
        read_file(text_of([f"2024-06-{day:02},here,1" for day in range(1, 29)]))


def test_an_hourly_file_with_holes_is_hourly() -> None:
    rows = table(minutes(60), 60)
    del rows[50:58], rows[20:44], rows[5:9]
    read = read_file(text_of(rows))
    assert len(read.hours) == len(rows)
    assert read.refused == []


@pytest.mark.parametrize(
    "stamps",
    [
        ("2024-06-03T05:00Z", "2024-06-03T09:00Z", "2024-06-05T18:00Z"),
        ("2024-06-03T05:00Z", "2024-06-03T09:00Z", "2024-06-03T17:00Z"),
        ("2024-06-03T14:00Z", "2024-06-07T14:00Z"),
        ("2024-06-03T14:00Z",),
    ],
)
def test_single_hours_far_apart_are_hours(stamps: tuple[str, ...]) -> None:
    read = read_file(text_of([f"{stamp},here,1" for stamp in stamps]))
    assert len(read.hours) == len(stamps)


@pytest.mark.parametrize("days", [1, 31, 365])
def test_two_values_a_day_a_month_or_a_year_apart_are_no_hours(days: int) -> None:
    with pytest.raises(BadFile, match=r"daily|monthly|yearly"):
        read_file(text_of(table(timedelta(days=days), 2)))


def test_a_file_that_turns_daily_is_refused() -> None:
    rows = table(minutes(60), 100)
    rows += table(timedelta(days=1), 40, START + timedelta(days=10))
    with pytest.raises(BadFile, match="daily"):
        read_file(text_of(rows))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("first", "second"), [(60, 15), (15, 60), (30, 5), (5, 30)])
def test_a_change_of_granularity_is_believed_after_a_day(
    first: int, second: int, *, descending: bool
) -> None:
    middle = START + timedelta(days=3)
    rows = table(minutes(first), 3 * 24 * 60 // first)
    rows += table(minutes(second), 3 * 24 * 60 // second, middle)
    read = read_file(text_of(rows[::-1] if descending else rows))
    assert read.refused == []
    assert len(read.hours) == 6 * 24


def test_a_row_beside_the_hour_of_an_hourly_file_is_refused_alone() -> None:
    rows = table(minutes(60), 30)
    rows.insert(10, "2024-06-03T09:30:00Z,here,99")
    read = read_file(text_of(rows))
    assert read.refused == [(12, "not_full_hour")]
    assert len(read.hours) == 30


@pytest.mark.parametrize(
    ("offset", "weights"), [("+05:30", (0.5, 0.5)), ("+05:45", (0.25, 0.75))]
)
def test_hours_beside_the_utc_hour_are_weighed(
    offset: str, weights: tuple[float, float]
) -> None:
    rows = [f"2024-06-03 {hour:02}:00,here,{10 * hour}" for hour in range(4)]
    read = read_file(text_of(rows), timezone=offset)
    inner = list(read.series(LOAD).values())[-2:]
    expected = [
        10 * hour * weights[0] + 10 * (hour + 1) * weights[1] for hour in (1, 2)
    ]
    assert inner == pytest.approx(expected)
    assert "beside the full UTC hour" in read.notes


def test_stamps_half_a_second_late_still_make_full_hours() -> None:
    rows = [row.replace(":00Z", ":00.500Z") for row in table(minutes(60), 30)]
    read = read_file(text_of(rows))
    hours = [row.hour_utc for row in read.rows if isinstance(row, ParsedRow)]
    assert len(hours) == 30
    assert all(hour.microsecond == 0 for hour in hours)


@pytest.mark.parametrize("count", [20, 280])
def test_what_decides_how_a_file_is_read_may_stand_far_down(count: int) -> None:
    rows = [f"{1 + i // 24:02}/01/2025 {i % 24:02}:00;here;1.500" for i in range(count)]
    rows += ["13/01/2025 23:00;here;0,5"]
    read = read_file(
        "\n".join(["timestamp;region;water_usage_l", *rows, ""]), timezone="UTC"
    )
    assert list(read.series(WATER).values()) == [*[1500.0] * count, 0.5]


def test_stamps_at_the_end_of_finer_intervals() -> None:
    rows = [
        f"{START + minutes(5 * (i + 1)):%Y-%m-%dT%H:%MZ},here,{i // 12}"
        for i in range(36)
    ]
    read = read_file(text_of(rows), stamp_at=StampAt.END)
    assert list(read.series(LOAD).values()) == [0.0, 1.0, 2.0]


def test_a_logger_a_few_seconds_late_is_regular() -> None:
    rows = [
        f"{START + minutes(5 * i) + timedelta(seconds=i % 4):%Y-%m-%dT%H:%M:%SZ},here,7"
        for i in range(60)
    ]
    read = read_file(text_of(rows))
    assert set(read.series(LOAD).values()) == {7.0}
    assert len(read.hours) == 5


def test_stamps_without_a_step_are_refused() -> None:
    chance = random.Random(7)  # noqa: S311
    at, rows = START, []
    for _ in range(200):
        at += timedelta(seconds=chance.choice([40, 140, 310, 700, 1500, 2900]))
        rows.append(f"{at:%Y-%m-%dT%H:%M:%SZ},here,7")
    with pytest.raises(BadFile, match="no regular step"):
        read_file(text_of(rows))


def test_two_values_of_one_sample_refuse_their_hour() -> None:
    rows = table(minutes(15), 8)
    rows.insert(3, "2024-06-03T00:15:00Z,here,99")
    read = read_file(text_of(rows))
    assert read.refused == [(2, "conflicting_duplicate")]
    assert len(read.hours) == 1


def test_rows_of_one_sample_that_agree_or_complete_are_one() -> None:
    rows = [
        f"{START + minutes(30 * i):%Y-%m-%dT%H:%MZ},here,{cells}"
        for i in range(4)
        for cells in ("20,", ",50", "20,")
    ]
    read = read_file(text_of(rows, "temperature_c,it_load_mw"))
    assert read.series(LOAD) == {"2024-06-03T00:00": 50.0, "2024-06-03T01:00": 50.0}
    assert list(read.series(DRY_BULB).values()) == [20.0, 20.0]


def test_the_order_of_rows_and_regions_does_not_matter() -> None:
    rows = table(minutes(10), 300)
    rows += [row.replace("here", "GB") for row in table(minutes(60), 50)]
    sorted_read = read_file(text_of(rows))
    shuffled = rows.copy()
    random.Random(3).shuffle(shuffled)  # noqa: S311
    read = read_file(text_of(shuffled))

    def accepted(rows: list[object]) -> set[tuple[object, ...]]:
        return {
            (row.region_slug, row.hour_utc, row.values)
            for row in rows
            if isinstance(row, ParsedRow)
        }

    assert accepted([*read.rows]) == accepted([*sorted_read.rows])
    assert len(read.rows) == 100


def test_a_large_file_that_goes_back_is_refused_rather_than_misread() -> None:
    rows = table(timedelta(minutes=1), 60_000)
    with pytest.raises(BadFile, match="sort the file by time"):
        read_file(text_of([*rows, *rows[:60]]))


def test_memory_does_not_grow_with_a_finer_file() -> None:
    def lines() -> bytes:
        rows = (
            f"{START + minutes(i):%Y-%m-%dT%H:%M:%SZ},here,{i % 90}.5"
            for i in range(150_000)
        )
        return text_of(list(rows)).encode()

    content = io.BytesIO(lines())
    tracemalloc.start()
    try:
        with open_source(content) as opened:
            rows = open_telemetry_file(TelemetryFormat.CSV, opened, RULES).rows
            count = sum(isinstance(row, ParsedRow) for row in rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 2500
    assert peak < 60 * 1024 * 1024  # as much for a file ten times as long


@given(
    step=st.sampled_from([5, 10, 15, 30, 60]),
    holes=st.sets(st.integers(0, 287), max_size=60),
    offset=st.sampled_from([0, 30, 45]),
    descending=st.booleans(),
)
def test_every_sample_is_accepted_or_refused_once(
    step: int, holes: set[int], offset: int, *, descending: bool
) -> None:
    count = 288 * 5 // step
    rows = [
        row
        for i, row in enumerate(table(minutes(step), count, START + minutes(offset)))
        if i not in holes
    ]
    try:
        read = read_file(text_of(rows[::-1] if descending else rows))
    except BadFile:
        return
    assert sum(row.sample_count for row in read.rows) == len(rows)


def test_an_hour_that_runs_is_not_stored_as_ended() -> None:
    rows = [f"2026-11-29T23:{minute:02}Z,here,1" for minute in range(0, 60, 15)] + [
        "2026-11-30T00:00Z,here,1",
        "2026-11-30T00:15Z,here,1",
    ]
    now = datetime(2026, 11, 30, 0, 20, tzinfo=UTC)
    read = read_file(text_of(rows), now_utc=now)
    assert list(read.hours) == ["2026-11-29T23:00"]
    assert [code for _, code in read.refused] == ["running_hour"]
