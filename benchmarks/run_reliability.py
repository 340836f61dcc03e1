"""How often a day passed its limit when the chance of it was said to be p, with runs.

Every test day of a backtest with weather forecasts is judged at limits from 10 degC
below to 10 above the region's own, each with the chance that its verdict names.

    python benchmarks/run_reliability.py TELEMETRY REGIONS FORECASTS \
        TRAIN_UNTIL CALIBRATE_UNTIL TEST_UNTIL
"""

from __future__ import annotations

import hashlib
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np

from core.forecasts import Target
from models.backtest import (
    BacktestSetup,
    issues_of,
    judge_days,
    own_limit_c,
)
from models.export import export_onnx
from models.onnx_model import OnnxModel
from models.rolling import mode_days
from models.train import train_model
from models.training_rows import EPOCH
from orchestrator.backtests.guards import guarded
from orchestrator.runtime import utc_now
from orchestrator.telemetry.readers.forecast_files import read_weather_forecasts
from orchestrator.telemetry.readers.frames import read_fleet

EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)


def main() -> None:
    """Print the table."""
    telemetry, regions, forecasts = map(Path, sys.argv[1:4])
    setup = BacktestSetup(
        train_until=date.fromisoformat(sys.argv[4]),
        calibrate_until=date.fromisoformat(sys.argv[5]),
        test_until=date.fromisoformat(sys.argv[6]),
    )
    frames = guarded(read_fleet(telemetry, regions, utc_now(), print).frames)
    zones = {slug: zone for slug, (_, zone) in frames.items()}
    frames = read_weather_forecasts(forecasts, zones).with_frames(frames, None)
    ends = [
        issues_of(zone, setup.train_until, setup.calibrate_until)[0]
        for zone in zones.values()
    ]
    trained = train_model(
        frames, Target.TEMPERATURE_C, min(ends), family=setup.family, seed=setup.seed
    )
    onnx_bytes = export_onnx(trained)
    model = OnnxModel(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())
    said: list[float] = []
    came: list[bool] = []
    whose: list[str] = []
    for slug, region in frames.items():
        frame, zone = region
        issues = issues_of(zone, setup.train_until, setup.test_until)
        days = mode_days(model, frame, zone, issues)
        own = own_limit_c(region, setup.train_until)
        for limit_c in own + np.arange(-10.0, 10.5, 1.0):
            rolled = judge_days(days, zone, setup, float(limit_c))
            for day, check in enumerate(rolled.judged.checks if rolled.judged else ()):
                highest = rolled.days.day_max[day]
                if check is not None and np.isfinite(highest):
                    said.append(float(check.exceedance_probability))
                    came.append(bool(highest > limit_c))
                    whose.append(f"{slug} {(rolled.days.issues[day] - EPOCH).days}")
    chances, passed, day_of = np.array(said), np.array(came), np.array(whose)
    print("| chance said | days and limits | mean chance | passed | standard error |")
    for low, high in pairwise(EDGES):
        inside = (chances > low) & (chances <= high)
        if inside.sum() < 10:
            continue
        # Limits of one day pass together: days count, not limits.
        n_days = len(set(day_of[inside].tolist()))
        mean = chances[inside].mean()
        error = np.sqrt(mean * (1 - mean) / n_days)
        print(
            f"| {low:g} to {high:g} | {inside.sum()} of {n_days} days | {mean:.3f}"
            f" | {passed[inside].mean():.3f} | {error:.3f} |"
        )


if __name__ == "__main__":
    main()
