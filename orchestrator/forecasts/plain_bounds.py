"""The portal's own plain bound of an issue, which serving models are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from core.aliases import FloatArray
from core.conformity import required_scores
from core.forecasts import HourlyForecast, InputMode
from core.model_watch import compares_skill
from core.plausibility import DRIFT_ISSUES, PlainBound, allowed_gap_c
from core.policies import Policy
from core.telemetry import HOUR, TelemetryFrame
from db import forecasts, plain_fits
from models.plain_model import (
    HISTORY_H,
    PlainFit,
    PlainForecast,
    RecentIssue,
    plain_forecasts,
    recent_forecasts,
    usual_shape,
    week_start,
    weekly_fits,
)
from orchestrator.windows.database_source import load_model_frame

DRIFT_REACH = timedelta(days=7)
"""A model whose live issues are older than this is judged by new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveIssue:
    """A live forecast that a plain bound is made beside.

    Attributes
    ----------
    frame : TelemetryFrame
        The region's hours of `models.plain_model.RECENT_H` before the issue, and the
        runs known by the issues of `RECENT_ISSUES_H`.
    hour_bounds_c : ndarray | None
        The model's bound of each hour; None where it has no bound.
    """

    region_id: int
    frame: TelemetryFrame
    policy: Policy
    model_version_id: int
    input_mode: InputMode
    hour_bounds_c: FloatArray | None


def live_plain_bounds(
    session: Session, issues: Sequence[LiveIssue], issued_at_utc: datetime
) -> list[PlainBound | None]:
    """The bounds beside live forecasts of one instant; gaps rest on the newest issues.

    None where the region has too few finished days, or too few of the last weeks to
    judge the hours of the model by. Two years are read only where the week has no fits
    yet.
    """
    version_ids = {issue.model_version_id for issue in issues}
    recent_errors = {
        version_id: forecasts.newest_distances(
            session,
            region_ids=[issue.region_id for issue in issues],
            model_version_id=version_id,
            since_utc=issued_at_utc - DRIFT_REACH,
            before_utc=issued_at_utc,
            limit=DRIFT_ISSUES,
        )
        for version_id in version_ids
    }
    weeks_utc = {
        issue.region_id: week_start(issue.frame.region_slug, issued_at_utc)
        for issue in issues
    }
    stored = plain_fits.fits_of(session, weeks_utc, issued_at_utc.hour)
    fits = [
        _fits(
            session,
            issue,
            weeks_utc[issue.region_id],
            issued_at_utc.hour,
            stored[issue.region_id],
        )
        for issue in issues
    ]
    made = _forecasts(issues, fits, issued_at_utc)
    return [
        _live_bound(
            issue,
            issued_at_utc,
            found,
            recent_errors[issue.model_version_id][issue.region_id],
            uses_runs=uses_runs,
        )
        for issue, (found, uses_runs) in zip(issues, made, strict=True)
    ]


def _forecasts(
    issues: Sequence[LiveIssue],
    fits: Sequence[Mapping[bool, PlainFit]],
    issued_at_utc: datetime,
) -> list[tuple[PlainForecast | None, bool]]:
    """The plain forecasts beside issues, and whether each uses weather forecasts.

    It does beside a model that does, where that leaves it scores enough.
    """
    found: list[tuple[PlainForecast | None, bool]] = [(None, False)] * len(issues)
    for uses_runs in (True, False):
        asked = [
            number
            for number, (issue, by_runs) in enumerate(zip(issues, fits, strict=True))
            if (uses_runs in by_runs and issue.input_mode is not InputMode.TELEMETRY)
            or not uses_runs
            if not _suffices(found[number][0], issue.policy)
        ]
        made = recent_forecasts(
            [
                RecentIssue(issues[number].frame, fits[number][uses_runs], uses_runs)
                for number in asked
            ],
            issued_at_utc,
        )
        for number, forecast in zip(asked, made, strict=True):
            found[number] = forecast, uses_runs
    return found


def _suffices(found: PlainForecast | None, policy: Policy) -> bool:
    return found is not None and len(found.scores) >= required_scores(policy.alpha)


def _live_bound(
    issue: LiveIssue,
    issued_at_utc: datetime,
    found: PlainForecast | None,
    recent_errors: Sequence[float],
    *,
    uses_runs: bool,
) -> PlainBound | None:
    plain = _bound(found, issue.policy, recent_errors)
    if plain is None or found is None:
        return None
    if compares_skill(issued_at_utc):
        plain = replace(plain, hours_c=_singles(found.hours_c))
    if issue.hour_bounds_c is None:
        return plain
    course = usual_shape(issue.frame, issued_at_utc, plain.error_c, uses_runs=uses_runs)
    if course is None:
        return None
    return replace(plain, hour_excess_c=course.excess_c(issue.hour_bounds_c, plain))


def _singles(hours_c: FloatArray) -> tuple[float, ...]:
    """The hours as they are stored."""
    return tuple(hours_c.astype(np.float32).tolist())


def _fits(
    session: Session,
    issue: LiveIssue,
    week_utc: datetime,
    hour: int,
    stored: Mapping[bool, plain_fits.FitBytes],
) -> dict[bool, PlainFit]:
    """The fits of the issue's week and hour, made and kept where there are none."""
    if stored:
        return {runs: PlainFit.from_bytes(*parts) for runs, parts in stored.items()}
    region_id, region_slug = issue.region_id, issue.frame.region_slug
    may_keep = plain_fits.may_keep_fits(session, region_id)
    history = load_model_frame(
        session, region_slug, week_utc - HISTORY_H * HOUR, week_utc
    )
    made = weekly_fits(history, week_utc)
    if may_keep:
        contents = {key: fit.to_bytes() for key, fit in made.items()}
        plain_fits.keep_fits(session, region_id, week_utc, contents)
    return {runs: fit for (of_hour, runs), fit in made.items() if of_hour == hour}


def past_plain_bounds(
    frame: TelemetryFrame,
    issue_instants: Sequence[datetime],
    policy: Policy,
    input_modes: Sequence[InputMode],
) -> list[PlainBound | None]:
    """Bounds beside hindcasts, which know nothing of live issues."""
    made = plain_forecasts(
        frame,
        issue_instants,
        runs_used=[mode is not InputMode.TELEMETRY for mode in input_modes],
        least_scores=required_scores(policy.alpha),
    )
    return [_bound(found, policy, ()) for found in made]


def plain_hours(
    frame: TelemetryFrame, made: Sequence[HourlyForecast]
) -> list[FloatArray | None]:
    """What the plain model would have said of the hours of past windows.

    Only of those that count for a model's skill; None for the others, and where it
    could say nothing.
    """
    chosen = [n for n, item in enumerate(made) if compares_skill(item.issued_at_utc)]
    found = plain_forecasts(
        frame,
        [made[n].issued_at_utc for n in chosen],
        runs_used=[made[n].input_mode is not InputMode.TELEMETRY for n in chosen],
    )
    hours: list[FloatArray | None] = [None] * len(made)
    for n, forecast in zip(chosen, found, strict=True):
        hours[n] = None if forecast is None else forecast.hours_c
    return hours


def _bound(
    found: PlainForecast | None, policy: Policy, recent_errors: Sequence[float]
) -> PlainBound | None:
    bound_c = None if found is None else found.bound_c(policy.alpha)
    if found is None or bound_c is None:
        return None
    return PlainBound(
        bound_c=bound_c,
        error_c=found.error_c,
        allowed_gap_c=allowed_gap_c(found.error_c, recent_errors),
    )
