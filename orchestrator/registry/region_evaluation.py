"""Shadow evaluation of one region: both models over the same past days."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from core.days import WINDOW_H, issue_at_local_midnight, local_day_of, window_end
from core.forecasts import HourlyForecast, Refusal, Target
from core.model_gate import ChangedDecision, ModelFigures, RegionComparison, pooled
from core.policies import Policy
from core.telemetry import HOUR, TelemetryFrame
from db import model_versions, policies
from db.model_evaluations import ModelEvaluation
from db.regions import StoredRegion
from models.forecasting import hindcast
from models.rolling import RegionDays, answered_days
from models.shadow import (
    JudgedDay,
    bound_figures,
    count_unsafe,
    error_figures,
    judged_days,
)
from orchestrator.forecasts.hindcasts import calibrate_region
from orchestrator.forecasts.model_cache import ModelCache, ServingModel
from orchestrator.registry.records import EvaluatedDay, EvaluatedRegion
from orchestrator.windows.database_source import LOOK_BACK_H, load_model_frame
from orchestrator.windows.views import Series, finite_series

CALIBRATION_DAYS = 365
"""Before the judged days: as many scores as a bound looks back on."""

Answers = Mapping[datetime, HourlyForecast | Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What is known of the region over the period."""

    region: StoredRegion
    target: Target
    policy: Policy
    frame: TelemetryFrame
    midnights: tuple[datetime, ...]
    judged_from_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """One model's way through the period."""

    figures: ModelFigures
    days: dict[datetime, JudgedDay]
    rmse_by_hour: Series


def evaluate_region(
    session: Session,
    cache: ModelCache,
    evaluation: ModelEvaluation,
    stored_region: StoredRegion,
    *,
    now: datetime,
) -> EvaluatedRegion:
    """What is kept of a region; gives a temperature model its calibration as well."""
    new = _loaded(session, cache, evaluation.model_version_id)
    active = (
        None
        if evaluation.compared_version_id is None
        else _loaded(session, cache, evaluation.compared_version_id)
    )
    past = _past(session, evaluation, stored_region, new.runtime.contract.target)
    if past.target is Target.TEMPERATURE_C:
        answers: Answers = calibrate_region(
            session,
            new,
            stored_region,
            start_utc=_start(evaluation),
            end_utc=evaluation.until_utc,
            now=now,
        ).answers
    else:
        answers = _at_midnights(new, past)
    new_walk = _walk(past, answers)
    active_walk = None if active is None else _walk(past, _at_midnights(active, past))
    return _compared(past, new_walk, active_walk)


def _start(evaluation: ModelEvaluation) -> datetime:
    return evaluation.from_utc - timedelta(days=CALIBRATION_DAYS)


def _loaded(session: Session, cache: ModelCache, version_id: int) -> ServingModel:
    return cache.version(session, model_versions.model_version(session, version_id))


def _past(
    session: Session,
    evaluation: ModelEvaluation,
    stored_region: StoredRegion,
    target: Target,
) -> _Past:
    start_utc = _start(evaluation)
    frame = load_model_frame(
        session,
        stored_region.region.slug,
        start_utc - LOOK_BACK_H * HOUR,
        evaluation.until_utc,
    )
    return _Past(
        region=stored_region,
        target=target,
        policy=policies.effective_policy(session, stored_region.region_id),
        frame=frame,
        midnights=_midnights(
            stored_region.region.time_zone, start_utc, evaluation.until_utc
        ),
        judged_from_utc=evaluation.from_utc,
    )


def _midnights(
    time_zone: str, start_utc: datetime, until_utc: datetime
) -> tuple[datetime, ...]:
    first = local_day_of(time_zone, start_utc)
    n_days = (until_utc - start_utc).days + 2
    instants = (
        issue_at_local_midnight(time_zone, first + timedelta(days=i))
        for i in range(n_days)
    )
    return tuple(t for t in instants if start_utc <= t and window_end(t) <= until_utc)


def _at_midnights(model: ServingModel, past: _Past) -> Answers:
    trained_until = model.runtime.contract.trained_until_utc
    instants = [t for t in past.midnights if t >= trained_until]
    answers = hindcast(model.runtime, past.frame, past.region.region, instants)
    return dict(zip(instants, answers, strict=True))


def _walk(past: _Past, answers: Answers) -> _Walk:
    days = answered_days(
        past.frame,
        past.target.quantity,
        {t: answers[t] for t in past.midnights if t in answers},
        horizon_h=WINDOW_H,
    )
    recent = days.since(sum(t < past.judged_from_utc for t in days.issues))
    figures = error_figures(recent)
    judged: list[JudgedDay] = []
    if past.target is Target.TEMPERATURE_C:
        limit_c = past.policy.thermal_limit_c
        judged = [
            day
            for day in judged_days(
                days, confidence=past.policy.confidence, limit_c=limit_c
            )
            if day.issued_at_utc >= past.judged_from_utc
        ]
        figures = pooled([figures, bound_figures(judged, limit_c)])
    return _Walk(
        figures=figures,
        days={day.issued_at_utc: day for day in judged},
        rmse_by_hour=_rmse_by_hour(recent),
    )


def _rmse_by_hour(days: RegionDays) -> Series:
    if all(code is not None for code in days.refused):
        return ()
    squared = np.square(days.mean - days.observed)
    known = np.isfinite(squared).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return finite_series(np.sqrt(np.nansum(squared, axis=0) / known))


def _compared(past: _Past, new: _Walk, active: _Walk | None) -> EvaluatedRegion:
    is_bounded = past.target is Target.TEMPERATURE_C
    limit_c = past.policy.thermal_limit_c if is_bounded else math.nan
    active_days = {} if active is None else active.days
    common = [t for t in new.days if t in active_days]
    return EvaluatedRegion(
        comparison=RegionComparison(
            region_slug=past.region.region.slug,
            new=new.figures,
            active=None if active is None else active.figures,
            common_days=len(common),
            common_unsafe_new=count_unsafe([new.days[t] for t in common], limit_c),
            common_unsafe_active=count_unsafe(
                [active_days[t] for t in common], limit_c
            ),
            complete_days=_complete_days(past),
            limit_c=limit_c,
            changed=_changed(past, new.days, active_days, common),
        ),
        alpha=past.policy.alpha,
        new_rmse_by_hour=new.rmse_by_hour,
        active_rmse_by_hour=() if active is None else active.rmse_by_hour,
        days=tuple(
            EvaluatedDay(
                local_day=_day(past, t),
                new_bound_c=new.days[t].bound_c if t in new.days else None,
                active_bound_c=active_days[t].bound_c if t in active_days else None,
                day_max_c=(new.days.get(t) or active_days[t]).day_max_c,
            )
            for t in past.midnights
            if t in new.days or t in active_days
        ),
    )


def _complete_days(past: _Past) -> int:
    values = past.frame.column(past.target.quantity)
    offsets = [int((t - past.frame.start_utc) // HOUR) for t in past.midnights]
    return sum(bool(np.isfinite(values[i : i + WINDOW_H]).all()) for i in offsets)


def _changed(
    past: _Past,
    new: Mapping[datetime, JudgedDay],
    active: Mapping[datetime, JudgedDay],
    common: Sequence[datetime],
) -> tuple[ChangedDecision, ...]:
    """Turned verdicts, those first that would be approved now, then the newest."""
    changed = [
        ChangedDecision(
            local_day=_day(past, t),
            becomes_approved=active[t].is_blocked,
            active_bound_c=active[t].bound_c,
            new_bound_c=new[t].bound_c,
            day_max_c=new[t].day_max_c,
        )
        for t in reversed(common)
        if new[t].is_blocked != active[t].is_blocked
    ]
    return tuple(sorted(changed, key=lambda change: not change.becomes_approved))


def _day(past: _Past, instant: datetime) -> date:
    return local_day_of(past.region.region.time_zone, instant)
