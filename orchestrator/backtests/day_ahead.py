"""Day-ahead forecasts for a backtest of plans, by the models that serve.

Imports scikit-learn: for the command line, never for the web process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from core.forecasts import HourlyForecast, Refusal, Target
from core.regions import Region
from models.export import export_onnx
from models.fleet_telemetry import RegionTelemetry
from models.forecasting import hindcast
from models.metadata import DEFAULT_FAMILY, Family
from models.onnx_model import OnnxModel
from models.train import train_model


def day_ahead_forecasts(
    frames: Mapping[str, RegionTelemetry],
    regions: Mapping[str, Region],
    issues: Sequence[datetime],
    *,
    train_until_utc: datetime,
    seed: int,
    family: Family = DEFAULT_FAMILY,
    on_target: Callable[[Target], None] | None = None,
) -> dict[tuple[str, Target], list[HourlyForecast | Refusal]]:
    """Every target of every region at every issue instant, from the past alone.

    The models answer through their ONNX export, as the portal runs them.
    """
    answers: dict[tuple[str, Target], list[HourlyForecast | Refusal]] = {}
    for target in Target:
        if on_target is not None:
            on_target(target)
        trained = train_model(frames, target, train_until_utc, family=family, seed=seed)
        onnx_bytes = export_onnx(trained)
        model = OnnxModel(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())
        for slug, (frame, _) in frames.items():
            answers[slug, target] = hindcast(model, frame, regions[slug], issues)
    return answers
