"""Judge a model on past days: its bounds, decisions and errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from core.forecasts import RefusalCode
from core.model_gate import ModelFigures
from core.score_replay import FinishedWindow
from models.rolling import RegionDays, rolling_checks


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDay:
    """A past day as the scheduler would have judged it, and its real maximum."""

    issued_at_utc: datetime
    bound_c: float
    is_blocked: bool
    day_max_c: float


def error_figures(days: RegionDays) -> ModelFigures:
    """Errors of the means over hours with a persistence forecast."""
    error = days.mean - days.observed
    persistence_error = days.persistence - days.observed
    known = np.isfinite(error) & np.isfinite(persistence_error)
    return ModelFigures(
        n_windows=sum(code is None for code in days.refused),
        n_hours=int(known.sum()),
        squared_error_sum=float(np.sum(error[known] ** 2)),
        absolute_error_sum=float(np.sum(np.abs(error[known]))),
        persistence_squared_sum=float(np.sum(persistence_error[known] ** 2)),
        unanswered_windows=sum(
            code is RefusalCode.FORECAST_NOT_FINITE for code in days.refused
        ),
    )


def judged_days(
    days: RegionDays,
    *,
    confidence: Decimal,
    limit_c: float,
    scored: Iterable[FinishedWindow] | None = None,
) -> list[JudgedDay]:
    """Days that had a bound and whose maximum is known; see `rolling_checks`."""
    checks = rolling_checks(days, confidence=confidence, limit_c=limit_c, scored=scored)
    return [
        JudgedDay(
            issued_at_utc=issued_at_utc,
            bound_c=check.bound,
            is_blocked=check.is_exceeded,
            day_max_c=float(day_max_c),
        )
        for issued_at_utc, check, day_max_c in zip(
            days.issues, checks, days.day_max, strict=True
        )
        if check is not None and np.isfinite(day_max_c)
    ]


def bound_figures(days: Sequence[JudgedDay], limit_c: float) -> ModelFigures:
    """Coverage, margin and decisions of judged days."""
    return ModelFigures(
        bound_days=len(days),
        covered_days=sum(day.day_max_c <= day.bound_c for day in days),
        margin_sum_c=sum(day.bound_c - day.day_max_c for day in days),
        exceedance_days=sum(day.day_max_c > limit_c for day in days),
        approved_exceedance_days=count_unsafe(days, limit_c),
        blocked_safe_days=sum(
            day.is_blocked and day.day_max_c <= limit_c for day in days
        ),
    )


def count_unsafe(days: Sequence[JudgedDay], limit_c: float) -> int:
    """Days that were approved and exceeded the limit."""
    return sum(day.day_max_c > limit_c and not day.is_blocked for day in days)
