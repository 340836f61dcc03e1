"""Does a model answer a row alike, whatever company it is asked in?

Forecasts ask one row at a time, so rows beside it cannot change an answer. A file that
would answer a batch in another way is refused all the same: it has no honest reason to.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray, IntArray
from core.errors import ModelRejected
from models.metadata import ModelContract

_SAME = 1e-5
"""Largest relative change of an answer with the other rows of its batch."""


class Askable(Protocol):
    """A model that can be asked row by row and in batches."""

    @property
    def contract(self) -> ModelContract:
        """What the model says about itself."""

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales of rows, each asked alone."""

    def predict_together(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales of rows in batches."""


def require_independent_rows(
    model: Askable, features: NDArray[np.float32], region_index: IntArray
) -> None:
    """Refuse a model whose answer to a row depends on the rows beside it.

    Each row is asked alone, then in three companies: in order, reversed, and after a
    copy of itself with another region's index.

    Parameters
    ----------
    features : ndarray of float32, shape (N, F)
    region_index : ndarray of int64, shape (N,)

    Raises
    ------
    ModelRejected
        When an answer differs by more than 1e-5, relative or absolute.
    """
    n_indices = len(model.contract.region_slugs) + 1
    twice = np.repeat(region_index, 2)
    twice[::2] = (twice[::2] + 1) % n_indices
    companies = (
        (features, region_index, slice(None)),
        (features[::-1], region_index[::-1], slice(None, None, -1)),
        (np.repeat(features, 2, axis=0), twice, slice(1, None, 2)),
    )
    alone = model.predict(features, region_index)
    for rows, index, own in companies:
        together = model.predict_together(rows, index)
        if not all(
            np.allclose(one, many[own], rtol=_SAME, atol=_SAME)
            for one, many in zip(alone, together, strict=True)
        ):
            message = "A row's answer depends on the rows beside it."
            raise ModelRejected(message)
