"""Day-ahead forecasts for a backtest of plans, by the models that serve.

Imports scikit-learn: for the command line, never for the web process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from core.forecasts import HourlyForecast, Refusal, Target
from core.regions import Region
from core.telemetry import TelemetryFrame
from models.export import export_onnx
from models.predictor import Predictor
from models.ridge_training import train_ridge
from models.runtime import ModelRuntime, hindcast

Trainer = Callable[
    [Mapping[str, tuple[TelemetryFrame, str]], Target, datetime, int], Predictor
]
"""From telemetry with its time zones, target, end of training and seed to a model."""


def train_and_export(
    frames: Mapping[str, tuple[TelemetryFrame, str]],
    target: Target,
    until_utc: datetime,
    seed: int,
) -> Predictor:
    """The family that serves, through its ONNX export, as the portal runs it."""
    trained = train_ridge(frames, target, until_utc, seed=seed)
    onnx_bytes = export_onnx(trained)
    return ModelRuntime(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())


def day_ahead_forecasts(
    frames: Mapping[str, TelemetryFrame],
    regions: Mapping[str, Region],
    issues: Sequence[datetime],
    *,
    train_until_utc: datetime,
    seed: int,
    trainer: Trainer = train_and_export,
    on_target: Callable[[Target], None] | None = None,
) -> dict[tuple[str, Target], list[HourlyForecast | Refusal]]:
    """Every target of every region at every issue instant, from the past alone."""
    with_zones = {
        slug: (frame, regions[slug].time_zone) for slug, frame in frames.items()
    }
    answers: dict[tuple[str, Target], list[HourlyForecast | Refusal]] = {}
    for target in Target:
        if on_target is not None:
            on_target(target)
        model = trainer(with_zones, target, train_until_utc, seed)
        for slug, frame in frames.items():
            answers[slug, target] = hindcast(model, frame, regions[slug], issues)
    return answers
