"""Metrics on numbers that can be checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.errors import InvalidInput
from models.accuracy import (
    coverage_frac,
    mae,
    mean_width,
    rmse,
    skill_frac,
    winkler_score,
)

OBSERVED = np.array([[1.0, 2.0], [3.0, np.nan]])
PREDICTED = np.array([[2.0, 2.0], [1.0, 100.0]])


def test_errors_leave_out_unknown_hours() -> None:
    assert rmse(OBSERVED, PREDICTED) == pytest.approx(math.sqrt(5 / 3))
    assert mae(OBSERVED, PREDICTED) == pytest.approx(1.0)


def test_skill_compares_both_on_the_same_hours() -> None:
    persistence = np.array([[3.0, np.nan], [3.0, 3.0]])
    # Common hours: errors 1 and 2 against 2 and 0.
    expected = 1 - math.sqrt(5 / 2) / math.sqrt(4 / 2)
    assert skill_frac(OBSERVED, PREDICTED, persistence) == pytest.approx(expected)


def test_skill_over_perfect_persistence_is_undefined() -> None:
    known = np.array([1.0, 2.0])
    assert math.isnan(skill_frac(known, known, known))


def test_coverage_counts_the_bounds_as_inside() -> None:
    lower, upper = np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0])
    observed = np.array([1.0, 1.1, 0.0])
    assert coverage_frac(observed, lower, upper) == pytest.approx(2 / 3)
    assert mean_width(lower, upper) == 1.0


def test_winkler_adds_forty_times_the_miss_at_95_percent() -> None:
    observed = np.array([-0.5, 0.5, 1.25])
    score = winkler_score(observed, np.zeros(3), np.ones(3), 0.95)
    assert score == pytest.approx(1 + 40 * (0.5 + 0.25) / 3)


def test_nothing_known_is_refused_instead_of_nan() -> None:
    unknown = np.full(3, np.nan)
    with pytest.raises(InvalidInput, match="No hour"):
        rmse(unknown, np.zeros(3))
    with pytest.raises(InvalidInput, match="Shapes differ"):
        mae(np.zeros(3), np.zeros(2))
    with pytest.raises(InvalidInput, match="confidence"):
        winkler_score(np.zeros(1), np.zeros(1), np.zeros(1), 1.0)
