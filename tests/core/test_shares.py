"""What each hour gives in a shift, and which hours of a day are meant."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.shares import HoursOfDay, given_pct, used_pct

PERCENTS = st.floats(0.0, 100.0)


@given(
    flexible=PERCENTS,
    used=st.lists(PERCENTS, min_size=3, max_size=3),
    shifts=st.lists(PERCENTS, min_size=2, max_size=2),
)
def test_a_larger_shift_never_gives_less_and_no_hour_more_than_it_may(
    flexible: float, used: list[float], shifts: list[float]
) -> None:
    used_by_hour = np.array(used)
    left = np.maximum(flexible - used_by_hour, 0.0)
    most = float(left.max())
    small, large = (
        given_pct(x, left_pct=left, used=used_by_hour, flexible_pct=most)
        for x in sorted(shifts)
    )
    assert (small <= large).all()
    for shift_pct, gives in zip(sorted(shifts), (small, large), strict=True):
        assert (gives >= 0.0).all()
        assert (gives <= shift_pct).all()
        if shift_pct <= most:
            assert (gives == np.minimum(shift_pct, left)).all()


def test_what_was_never_touched_gives_exactly_its_share() -> None:
    load_mw = np.array([30.0, 41.7])
    used = used_pct(load_mw, load_mw)
    left = np.full(2, 40.0)
    gives = given_pct(12.3, left_pct=left, used=used, flexible_pct=40.0)
    assert gives.tolist() == [12.3, 12.3]


def test_unknown_and_missing_loads_count_as_untouched() -> None:
    load_mw, before_mw = np.array([np.nan, 5.0, 50.0]), np.array([40.0, 0.0, 40.0])
    assert used_pct(load_mw, before_mw).tolist() == [0.0, 0.0, 0.0]


def test_hours_are_on_the_clock_of_the_region_daylight_saving_included() -> None:
    start_utc = datetime(2025, 10, 26, 0, tzinfo=UTC)  # 2:00, an hour before the change
    chosen = HoursOfDay.parse("2-4").among("Europe/Berlin", start_utc, 24)
    assert np.flatnonzero(chosen).tolist() == [0, 1, 2]
    kolkata = HoursOfDay.parse("23-1").among("Asia/Kolkata", start_utc, 24)
    assert np.flatnonzero(kolkata).tolist() == [18, 19]
