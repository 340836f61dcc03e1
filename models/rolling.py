"""Forecasts of one region's days, each with the data known at its issue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.conformal import LimitCheck, check_limit
from core.conformity import (
    MINIMUM_SCORES,
    SCORE_WINDOW,
    ScoreTracker,
    conformity_score,
    required_scores,
)
from core.errors import CalibrationInsufficient
from core.forecasts import HourlyForecast, InputMode, Refusal, RefusalCode
from core.score_replay import FinishedWindow, ScoreReplay
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.forecasting import Predictor, forecast_modes, forecast_windows
from models.intervals import interval_quantile, recalibration_instants
from models.observations import observed_windows, persistence_windows

OBSERVATION_MISSING = "observation_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionDays:
    """Forecasts of one region's days and the measured values.

    Attributes
    ----------
    issues : sequence of datetime, length n
        Ascending.
    mean, scale, observed, persistence : ndarray, shape (n, H)
        In the target's unit; NaN where unknown or refused.
    refused : sequence of RefusalCode | None, length n
        None also where the forecast was not asked for or not possible in this mode.
    """

    issues: Sequence[datetime]
    mean: FloatArray
    scale: FloatArray
    observed: FloatArray
    persistence: FloatArray
    refused: Sequence[RefusalCode | None]

    @property
    def horizon_h(self) -> int:
        """Hours of one forecast."""
        return int(self.mean.shape[1])

    @property
    def is_scored(self) -> BoolArray:
        """Days with a forecast and all their hours observed, shape (n,)."""
        known = np.isfinite(self.observed) & np.isfinite(self.mean)
        return np.asarray(known.all(axis=1), dtype=np.bool_)

    @property
    def day_max(self) -> FloatArray:
        """Largest observed hour of each day, NaN unless all are known, shape (n,)."""
        highest: FloatArray = self.observed.max(axis=1)
        return highest

    def since(self, first: int) -> RegionDays:
        """The days from position `first` on."""
        return self.at(range(first, len(self.issues)))

    def at(self, positions: Sequence[int]) -> RegionDays:
        """The days at these positions."""
        chosen = np.array(positions, dtype=np.int64)
        return RegionDays(
            issues=[self.issues[day] for day in positions],
            mean=self.mean[chosen],
            scale=self.scale[chosen],
            observed=self.observed[chosen],
            persistence=self.persistence[chosen],
            refused=[self.refused[day] for day in positions],
        )

    def why_unscored(self, day: int) -> str:
        """Why the day at this position is not scored."""
        return self.refused[day] or OBSERVATION_MISSING


def forecast_days(
    model: Predictor,
    frame: TelemetryFrame,
    time_zone: str,
    issues: Sequence[datetime],
) -> RegionDays:
    """Forecasts at `issues`, each from the hours that had ended by then."""
    contract = model.contract
    answers = forecast_windows(model, frame, time_zone, issues)
    return answered_days(
        frame,
        contract.target.quantity,
        dict(zip(issues, answers, strict=True)),
        horizon_h=contract.horizon_h,
    )


def mode_days(
    model: Predictor,
    frame: TelemetryFrame,
    time_zone: str,
    issues: Sequence[datetime],
) -> dict[InputMode, RegionDays]:
    """As `forecast_days`, apart for every input mode, best first.

    Days that a mode was not possible on have no forecast in it.
    """
    answers = forecast_modes(model, frame, time_zone, issues)
    possible = {mode for item in answers if isinstance(item, dict) for mode in item}
    contract = model.contract
    return {
        mode: answered_days(
            frame,
            contract.target.quantity,
            {
                issue: item.get(mode) if isinstance(item, dict) else item
                for issue, item in zip(issues, answers, strict=True)
            },
            horizon_h=contract.horizon_h,
        )
        for mode in InputMode
        if mode in possible or (mode is InputMode.TELEMETRY and not possible)
    }


def answered_days(
    frame: TelemetryFrame,
    quantity: Quantity,
    answers: Mapping[datetime, HourlyForecast | Refusal | None],
    *,
    horizon_h: int,
) -> RegionDays:
    """Answers of a model at ascending issues, with the measured values."""
    issues = list(answers)
    mean = np.full((len(issues), horizon_h), np.nan)
    scale = mean.copy()
    refused: list[RefusalCode | None] = [None] * len(issues)
    for day, answer in enumerate(answers.values()):
        if isinstance(answer, Refusal):
            refused[day] = answer.code
        elif answer is not None:
            mean[day], scale[day] = answer.mean, answer.scale
    return RegionDays(
        issues=issues,
        mean=mean,
        scale=scale,
        observed=observed_windows(frame, quantity, issues, horizon_h),
        persistence=persistence_windows(frame, quantity, issues, horizon_h),
        refused=refused,
    )


def calibrated_days(days: RegionDays, alpha: Decimal) -> BoolArray:
    """True where enough earlier days had been scored for a bound, shape (n,)."""
    window = timedelta(hours=days.horizon_h)
    ends = [
        days.issues[day] + window for day in np.flatnonzero(days.is_scored).tolist()
    ]
    needed = required_scores(alpha)
    return np.array(
        [sum(end <= issue for end in ends) >= needed for issue in days.issues],
        dtype=np.bool_,
    )


def served_modes(
    by_mode: Mapping[InputMode, RegionDays], alpha: Decimal
) -> list[InputMode]:
    """The mode that serves each day: the best one possible that is calibrated.

    Without a calibrated one the best one possible, which has no bound.
    """
    n_days = len(next(iter(by_mode.values())).issues)
    served: list[InputMode | None] = [None] * n_days
    possible: list[InputMode] = [InputMode.TELEMETRY] * n_days
    for mode in reversed(list(by_mode)):
        answered = np.isfinite(by_mode[mode].mean).all(axis=1)
        calibrated = answered & calibrated_days(by_mode[mode], alpha)
        for day in np.flatnonzero(answered).tolist():
            possible[day] = mode
            served[day] = mode if calibrated[day] else served[day]
    return [mode or best for mode, best in zip(served, possible, strict=True)]


def joined_days(
    by_mode: Mapping[InputMode, RegionDays], served: Sequence[InputMode]
) -> RegionDays:
    """The days as served, each in its mode."""
    first = next(iter(by_mode.values()))
    mean, scale = np.full_like(first.mean, np.nan), np.full_like(first.scale, np.nan)
    refused = list(first.refused)
    for day, mode in enumerate(served):
        if mode in by_mode:
            mean[day], scale[day] = by_mode[mode].mean[day], by_mode[mode].scale[day]
            refused[day] = by_mode[mode].refused[day]
    return replace(first, mean=mean, scale=scale, refused=refused)


def rolling_half_width(days: RegionDays, confidence: Decimal) -> FloatArray:
    """Half width of the displayed interval of every hour, shape (n, H).

    The quantile is that of the last year of days finished by the newest recalibration
    before the issue; NaN until two months of days have been scored.
    """
    window = timedelta(hours=days.horizon_h)
    quantiles = np.full(len(days.issues), np.nan)
    scored = np.flatnonzero(days.is_scored).tolist()
    ends = [days.issues[day] + window for day in scored]
    issued = np.array([issue.timestamp() for issue in days.issues])
    for instant in recalibration_instants(days.issues[0], days.issues[-1] + HOUR):
        n_finished = sum(end <= instant for end in ends)
        finished = scored[:n_finished][-SCORE_WINDOW:]
        if len(finished) >= MINIMUM_SCORES:
            quantiles[issued >= instant.timestamp()] = interval_quantile(
                days.observed[finished],
                days.mean[finished],
                days.scale[finished],
                confidence,
            ).quantile
    half_width: FloatArray = quantiles[:, None] * days.scale
    return half_width


@dataclass(frozen=True, slots=True, kw_only=True)
class _ScoredDay:
    issued_at_utc: datetime
    score: float


def rolling_checks(
    days: RegionDays,
    *,
    confidence: Decimal,
    limit_c: float,
    scored: Iterable[FinishedWindow] | None = None,
) -> list[LimitCheck | None]:
    """The check of each day's bound against the limit; None where there is no bound.

    The bound of a day rests on the scores of days that had ended by its issue and on
    the offset that tracked them, as in `core.conformity`.

    Parameters
    ----------
    scored : iterable of FinishedWindow, optional
        Stored scores of the same model, region and hour of issue, oldest first; the
        scores of `days` when they are left out.
    """
    known = _scored_days(days) if scored is None else scored
    replay = ScoreReplay(1 - confidence, known)
    window = timedelta(hours=days.horizon_h)
    checks: list[LimitCheck | None] = []
    for day, issue in enumerate(days.issues):
        replay.advance_to(issue - window)
        checks.append(_check(days, day, replay.tracker, limit_c))
    return checks


def _check(
    days: RegionDays, day: int, tracker: ScoreTracker, limit_c: float
) -> LimitCheck | None:
    if not np.isfinite(days.mean[day]).all():
        return None
    try:
        calibration = tracker.calibration()
    except CalibrationInsufficient:
        return None
    return check_limit(days.mean[day], days.scale[day], calibration, limit=limit_c)


def _scored_days(days: RegionDays) -> list[_ScoredDay]:
    day_max = days.day_max
    return [
        _ScoredDay(
            issued_at_utc=days.issues[day],
            score=conformity_score(
                float(day_max[day]), days.mean[day], days.scale[day]
            ),
        )
        for day in np.flatnonzero(days.is_scored).tolist()
    ]
