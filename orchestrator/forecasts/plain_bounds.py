"""The portal's own plain bound of an issue, which serving models are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.aliases import FloatArray
from core.conformal import required_scores
from core.forecasts import InputMode
from core.plausibility import DRIFT_ISSUES, PlainBound, allowed_gap_c
from core.policies import Policy
from core.telemetry import HOUR, TelemetryFrame
from db import forecasts, plain_fits
from models.plain_model import (
    HISTORY_H,
    PlainFit,
    PlainForecast,
    plain_forecast,
    plain_forecasts,
    usual_shape,
    week_start,
    weekly_fits,
)
from orchestrator.windows.database_source import load_model_frame

DRIFT_REACH = timedelta(days=7)
"""A model whose live issues are older than this is judged by new ones."""


def live_plain_bound(
    session: Session,
    frame: TelemetryFrame,
    policy: Policy,
    *,
    region_id: int,
    model_version_id: int,
    issued_at_utc: datetime,
    input_mode: InputMode,
    hour_bounds_c: FloatArray | None,
) -> PlainBound | None:
    """The bound beside a live forecast; its gap rests on the model's newest issues.

    None where the region has too few finished days, or too few of the last weeks to
    judge the `hour_bounds_c` of the model by. `frame` holds the region's hours
    of `models.plain_model.RECENT_H` before the issue, and the runs known by the issues
    of `RECENT_ISSUES_H`. Two years are read only where the week has no fits yet.
    """
    recent_errors = forecasts.newest_distances(
        session,
        region_id=region_id,
        model_version_id=model_version_id,
        since_utc=issued_at_utc - DRIFT_REACH,
        before_utc=issued_at_utc,
        limit=DRIFT_ISSUES,
    )
    fits = _fits(session, frame.region_slug, region_id, issued_at_utc)
    found, uses_runs = None, False
    if input_mode is not InputMode.TELEMETRY and True in fits:
        found = plain_forecast(frame, issued_at_utc, fits[True], uses_runs=True)
        uses_runs = True
    if found is None or len(found.scores) < required_scores(policy.alpha):
        found = plain_forecast(frame, issued_at_utc, fits[False], uses_runs=False)
        uses_runs = False
    plain = _bound(found, policy, recent_errors)
    if plain is None or hour_bounds_c is None:
        return plain
    course = usual_shape(frame, issued_at_utc, plain.error_c, uses_runs=uses_runs)
    if course is None:
        return None
    return replace(plain, hour_excess_c=course.excess_c(hour_bounds_c, plain))


def _fits(
    session: Session, region_slug: str, region_id: int, issued_at_utc: datetime
) -> dict[bool, PlainFit]:
    """The fits of the issue's week and hour, made and kept where there are none."""
    week_utc, hour = week_start(region_slug, issued_at_utc), issued_at_utc.hour
    stored = plain_fits.fits_at(session, region_id, week_utc, hour)
    if stored:
        return {runs: PlainFit.from_bytes(content) for runs, content in stored.items()}
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
