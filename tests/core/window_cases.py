"""Synthetic forecasts and what came of them, with a day's course and lasting errors."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from core.aliases import FloatArray
from core.conformity import Calibration, ScoreTracker, conformity_score
from core.rescoring import WindowHours

N_HOURS = 24
HOURS = np.arange(N_HOURS)


@dataclass(frozen=True)
class Days:
    """Forecasts and observed hours, shape (n_days, 24), degC."""

    mean: FloatArray
    scale: FloatArray
    observed: FloatArray


def some_days(random: np.random.Generator, n_days: int) -> Days:
    """Exchangeable days of other levels, amplitudes and uncertainty."""
    level = random.normal(20.0, 4.0, (n_days, 1))
    amplitude = random.uniform(2.0, 8.0, (n_days, 1))
    course = -np.cos(2 * np.pi * (HOURS - 3) / 24)
    # Models answer in float32.
    mean = (level + amplitude * course).astype(np.float32).astype(np.float64)
    spread = random.uniform(0.5, 1.5, (n_days, 1)) * (0.8 + 0.03 * HOURS)
    scale = spread.astype(np.float32).astype(np.float64)
    error = np.empty((n_days, N_HOURS))
    last = random.normal(0.0, 1.0, n_days)
    for hour in range(N_HOURS):
        last = 0.85 * last + 0.53 * random.normal(0.0, 1.0, n_days)
        error[:, hour] = last
    return Days(mean=mean, scale=scale, observed=np.round(mean + scale * error, 1))


def tracked(days: Days, alpha: Decimal = Decimal("0.05")) -> ScoreTracker:
    """A tracker that has seen all days."""
    tracker = ScoreTracker(alpha)
    for mean, scale, came in zip(days.mean, days.scale, days.observed, strict=True):
        tracker.add(
            conformity_score(float(came.max()), mean, scale),
            WindowHours.observed(came, mean, scale),
        )
    return tracker


def some_calibration(seed: int, n_days: int = 120) -> Calibration:
    """A calibration with the hours of its windows."""
    return tracked(some_days(np.random.default_rng(seed), n_days)).calibration()
