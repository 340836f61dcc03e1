"""Conformity scores of windows that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.access import Permission
from core.audit import AuditAction
from core.conformal import conformity_score
from core.days import WINDOW_H, local_issue_hour, window_end
from core.forecasts import HourlyForecast, Target
from core.quality import findings_text
from core.rescoring import WindowHours
from core.telemetry import Quantity, TelemetryFrame
from db import forecasts, telemetry, window_scores
from db.forecasts import StoredForecast
from db.regions import StoredRegion
from db.window_scores import NewScore
from orchestrator.forecasts.model_watch import ServedWindow, watch
from orchestrator.use_cases import Done, Request, change

WAIT_FOR_TELEMETRY_H = 48
"""How long a finished window waits for missing hours before it is left unscored."""


@change(Permission.RUN_CYCLE, AuditAction.MODEL_COVERAGE_LOST, repeat=None)
def score_finished_windows(
    request: Request, *, stored_regions: Sequence[StoredRegion]
) -> Done[int]:
    """Score live forecasts whose window has ended; returns how many were scored.

    A window with missing hours waits two days for them, then is counted as unscored.
    What was served is counted by the watch of its model too.
    """
    session, now = request.session, request.now
    finished = forecasts.unscored_live_forecasts(
        session,
        region_ids=[item.region_id for item in stored_regions],
        finished_by_utc=now,
    )
    if not finished:
        return Done(answer=0)
    by_id = {item.region_id: item for item in stored_regions}
    issues = [stored.issued_at_utc for stored in finished]
    regions = {by_id[stored.region_id].slug for stored in finished}
    frames = telemetry.load_frames(
        session, sorted(regions), min(issues), window_end(max(issues))
    )
    by_slug: dict[str, list[StoredForecast]] = {}
    for stored in finished:
        by_slug.setdefault(by_id[stored.region_id].slug, []).append(stored)
    said = forecasts.modes_of(session, by_slug)
    scores: list[NewScore] = []
    served: list[ServedWindow] = []
    for stored in finished:
        stored_region = by_id[stored.region_id]
        hourly = stored.hourly(stored_region.slug)
        if hourly is None or stored.model_version_id is None:
            continue
        found = [
            score_window(
                answer,
                frames[stored_region.slug],
                stored_region,
                model_version_id=stored.model_version_id,
            )
            for answer in said[stored.forecast_id] or [hourly]
        ]
        is_late = now - window_end(stored.issued_at_utc) > timedelta(
            hours=WAIT_FOR_TELEMETRY_H
        )
        if found[0].score is not None or is_late:
            scores += found
            served += _served(stored, hourly, found)
    events = watch(session, stored_regions, served)
    return Done(answer=window_scores.insert_scores(session, scores), events=events)


def _served(
    stored: StoredForecast, hourly: HourlyForecast, scores: Sequence[NewScore]
) -> list[ServedWindow]:
    """The score of what was served on time with a bound; the watch counts it."""
    if stored.day_bound_c is None or stored.confidence is None or stored.lag_h:
        return []
    return [
        ServedWindow(
            score=score, day_bound_c=stored.day_bound_c, alpha=1 - stored.confidence
        )
        for score in scores
        if score.input_mode is hourly.input_mode
    ]


@change(
    Permission.RUN_CYCLE,
    repeat=None,
    unaudited="computed from telemetry and stored scores, and can be again",
)
def rescore_windows(
    request: Request,
    stored_region: StoredRegion,
    *,
    first_utc: datetime,
    last_utc: datetime,
) -> Done[int]:
    """Score windows again whose telemetry of [first_utc, last_utc] was revised.

    The new score counts from now on; forecasts name the scores that they rested on, so
    their bounds can still be recomputed. Returns how many scores changed.
    """
    session, slug = request.session, stored_region.region.slug
    windows = window_scores.windows_over(
        session,
        region_id=stored_region.region_id,
        first_utc=first_utc,
        last_utc=last_utc,
    )
    if not windows:
        return Done(answer=0)
    frame = telemetry.load_frame(
        session,
        slug,
        windows[0].score.issued_at_utc,
        window_end(windows[-1].score.issued_at_utc),
        with_suspect=True,
    )
    changed = []
    for window in windows:
        former = window.score
        mean, scale, _ = window.forecast_hours.hours.astype(np.float64)
        hourly = HourlyForecast(
            region_slug=slug,
            target=Target.TEMPERATURE_C,
            issued_at_utc=former.issued_at_utc,
            mean=mean,
            scale=scale,
            input_mode=former.input_mode,
        )
        score = score_window(
            hourly, frame, stored_region, model_version_id=former.model_version_id
        )
        if (score.day_max_c, score.hours) != (former.day_max_c, former.hours):
            changed.append(replace(score, revision=former.revision + 1))
    return Done(answer=window_scores.insert_scores(session, changed))


def score_window(
    hourly: HourlyForecast,
    frame: TelemetryFrame,
    stored_region: StoredRegion,
    *,
    model_version_id: int,
) -> NewScore:
    """The score of a window from what happened in it; unscored when hours miss."""
    issued_at_utc = hourly.issued_at_utc
    window = frame.window(issued_at_utc, window_end(issued_at_utc)).trusted()
    observed = window.column(Quantity.TEMPERATURE_C)
    n_missing = int(np.count_nonzero(~np.isfinite(observed)))
    findings = window.finding_codes(Quantity.TEMPERATURE_C)
    day_max_c = None if n_missing else float(np.max(observed))
    return NewScore(
        region_id=stored_region.region_id,
        model_version_id=model_version_id,
        issued_at_utc=issued_at_utc,
        local_issue_hour=local_issue_hour(
            stored_region.region.time_zone, issued_at_utc
        ),
        day_max_c=day_max_c,
        score=None
        if day_max_c is None
        else conformity_score(day_max_c, hourly.mean, hourly.scale),
        unscored_reason=_why_unscored(n_missing, findings, issued_at_utc)
        if n_missing
        else None,
        hours=None
        if n_missing
        else WindowHours.observed(observed, hourly.mean, hourly.scale).to_bytes(),
        input_mode=hourly.input_mode,
    )


def _why_unscored(
    n_missing: int, findings: NDArray[np.int8], issued_at_utc: datetime
) -> str:
    reason = f"{n_missing} of {WINDOW_H} hours have no temperature"
    if not findings.any():
        return reason
    return (
        f"{reason}; {np.count_nonzero(findings)} of them are suspect:"
        f" {findings_text(findings, issued_at_utc)}"
    )
