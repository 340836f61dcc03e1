"""Policies: every number inside its range, and the confidence exact."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal

import pytest

from core.conformity import required_scores
from core.errors import OutOfRange
from core.policies import Policy

RANGES = [
    ("thermal_limit_c", -50.0, 100.0),
    ("cooling_factor_c_per_pct", 0.0, 1.0),
    ("telemetry_max_age_h", 0.1, 168.0),
    ("migration_energy_frac", 0.0, 1.0),
    ("migration_usd_per_mwh", 0.0, 1_000.0),
    ("plan_blocked_chance_pct", 0.0, 50.0),
    ("forecasts_kept_days", 30.0, 36_500.0),
]


def test_first_policy_is_that_of_the_product() -> None:
    policy = Policy()
    assert policy.thermal_limit_c == 35.0
    assert policy.confidence == Decimal("0.95")
    assert policy.cooling_factor_c_per_pct == 0.05
    assert policy.telemetry_max_age_h == 3.0
    assert (policy.migration_energy_frac, policy.migration_usd_per_mwh) == (0.0, 0.0)
    assert not policy.counts_hydro_water
    assert policy.plan_blocked_chance_pct == 5.0
    assert policy.forecasts_kept_days == 36_500.0


@pytest.mark.parametrize(("name", "low", "high"), RANGES)
def test_ends_of_a_range_are_allowed_and_nothing_beyond(
    name: str, low: float, high: float
) -> None:
    for value in (low, high):
        assert getattr(replace(Policy(), **{name: value}), name) == value
    beyond = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    for value in (*beyond, math.nan, math.inf, -math.inf):
        with pytest.raises(OutOfRange, match=f"{name} is .*, outside {low:g} to"):
            replace(Policy(), **{name: value})


@pytest.mark.parametrize("confidence", ["0.5", "0.95", "0.975", "0.99"])
def test_allowed_probability_is_exact(confidence: str) -> None:
    policy = Policy(confidence=Decimal(confidence))
    assert policy.alpha + Decimal(confidence) == 1
    assert required_scores(policy.alpha) <= 99


@pytest.mark.parametrize(
    "confidence",
    [
        "0.4999",
        "0.9901",
        "0.99000000000000000001",
        "1",
        "0",
        "-0.95",
        "NaN",
        "sNaN",
        "Inf",
    ],
)
def test_confidence_outside_its_range_is_refused_however_close(confidence: str) -> None:
    """As a float, 0.99 and a little more would pass."""
    with pytest.raises(OutOfRange, match=r"confidence is .*, outside 0\.5 to 0\.99"):
        Policy(confidence=Decimal(confidence))


def test_policy_in_force_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Policy().thermal_limit_c = 99.0  # type: ignore[misc]
