"""Issue live forecasts and decide on them: the hourly work of the scheduler."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.conformal import ScoreTracker
from core.days import local_day_of, local_issue_hour
from core.errors import ModelRejected, ModelUnavailable
from core.forecasts import InputMode, Refusal, RefusalCode, Target
from core.late_hours import MOST_LATE_H, moved_on
from core.plausibility import PlainBound
from core.policies import Policy
from core.regions import Region
from core.scheduler import decide
from core.telemetry import HOUR, TelemetryFrame, hours_between
from db import (
    decisions,
    forecasts,
    interval_calibrations,
    policies,
    window_scores,
)
from db.forecast_inputs import ForecastInput, forecast_input, insert_forecast_input
from db.forecasts import NewForecast, StoredForecast
from db.regions import StoredRegion
from models.features import RUN_RUNGS_H, feature_matrix
from models.forecasting import ByMode, forecast_modes
from models.plain_model import HISTORY_H
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
    load_model_frame,
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
    counts = {"issued": 0, "refused": 0, "already": 0}
    decided = 0
    decisions_made: list[Event] = []
    outages: list[Event] = []
    alarms: list[Event] = []
    for stored_region in stored_regions:
        changed = False
        for target in Target:
            outcome = _issue_one(
                request.session,
                cache,
                stored_region,
                target,
                issued_at_utc=issued_at_utc,
                now=request.now,
                outages=outages,
                alarms=alarms,
            )
            counts[outcome] += 1
            changed |= target is Target.TEMPERATURE_C and outcome != "already"
        judged = _judge(request, stored_region, issued_at_utc) if changed else None
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


def _issue_one(
    session: Session,
    cache: ModelCache,
    stored_region: StoredRegion,
    target: Target,
    *,
    issued_at_utc: datetime,
    now: datetime,
    outages: list[Event],
    alarms: list[Event],
) -> str:
    serving, why = _serving(session, cache, target, outages)
    known = forecasts.forecast_at(
        session,
        region_id=stored_region.region_id,
        target=target,
        issued_at_utc=issued_at_utc,
        model_version_id=serving.version_id if serving else None,
    )
    slug = stored_region.region.slug
    issued = known if known is not None and known.refusal_code is None else None
    runs_known_by_utc = _runs_known_by(issued, issued_at_utc, now)
    frame = load_model_frame(
        session,
        slug,
        issued_at_utc - LOOK_BACK_H * HOUR,
        issued_at_utc,
        first_issue_utc=issued_at_utc - MOST_LATE_H * HOUR,
        runs_known_by_utc=runs_known_by_utc,
    )
    policy = policies.effective_policy(session, stored_region.region_id)
    lag_h = _lag_h(frame, target, issued_at_utc, policy)
    asked_at_utc = issued_at_utc - lag_h * HOUR
    if (
        issued is not None
        and issued.kind == "live"
        and _same_input(
            session, issued, serving, frame, stored_region.region, asked_at_utc
        )
    ):
        return "already"
    answer = (
        Refusal(code=RefusalCode.MODEL_UNAVAILABLE, text=why)
        if serving is None
        else _predict(session, serving, frame, stored_region, asked_at_utc, outages)
    )
    if not isinstance(answer, Refusal):
        answer = {mode: moved_on(item, lag_h) for mode, item in answer.items()}
    new = _new_forecast(
        session,
        stored_region,
        target,
        issued_at_utc,
        frame,
        serving,
        policy,
        answer,
        runs_known_by_utc,
    )
    if isinstance(answer, Refusal) and _same_refusal(session, new):
        return "already"
    if issued is not None:
        new = replace(new, revision=issued.revision + 1)
    alarms += _alarm(session, slug, new)
    (forecast_id,) = forecasts.insert_forecasts(session, [new])
    if serving is not None and not isinstance(answer, Refusal):
        given = model_input(
            serving, frame, stored_region.region, asked_at_utc, new.input_mode
        )
        if given is not None:
            insert_forecast_input(session, forecast_id, given)
        if target is Target.TEMPERATURE_C and len(answer) > 1 and not lag_h:
            modes = ((forecast_id, item) for item in answer.values())
            forecasts.insert_modes(session, modes)
    if isinstance(answer, Refusal):
        log.warning(
            "forecast_refused",
            region=slug,
            target=target.value,
            issued_at_utc=issued_at_utc.isoformat(),
            code=answer.code.value,
        )
        return "refused"
    return "issued"


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


def _serving(
    session: Session, cache: ModelCache, target: Target, outages: list[Event]
) -> tuple[ServingModel | None, str]:
    """The active model, loaded and verified; or why there is none."""
    try:
        serving = cache.serving(session, target)
    except (ModelRejected, ModelUnavailable) as exc:
        outages += begin_outage(session, target, exc.message)
        return None, exc.message
    return serving, f"no {target} model is active."


def _predict(
    session: Session,
    serving: ServingModel,
    frame: TelemetryFrame,
    stored_region: StoredRegion,
    issued_at_utc: datetime,
    outages: list[Event],
) -> ByMode | Refusal:
    started = time.perf_counter()
    try:
        (answer,) = forecast_modes(
            serving.runtime, frame, stored_region.region.time_zone, [issued_at_utc]
        )
    except ModelUnavailable as exc:
        target = serving.runtime.contract.target
        outages += begin_outage(session, target, exc.message)
        return Refusal(code=RefusalCode.MODEL_UNAVAILABLE, text=exc.message)
    did_run = (
        not isinstance(answer, Refusal)
        or answer.code is RefusalCode.FORECAST_NOT_FINITE
    )
    if did_run:
        log.info(
            "inference_completed",
            region=stored_region.region.slug,
            target=serving.runtime.contract.target.value,
            model_version_id=serving.version_id,
            issued_at_utc=issued_at_utc.isoformat(),
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


def _new_forecast(
    session: Session,
    stored_region: StoredRegion,
    target: Target,
    issued_at_utc: datetime,
    frame: TelemetryFrame,
    serving: ServingModel | None,
    policy: Policy,
    answer: ByMode | Refusal,
    runs_known_by_utc: datetime | None,
) -> NewForecast:
    watermark = telemetry_watermark(frame, target)
    lag_h = _lag_h(frame, target, issued_at_utc, policy)
    if isinstance(answer, Refusal) or serving is None:
        refusal = answer if isinstance(answer, Refusal) else None
        return NewForecast(
            region_id=stored_region.region_id,
            target=target,
            issued_at_utc=issued_at_utc,
            kind="live",
            model_version_id=serving.version_id if serving else None,
            telemetry_watermark_utc=watermark,
            refusal_code=refusal.code if refusal else RefusalCode.MODEL_UNAVAILABLE,
            refusal_text=refusal.text if refusal else "no model is active.",
        )
    histories: dict[InputMode, window_scores.ScoreHistory] = {}
    if target is Target.TEMPERATURE_C:  # only the temperature has a bound
        histories = {
            mode: window_scores.score_history(
                session,
                region_id=stored_region.region_id,
                model_version_id=serving.version_id,
                local_issue_hour=local_issue_hour(
                    stored_region.region.time_zone, issued_at_utc
                ),
                finished_by_utc=issued_at_utc,
                input_mode=mode,
                lag_h=lag_h,
                with_hours=False,
            )
            for mode in answer
        }
    trackers = {
        mode: ScoreTracker(policy.alpha, history.scores)
        for mode, history in histories.items()
    }
    mode = served_mode(trackers, policy.alpha) if trackers else next(iter(answer))
    # Intervals are calibrated by forecasts that had their newest hours.
    interval = (
        None
        if lag_h
        else interval_calibrations.interval_calibration(
            session,
            model_version_id=serving.version_id,
            region_id=stored_region.region_id,
            confidence=policy.confidence,
            known_by_utc=issued_at_utc,
            input_mode=mode,
        )
    )
    calibrated = calibrated_forecast(
        answer[mode],
        region_id=stored_region.region_id,
        kind="live",
        model_version_id=serving.version_id,
        telemetry_watermark_utc=watermark,
        policy=policy,
        tracker=trackers.get(mode),
        score_watermark_id=histories[mode].watermark_id if histories else None,
        interval=interval,
        plain=_plain_bound(
            session,
            stored_region,
            serving,
            issued_at_utc,
            policy,
            mode,
            runs_known_by_utc,
        )
        if target is Target.TEMPERATURE_C
        else None,
    )
    used_run = calibrated.run_issued_at_utc is not None
    return replace(
        calibrated,
        lag_h=lag_h,
        runs_known_by_utc=runs_known_by_utc if used_run else None,
    )


def _plain_bound(
    session: Session,
    stored_region: StoredRegion,
    serving: ServingModel,
    issued_at_utc: datetime,
    policy: Policy,
    mode: InputMode,
    runs_known_by_utc: datetime | None,
) -> PlainBound | None:
    """The plain model's bound: it is fitted on two years and the runs of its days."""
    return live_plain_bound(
        session,
        load_model_frame(
            session,
            stored_region.slug,
            issued_at_utc - HISTORY_H * HOUR,
            issued_at_utc,
            runs_known_by_utc=runs_known_by_utc,
        ),
        policy,
        region_id=stored_region.region_id,
        model_version_id=serving.version_id,
        issued_at_utc=issued_at_utc,
        input_mode=mode,
    )


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


def _judge(
    request: Request, stored_region: StoredRegion, issued_at_utc: datetime
) -> tuple[int, Judgement] | None:
    """The region's forecast and what is decided on it; None when it is known.

    It is decided on the load as it is now: what is recorded is not done.
    """
    window = load_region_window(
        request.session,
        stored_region,
        issued_at_utc=issued_at_utc,
        now=request.now,
        is_simulation=False,
    )
    window = replace(window, outlook=window.outlook_now)
    judgement = Judgement(
        source=window,
        target=None,
        local_day=local_day_of(stored_region.region.time_zone, issued_at_utc),
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
