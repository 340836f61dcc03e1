"""The families of models. Light to import: no scikit-learn."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """How a model is made; the values stand in its metadata."""

    RIDGE = "ridge"
    BOOSTING = "hist-gradient-boosting"


DEFAULT_FAMILY = Family.BOOSTING
"""The better of the two on every target of the backtest (docs/forecast-quality.md)."""
