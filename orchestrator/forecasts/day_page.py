"""The Forecast page: one region, one window, and how good the bound has been."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.days import WINDOW_H, full_hour
from core.forecasts import Target
from core.quality import findings_text
from core.telemetry import HOUR, Quantity
from db import forecasts, model_versions, telemetry
from db.forecasts import StoredForecast
from db.regions import StoredRegion
from orchestrator.forecasts.run_views import run_view
from orchestrator.forecasts.views import ForecastDayView
from orchestrator.jobs import MOST_HINDCASTS_ASKED, queue_forecasts, queue_hindcast
from orchestrator.regions.region_choice import (
    choose_region,
    region_choice,
    region_choices,
)
from orchestrator.telemetry.revisions import revised_text
from orchestrator.use_cases import Request, query
from orchestrator.windows.choice import (
    WindowChoice,
    choose_window,
    day_choices,
    issue_choices,
)
from orchestrator.windows.database_source import (
    LOOK_BACK_H,
    RegionWindow,
    load_region_window,
)
from orchestrator.windows.recorded import recorded_view
from orchestrator.windows.views import Ground, bounded, finite_series, raised

HISTORY_H = 48
DOTS = 40


@query(Permission.VIEW_FLEET)
def day_view(
    request: Request,
    *,
    region_slug: str | None,
    local_day: date | None,
    issued_at_utc: datetime | None = None,
    ground: Ground = Ground.NOW,
) -> ForecastDayView:
    """A region's window as forecast, as it turned out, and the verdict.

    Curve, range, bound, chance and dots stand on one ground: the load as it is now, or
    with what is recorded, where that differs.

    The window is that of an issue, if one is given; else of the day's local midnight,
    or of the newest live issue.

    Runs no model and decides nothing: a missing forecast is requested, by a job
    that commits with this transaction.

    Raises
    ------
    NotFound
        When there is no such region.
    InvalidInput
        When the issue is not of the day.
    """
    stored_region = choose_region(request.session, region_slug)
    choice = choose_window(
        request.session,
        stored_region,
        local_day=local_day,
        issued_at_utc=issued_at_utc,
        now=request.now,
    )
    window = load_region_window(
        request.session,
        stored_region,
        issued_at_utc=choice.issued_at_utc,
        now=request.now,
        is_simulation=choice.is_simulation,
    )
    return _view(request, stored_region, choice, window, ground)


@query(Permission.VIEW_FLEET)
def day_notice(
    request: Request, *, region_slug: str | None, local_day: date | None
) -> str | None:
    """Why a window has nothing to draw, as `day_view` says; None where it has.

    Raises
    ------
    NotFound
        When there is no such region.
    """
    session = request.session
    stored_region = choose_region(session, region_slug)
    choice = choose_window(session, stored_region, local_day=local_day, now=request.now)
    region_id = stored_region.region_id
    found = forecasts.forecasts_in(
        session,
        [region_id],
        issued_at_utc=choice.issued_at_utc,
        targets=[Target.TEMPERATURE_C],
        serving_first=not choice.is_simulation,
    )
    stored = found[region_id].get(Target.TEMPERATURE_C)
    return _notice(request, stored_region, stored, choice)


def _view(
    request: Request,
    stored_region: StoredRegion,
    choice: WindowChoice,
    window: RegionWindow,
    ground: Ground,
) -> ForecastDayView:
    session, now = request.session, request.now
    stored, recorded = window.stored, recorded_view(session, window)
    if recorded is None:
        ground = Ground.NOW
    outlook = window.outlook if ground is Ground.RECORDED else window.outlook_now
    rise_c, drawn = outlook.prior_rise_c, bounded(outlook)
    issued_at_utc = choice.issued_at_utc
    history_start = issued_at_utc - HISTORY_H * HOUR
    shown = telemetry.load_frame(
        session,
        stored_region.region.slug,
        history_start,
        issued_at_utc + WINDOW_H * HOUR,
        with_suspect=True,
    )
    measured = shown.column(Quantity.TEMPERATURE_C)
    actual = window.telemetry.column(Quantity.TEMPERATURE_C)
    suspect = shown.finding_codes(Quantity.TEMPERATURE_C)
    days = day_choices(session, stored_region)
    return ForecastDayView(
        region=region_choice(stored_region.region),
        regions=region_choices(session, stored_region.slug),
        as_of_utc=now,
        local_day=choice.local_day,
        issued_at_utc=stored.issued_at_utc if stored else None,
        is_usual_issue=choice.is_usual_issue,
        newer_issue_utc=choice.newer_issue_utc,
        issues_utc=issue_choices(
            session, stored_region, local_day=choice.local_day, now=now
        ),
        is_simulation=choice.is_simulation,
        hours_utc=window.hours_utc,
        mean_c=raised(stored.mean, rise_c) if stored else (),
        lower_c=raised(stored.lower, rise_c) if stored else (),
        upper_c=raised(stored.upper, rise_c) if stored else (),
        actual_c=finite_series(measured[HISTORY_H:]),
        actual_max_c=float(np.max(actual)) if np.isfinite(actual).all() else None,
        history_hours_utc=tuple(history_start + i * HOUR for i in range(HISTORY_H)),
        history_c=finite_series(measured[:HISTORY_H]),
        suspect_hours_utc=tuple(
            history_start + int(hour) * HOUR for hour in np.flatnonzero(suspect)
        ),
        suspect_text=findings_text(suspect, history_start) if suspect.any() else None,
        thermal_limit_c=window.policy.thermal_limit_c,
        allowed_probability=float(window.policy.alpha),
        day_bound_c=drawn.day_bound_c,
        exceedance_probability=drawn.exceedance_probability,
        verdict=drawn.verdict,
        ground=ground,
        now=bounded(window.outlook_now),
        recorded=recorded,
        day_max_dots_c=outlook.day_max_dots_c(DOTS),
        model_label=_model_label(session, stored),
        score_count=outlook.calibration.n_scores if outlook.calibration else None,
        tracking_offset=outlook.calibration.offset if outlook.calibration else None,
        telemetry_watermark_utc=stored.telemetry_watermark_utc if stored else None,
        first_day=days.first_day,
        last_day=days.last_day,
        missing_days=days.missing_days,
        notice=_notice(request, stored_region, stored, choice),
        late_text=window.late_text,
        revised_text=revised_text(
            session,
            [stored_region.region.slug],
            start_utc=issued_at_utc - LOOK_BACK_H * HOUR,
            end_utc=issued_at_utc + WINDOW_H * HOUR,
            known_at_utc=stored.created_at_utc,
        )
        if stored
        else None,
        run=run_view(
            session, stored_region, stored, issued_at_utc=issued_at_utc, now=now
        ),
    )


def _model_label(session: Session, stored: StoredForecast | None) -> str | None:
    if stored is None or stored.model_version_id is None:
        return None
    return model_versions.model_version(session, stored.model_version_id).label


def _notice(
    request: Request,
    stored_region: StoredRegion,
    stored: StoredForecast | None,
    choice: WindowChoice,
) -> str | None:
    """Why there is nothing to draw."""
    if stored is not None:
        return stored.refusal_text
    if not choice.is_usual_issue:
        return (
            f"No forecast was issued at {choice.issued_at_utc:%-d %B %Y, %H:%M} UTC;"
            " choose another issue."
        )
    return _missing_notice(request, stored_region, choice)


def _missing_notice(
    request: Request, stored_region: StoredRegion, choice: WindowChoice
) -> str:
    """Why there is no forecast; one that can still be made is requested."""
    session, now = request.session, request.now
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    if active is None:
        return "No temperature model is active; train one with `gfo train`."
    if choice.local_day is None:
        queue_forecasts(session, issued_at_utc=full_hour(now))
        return (
            "No live forecast is stored yet. It has been requested; look again in a"
            " minute."
        )
    day = f"{choice.local_day:%-d %B %Y}"
    trained_until = active.version.trained_until_utc
    if choice.issued_at_utc > now:
        return f"{day} has not begun; its forecast is issued at local midnight."
    if choice.issued_at_utc < trained_until:
        return (
            f"No forecast is stored for {day}: the active model was trained on days up"
            f" to {trained_until:%-d %B %Y}, and a hindcast there would flatter it."
        )
    if telemetry.first_and_last_hour(session, stored_region.region.slug) is None:
        return "This region has no telemetry; import some first."
    is_queued = queue_hindcast(
        session, local_day=choice.local_day, asked_by_id=request.actor.user_id
    )
    return f"No forecast is stored for {day}. " + (
        "It has been requested; look again in a minute."
        if is_queued
        else f"It was not requested: {MOST_HINDCASTS_ASKED} days that you opened wait"
        " already. Open it again once they are made."
    )
