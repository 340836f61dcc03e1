"""False alarms of the plain model on honest models: hourly issues of a test year.

    .venv/bin/python benchmarks/model_guard.py TELEMETRY REGIONS [TRAIN CALIBRATE TEST]

Trains both families, and takes persistence with a fixed scale as a stranger's model.
For each it counts the issues whose bound lies further below the plain model's than is
plausible, and the largest mean distance of 72 issues in a row, in plain errors. Then it
counts how many lies are found: every bound lowered by some degrees. The three days are
as in `gfo backtest`.
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.days import local_issue_hour
from core.forecasts import Target
from core.plausibility import ALLOWED_ERRORS, DRIFT_ERRORS, DRIFT_ISSUES
from core.telemetry import HOUR, Quantity
from models.export import export_onnx
from models.fleet_telemetry import RegionTelemetry
from models.metadata import Family
from models.observations import observed_windows, persistence_windows
from models.onnx_model import OnnxModel
from models.plain_model import plain_forecasts
from models.rolling import RegionDays, forecast_days
from models.shadow import judged_days
from models.train import train_model
from orchestrator.telemetry.readers.frames import read_fleet

ALPHA = Decimal("0.05")
LIES_C = (3.0, 5.0, 8.0, 15.0, 25.0)
PERSISTENCE = "persistence"
Floats = NDArray[np.float64]


def main(arguments: Sequence[str]) -> None:
    """Run everything and print one line for each region and model."""
    telemetry, regions = (Path(text) for text in arguments[:2])
    days = [date.fromisoformat(text) for text in arguments[2:5]]
    train, calibrate, test = (
        datetime.combine(day, datetime.min.time(), tzinfo=UTC)
        for day in days or [date(2022, 1, 1), date(2023, 1, 1), date(2024, 1, 1)]
    )
    frames = read_fleet(telemetry, regions, datetime.now(UTC), print).frames
    plain = {
        slug: _plain(frames[slug], every_hour(calibrate, test))
        for slug in sorted(frames)
    }
    print("| model | region | issues | implausible | largest | 72 in a row | gap |")
    print("|---|---|---|---|---|---|---|")
    for name in (*(family.value for family in Family), PERSISTENCE):
        model = None if name == PERSISTENCE else trained(frames, Family(name), train)
        for slug in sorted(frames):
            days = answered(model, frames[slug], every_hour(train, test))
            bounds = _bounds(days, frames[slug][1])
            _say(
                name,
                slug,
                [bounds.get(t, np.nan) for t in every_hour(calibrate, test)],
                plain[slug],
            )


def every_hour(start: datetime, end: datetime) -> list[datetime]:
    n_hours = int((end - start - timedelta(days=1)) // HOUR)
    return [start + i * HOUR for i in range(n_hours)]


def _plain(
    region: RegionTelemetry, issues: Sequence[datetime]
) -> tuple[Floats, Floats]:
    """Bound and mean error of the plain model at each issue, NaN without one."""
    bounds, errors = np.full(len(issues), np.nan), np.full(len(issues), np.nan)
    for i, found in enumerate(plain_forecasts(region[0], issues)):
        bound_c = None if found is None else found.bound_c(ALPHA)
        if found is not None and bound_c is not None:
            bounds[i], errors[i] = bound_c, found.error_c
    return bounds, errors


def trained(
    frames: Mapping[str, RegionTelemetry], family: Family, until: datetime
) -> OnnxModel:
    trained = train_model(frames, Target.TEMPERATURE_C, until, family=family, seed=7)
    content = export_onnx(trained)
    return OnnxModel(content, hashlib.sha256(content).hexdigest())


def answered(
    model: OnnxModel | None, region: RegionTelemetry, issues: Sequence[datetime]
) -> RegionDays:
    frame, time_zone = region
    if model is not None:
        return forecast_days(model, frame, time_zone, issues)
    day_before = persistence_windows(frame, Quantity.TEMPERATURE_C, issues, 24)
    known = np.isfinite(day_before).all(axis=1)
    return RegionDays(
        issues=issues,
        mean=day_before,
        scale=np.tile(np.linspace(1.4, 2.6, 24), (len(issues), 1)),
        observed=observed_windows(frame, Quantity.TEMPERATURE_C, issues, 24),
        persistence=day_before,
        refused=[None if is_known else "telemetry_gap" for is_known in known],  # type: ignore[misc]
    )


def _bounds(days: RegionDays, time_zone: str) -> dict[datetime, float]:
    """Every bound as it would have been issued, each hour by its own scores."""
    positions: dict[int, list[int]] = defaultdict(list)
    for position, issue in enumerate(days.issues):
        positions[local_issue_hour(time_zone, issue)].append(position)
    return {
        day.issued_at_utc: day.bound_c
        for chosen in positions.values()
        for day in judged_days(days.at(chosen), confidence=1 - ALPHA, limit_c=100.0)
    }


def _say(
    name: str, slug: str, bounds: Sequence[float], plain: tuple[Floats, Floats]
) -> None:
    plain_c, error_c = plain
    distance = (plain_c - np.array(bounds)) / error_c
    known = np.isfinite(distance)
    distance, error_c = distance[known], error_c[known]
    mean = np.convolve(distance, np.full(DRIFT_ISSUES, 1 / DRIFT_ISSUES), "valid")
    found = ", ".join(
        f"{lie_c:g} °C {(distance + lie_c / error_c > ALLOWED_ERRORS).mean():.0%}"
        for lie_c in LIES_C
    )
    print(
        f"| {name} | {slug} | {len(distance):,} | {(distance > ALLOWED_ERRORS).sum()} |"
        f" {distance.max():.2f} | {mean.max():.2f} (of {DRIFT_ERRORS:g}) |"
        f" {ALLOWED_ERRORS * error_c.mean():.1f} °C, lies found at once: {found} |",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
