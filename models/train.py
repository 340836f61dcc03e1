"""Train a model of any family. Imports scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from core.forecasts import Target
from models.boosting import TrainedBoosting
from models.boosting_training import train_boosting
from models.metadata import DEFAULT_FAMILY, Family
from models.ridge import TrainedRidge
from models.ridge_training import train_ridge
from models.training_rows import RegionTelemetry

TrainedModel = TrainedRidge | TrainedBoosting


_TRAINERS: Mapping[Family, Callable[..., TrainedModel]] = {
    Family.RIDGE: train_ridge,
    Family.BOOSTING: train_boosting,
}


def train_model(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    *,
    family: Family = DEFAULT_FAMILY,
    seed: int = 0,
) -> TrainedModel:
    """Train one model of `family` on every window that ended by `until_utc`.

    Parameters
    ----------
    frames : Mapping of slug to (TelemetryFrame, IANA time zone)

    Raises
    ------
    InvalidInput
        When no region has enough complete windows.
    """
    return _TRAINERS[family](frames, target, until_utc, seed)
