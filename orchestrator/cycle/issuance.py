"""Issue live forecasts and decide on them: the hourly work of the scheduler."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.aliases import FloatArray
from core.audit import AuditAction
from core.conformal import ScoreTracker
from core.days import WINDOW_H, local_day_of, local_issue_hour
from core.errors import (
    CalibrationInsufficient,
    InvalidInput,
    ModelRejected,
    ModelUnavailable,
)
from core.forecasts import HourlyForecast, InputMode, Refusal, RefusalCode, Target
from core.late_hours import MOST_LATE_H, moved_on
from core.policies import Policy
from core.regions import Region
from core.scheduler import decide
from core.telemetry import HOUR, TelemetryFrame, hours_between
from db import (
    decisions,
    forecasts,
    interval_calibrations,
    model_versions,
    policies,
    telemetry,
    weather_forecasts,
    window_scores,
)
from db.forecast_inputs import ForecastInput, forecast_input, insert_forecast_inputs
from db.forecasts import NewForecast, StoredForecast
from db.interval_calibrations import IntervalCalibration
from db.model_versions import Activation
from db.regions import StoredRegion
from models.features import RUN_RUNGS_H, feature_matrix
from models.forecasting import ByMode, forecast_modes
from models.plain_model import RECENT_ISSUES_H
from orchestrator.decisions.judgements import Judgement
from orchestrator.decisions.storing import store
from orchestrator.forecasts.calibration import (
    calibrated_forecast,
    served_mode,
    telemetry_watermark,
)
from orchestrator.forecasts.model_cache import ModelCache, ServingModel
from orchestrator.forecasts.model_health import begin_outage
from orchestrator.forecasts.plain_bounds import live_plain_bound
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change
from orchestrator.windows.database_source import (
    LOOK_BACK_H,
    KnownOfRegion,
    load_region_window,
)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueSummary:
    """What one issue instant gave."""

    issued: int
    refused: int
    already_there: int
    decided: int


def require_no_hindcast(
    session: Session, stored_regions: Sequence[StoredRegion], issued_at_utc: datetime
) -> None:
    """Raise InvalidInput where a hindcast stands: nothing is issued live behind it."""
    for stored_region in stored_regions:
        stored = forecasts.forecast_at(
            session,
            region_id=stored_region.region_id,
            issued_at_utc=issued_at_utc,
            target=Target.TEMPERATURE_C,
        )
        if stored is not None and stored.kind == "hindcast":
            message = (
                f"{stored_region.slug} has a hindcast of {issued_at_utc:%Y-%m-%d %H:%M}"
                " UTC; a live forecast cannot be issued behind it."
            )
            raise InvalidInput(message)


@change(
    Permission.RUN_CYCLE,
    AuditAction.DECISION_AUTOMATIC,
    AuditAction.MODEL_UNAVAILABLE,
    AuditAction.MODEL_IMPLAUSIBLE,
    repeat=None,
)
def issue_live(
    request: Request,
    cache: ModelCache,
    *,
    issued_at_utc: datetime,
    stored_regions: Sequence[StoredRegion],
) -> Done[IssueSummary]:
    """Issue every target for every region at one instant, and decide on each region.

    Idempotent: a forecast that this model already issued at the instant is kept while
    its inputs are the same, and a refusal is stored again only when something about it
    changed. Telemetry that came late or was corrected gives a new revision.
    """
    counts: Counter[str] = Counter()
    decided = 0
    outages: list[Event] = []
    alarms: list[Event] = []
    decisions_made: list[Event] = []
    active = model_versions.active_models(request.session)
    for stored_region in stored_regions:
        issue = _read_issue(request, stored_region, issued_at_utc, active)
        outcomes = _issue(request.session, cache, issue, outages, alarms)
        counts.update(outcomes.values())
        is_new = outcomes[Target.TEMPERATURE_C] != "already"
        judged = _judge(request, issue) if is_new else None
        if judged is not None:
            decided += 1
            decisions_made += _store(request, *judged)
    summary = IssueSummary(
        issued=counts["issued"],
        refused=counts["refused"],
        already_there=counts["already"],
        decided=decided,
    )
    return Done(answer=summary, events=(*decisions_made, *outages, *alarms))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issue:
    """A region at an issue instant, read once for all targets and the decision.

    Attributes
    ----------
    telemetry : TelemetryFrame
        Of the look-back and the window, as far as it has come.
    frames : Mapping of Target to TelemetryFrame
        What models are given of it, with weather forecasts.
    runs_known_by_utc : Mapping of Target to datetime or None
        Until when weather forecasts count; None for the issue instant.
    known : Mapping of Target to StoredForecast
        What the active models, or others where none is, issued at the instant already.
    """

    stored_region: StoredRegion
    issued_at_utc: datetime
    telemetry: TelemetryFrame
    frames: Mapping[Target, TelemetryFrame]
    runs_known_by_utc: Mapping[Target, datetime | None]
    policy: Policy
    active: Mapping[Target, Activation]
    known: Mapping[Target, StoredForecast]
    intervals: Mapping[tuple[int, InputMode], IntervalCalibration]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A new forecast or refusal of a target, before it is stored."""

    target: Target
    serving: ServingModel | None
    by_mode: ByMode | Refusal
    lag_h: int
    asked_at_utc: datetime


def _serving(
    session: Session,
    cache: ModelCache,
    target: Target,
    issue: _Issue,
    outages: list[Event],
) -> tuple[ServingModel | None, str]:
    """The active model, loaded and verified; or why there is none."""
    try:
        serving = cache.serving(session, target, issue.active)
    except (ModelRejected, ModelUnavailable) as exc:
        outages += begin_outage(session, target, exc.message)
        return None, exc.message
    return serving, f"no {target} model is active."


def _read_issue(
    request: Request,
    stored_region: StoredRegion,
    issued_at_utc: datetime,
    active: Mapping[Target, Activation],
) -> _Issue:
    session, slug = request.session, stored_region.slug
    came = telemetry.load_frame(
        session,
        slug,
        issued_at_utc - LOOK_BACK_H * HOUR,
        issued_at_utc + WINDOW_H * HOUR,
    )
    before = came.window(came.start_utc, issued_at_utc)
    policy = policies.effective_policy(session, stored_region.region_id)
    versions = {target: one.version.version_id for target, one in active.items()}
    known = forecasts.forecasts_at(
        session,
        region_id=stored_region.region_id,
        issued_at_utc=issued_at_utc,
        of_versions=versions,
    )
    runs_known_by_utc = {
        target: _runs_known_by(_issued(known, target), issued_at_utc, request.now)
        for target in Target
    }
    runs = {
        until: weather_forecasts.load_runs(
            session,
            slug,
            issued_at_utc - RECENT_ISSUES_H * HOUR,
            issued_at_utc,
            known_by_utc=until,
        )
        for until in set(runs_known_by_utc.values())
    }
    return _Issue(
        stored_region=stored_region,
        issued_at_utc=issued_at_utc,
        telemetry=came,
        frames={
            target: replace(before, runs=runs[until])
            for target, until in runs_known_by_utc.items()
        },
        runs_known_by_utc=runs_known_by_utc,
        policy=policy,
        active=active,
        known=known,
        intervals=interval_calibrations.calibrations_known(
            session,
            model_version_ids=versions.values(),
            region_id=stored_region.region_id,
            confidence=policy.confidence,
            known_by_utc=issued_at_utc,
        ),
    )


def _runs_known_by(
    issued: StoredForecast | None, issued_at_utc: datetime, now: datetime
) -> datetime | None:
    """Until when weather forecasts count; None for the issue instant.

    Within the hour of an issue a run that has just come is used at once. Later the
    issue keeps to what it used.
    """
    if issued_at_utc < now < issued_at_utc + HOUR:
        return now
    return issued.runs_known_by_utc if issued else None


def _issue(
    session: Session,
    cache: ModelCache,
    issue: _Issue,
    outages: list[Event],
    alarms: list[Event],
) -> dict[Target, str]:
    """Issue every target for a region; what became of each."""
    outcomes = dict.fromkeys(Target, "already")
    new: list[tuple[_Answer, NewForecast]] = []
    for target in Target:
        answer = _ask(session, cache, issue, target, outages)
        if answer is None:
            continue
        forecast = _new_forecast(session, issue, answer)
        if isinstance(answer.by_mode, Refusal) and _same_refusal(session, forecast):
            continue
        new.append((answer, forecast))
        alarms += _alarm(session, issue.stored_region.slug, forecast)
    ids = forecasts.insert_forecasts(session, [forecast for _, forecast in new])
    inputs = {}
    for forecast_id, (answer, forecast) in zip(ids, new, strict=True):
        outcomes[answer.target] = _finish(session, issue, forecast_id, answer)
        given = _given(issue, answer, forecast)
        if given is not None:
            inputs[forecast_id] = given
    insert_forecast_inputs(session, inputs)
    return outcomes


def _ask(
    session: Session,
    cache: ModelCache,
    issue: _Issue,
    target: Target,
    outages: list[Event],
) -> _Answer | None:
    """What a model says now; None where it was asked the same already."""
    serving, why = _serving(session, cache, target, issue, outages)
    lag_h = _lag_h(issue.frames[target], target, issue.issued_at_utc, issue.policy)
    asked_at_utc = issue.issued_at_utc - lag_h * HOUR
    issued = _issued(issue.known, target)
    region = issue.stored_region.region
    if (
        issued is not None
        and issued.kind == "live"
        and _same_input(
            session, issued, serving, issue.frames[target], region, asked_at_utc
        )
    ):
        return None
    by_mode = (
        Refusal(code=RefusalCode.MODEL_UNAVAILABLE, text=why)
        if serving is None
        else _predict(session, serving, issue, asked_at_utc, outages)
    )
    if not isinstance(by_mode, Refusal):
        by_mode = {mode: moved_on(item, lag_h) for mode, item in by_mode.items()}
    return _Answer(
        target=target,
        serving=serving,
        by_mode=by_mode,
        lag_h=lag_h,
        asked_at_utc=asked_at_utc,
    )


def _issued(
    known: Mapping[Target, StoredForecast], target: Target
) -> StoredForecast | None:
    found = known.get(target)
    return found if found is not None and found.refusal_code is None else None


def _given(
    issue: _Issue, answer: _Answer, forecast: NewForecast
) -> ForecastInput | None:
    if answer.serving is None or isinstance(answer.by_mode, Refusal):
        return None
    return model_input(
        answer.serving,
        issue.frames[answer.target],
        issue.stored_region.region,
        answer.asked_at_utc,
        forecast.input_mode,
    )


def _finish(session: Session, issue: _Issue, forecast_id: int, answer: _Answer) -> str:
    """Keep every mode of a stored forecast, or log its refusal."""
    by_mode = answer.by_mode
    if isinstance(by_mode, Refusal):
        log.warning(
            "forecast_refused",
            region=issue.stored_region.slug,
            target=answer.target.value,
            issued_at_utc=issue.issued_at_utc.isoformat(),
            code=by_mode.code.value,
        )
        return "refused"
    is_on_time = not answer.lag_h
    if answer.target is Target.TEMPERATURE_C and len(by_mode) > 1 and is_on_time:
        modes = ((forecast_id, item) for item in by_mode.values())
        forecasts.insert_modes(session, modes)
    return "issued"


def _lag_h(
    frame: TelemetryFrame, target: Target, issued_at_utc: datetime, policy: Policy
) -> int:
    """How many of the newest hours are waited for; 0 where they are too many.

    Hours that came and are suspect are not waited for: they refuse the forecast.
    """
    known_until_utc = telemetry_watermark(frame, target)
    if known_until_utc is None:
        return 0
    lag_h = hours_between(known_until_utc, issued_at_utc)
    came = frame.finding_codes(target.quantity)[frame.n_hours - lag_h :].any()
    is_short = lag_h <= min(policy.telemetry_max_age_h, MOST_LATE_H)
    return lag_h if is_short and not came else 0


def _same_input(
    session: Session,
    issued: StoredForecast,
    serving: ServingModel | None,
    frame: TelemetryFrame,
    region: Region,
    asked_at_utc: datetime,
) -> bool:
    """Whether a forecast would be made from what it was made from already."""
    before = forecast_input(session, issued.forecast_id)
    if serving is None or before is None:
        return True
    if not issued.lag_h and asked_at_utc == issued.issued_at_utc:
        said = forecasts.modes_of(session, issued, region.slug)
        modes = {issued.input_mode, *(item.input_mode for item in said)}
        if _best_mode(serving, frame, region, asked_at_utc) not in modes:
            return False
    given = model_input(serving, frame, region, asked_at_utc, issued.input_mode)
    return (
        given is not None
        and before.region_index == given.region_index
        and np.array_equal(before.features, given.features, equal_nan=True)
    )


def _predict(
    session: Session,
    serving: ServingModel,
    issue: _Issue,
    asked_at_utc: datetime,
    outages: list[Event],
) -> ByMode | Refusal:
    region, target = issue.stored_region.region, serving.runtime.contract.target
    started = time.perf_counter()
    try:
        (answer,) = forecast_modes(
            serving.runtime, issue.frames[target], region.time_zone, [asked_at_utc]
        )
    except ModelUnavailable as exc:
        outages += begin_outage(session, target, exc.message)
        return Refusal(code=RefusalCode.MODEL_UNAVAILABLE, text=exc.message)
    did_run = (
        not isinstance(answer, Refusal)
        or answer.code is RefusalCode.FORECAST_NOT_FINITE
    )
    if did_run:
        log.info(
            "inference_completed",
            region=region.slug,
            target=target.value,
            model_version_id=serving.version_id,
            issued_at_utc=asked_at_utc.isoformat(),
            duration_ms=round(1000 * (time.perf_counter() - started), 1),
        )
    return answer


def model_input(
    serving: ServingModel,
    frame: TelemetryFrame,
    region: Region,
    issued_at_utc: datetime,
    input_mode: InputMode,
) -> ForecastInput | None:
    """What the model is given for one window: kept, so that it can be run again.

    None when the window has no such mode.
    """
    contract = serving.runtime.contract
    given = (
        feature_matrix(
            frame,
            region.time_zone,
            [issued_at_utc],
            contract.feature_names,
            target=contract.target,
            youngest_run_h=youngest_run_h,
        )
        for youngest_run_h in RUN_RUNGS_H
    )
    rows = next((rows for rows in given if rows.modes == [input_mode]), None)
    if rows is None:
        return None
    return ForecastInput(
        region_index=contract.region_index(region.slug), features=rows.features[0]
    )


def _best_mode(
    serving: ServingModel,
    frame: TelemetryFrame,
    region: Region,
    issued_at_utc: datetime,
) -> InputMode:
    """The best mode in which a model can forecast a window."""
    contract = serving.runtime.contract
    rows = feature_matrix(
        frame,
        region.time_zone,
        [issued_at_utc],
        contract.feature_names,
        target=contract.target,
    )
    return rows.modes[0]


def _new_forecast(session: Session, issue: _Issue, answer: _Answer) -> NewForecast:
    """The row of an answer, calibrated, in the next revision of its issue."""
    by_mode, serving = answer.by_mode, answer.serving
    issued = _issued(issue.known, answer.target)
    revision = 0 if issued is None else issued.revision + 1
    watermark = telemetry_watermark(issue.frames[answer.target], answer.target)
    if isinstance(by_mode, Refusal) or serving is None:
        refusal = by_mode if isinstance(by_mode, Refusal) else None
        return NewForecast(
            region_id=issue.stored_region.region_id,
            target=answer.target,
            issued_at_utc=issue.issued_at_utc,
            kind="live",
            model_version_id=serving.version_id if serving else None,
            telemetry_watermark_utc=watermark,
            refusal_code=refusal.code if refusal else RefusalCode.MODEL_UNAVAILABLE,
            refusal_text=refusal.text if refusal else "no model is active.",
            revision=revision,
        )
    histories = _histories(session, issue, serving, answer.lag_h, by_mode)
    trackers = {
        mode: ScoreTracker(issue.policy.alpha, history.scores)
        for mode, history in histories.items()
    }
    mode = (
        served_mode(trackers, issue.policy.alpha) if trackers else next(iter(by_mode))
    )
    # Intervals are calibrated by forecasts that had their newest hours.
    interval = None if answer.lag_h else issue.intervals.get((serving.version_id, mode))
    calibrated = calibrated_forecast(
        by_mode[mode],
        region_id=issue.stored_region.region_id,
        kind="live",
        model_version_id=serving.version_id,
        telemetry_watermark_utc=watermark,
        policy=issue.policy,
        tracker=trackers.get(mode),
        score_watermark_id=histories[mode].watermark_id if histories else None,
        interval=interval,
        plain=live_plain_bound(
            session,
            issue.frames[answer.target],
            issue.policy,
            region_id=issue.stored_region.region_id,
            model_version_id=serving.version_id,
            issued_at_utc=issue.issued_at_utc,
            input_mode=mode,
            hour_bounds_c=_hour_bounds_c(by_mode[mode], trackers[mode]),
        )
        if answer.target is Target.TEMPERATURE_C
        else None,
    )
    used_run = calibrated.run_issued_at_utc is not None
    return replace(
        calibrated,
        lag_h=answer.lag_h,
        revision=revision,
        runs_known_by_utc=issue.runs_known_by_utc[answer.target] if used_run else None,
    )


def _hour_bounds_c(hourly: HourlyForecast, tracker: ScoreTracker) -> FloatArray | None:
    """The bound of each hour, of which the largest is the day's; None without any."""
    try:
        quantile = tracker.calibration().quantile
    except CalibrationInsufficient:
        return None
    return hourly.mean + quantile * hourly.scale


def _histories(
    session: Session, issue: _Issue, serving: ServingModel, lag_h: int, by_mode: ByMode
) -> dict[InputMode, window_scores.ScoreHistory]:
    """Scores of each mode; none but for the temperature, which alone has a bound."""
    if serving.runtime.contract.target is not Target.TEMPERATURE_C:
        return {}
    return {
        mode: window_scores.score_history(
            session,
            region_id=issue.stored_region.region_id,
            model_version_id=serving.version_id,
            local_issue_hour=local_issue_hour(
                issue.stored_region.region.time_zone, issue.issued_at_utc
            ),
            finished_by_utc=issue.issued_at_utc,
            input_mode=mode,
            lag_h=lag_h,
            with_hours=False,
        )
        for mode in by_mode
    }


def _same_refusal(session: Session, new: NewForecast) -> bool:
    """Whether the newest stored row says this already, on the same telemetry."""
    newest = forecasts.newest_forecast(
        session, region_id=new.region_id, target=new.target, kind="live"
    )
    return (
        newest is not None
        and newest.refusal_code is not None
        and newest.refusal_code == new.refusal_code
        and newest.telemetry_watermark_utc == new.telemetry_watermark_utc
        and newest.model_version_id == new.model_version_id
    )


def _alarm(session: Session, slug: str, new: NewForecast) -> tuple[Event, ...]:
    """The event of an implausible bound, unless the issue before had one as well."""
    reason = _why_implausible(new)
    if reason is None:
        return ()
    log.error(
        "model_implausible",
        region=slug,
        model_version_id=new.model_version_id,
        issued_at_utc=new.issued_at_utc.isoformat(),
        reason=reason,
    )
    before = forecasts.newest_forecast(
        session, region_id=new.region_id, target=new.target, kind="live"
    )
    if (
        before is not None
        and before.model_version_id == new.model_version_id
        and _why_implausible(before) is not None
    ):
        return ()
    event = Event(
        action=AuditAction.MODEL_IMPLAUSIBLE,
        object_type="region",
        object_id=slug,
        after={
            "model_version_id": new.model_version_id,
            "issued_at_utc": new.issued_at_utc,
        },
        reason=reason,
    )
    return (event,)


def _why_implausible(issued: NewForecast | StoredForecast) -> str | None:
    if issued.plain is None or issued.day_bound_c is None:
        return None
    return issued.plain.problem_of(issued.day_bound_c)


def _judge(request: Request, issue: _Issue) -> tuple[int, Judgement] | None:
    """The region's forecast and what is decided on it; None when it is known.

    It is decided on the load as it is now: what is recorded is not done.
    """
    window = load_region_window(
        request.session,
        issue.stored_region,
        issued_at_utc=issue.issued_at_utc,
        now=request.now,
        is_simulation=False,
        known=KnownOfRegion(policy=issue.policy, telemetry=issue.telemetry),
    )
    window = replace(window, outlook=window.outlook_now)
    judgement = Judgement(
        source=window,
        target=None,
        local_day=local_day_of(
            issue.stored_region.region.time_zone, issue.issued_at_utc
        ),
        verdict=decide(window.outlook),
    )
    if window.stored is None:
        return None
    known = decisions.automatic_by_inputs(
        request.session,
        source_forecast_id=window.stored.forecast_id,
        inputs_sha256=judgement.inputs_sha256,
    )
    return None if known is not None else (window.stored.forecast_id, judgement)


def _store(
    request: Request, forecast_id: int, judgement: Judgement
) -> tuple[Event, ...]:
    request_id = uuid5(
        NAMESPACE_URL, f"gfo:automatic:{forecast_id}:{judgement.inputs_sha256}"
    )
    _, event = store(
        request.session,
        request.actor,
        judgement,
        kind="automatic",
        request_id=request_id,
    )
    return (event,)
