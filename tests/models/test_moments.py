"""Weights from sums over rows are the weights that scikit-learn finds in the rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from models.moments import Moments, Weights

RNG = np.random.default_rng(4)
DESIGN = RNG.normal(size=(500, 12)) + 3.0
OUTCOME = DESIGN @ RNG.normal(size=(12, 5)) + RNG.normal(size=(500, 5)) + 20.0


def _fitted(design: np.ndarray, outcome: np.ndarray, penalty: float) -> Ridge:
    return Ridge(alpha=penalty * len(design)).fit(design, outcome)


@pytest.mark.parametrize("penalty", [1e-3, 0.1, 10.0])
def test_weights_are_those_of_scikit_learn(penalty: float) -> None:
    found = Moments.of(DESIGN, OUTCOME).solve(penalty)
    expected = _fitted(DESIGN, OUTCOME, penalty)
    np.testing.assert_allclose(found.slope, expected.coef_.T, atol=1e-9)
    np.testing.assert_allclose(found.constant, expected.intercept_, atol=1e-9)
    np.testing.assert_allclose(found.predict(DESIGN), expected.predict(DESIGN))


def test_subtracting_rows_is_fitting_without_them() -> None:
    left_out = slice(100, 250)
    rest = np.ones(500, dtype=bool)
    rest[left_out] = False
    found = Moments.of(DESIGN, OUTCOME) - Moments.of(
        DESIGN[left_out], OUTCOME[left_out]
    )
    expected = _fitted(DESIGN[rest], OUTCOME[rest], 0.01)
    np.testing.assert_allclose(found.solve(0.01).slope, expected.coef_.T, atol=1e-8)


def test_what_shared_weights_leave_over_is_fitted_in_the_columns_that_are_kept() -> (
    None
):
    shared = Weights(slope=RNG.normal(size=(12, 5)), constant=RNG.normal(size=5))
    kept = np.arange(12) % 3 > 0
    found = Moments.of(DESIGN, OUTCOME).left_over(shared).masked(kept).solve(0.05)
    expected = _fitted(DESIGN * kept, OUTCOME - shared.predict(DESIGN), 0.05)
    np.testing.assert_allclose(found.slope, expected.coef_.T, atol=1e-8)
    np.testing.assert_allclose(found.constant, expected.intercept_, atol=1e-7)
    assert (found.slope[~kept] == 0).all()
    both = shared + found
    np.testing.assert_allclose(
        both.predict(DESIGN), shared.predict(DESIGN) + found.predict(DESIGN)
    )


def test_no_rows_add_nothing() -> None:
    nothing = Moments.of(DESIGN[:0], OUTCOME[:0]).solve(0.1)
    assert not nothing.slope.any()
    assert not nothing.constant.any()
