"""Risk: the level follows the margin to the last digit, and advice fits the level."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.risk import RiskLevel, assess_risk, risk_level

LIMITS_C = st.floats(-50.0, 100.0)


@pytest.mark.parametrize(
    ("margin_c", "level"),
    [
        (1e9, RiskLevel.LOW),
        (math.nextafter(5.0, math.inf), RiskLevel.LOW),
        (5.0, RiskLevel.MODERATE),
        (math.nextafter(2.0, math.inf), RiskLevel.MODERATE),
        (2.0, RiskLevel.HIGH),
        (0.0, RiskLevel.HIGH),
        (-0.0, RiskLevel.HIGH),
        (math.nextafter(0.0, -math.inf), RiskLevel.CRITICAL),
        (-1e9, RiskLevel.CRITICAL),
    ],
)
def test_level_changes_exactly_at_5_2_and_0_degrees(
    margin_c: float, level: RiskLevel
) -> None:
    assert risk_level(margin_c) is level


@pytest.mark.parametrize("margin_c", [None, math.nan, math.inf, -math.inf])
def test_margin_that_is_no_number_is_unknown_and_never_low(
    margin_c: float | None,
) -> None:
    assert risk_level(margin_c) is RiskLevel.UNKNOWN


@given(bound_c=st.floats(allow_nan=True, allow_infinity=True), limit_c=LIMITS_C)
def test_critical_exactly_when_a_finite_bound_is_above_the_limit(
    bound_c: float, limit_c: float
) -> None:
    risk = assess_risk(bound_c=bound_c, limit_c=limit_c)
    if not math.isfinite(limit_c - bound_c):
        assert (risk.level, risk.margin_c) == (RiskLevel.UNKNOWN, None)
        return
    assert (risk.level is RiskLevel.CRITICAL) == (bound_c > limit_c)
    assert risk.margin_c == limit_c - bound_c


@given(
    margins=st.tuples(st.floats(-50.0, 50.0), st.floats(-50.0, 50.0)).map(sorted),
)
def test_smaller_margin_is_never_a_lower_level(margins: list[float]) -> None:
    order = [RiskLevel.CRITICAL, RiskLevel.HIGH, RiskLevel.MODERATE, RiskLevel.LOW]
    smaller, larger = (order.index(risk_level(margin)) for margin in margins)
    assert smaller <= larger


def test_missing_bound_is_unknown_with_the_advice_to_find_the_cause() -> None:
    risk = assess_risk(bound_c=None, limit_c=35.0, shift_pct=50.0)
    assert (risk.level, risk.margin_c) == (RiskLevel.UNKNOWN, None)
    assert risk.recommendations == (
        "No finite bound: treat the region as at risk and find the cause.",
    )


def test_low_names_the_shift_only_when_there_is_one() -> None:
    calm = assess_risk(bound_c=20.0, limit_c=35.0)
    shifted = assess_risk(bound_c=20.0, limit_c=35.0, shift_pct=12.5)
    assert calm.recommendations == ("Within the safe envelope.",)
    assert shifted.recommendations == (
        "Within the safe envelope.",
        "The current shift of 12.5 % is effective.",
    )


def test_moderate_is_monitored_and_a_migration_prepared() -> None:
    assert assess_risk(bound_c=32.0, limit_c=35.0).recommendations == (
        "Monitor the region.",
        "Prepare a migration plan.",
    )


@pytest.mark.parametrize(
    ("shift_pct", "sentence"),
    [
        (40.5, "Consider a shift of 40.5 % for a margin of 2 °C."),
        (None, "No shift alone gives a margin of 2 °C."),
        (0.0, "The margin is 2 °C and no more: prepare a shift."),
    ],
)
def test_high_reduces_load_and_says_what_gives_a_margin_of_2_degrees(
    shift_pct: float | None, sentence: str
) -> None:
    risk = assess_risk(bound_c=33.0, limit_c=35.0, shift_for_margin_pct=shift_pct)
    assert risk.recommendations == ("Reduce load where you can.", sentence)


@pytest.mark.parametrize(
    ("shift_pct", "sentence"),
    [
        (24.1, "Shift 24.1 % of the load to a region that can take it."),
        (None, "Not resolvable by shifting alone: plan other measures."),
    ],
)
def test_critical_blocks_new_load_and_prepares_cooling(
    shift_pct: float | None, sentence: str
) -> None:
    risk = assess_risk(bound_c=36.2, limit_c=35.0, shift_to_clear_pct=shift_pct)
    assert risk.recommendations == (
        "Block new load.",
        sentence,
        "Prepare emergency cooling.",
    )


@given(bound_c=st.floats(0.0, 70.0))
def test_shift_that_cannot_be_made_is_never_called_effective_or_safe(
    bound_c: float,
) -> None:
    risk = assess_risk(
        bound_c=bound_c, limit_c=35.0, shift_pct=50.0, is_shift_possible=False
    )
    words = " ".join(risk.recommendations)
    assert "This shift cannot be made" in words
    assert "effective" not in words
    assert "safe" not in words
    assert ("Block new load." in words) == (bound_c > 35.0)
