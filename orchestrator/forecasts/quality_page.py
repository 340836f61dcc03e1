"""How good the forecasts have been: coverage, width, and whether chances came true."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.conformity import ScoreTracker, conformity_scores
from core.days import WINDOW_H, issue_at_local_midnight, local_day_of
from core.errors import CalibrationInsufficient
from core.forecasts import InputMode, Target
from core.policies import Policy
from core.score_replay import ScoreReplay
from core.telemetry import HOUR
from db import model_versions, model_watch, policies, window_scores
from db.forecast_quality import FinishedForecast, finished_forecasts
from db.regions import StoredRegion
from db.window_scores import StoredScore
from orchestrator.forecasts.run_views import run_worth
from orchestrator.forecasts.views import (
    FleetQualityView,
    QualityRow,
    QualityStep,
    QualityView,
    ReliabilityBin,
)
from orchestrator.regions.region_choice import (
    choose_region,
    no_region_yet,
    region_choice,
    region_page,
)
from orchestrator.regions.views import RegionQuestion
from orchestrator.use_cases import Request, query
from orchestrator.windows.choice import choose_window

QUALITY_DAYS = (30, 90, 365)
BIN_EDGES = (0.0, 0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 1.0)

DRIFT_DAYS = 90
DRIFT_DEVIATIONS = 3.0
"""Below the promise by so many standard deviations of as many independent days: with
95 % and 90 days, below 88 %. Chance alone does that to fewer than 1 region in 500."""

WEEKLY_DAYS = 92
"""Periods up to so many days are shown by week, longer ones by month."""

FLEET_ROWS = 6
"""Regions on one page of the fleet's table: each replays a year of scores."""

_MIDNIGHT = 0


@query(Permission.VIEW_FLEET)
def quality_view(
    request: Request, *, region_slug: str | None, local_day: date | None
) -> QualityView:
    """The quality of a region's forecasts of days that ended before a window.

    Raises
    ------
    NotFound
        When there is no such region.
    """
    session = request.session
    stored_region = choose_region(session, region_slug)
    choice = choose_window(session, stored_region, local_day=local_day, now=request.now)
    (view,) = _qualities(session, [stored_region], before_utc=choice.issued_at_utc)
    worth = run_worth(session, stored_region, until_utc=choice.issued_at_utc)
    return replace(view, run_worth=worth)


@query(Permission.VIEW_FLEET)
def fleet_quality_view(
    request: Request,
    question: RegionQuestion = RegionQuestion(),  # noqa: B008 -- frozen
    *,
    period: tuple[date, date] | None = None,
) -> FleetQualityView:
    """The quality of the forecasts of a page of regions up to now.

    With a period, of its days [first, last] alone.
    """
    found, part = region_page(
        request.session, question, active_only=True, n_rows=FLEET_ROWS
    )
    if not found and not question.search and question.page == 1:
        raise no_region_yet()
    views = _qualities(request.session, found, before_utc=request.now, period=period)
    return FleetQualityView(regions=tuple(views), part=part)


def _qualities(
    session: Session,
    stored_regions: Sequence[StoredRegion],
    *,
    before_utc: datetime,
    period: tuple[date, date] | None = None,
) -> Iterator[QualityView]:
    """Of each region, without what weather forecasts have been worth."""
    if not stored_regions:
        return
    region_ids = [item.region_id for item in stored_regions]
    in_force = policies.effective_policies(session, region_ids)
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    alarms = model_watch.alarms_in(session, region_ids) if active else {}
    for item in stored_regions:
        place = (item.region_id, active.version.version_id if active else 0)
        alarm = alarms.get(place)
        until_utc, spans = _spans(item, before_utc, period)
        yield _quality(
            session,
            item,
            in_force[item.region_id],
            alarm.sentence if alarm else None,
            before_utc=until_utc,
            spans=spans,
        )


def _spans(
    stored_region: StoredRegion, before_utc: datetime, period: tuple[date, date] | None
) -> tuple[datetime, Sequence[int]]:
    """Before when days count, and how many; a period is of the region's own days."""
    if period is None:
        return before_utc, QUALITY_DAYS
    first_day, last_day = period
    after = last_day + timedelta(days=1)
    until_utc = issue_at_local_midnight(stored_region.region.time_zone, after)
    return until_utc, ((after - first_day).days,)


def _quality(
    session: Session,
    stored_region: StoredRegion,
    policy: Policy,
    alarm: str | None,
    *,
    before_utc: datetime,
    spans: Sequence[int] = QUALITY_DAYS,
) -> QualityView:
    days = finished_forecasts(
        session,
        region_id=stored_region.region_id,
        local_issue_hour=_MIDNIGHT,
        from_utc=before_utc - timedelta(days=max(spans), hours=WINDOW_H),
        until_utc=before_utc,
    )
    rows = tuple(_row(days, span, before_utc) for span in spans)
    zone = stored_region.region.time_zone
    stated = list(
        _stated_chances(
            session,
            stored_region,
            days,
            alpha=policy.alpha,
            limit_c=policy.thermal_limit_c,
        )
    )
    return QualityView(
        region=region_choice(stored_region.region),
        thermal_limit_c=policy.thermal_limit_c,
        confidence_frac=float(policy.confidence),
        rows=rows,
        bins=tuple(_bins(stated, policy.thermal_limit_c)),
        is_drifting=drifts(rows, float(policy.confidence)),
        rescored_days=sum(day.score_revision > 0 for day in days),
        alarm=alarm,
        steps=tuple(_steps(_scored(days, max(spans), before_utc), zone, max(spans))),
    )


def _row(
    days: Sequence[FinishedForecast], span: int, before_utc: datetime
) -> QualityRow:
    recent = _scored(days, span, before_utc)
    margins_c = [(day.day_bound_c or 0.0) - day.day_max_c for day in recent]
    widths_c = [day.mean_width_c for day in recent if day.mean_width_c is not None]
    return QualityRow(
        days=span,
        scored_days=len(recent),
        coverage_frac=_mean([float(margin_c >= 0) for margin_c in margins_c]),
        mean_margin_c=_mean(margins_c),
        mean_width_c=_mean(widths_c),
    )


def _scored(
    days: Sequence[FinishedForecast], span: int, before_utc: datetime
) -> list[FinishedForecast]:
    """Those of the last days that had a bound."""
    # An hour more, for the day on which the clock is set back.
    earliest = before_utc - timedelta(days=span, hours=1)
    return [
        day
        for day in days
        if day.issued_at_utc >= earliest and day.day_bound_c is not None
    ]


def _steps(
    days: Sequence[FinishedForecast], time_zone: str, span: int
) -> Iterator[QualityStep]:
    """By week or by month of the region's calendar."""
    by_step: dict[date, list[FinishedForecast]] = defaultdict(list)
    for item in days:
        day = local_day_of(time_zone, item.issued_at_utc)
        back = day.weekday() if span <= WEEKLY_DAYS else day.day - 1
        by_step[day - timedelta(days=back)].append(item)
    for first_day, own in by_step.items():
        yield QualityStep(
            first_day=first_day,
            scored_days=len(own),
            coverage_frac=sum(d.day_max_c <= (d.day_bound_c or 0.0) for d in own)
            / len(own),
            mean_error_c=sum(abs(d.day_max_c - max(d.mean)) for d in own) / len(own),
        )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def drifts(rows: Iterable[QualityRow], confidence: float) -> bool:
    """Whether the bound of the last 90 days held less often than chance explains."""
    row = next((row for row in rows if row.days == DRIFT_DAYS), None)
    if row is None or row.coverage_frac is None:
        return False
    deviation = (confidence * (1.0 - confidence) / row.scored_days) ** 0.5
    return bool(row.coverage_frac < confidence - DRIFT_DEVIATIONS * deviation)


StatedDay = tuple[float, FinishedForecast]
"""A stated chance of exceeding the limit, and the day it was stated of."""


def _stated_chances(
    session: Session,
    stored_region: StoredRegion,
    days: Sequence[FinishedForecast],
    *,
    alpha: Decimal,
    limit_c: float,
) -> Iterable[StatedDay]:
    """The chance that each day's forecast gave, by the scores it rested on."""
    by_model: dict[tuple[int, InputMode], list[FinishedForecast]] = defaultdict(list)
    for day in days:
        by_model[day.model_version_id, day.input_mode].append(day)
    for (model_version_id, input_mode), own in by_model.items():
        scores = [
            row
            for row in window_scores.all_scores(
                session,
                region_id=stored_region.region_id,
                model_version_id=model_version_id,
                local_issue_hour=_MIDNIGHT,
                with_replaced=True,
            )
            if row.input_mode is input_mode
        ]
        limit_scores = conformity_scores(
            np.full(len(own), limit_c),
            np.array([day.mean for day in own]),
            np.array([day.scale for day in own]),
        ).tolist()
        trackers = _trackers(own, scores, alpha)
        for limit_score, (day, tracker) in zip(limit_scores, trackers, strict=True):
            with suppress(CalibrationInsufficient):
                yield tracker.chance_above(limit_score), day


def _trackers(
    days: Sequence[FinishedForecast], scores: Sequence[StoredScore], alpha: Decimal
) -> Iterable[tuple[FinishedForecast, ScoreTracker]]:
    """Each day with the tracker that its bound rested on.

    One replay serves all days that knew every score of windows finished by then. A
    day that did not, because telemetry came late or was revised since, is replayed by
    itself.
    """
    replay = ScoreReplay(alpha, [row for row in scores if row.replaced_by_id is None])
    newest_id = 0
    for day in days:
        finished_by = day.issued_at_utc - WINDOW_H * HOUR
        learned = replay.advance_to(finished_by)
        newest_id = max([newest_id, *(row.score_id for row in learned)])
        watermark_id = day.score_watermark_id or 0
        if newest_id == watermark_id:
            yield day, replay.tracker
            continue
        known = (
            row.score
            for row in scores
            if row.issued_at_utc <= finished_by
            and row.score_id <= watermark_id
            and (row.replaced_by_id is None or row.replaced_by_id > watermark_id)
        )
        yield day, ScoreTracker(alpha, known)


def _bins(stated: Sequence[StatedDay], limit_c: float) -> Iterable[ReliabilityBin]:
    for low, high in itertools.pairwise(BIN_EDGES):
        inside = [
            (chance, day)
            for chance, day in stated
            if low <= chance < high or (chance == high == BIN_EDGES[-1])
        ]
        if inside:
            yield ReliabilityBin(
                low=low,
                high=high,
                n_days=len(inside),
                mean_probability=float(np.mean([chance for chance, _ in inside])),
                exceeded_days=sum(day.day_max_c > limit_c for _, day in inside),
            )
