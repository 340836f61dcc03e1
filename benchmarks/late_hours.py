"""What a forecast is worth while the newest hours of telemetry are late.

    .venv/bin/python benchmarks/late_hours.py TELEMETRY REGIONS

Trains a ridge on 2021, calibrates on 2022 and judges 2023 at four hours of issue, each
with telemetry that lacks the newest 0 to 6 hours (`core.late_hours`). `own` calibrates
by windows forecast as late, as the portal does; `punctual` by windows that had all
their hours. Prints a JSON object a line.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from core.conformal import check_limit
from core.conformity import ScoreTracker, conformity_score
from core.errors import CalibrationInsufficient
from core.forecasts import HourlyForecast, Target
from core.late_hours import MOST_LATE_H, moved_on
from core.telemetry import HOUR, Quantity
from models.export import export_onnx
from models.fleet_telemetry import RegionTelemetry
from models.forecasting import forecast_windows
from models.metadata import Family
from models.observations import observed_windows
from models.onnx_model import OnnxModel
from models.train import train_model
from orchestrator.telemetry.readers.frames import read_fleet

TRAIN_UNTIL, TEST_FROM = (datetime(year, 1, 1, tzinfo=UTC) for year in (2022, 2023))
N_DAYS = 729
ISSUE_HOURS_UTC = (0, 6, 12, 18)
ALPHA = Decimal("0.05")
LATE_H = (0, 1, 2, 3, MOST_LATE_H)


def judged(
    region: RegionTelemetry, model: OnnxModel, issue_hour: int, lag_h: int
) -> Iterator[tuple[str, float, float, float]]:
    """Calibration, margin, excess over the maximum and error of each test day."""
    frame, time_zone = region
    first = TRAIN_UNTIL + timedelta(days=1, hours=issue_hour)
    issues = [first + timedelta(days=day) for day in range(N_DAYS - 1)]
    punctual, late = (
        forecast_windows(model, frame, time_zone, [at - lag * HOUR for at in issues])
        for lag in (0, lag_h)
    )
    observed = observed_windows(frame, Quantity.TEMPERATURE_C, issues, 24)
    trackers = {"own": ScoreTracker(ALPHA), "punctual": ScoreTracker(ALPHA)}
    for issued, answer, whole, came in zip(
        issues, late, punctual, observed, strict=True
    ):
        if not (isinstance(answer, HourlyForecast) and np.isfinite(came).all()):
            continue
        made = moved_on(answer, lag_h)
        day_max = float(came.max())
        if issued >= TEST_FROM:
            for name, tracker in trackers.items():
                try:
                    known = tracker.calibration()
                except CalibrationInsufficient:
                    continue
                bound = check_limit(made.mean, made.scale, known, limit=50.0).bound
                error = float(np.mean((made.mean - came) ** 2))
                yield name, bound - day_max, float(bound >= day_max), error
        trackers["own"].add(conformity_score(day_max, made.mean, made.scale))
        if isinstance(whole, HourlyForecast):
            score = conformity_score(day_max, whole.mean, whole.scale)
            trackers["punctual"].add(score)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """Print coverage, margin and error of each lag and calibration."""
    telemetry, regions = map(Path, sys.argv[1:])
    fleet = read_fleet(telemetry, regions, datetime.now(UTC), _say)
    trained = train_model(
        fleet.frames, Target.TEMPERATURE_C, TRAIN_UNTIL, family=Family.RIDGE, seed=7
    )
    content = export_onnx(trained)
    model = OnnxModel(content, hashlib.sha256(content).hexdigest())
    for lag_h in LATE_H:
        days = [
            day
            for region in fleet.frames.values()
            for hour in ISSUE_HOURS_UTC
            for day in judged(region, model, hour, lag_h)
        ]
        for name in ("own", "punctual"):
            margin, is_held, error = np.array(
                [day[1:] for day in days if day[0] == name]
            ).T
            figures = {
                "lag_h": lag_h,
                "calibration": name,
                "n_days": len(margin),
                "coverage": round(float(is_held.mean()), 4),
                "mean_margin_c": round(float(margin.mean()), 2),
                "rmse_c": round(float(np.sqrt(error.mean())), 2),
            }
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
