"""Measured values of forecast windows, and the persistence forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from core.aliases import FloatArray
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between

PERSISTENCE_H = 24


def observed_windows(
    frame: TelemetryFrame,
    quantity: Quantity,
    issue_instants: Sequence[datetime],
    horizon_h: int,
) -> FloatArray:
    """Measured values of [issue, issue + horizon_h) per issue, NaN where missing.

    Returns
    -------
    ndarray of float64, shape (n_issues, horizon_h)
        In the quantity's unit.
    """
    if not issue_instants:
        return np.empty((0, horizon_h))
    first, last = min(issue_instants), max(issue_instants)
    column = frame.window(first, last + horizon_h * HOUR).column(quantity)
    positions = np.array([hours_between(first, instant) for instant in issue_instants])
    return column[positions[:, None] + np.arange(horizon_h)]


def persistence_windows(
    frame: TelemetryFrame,
    quantity: Quantity,
    issue_instants: Sequence[datetime],
    horizon_h: int,
) -> FloatArray:
    """The same hour of the day before the issue, as a forecast, NaN where missing.

    Beyond 24 h the same day is repeated, so no hour after the issue is used.
    """
    day_before = observed_windows(
        frame,
        quantity,
        [instant - PERSISTENCE_H * HOUR for instant in issue_instants],
        PERSISTENCE_H,
    )
    return day_before[:, np.arange(horizon_h) % PERSISTENCE_H]
