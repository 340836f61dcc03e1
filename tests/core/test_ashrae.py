"""Limits by ASHRAE class, only with an explicit approach temperature."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ashrae import INLET_C, AshraeClass, outdoor_limit_c
from core.errors import OutOfRange

CLASSES = st.sampled_from(list(AshraeClass))


def test_the_ranges_are_those_of_the_guidelines() -> None:
    found = {name.value: (inlet.low, inlet.high) for name, inlet in INLET_C.items()}
    assert found == {
        "recommended": (18.0, 27.0),
        "A1": (15.0, 32.0),
        "A2": (10.0, 35.0),
        "A3": (5.0, 40.0),
        "A4": (5.0, 45.0),
    }


@given(equipment=CLASSES, approach_c=st.floats(0.0, 30.0))
def test_the_inlet_is_at_the_class_s_upper_end_at_the_limit(
    equipment: AshraeClass, approach_c: float
) -> None:
    limit_c = outdoor_limit_c(equipment, approach_c)
    assert limit_c + approach_c == pytest.approx(INLET_C[equipment].high)


@pytest.mark.parametrize("approach_c", [-0.1, 30.1, float("nan"), float("inf")])
def test_an_impossible_approach_is_refused(approach_c: float) -> None:
    with pytest.raises(OutOfRange, match="approach temperature"):
        outdoor_limit_c(AshraeClass.A1, approach_c)


def test_a_class_alone_gives_no_limit() -> None:
    parameters = inspect.signature(outdoor_limit_c).parameters
    assert parameters["approach_c"].default is inspect.Parameter.empty
