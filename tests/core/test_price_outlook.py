"""Prices of coming hours from the median of the days before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.price_outlook import price_outlook_usd_mwh

PRICES = st.floats(-500.0, 9_000.0)


@given(days=st.lists(st.lists(PRICES, min_size=3, max_size=3), min_size=1, max_size=9))
def test_it_lies_among_the_prices_of_the_same_hour(days: list[list[float]]) -> None:
    past = np.array(days)
    found = price_outlook_usd_mwh(past.ravel(), window_h=3)
    assert (found >= past.min(axis=0)).all()
    assert (found <= past.max(axis=0)).all()


def test_one_spike_does_not_come_back_tomorrow() -> None:
    past = np.full(7 * 24, 40.0)
    past[24 * 6 + 18] = 5_000.0
    assert price_outlook_usd_mwh(past)[18] == 40.0


def test_an_hour_that_was_never_known_stays_unknown() -> None:
    past = np.full((7, 24), 40.0)
    past[:, 5] = np.nan
    past[3, 6] = np.nan
    found = price_outlook_usd_mwh(past.ravel())
    assert np.isnan(found[5])
    assert np.isfinite(np.delete(found, 5)).all()


@pytest.mark.parametrize("size", [0, 23, 25])
def test_broken_days_are_refused(size: int) -> None:
    with pytest.raises(InvalidInput, match="no whole number of windows"):
        price_outlook_usd_mwh(np.zeros(size))
