"""The quantile of scores by MAPIE; importing it imports scikit-learn as well."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from mapie.conformity_scores import AbsoluteConformityScore
from mapie.regression import SplitConformalRegressor
from sklearn.base import BaseEstimator, RegressorMixin

from core.aliases import FloatArray


class _Zero(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts 0: MAPIE gets residuals instead of the measured values."""

    n_features_in_ = 1  # how MAPIE recognises a fitted estimator

    def fit(self, features: FloatArray, target: FloatArray) -> _Zero:
        _ = features, target
        return self

    def predict(self, features: FloatArray) -> FloatArray:
        return np.zeros(len(features))


def mapie_quantile(scores: FloatArray, confidence: Decimal) -> float:
    """The split conformal quantile of absolute scores.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Residuals in units of their scale; all finite, as many as `confidence` needs.
    confidence : Decimal
        Share of scores that the quantile is to hold, (0, 1).
    """
    nothing = np.zeros((len(scores), 1))
    regressor = SplitConformalRegressor(
        estimator=_Zero(),
        confidence_level=float(confidence),
        conformity_score=AbsoluteConformityScore(sym=True),
        prefit=True,
    )
    regressor.conformalize(nothing, scores)
    _, intervals = regressor.predict_interval(nothing[:1])
    return float(intervals[0, 1, 0])
