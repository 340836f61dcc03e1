"""Outlooks: contradictions are refused, and no bound comes from a hole."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.conformity import Calibration
from core.errors import InvalidInput
from core.forecasts import Target
from core.outcomes import ReasonCode
from core.outlooks import Problem
from core.policies import Policy
from tests.core.outlook_cases import SCORES, an_hour_at, an_outlook, without_forecast

PROBLEM = Problem(code=ReasonCode.TELEMETRY_STALE, text="too old.")


def test_forecast_and_calibration_come_together_or_a_problem_says_why_not() -> None:
    outlook = an_outlook()
    contradictions: list[dict[str, Any]] = [
        {"problem": PROBLEM},
        {"forecast": None},
        {"calibration": None},
        {"forecast": None, "calibration": None},
    ]
    for changes in contradictions:
        with pytest.raises(InvalidInput, match="either a calibrated forecast or"):
            replace(outlook, **changes)
    assert replace(outlook, calibration=None, problem=PROBLEM).check() is None


@pytest.mark.parametrize("n_hours", [1, 23, 25])
def test_hours_must_be_the_same_everywhere(n_hours: int) -> None:
    outlook = an_outlook()
    other = np.zeros(n_hours)
    with pytest.raises(InvalidInput, match="same hours"):
        replace(outlook, it_load_mw=other)
    with pytest.raises(InvalidInput, match="same hours"):
        replace(outlook, prior_rise_c=other)
    with pytest.raises(InvalidInput, match="same hours"):
        replace(outlook, prior_rise_c=other, it_load_mw=other)


def test_calibration_at_another_confidence_is_refused() -> None:
    """99 % was requested; a 95 % bound must not answer it."""
    outlook = an_outlook()
    with pytest.raises(InvalidInput, match="policy's confidence"):
        replace(outlook, policy=Policy(confidence=Decimal("0.99")))
    with pytest.raises(InvalidInput, match="policy's confidence"):
        replace(
            outlook,
            calibration=Calibration(
                ordered_scores=SCORES, offset=0.0, alpha=Decimal("0.1")
            ),
        )


def test_forecast_of_another_region_or_quantity_is_refused() -> None:
    outlook, other = an_outlook("texas"), an_outlook("dublin")
    assert outlook.forecast is not None
    with pytest.raises(InvalidInput, match="of dublin, not of texas"):
        replace(outlook, forecast=other.forecast)
    carbon = replace(outlook.forecast, target=Target.CARBON_INTENSITY_GCO2_KWH)
    with pytest.raises(InvalidInput, match="not carbon_intensity_gco2_kwh"):
        replace(outlook, forecast=carbon)


@pytest.mark.parametrize("load_mw", [np.nan, np.inf, -np.inf, -1e-9])
def test_one_impossible_hour_makes_the_load_unknown(load_mw: float) -> None:
    assert an_outlook(load_mw=an_hour_at(0.0)).load_is_known
    assert not an_outlook(load_mw=an_hour_at(load_mw)).load_is_known


@pytest.mark.parametrize("rise_c", [np.nan, np.inf, -np.inf])
def test_one_unknown_rise_leaves_no_bound(rise_c: float) -> None:
    outlook = an_outlook()
    assert outlook.check(an_hour_at(0.0, base=0.0)) is not None
    assert outlook.check(an_hour_at(rise_c, base=0.0)) is None
    risen = an_outlook(prior_rise_c=an_hour_at(rise_c, base=0.0))
    assert risen.check() is None
    assert risen.why_unjudged().code is ReasonCode.LOAD_UNKNOWN


def test_bound_moves_by_prior_and_further_rise_together() -> None:
    outlook = an_outlook(bound_c=30.0, prior_rise_c=an_hour_at(1.5, base=-1.0))
    before, after = outlook.check(), outlook.check(np.full(24, 2.0))
    assert before is not None
    assert after is not None
    assert before.bound == pytest.approx(31.5)
    assert after.bound == pytest.approx(33.5)


def test_bound_that_overflows_is_no_bound_and_says_so() -> None:
    outlook = an_outlook(scores=[1e300] * 99)
    assert outlook.forecast is not None
    huge = replace(outlook.forecast, scale=np.full(24, 1e300))
    overflowing = replace(outlook, forecast=huge)
    assert overflowing.check() is None
    assert overflowing.why_unjudged().code is ReasonCode.FORECAST_NOT_FINITE


def test_problem_is_what_makes_an_outlook_unjudged() -> None:
    outlook = without_forecast(an_outlook(), ReasonCode.TELEMETRY_GAP)
    assert outlook.check() is None
    assert outlook.why_unjudged() is outlook.problem
