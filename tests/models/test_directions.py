"""Directions: what regions share is found exactly, and fits into its room."""

from __future__ import annotations

import numpy as np
import pytest

from core.aliases import FloatArray
from core.errors import InvalidInput
from models.directions import common_directions

N_REGIONS, N_INPUTS, N_HOURS = 30, 20, 24
CONSTANT = np.arange(N_INPUTS) == 0


@pytest.fixture(scope="module")
def design() -> FloatArray:
    """Inputs that follow each other closely, as lags do."""
    random = np.random.default_rng(1)
    steps = random.normal(size=(2_000, N_INPUTS)).cumsum(axis=1)
    steps[:, 0] = 1.0
    return steps


def _weights(n_combinations: int, n_courses: int) -> FloatArray:
    random = np.random.default_rng(2)
    left = random.normal(size=(N_INPUTS, n_combinations))
    right = random.normal(size=(n_courses, N_HOURS))
    core = random.normal(size=(N_REGIONS, n_combinations, n_courses))
    return np.asarray(left @ core @ right)


def test_weights_that_share_few_directions_are_kept_whole(design: FloatArray) -> None:
    weights = _weights(3, 2)
    found = common_directions(
        weights, design, CONSTANT, n_regions=N_REGIONS, room_bytes=5_000
    )
    assert found.file_bytes(N_REGIONS) <= 5_000
    inputs, hours = found.inputs, found.hours
    np.testing.assert_allclose(inputs.T @ inputs, np.eye(inputs.shape[1]), atol=1e-9)
    own = weights - weights.mean(axis=0)
    kept = inputs @ (inputs.T @ own @ hours) @ hours.T
    np.testing.assert_allclose(kept, own, atol=1e-6)


def test_columns_that_are_kept_stay_themselves(design: FloatArray) -> None:
    kept = CONSTANT.copy()
    kept[7] = True
    found = common_directions(
        _weights(3, 2), design, kept, n_regions=N_REGIONS, room_bytes=6_000
    )
    np.testing.assert_array_equal(found.inputs[:, :2], np.eye(N_INPUTS)[:, [0, 7]])
    assert not found.inputs[[0, 7], 2:].any()


def test_what_changes_no_forecast_takes_no_room(design: FloatArray) -> None:
    """Large weights on a nearly constant input, small ones on what varies."""
    quiet = design.copy()
    quiet[:, 5] *= 1e-6
    weights = np.zeros((N_REGIONS, N_INPUTS, N_HOURS))
    random = np.random.default_rng(3)
    weights[:, 5] = 30 * random.normal(size=(N_REGIONS, N_HOURS))
    weights[:, 9] = random.normal(size=(N_REGIONS, 1))
    found = common_directions(
        weights, quiet, CONSTANT, n_regions=N_REGIONS, room_bytes=600
    )
    assert (found.inputs.shape[1], found.hours.shape[1]) == (2, 1)
    own = weights - weights.mean(axis=0)
    outcomes = np.concatenate(list(quiet @ own @ found.hours), axis=1)
    left = np.linalg.lstsq(quiet @ found.inputs, outcomes)[1].sum()
    assert left < 1e-3 * ((quiet @ own) ** 2).sum()


def test_more_room_is_used(design: FloatArray) -> None:
    weights = _weights(N_INPUTS, N_HOURS)
    found = [
        common_directions(
            weights, design, CONSTANT, n_regions=N_REGIONS, room_bytes=room
        )
        for room in (4_000, 10_000, 60_000)
    ]
    sizes = [directions.file_bytes(0) for directions in found]
    assert sizes == sorted(sizes)
    assert found[-1].inputs.shape == (N_INPUTS, N_INPUTS)
    assert found[-1].hours.shape == (N_HOURS, N_HOURS)


def test_no_room_is_refused(design: FloatArray) -> None:
    with pytest.raises(InvalidInput, match="no room"):
        common_directions(
            _weights(3, 2), design, CONSTANT, n_regions=N_REGIONS, room_bytes=40
        )
