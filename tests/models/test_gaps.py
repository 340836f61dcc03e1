"""Filling rules, hour by hour."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.gaps import MAX_FILLED_GAP_H, MAX_HELD_H, bridged, gap_lengths, held

NAN = np.nan
values_with_gaps = st.lists(
    st.one_of(st.just(NAN), st.floats(-40, 40)), min_size=1, max_size=60
)


def test_short_gap_is_bridged_by_a_straight_line() -> None:
    filled = bridged(np.array([1.0, NAN, NAN, NAN, 5.0]))
    np.testing.assert_allclose(filled, [1.0, 2.0, 3.0, 4.0, 5.0])


def test_longer_gap_stays_missing() -> None:
    filled = bridged(np.array([1.0, NAN, NAN, NAN, NAN, 6.0]))
    assert np.isnan(filled).sum() == MAX_FILLED_GAP_H + 1


def test_gap_at_either_end_is_never_filled() -> None:
    filled = bridged(np.array([NAN, 1.0, NAN]))
    np.testing.assert_array_equal(filled, [NAN, 1.0, NAN])


def test_infinity_counts_as_missing() -> None:
    np.testing.assert_allclose(bridged(np.array([1.0, np.inf, 3.0])), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(held(np.array([1.0, -np.inf]), 9.0), [1.0, 1.0])


def test_last_known_value_is_held_then_the_mean_then_the_stand_in() -> None:
    measured = np.array([NAN, 2.0, 4.0, *([NAN] * (MAX_HELD_H + 2))])
    filled = held(measured, 9.0)
    np.testing.assert_allclose(filled, [9.0, 2.0, 4.0, *([4.0] * MAX_HELD_H), 3.0, 3.0])


def test_quantity_never_measured_takes_the_stand_in() -> None:
    np.testing.assert_array_equal(held(np.full(4, NAN), 7.0), np.full(4, 7.0))


def test_mean_forgets_what_is_older_than_its_window() -> None:
    measured = np.full(400, NAN)
    measured[:10] = 100.0
    assert held(measured, 5.0)[-1] == 5.0


@given(values_with_gaps, st.integers(0, 59))
def test_held_value_never_depends_on_later_hours(values: list[float], cut: int) -> None:
    whole = np.array(values)
    seen = whole[: cut + 1]
    np.testing.assert_array_equal(held(seen, 9.0), held(whole, 9.0)[: cut + 1])


@given(values_with_gaps)
def test_bridging_keeps_every_measurement_and_fills_short_inner_gaps_only(
    values: list[float],
) -> None:
    measured = np.array(values)
    known = np.isfinite(measured)
    filled = bridged(measured)
    np.testing.assert_array_equal(filled[known], measured[known])
    new = np.isfinite(filled) & ~known
    assert (gap_lengths(known)[new] <= MAX_FILLED_GAP_H).all()
