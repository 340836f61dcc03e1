"""Forecasts with the calibration state that they are issued with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import numpy as np

from core.conformal import check_limit
from core.conformity import Calibration, ScoreTracker, required_scores
from core.errors import CalibrationInsufficient
from core.forecasts import HourlyForecast, InputMode, Target
from core.plausibility import PlainBound
from core.policies import Policy
from core.telemetry import HOUR, TelemetryFrame
from db import interval_calibrations
from db.forecasts import NewForecast


def calibrated_forecast(
    hourly: HourlyForecast,
    *,
    region_id: int,
    kind: str,
    model_version_id: int,
    telemetry_watermark_utc: datetime | None,
    policy: Policy,
    tracker: ScoreTracker | None,
    score_watermark_id: int | None,
    interval: interval_calibrations.IntervalCalibration | None,
    plain: PlainBound | None = None,
) -> NewForecast:
    """A forecast with the calibration state it is issued with.

    Without enough scores it has no bound, and the scheduler blocks.
    """
    calibration: Calibration | None = None
    if tracker is not None:
        try:
            calibration = tracker.calibration()
        except CalibrationInsufficient:
            calibration = None
    bound_c = None
    if calibration is not None:
        bound_c = check_limit(
            hourly.mean, hourly.scale, calibration, limit=policy.thermal_limit_c
        ).bound
    return NewForecast(
        region_id=region_id,
        target=hourly.target,
        issued_at_utc=hourly.issued_at_utc,
        kind=kind,
        model_version_id=model_version_id,
        telemetry_watermark_utc=telemetry_watermark_utc,
        forecast=hourly,
        confidence=policy.confidence if tracker is not None else None,
        score_count=tracker.n_scores if tracker is not None else None,
        score_watermark_id=score_watermark_id if tracker is not None else None,
        score_quantile=calibration.quantile if calibration else None,
        tracking_offset=calibration.offset if calibration else None,
        day_bound_c=bound_c,
        interval_calibration_id=interval.calibration_id if interval else None,
        plain=plain,
        input_mode=hourly.input_mode,
        run_issued_at_utc=hourly.run_issued_at_utc,
    )


def telemetry_watermark(frame: TelemetryFrame, target: Target) -> datetime | None:
    """End of the last hour whose target value is known; None when none is."""
    hours = np.flatnonzero(np.isfinite(frame.column(target.quantity)))
    return frame.start_utc + (int(hours[-1]) + 1) * HOUR if hours.size else None


def served_mode(
    trackers: Mapping[InputMode, ScoreTracker], alpha: Decimal
) -> InputMode:
    """The best mode that has enough scores for a bound, else the best one possible."""
    needed = required_scores(alpha)
    calibrated = (mode for mode, item in trackers.items() if item.n_scores >= needed)
    return next(calibrated, next(iter(trackers)))
