"""Numbers in sentences: never understated, never on the wrong side of a limit."""

from __future__ import annotations

import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.wording import percent, rounded_up, setting

LIMITS = st.one_of(st.floats(-50.0, 100.0), st.sampled_from([35.0, 34.99, 0.0, 35.1]))
NEARNESS = st.one_of(st.floats(-1e-8, 1e-8), st.floats(-1.0, 1.0), st.just(0.0))


@given(limit=LIMITS, difference=NEARNESS)
def test_rounded_value_reads_on_its_side_and_a_tenth_too_high_at_most(
    limit: float, difference: float
) -> None:
    value = limit + difference
    is_above = value > limit
    shown = Decimal(rounded_up(value, limit, is_above=is_above))
    assert (shown > Decimal(setting(limit))) == is_above
    assert Decimal(value) - Decimal("1e-9") <= shown <= Decimal(value) + Decimal("0.1")


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_setting_is_read_back_as_the_same_number(value: float) -> None:
    assert float(setting(value)) == value
    assert "e" not in setting(value).lower()


@given(smaller=st.floats(0.0, 100.0), excess=st.floats(2e-9, 1.0))
def test_shares_that_a_rule_tells_apart_read_apart(
    smaller: float, excess: float
) -> None:
    larger = smaller + excess
    first, second = (Decimal(percent(x).removesuffix(" %")) for x in (smaller, larger))
    assert first < second


@pytest.mark.parametrize(
    ("value_pct", "text"),
    [(0.0, "0 %"), (100.0, "100 %"), (12.5, "12.5 %"), (100 * 0.29, "29 %")],
)
def test_share_is_printed_without_float_noise(value_pct: float, text: str) -> None:
    assert percent(value_pct) == text


def test_even_the_largest_float_is_printed() -> None:
    largest = sys.float_info.max
    assert Decimal(rounded_up(largest, 35.0, is_above=True)) == Decimal(largest)
