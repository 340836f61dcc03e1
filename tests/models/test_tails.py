"""Scales of all hours are matched at the level that bounds need."""

from __future__ import annotations

import numpy as np

from models.tails import TAIL_LEVEL, tail_factor


def test_after_matching_every_hour_has_the_same_tail() -> None:
    random = np.random.default_rng(1)
    ratios = np.abs(random.standard_t(4, size=(5_000, 6))) * np.arange(1, 7)
    matched = ratios / tail_factor(ratios)
    tails = np.quantile(matched, TAIL_LEVEL, axis=0)
    np.testing.assert_allclose(tails, tails.mean(), rtol=1e-9)


def test_the_factors_keep_the_typical_scale() -> None:
    ratios = np.abs(np.random.default_rng(2).normal(size=(400, 24)))
    assert tail_factor(ratios).mean() == 1.0


def test_hours_that_were_not_sampled_do_not_count() -> None:
    ratios = np.array([[1.0, np.nan], [np.nan, 3.0], [1.0, np.nan], [np.nan, 3.0]])
    np.testing.assert_allclose(tail_factor(ratios), [0.5, 1.5])


def test_where_nothing_was_missed_the_scale_stays() -> None:
    assert tail_factor(np.zeros((10, 3))).tolist() == [1.0, 1.0, 1.0]
