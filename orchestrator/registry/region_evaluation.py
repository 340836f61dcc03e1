"""Shadow evaluation of one region: both models over the same past days."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from core.days import (
    WINDOW_H,
    issue_at_local_midnight,
    local_day_of,
    local_issue_hour,
    window_end,
)
from core.forecasts import HourlyForecast, Refusal, Target
from core.model_gate import (
    ChangedDecision,
    HourComparison,
    ModelFigures,
    RegionComparison,
    pooled,
)
from core.policies import Policy
from core.telemetry import HOUR, TelemetryFrame
from db import model_versions, policies, window_scores
from db.model_evaluations import ModelEvaluation
from db.regions import StoredRegion
from db.window_scores import StoredScore
from models.features import feature_matrix
from models.forecasting import hindcast
from models.independence import require_independent_rows
from models.plain_model import HISTORY_H
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
from orchestrator.forecasts.plain_bounds import past_plain_bounds
from orchestrator.registry.records import EvaluatedDay, EvaluatedRegion
from orchestrator.windows.database_source import LOOK_BACK_H, load_model_frame
from orchestrator.windows.views import Series, finite_series

CALIBRATION_DAYS = 365
"""Before the judged days: as many scores as a bound looks back on."""

HOUR_STRIDE = 5
"""A target without a bound is judged at one hour a day, 5 h later each day: so every
hour of issue is, at the cost of one."""

INDEPENDENCE_DAYS, INDEPENDENCE_STRIDE = 12, 30
"""Every hour of one day a month: real rows of all seasons and hours of issue."""

Answers = Mapping[datetime, HourlyForecast | Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What is known of the region over the period.

    Attributes
    ----------
    midnights : tuple of datetime
        Issues at local midnight from the start of calibration on.
    issues : tuple of datetime
        Those that are judged, ascending.
    """

    region: StoredRegion
    target: Target
    policy: Policy
    frame: TelemetryFrame
    midnights: tuple[datetime, ...]
    issues: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """One model's way through the period."""

    answered: RegionDays
    figures: ModelFigures
    days: dict[datetime, JudgedDay]
    rmse_by_hour: Series

    def figures_at(self, issues: set[datetime], limit_c: float) -> ModelFigures:
        """The figures of some of its issues."""
        chosen = [i for i, t in enumerate(self.answered.issues) if t in issues]
        judged = [day for t, day in self.days.items() if t in issues]
        return pooled(
            [error_figures(self.answered.at(chosen)), bound_figures(judged, limit_c)]
        )


def evaluate_region(
    session: Session,
    cache: ModelCache,
    evaluation: ModelEvaluation,
    stored_region: StoredRegion,
    *,
    now: datetime,
) -> EvaluatedRegion:
    """What is kept of a region; gives a temperature model its calibration as well.

    Raises
    ------
    ModelRejected
        When a row's answer depends on the rows beside it.
    """
    new = _loaded(session, cache, evaluation.model_version_id)
    active = (
        None
        if evaluation.compared_version_id is None
        else _loaded(session, cache, evaluation.compared_version_id)
    )
    past = _past(session, evaluation, stored_region, new.runtime.contract.target)
    _require_independent_rows(new, past)
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
        answers = _answers(new, past)
    new_walk = _walk(session, past, new, answers)
    active_walk = (
        None if active is None else _walk(session, past, active, _answers(active, past))
    )
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
    first_utc = start_utc - LOOK_BACK_H * HOUR
    if target is Target.TEMPERATURE_C:
        first_utc = min(first_utc, evaluation.from_utc - HISTORY_H * HOUR)
    frame = load_model_frame(
        session, stored_region.region.slug, first_utc, evaluation.until_utc
    )
    midnights = _midnights(
        stored_region.region.time_zone, start_utc, evaluation.until_utc
    )
    judged = [t for t in midnights if t >= evaluation.from_utc]
    return _Past(
        region=stored_region,
        target=target,
        policy=policies.effective_policy(session, stored_region.region_id),
        frame=frame,
        midnights=midnights,
        issues=_every_hour(judged)
        if target is Target.TEMPERATURE_C
        else _an_hour_a_day(judged, evaluation.until_utc),
    )


def _every_hour(midnights: Sequence[datetime]) -> tuple[datetime, ...]:
    """Every hour from the first midnight to the last."""
    if not midnights:
        return ()
    n_hours = int((midnights[-1] - midnights[0]) // HOUR) + 1
    return tuple(midnights[0] + i * HOUR for i in range(n_hours))


def _an_hour_a_day(
    midnights: Sequence[datetime], until_utc: datetime
) -> tuple[datetime, ...]:
    """One issue a day, `HOUR_STRIDE` hours later than on the day before."""
    instants = (
        midnight + (HOUR_STRIDE * day % WINDOW_H) * HOUR
        for day, midnight in enumerate(midnights)
    )
    return tuple(t for t in instants if window_end(t) <= until_utc)


def _require_independent_rows(model: ServingModel, past: _Past) -> None:
    """Refuse a model that answers real rows in another way in company.

    The rows are those of every hour of one day in each month of the judged year.
    """
    contract = model.runtime.contract
    days = past.midnights[-1::-INDEPENDENCE_STRIDE][:INDEPENDENCE_DAYS]
    rows = feature_matrix(
        past.frame,
        past.region.region.time_zone,
        [t + i * HOUR for t in days for i in range(WINDOW_H)],
        contract.feature_names,
        target=contract.target,
    )
    features = rows.features[rows.usable]
    index = contract.region_index(past.region.slug)
    require_independent_rows(
        model.runtime, features, np.full(len(features), index, dtype=np.int64)
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


def _answers(model: ServingModel, past: _Past) -> Answers:
    trained_until = model.runtime.contract.trained_until_utc
    instants = [t for t in past.issues if t >= trained_until]
    answers = hindcast(model.runtime, past.frame, past.region.region, instants)
    return dict(zip(instants, answers, strict=True))


def _walk(
    session: Session, past: _Past, model: ServingModel, answers: Answers
) -> _Walk:
    days = answered_days(
        past.frame,
        past.target.quantity,
        {t: answers[t] for t in past.issues if t in answers},
        horizon_h=WINDOW_H,
    )
    figures = error_figures(days)
    judged: list[JudgedDay] = []
    if past.target is Target.TEMPERATURE_C:
        judged = _judged(session, past, model, days)
        figures = pooled([figures, bound_figures(judged, past.policy.thermal_limit_c)])
    return _Walk(
        answered=days,
        figures=figures,
        days={day.issued_at_utc: day for day in judged},
        rmse_by_hour=_rmse_by_hour(days),
    )


def _judged(
    session: Session, past: _Past, model: ServingModel, days: RegionDays
) -> list[JudgedDay]:
    """Every issue as it would have been judged, by the scores that live ones use."""
    scored: dict[int, list[StoredScore]] = defaultdict(list)
    for row in window_scores.all_scores(
        session, region_id=past.region.region_id, model_version_id=model.version_id
    ):
        scored[row.local_issue_hour].append(row)
    positions: dict[int, list[int]] = defaultdict(list)
    for position, issue in enumerate(days.issues):
        positions[_local_hour(past, issue)].append(position)
    return [
        day
        for hour in sorted(positions)
        for day in judged_days(
            days.at(positions[hour]),
            confidence=past.policy.confidence,
            limit_c=past.policy.thermal_limit_c,
            scored=scored[hour],
        )
    ]


def _local_hour(past: _Past, issue: datetime) -> int:
    return local_issue_hour(past.region.region.time_zone, issue)


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
    both = (
        set()
        if active is None
        else set(new.answered.issues) & set(active.answered.issues)
    )
    plain, n_implausible = _beside_plain(past, new.days)
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
            by_hour=_by_hour(past, new.days, active_days),
            common_new=new.figures_at(both, limit_c) if both else None,
            common_active=active.figures_at(both, limit_c) if active and both else None,
            plain=plain,
            implausible_days=n_implausible,
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


def _beside_plain(
    past: _Past, judged: Mapping[datetime, JudgedDay]
) -> tuple[ModelFigures | None, int]:
    """Figures of the plain model on the judged days, and implausible bounds of them."""
    if past.target is not Target.TEMPERATURE_C:
        return None, 0
    bounds = past_plain_bounds(past.frame, list(judged), past.policy)
    limit_c, days, n_implausible = past.policy.thermal_limit_c, [], 0
    for day, plain in zip(judged.values(), bounds, strict=True):
        if plain is None:
            continue
        n_implausible += plain.problem_of(day.bound_c) is not None
        is_blocked = not plain.bound_c <= limit_c
        days.append(replace(day, bound_c=plain.bound_c, is_blocked=is_blocked))
    return bound_figures(days, limit_c), n_implausible


def _by_hour(
    past: _Past,
    new: Mapping[datetime, JudgedDay],
    active: Mapping[datetime, JudgedDay],
) -> tuple[HourComparison, ...]:
    hours: dict[int, list[JudgedDay]] = defaultdict(list)
    for t, day in new.items():
        hours[_local_hour(past, t)].append(day)
    limit_c = past.policy.thermal_limit_c
    comparisons = []
    for hour, days in sorted(hours.items()):
        common = [day for day in days if day.issued_at_utc in active]
        comparisons.append(
            HourComparison(
                local_hour=hour,
                bound_days=len(days),
                covered_days=sum(day.day_max_c <= day.bound_c for day in days),
                common_unsafe_new=count_unsafe(common, limit_c),
                common_unsafe_active=count_unsafe(
                    [active[day.issued_at_utc] for day in common], limit_c
                ),
            )
        )
    return tuple(comparisons)


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
    """Turned verdicts of local midnights; those approved now first, then the newest."""
    midnights = set(past.midnights)
    changed = [
        ChangedDecision(
            local_day=_day(past, t),
            becomes_approved=active[t].is_blocked,
            active_bound_c=active[t].bound_c,
            new_bound_c=new[t].bound_c,
            day_max_c=new[t].day_max_c,
        )
        for t in sorted(common, reverse=True)
        if t in midnights and new[t].is_blocked != active[t].is_blocked
    ]
    return tuple(sorted(changed, key=lambda change: not change.becomes_approved))


def _day(past: _Past, instant: datetime) -> date:
    return local_day_of(past.region.region.time_zone, instant)
