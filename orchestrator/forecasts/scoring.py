"""Conformity scores of windows that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.access import Permission
from core.aliases import FloatArray
from core.audit import AuditAction
from core.conformity import conformity_scores
from core.days import WINDOW_H, local_issue_hour, window_end
from core.forecasts import HourlyForecast, Target
from core.model_watch import log_error_ratios
from core.quality import findings_text
from core.rescoring import WindowHours
from core.telemetry import Quantity, TelemetryFrame, hours_between
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
        made = said[stored.forecast_id]
        found = score_windows(
            made,
            frames[stored_region.slug],
            stored_region,
            model_version_id=stored.model_version_id,
            plain_hours=_plain_hours(stored, made),
        )
        is_late = now - window_end(stored.issued_at_utc) > timedelta(
            hours=WAIT_FOR_TELEMETRY_H
        )
        if found[0].score is not None or is_late:
            scores += found
            served += _served(stored, hourly, found)
    events = watch(session, stored_regions, served)
    return Done(answer=window_scores.insert_scores(session, scores), events=events)


def _plain_hours(
    stored: StoredForecast, made: Sequence[HourlyForecast]
) -> list[FloatArray | None]:
    """What the plain model said beside the mode that was served; None for the others.

    A bound that was implausible or late was served too, but says nothing of skill.
    """
    hours = stored.plain.hours_c if stored.plain else ()
    return [
        np.array(hours) if hours and item.input_mode is stored.input_mode else None
        for item in made
    ]


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
        (score,) = score_windows(
            [hourly], frame, stored_region, model_version_id=former.model_version_id
        )
        if (score.day_max_c, score.hours) != (former.day_max_c, former.hours):
            changed.append(replace(score, revision=former.revision + 1))
    return Done(answer=window_scores.insert_scores(session, changed))


def score_windows(
    made: Sequence[HourlyForecast],
    frame: TelemetryFrame,
    stored_region: StoredRegion,
    *,
    model_version_id: int,
    plain_hours: Sequence[FloatArray | None] = (),
) -> list[NewScore]:
    """The scores of a region's windows from what happened in them.

    Unscored where hours miss.

    Parameters
    ----------
    plain_hours : sequence of ndarray | None
        What the plain model said of each window, where its skill is compared.
    """
    if not made:
        return []
    quantity, time_zone = Quantity.TEMPERATURE_C, stored_region.region.time_zone
    issues = [hourly.issued_at_utc for hourly in made]
    first_utc = min(issues)
    known = frame.window(first_utc, window_end(max(issues))).trusted()
    starts = [hours_between(first_utc, issue) for issue in issues]
    observed = sliding_window_view(known.column(quantity), WINDOW_H)[starts]
    findings = known.finding_codes(quantity)
    mean = np.stack([hourly.mean for hourly in made])
    scale = np.stack([hourly.scale for hourly in made])
    n_missing = np.count_nonzero(~np.isfinite(observed), axis=1)
    is_scored = n_missing == 0
    day_max = observed.max(axis=1)
    scores = np.full(len(made), np.nan)
    scores[is_scored] = conformity_scores(
        day_max[is_scored], mean[is_scored], scale[is_scored]
    )
    plain = np.full(mean.shape, np.nan)
    for row, hours_c in enumerate(plain_hours):
        if hours_c is not None:
            plain[row] = hours_c
    ratios = log_error_ratios(mean, plain, observed)
    kept = np.stack([mean, scale, day_max[:, None] - observed], axis=1)
    kept = kept.astype(np.float32)
    return [
        NewScore(
            region_id=stored_region.region_id,
            model_version_id=model_version_id,
            issued_at_utc=hourly.issued_at_utc,
            local_issue_hour=local_issue_hour(time_zone, hourly.issued_at_utc),
            day_max_c=float(day_max[row]) if is_scored[row] else None,
            score=float(scores[row]) if is_scored[row] else None,
            unscored_reason=None
            if is_scored[row]
            else _why_unscored(
                int(n_missing[row]),
                findings[starts[row] : starts[row] + WINDOW_H],
                hourly.issued_at_utc,
            ),
            hours=WindowHours(day_max=float(day_max[row]), hours=kept[row]).to_bytes()
            if is_scored[row]
            else None,
            input_mode=hourly.input_mode,
            log_error_ratio=float(ratios[row]) if np.isfinite(ratios[row]) else None,
        )
        for row, hourly in enumerate(made)
    ]


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
