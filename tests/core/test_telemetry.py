"""Telemetry: ranges of the product, and frames that show their gaps."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.telemetry import (
    HOUR,
    VALID_RANGES,
    Quantity,
    TelemetryFrame,
    ValidRange,
    hours_between,
    require_full_utc_hour,
)

START_UTC = datetime(2023, 8, 1, 5, tzinfo=UTC)


def frame_of(n_hours: int, start_utc: datetime = START_UTC) -> TelemetryFrame:
    """Temperatures 0, 1, 2, … and one gap."""
    values = np.arange(n_hours, dtype=np.float64)
    values[2:3] = np.nan
    return TelemetryFrame(
        region_slug="texas",
        start_utc=start_utc,
        n_hours=n_hours,
        values={Quantity.TEMPERATURE_C: values},
    )


@pytest.mark.parametrize(
    ("quantity", "low", "high"),
    [
        (Quantity.TEMPERATURE_C, -50.0, 60.0),
        (Quantity.IT_LOAD_MW, 0.0, 500.0),
        (Quantity.CARBON_INTENSITY_GCO2_KWH, 0.0, 2000.0),
    ],
)
def test_ranges_of_the_product_are_closed(
    quantity: Quantity, low: float, high: float
) -> None:
    valid = VALID_RANGES[quantity]
    assert valid == ValidRange(low, high)
    assert valid.contains(low)
    assert valid.contains(high)
    assert not valid.contains(math.nextafter(low, -math.inf))
    assert not valid.contains(math.nextafter(high, math.inf))


def test_every_quantity_has_a_range_and_water_is_never_negative() -> None:
    assert set(VALID_RANGES) == set(Quantity)
    assert VALID_RANGES[Quantity.WATER_USAGE_L].low == 0.0
    assert not VALID_RANGES[Quantity.WATER_USAGE_L].contains(-1e-9)


@pytest.mark.parametrize("quantity", list(Quantity))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_in_no_range(quantity: Quantity, value: float) -> None:
    assert not VALID_RANGES[quantity].contains(value)


@given(
    n_hours=st.integers(0, 12), offset=st.integers(-15, 15), length=st.integers(0, 30)
)
def test_window_shows_each_hour_where_it_was_and_nan_elsewhere(
    n_hours: int, offset: int, length: int
) -> None:
    frame = frame_of(n_hours)
    start_utc = START_UTC + offset * HOUR
    window = frame.window(start_utc, start_utc + length * HOUR)
    assert (window.start_utc, window.n_hours) == (start_utc, length)
    assert window.end_utc == start_utc + length * HOUR
    found = window.column(Quantity.TEMPERATURE_C)
    for hour, value in enumerate(found):
        at = offset + hour
        known = 0 <= at < n_hours and at != 2
        assert value == at if known else math.isnan(value)


def test_window_that_ends_before_it_begins_is_empty() -> None:
    window = frame_of(5).window(START_UTC, START_UTC - HOUR)
    assert window.n_hours == 0
    assert window.column(Quantity.TEMPERATURE_C).shape == (0,)


def test_window_is_a_copy() -> None:
    frame = frame_of(5)
    window = frame.window(START_UTC, START_UTC + 5 * HOUR)
    window.column(Quantity.TEMPERATURE_C)[0] = 99.0
    assert frame.column(Quantity.TEMPERATURE_C)[0] == 0.0


def test_quantity_that_is_absent_is_all_nan() -> None:
    assert np.isnan(frame_of(4).column(Quantity.WET_BULB_C)).tolist() == [True] * 4


def test_frame_refuses_columns_of_another_length_and_negative_lengths() -> None:
    with pytest.raises(
        InvalidInput, match=r"temperature_c has shape \(3,\), not \(4,\)"
    ):
        TelemetryFrame(
            region_slug="texas",
            start_utc=START_UTC,
            n_hours=4,
            values={Quantity.TEMPERATURE_C: np.zeros(3)},
        )
    with pytest.raises(InvalidInput, match="-1 hours"):
        TelemetryFrame(region_slug="texas", start_utc=START_UTC, n_hours=-1, values={})


HALF_PAST = START_UTC + timedelta(minutes=30)
NAIVE = START_UTC.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("instant", "sentence"),
    [
        (NAIVE, "has no time zone"),
        (HALF_PAST, "not a full hour"),
        (START_UTC + timedelta(seconds=1), "not a full hour"),
        (START_UTC + timedelta(microseconds=1), "not a full hour"),
        (datetime(2023, 8, 1, 5, tzinfo=ZoneInfo("Asia/Kolkata")), "not a full hour"),
    ],
)
def test_frames_and_windows_begin_and_end_on_full_utc_hours(
    instant: datetime, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        require_full_utc_hour(instant)
    with pytest.raises(InvalidInput, match=sentence):
        frame_of(3, start_utc=instant)
    with pytest.raises(InvalidInput, match=sentence):
        frame_of(3).window(instant, START_UTC + HOUR)
    with pytest.raises(InvalidInput, match=sentence):
        frame_of(3).window(START_UTC, instant)


def test_full_hour_may_be_written_in_any_offset() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    require_full_utc_hour(datetime(2023, 8, 1, 5, 30, tzinfo=kolkata))


@given(hours=st.integers(-30_000, 30_000), extra_min=st.integers(0, 59))
def test_hours_between_counts_whole_hours_and_changes_sign(
    hours: int, extra_min: int
) -> None:
    end_utc = START_UTC + hours * HOUR
    assert hours_between(START_UTC, end_utc) == hours
    assert hours_between(end_utc, START_UTC) == -hours
    later = end_utc + timedelta(minutes=extra_min)
    assert hours_between(START_UTC, later) == hours


def test_hours_are_counted_on_no_wall_clock() -> None:
    """Within one zone Python subtracts wall clocks: 24 h for a day of 23."""
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2023, 3, 26, tzinfo=berlin)
    end = datetime(2023, 3, 27, tzinfo=berlin)
    assert hours_between(start, end) == 23
    assert frame_of(24, start_utc=start).end_utc == datetime(
        2023, 3, 26, 23, tzinfo=UTC
    )
