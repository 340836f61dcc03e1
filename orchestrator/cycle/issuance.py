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
from core.conformity import ScoreTracker
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
)
from db.forecast_inputs import ForecastInput, forecast_inputs, insert_forecast_inputs
from db.forecasts import NewForecast, StoredForecast
from db.interval_calibrations import IntervalCalibration
from db.model_versions import Activation
from db.regions import StoredRegion
from db.window_scores import ScoreHistory, ScorePlace, score_histories
from models.features import RegionIssues
from models.forecasting import ByMode, WindowsAsked, ask
from models.plain_model import RECENT_ISSUES_H
from orchestrator.decisions.judgements import Judgement
from orchestrator.decisions.storing import NewlyJudged, store_all
from orchestrator.forecasts.calibration import (
    calibrated_forecast,
    served_mode,
    telemetry_watermark,
)
from orchestrator.forecasts.model_cache import ModelCache, ServingModel
from orchestrator.forecasts.model_health import begin_outage
from orchestrator.forecasts.plain_bounds import LiveIssue, live_plain_bounds
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change
from orchestrator.windows.database_source import LOOK_BACK_H, load_windows

log = get_logger(__name__)


_Histories = Mapping[InputMode, ScoreHistory]


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

    Reads and writes all regions together: what it costs hardly grows with their number.
    Idempotent: a forecast that this model already issued at the instant is kept while
    its inputs are the same, and a refusal is stored again only when something about it
    changed. Telemetry that came late or was corrected gives a new revision.
    """
    session = request.session
    issues = _read_issues(request, stored_regions, issued_at_utc)
    answers, outages = _ask(session, cache, issues)
    histories = _histories(session, answers)
    made, alarms = _new_forecasts(session, issues, answers, histories)
    ids = forecasts.insert_forecasts(session, [forecast for _, forecast in made])
    _keep_inputs(session, dict(zip(ids, made, strict=True)))
    outcomes = Counter(_outcome(answer) for answer, _ in made)
    judged = _judge(request, issues, made, histories)
    events = _store(request, judged)
    summary = IssueSummary(
        issued=outcomes["issued"],
        refused=outcomes["refused"],
        already_there=len(stored_regions) * len(Target) - len(made),
        decided=len(judged),
    )
    return Done(answer=summary, events=(*events, *outages, *alarms))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Issue:
    """A region at an issue instant.

    Attributes
    ----------
    frames : Mapping of Target to TelemetryFrame
        What models are given of its telemetry, with weather forecasts.
    runs_known_by_utc : Mapping of Target to datetime or None
        Until when weather forecasts count; None for the issue instant.
    known : Mapping of Target to StoredForecast
        What the active models, or others where none is, issued at the instant already.
    """

    stored_region: StoredRegion
    issued_at_utc: datetime
    frames: Mapping[Target, TelemetryFrame]
    runs_known_by_utc: Mapping[Target, datetime | None]
    policy: Policy
    known: Mapping[Target, StoredForecast]
    intervals: Mapping[tuple[int, InputMode], IntervalCalibration]

    def issued(self, target: Target) -> StoredForecast | None:
        """What was issued already, refusals excepted."""
        found = self.known.get(target)
        return found if found is not None and found.refusal_code is None else None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Issues:
    """Regions at an issue instant, read once for all targets and the decisions.

    Attributes
    ----------
    telemetry : Mapping of str to TelemetryFrame
        Of the look-back and the window, as far as it has come, by slug.
    """

    issued_at_utc: datetime
    active: Mapping[Target, Activation]
    telemetry: Mapping[str, TelemetryFrame]
    regions: tuple[_Issue, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Answer:
    """A new forecast or refusal of a target, before it is stored."""

    issue: _Issue
    target: Target
    serving: ServingModel | None
    asked: WindowsAsked | None
    by_mode: ByMode | Refusal
    lag_h: int


def _read_issues(
    request: Request, stored_regions: Sequence[StoredRegion], issued_at_utc: datetime
) -> _Issues:
    session = request.session
    slugs = [item.slug for item in stored_regions]
    region_ids = [item.region_id for item in stored_regions]
    came = telemetry.load_frames(
        session,
        slugs,
        issued_at_utc - LOOK_BACK_H * HOUR,
        issued_at_utc + WINDOW_H * HOUR,
    )
    active = model_versions.active_models(session)
    versions = {target: one.version.version_id for target, one in active.items()}
    policy_of = policies.effective_policies(session, region_ids)
    known = forecasts.forecasts_in(
        session, region_ids, issued_at_utc=issued_at_utc, of_versions=versions
    )
    intervals = interval_calibrations.calibrations_known(
        session,
        model_version_ids=versions.values(),
        confidences={key: policy.confidence for key, policy in policy_of.items()},
        known_by_utc=issued_at_utc,
    )
    until_utc = {
        (item.slug, target): _runs_known_by(
            known[item.region_id].get(target), issued_at_utc, request.now
        )
        for item in stored_regions
        for target in Target
    }
    runs = {
        until: weather_forecasts.load_runs_of(
            session,
            {slug for (slug, _), its_until in until_utc.items() if its_until == until},
            issued_at_utc - RECENT_ISSUES_H * HOUR,
            issued_at_utc,
            known_by_utc=until,
        )
        for until in set(until_utc.values())
    }
    regions = []
    for item in stored_regions:
        before = came[item.slug].window(came[item.slug].start_utc, issued_at_utc)
        runs_known_by_utc = {target: until_utc[item.slug, target] for target in Target}
        issue = _Issue(
            stored_region=item,
            issued_at_utc=issued_at_utc,
            frames={
                target: replace(before, runs=runs[until].get(item.slug))
                for target, until in runs_known_by_utc.items()
            },
            runs_known_by_utc=runs_known_by_utc,
            policy=policy_of[item.region_id],
            known=known[item.region_id],
            intervals=intervals[item.region_id],
        )
        regions.append(issue)
    return _Issues(
        issued_at_utc=issued_at_utc,
        active=active,
        telemetry=came,
        regions=tuple(regions),
    )


def _runs_known_by(
    known: StoredForecast | None, issued_at_utc: datetime, now: datetime
) -> datetime | None:
    """Until when weather forecasts count; None for the issue instant.

    Within the hour of an issue a run that has just come is used at once. Later the
    issue keeps to what it used.
    """
    if issued_at_utc < now < issued_at_utc + HOUR:
        return now
    is_issued = known is not None and known.refusal_code is None
    return known.runs_known_by_utc if known is not None and is_issued else None


def _serving_model(
    session: Session,
    cache: ModelCache,
    target: Target,
    active: Mapping[Target, Activation],
) -> tuple[ServingModel | str, tuple[Event, ...]]:
    """The active model, loaded and verified, or why there is none; a new outage."""
    try:
        serving = cache.serving(session, target, active)
    except (ModelRejected, ModelUnavailable) as exc:
        return exc.message, begin_outage(session, target, exc.message)
    return serving or f"no {target} model is active.", ()


def _ask(
    session: Session, cache: ModelCache, issues: _Issues
) -> tuple[list[_Answer], tuple[Event, ...]]:
    """What models say now, by region and target; nothing where they said it already."""
    made: dict[tuple[int, Target], _Answer] = {}
    outages: list[Event] = []
    is_same = _Same(session, issues)
    for target in Target:
        # Loaded just before it is asked: one that hung takes the process along.
        model, lost = _serving_model(session, cache, target, issues.active)
        outages += lost
        wanted: list[_Answer] = []
        lags_h = [
            _lag_h(issue.frames[target], target, issue) for issue in issues.regions
        ]
        asked: Sequence[WindowsAsked | None] = [None] * len(lags_h)
        if isinstance(model, ServingModel):
            asked = _windows_asked(model, target, issues.regions, lags_h)
        for issue, lag_h, given in zip(issues.regions, lags_h, asked, strict=True):
            if is_same(issue, target, given, lag_h):
                continue
            why = model if isinstance(model, str) else ""
            answer = _Answer(
                issue=issue,
                target=target,
                serving=model if isinstance(model, ServingModel) else None,
                asked=given,
                by_mode=Refusal(code=RefusalCode.MODEL_UNAVAILABLE, text=why),
                lag_h=lag_h,
            )
            wanted.append(answer)
        if isinstance(model, ServingModel) and wanted:
            wanted, lost = _predicted(session, model, wanted)
            outages += lost
        made |= {(a.issue.stored_region.region_id, target): a for a in wanted}
    ordered = [
        made[issue.stored_region.region_id, target]
        for issue in issues.regions
        for target in Target
        if (issue.stored_region.region_id, target) in made
    ]
    return ordered, tuple(outages)


def _windows_asked(
    serving: ServingModel,
    target: Target,
    issues: Sequence[_Issue],
    lags_h: Sequence[int],
) -> list[WindowsAsked]:
    """What the model is given for each issue, so many hours before it."""
    asked = [
        RegionIssues(
            issue.frames[target],
            issue.stored_region.region.time_zone,
            [issue.issued_at_utc - lag_h * HOUR],
        )
        for issue, lag_h in zip(issues, lags_h, strict=True)
    ]
    return WindowsAsked.of(serving.runtime.contract, asked)


def _predicted(
    session: Session, serving: ServingModel, wanted: Sequence[_Answer]
) -> tuple[list[_Answer], tuple[Event, ...]]:
    """The answers with what the model says, asked once for all regions."""
    target = serving.runtime.contract.target
    started = time.perf_counter()
    try:
        found = ask(serving.runtime, [a.asked for a in wanted if a.asked is not None])
    except ModelUnavailable as exc:
        refusal = Refusal(code=RefusalCode.MODEL_UNAVAILABLE, text=exc.message)
        outages = begin_outage(session, target, exc.message)
        return [replace(answer, by_mode=refusal) for answer in wanted], outages
    log.info(
        "inference_completed",
        target=target.value,
        model_version_id=serving.version_id,
        issued_at_utc=wanted[0].issue.issued_at_utc.isoformat(),
        regions=len(wanted),
        duration_ms=round(1000 * (time.perf_counter() - started), 1),
    )
    return [
        replace(answer, by_mode=_moved_on(by_mode, answer.lag_h))
        for answer, (by_mode,) in zip(wanted, found, strict=True)
    ], ()


def _moved_on(by_mode: ByMode | Refusal, lag_h: int) -> ByMode | Refusal:
    if isinstance(by_mode, Refusal):
        return by_mode
    return {mode: moved_on(item, lag_h) for mode, item in by_mode.items()}


def _lag_h(frame: TelemetryFrame, target: Target, issue: _Issue) -> int:
    """How many of the newest hours are waited for; 0 where they are too many.

    Hours that came and are suspect are not waited for: they refuse the forecast.
    """
    known_until_utc = telemetry_watermark(frame, target)
    if known_until_utc is None:
        return 0
    lag_h = hours_between(known_until_utc, issue.issued_at_utc)
    came = frame.finding_codes(target.quantity)[frame.n_hours - lag_h :].any()
    is_short = lag_h <= min(issue.policy.telemetry_max_age_h, MOST_LATE_H)
    return lag_h if is_short and not came else 0


class _Same:
    """Whether a forecast would be made from what it was made from already."""

    def __init__(self, session: Session, issues: _Issues) -> None:
        issued: dict[str, list[StoredForecast]] = {}
        for issue in issues.regions:
            live = [
                stored
                for stored in map(issue.issued, Target)
                if stored is not None and stored.kind == "live"
            ]
            if live:
                issued[issue.stored_region.slug] = live
        ids = [item.forecast_id for live in issued.values() for item in live]
        self._inputs = forecast_inputs(session, ids) if ids else {}
        self._modes = forecasts.modes_of(session, issued) if ids else {}

    def __call__(
        self, issue: _Issue, target: Target, asked: WindowsAsked | None, lag_h: int
    ) -> bool:
        """Whether it would, of a live forecast; False where there is none yet."""
        issued = issue.issued(target)
        if issued is None or issued.kind != "live":
            return False
        before = self._inputs.get(issued.forecast_id)
        if asked is None or before is None:
            return True
        if not issued.lag_h and not lag_h:
            said = self._modes[issued.forecast_id]
            if asked.best_mode not in {item.input_mode for item in said}:
                return False
        features = asked.features(issued.input_mode)
        return (
            features is not None
            and before.region_index == asked.region_index
            and np.array_equal(before.features, features, equal_nan=True)
        )


def _new_forecasts(
    session: Session,
    issues: _Issues,
    answers: Sequence[_Answer],
    histories: Mapping[int, _Histories],
) -> tuple[list[tuple[_Answer, NewForecast]], list[Event]]:
    """The rows of answers, calibrated; without refusals that are stored already."""
    plain_at: list[tuple[int, LiveIssue]] = []
    made: list[tuple[_Answer, NewForecast]] = []
    for number, answer in enumerate(answers):
        of_answer = histories.get(answer.issue.stored_region.region_id, {})
        forecast, beside = _new_forecast(answer, of_answer)
        made.append((answer, forecast))
        if beside is not None:
            plain_at.append((number, beside))
    if plain_at:
        bounds = live_plain_bounds(
            session, [beside for _, beside in plain_at], issues.issued_at_utc
        )
        for (number, _), plain in zip(plain_at, bounds, strict=True):
            answer, forecast = made[number]
            made[number] = (answer, replace(forecast, plain=plain))
    # Beside those before: of a refusal, and of a bound that cannot be.
    newest = forecasts.newest_forecasts(
        session,
        {
            (forecast.region_id, forecast.target)
            for _, forecast in made
            if forecast.refusal_code is not None
            or _why_implausible(forecast) is not None
        },
        kind="live",
    )
    kept: list[tuple[_Answer, NewForecast]] = []
    alarms: list[Event] = []
    for answer, forecast in made:
        before = newest.get((forecast.region_id, forecast.target))
        if not _is_same_refusal(forecast, before):
            kept.append((answer, forecast))
            alarms += _alarm(answer.issue.stored_region.slug, forecast, before)
    return kept, alarms


def _histories(
    session: Session, answers: Sequence[_Answer]
) -> dict[int, dict[InputMode, ScoreHistory]]:
    """Scores of each mode by region; of the temperature, which alone has a bound."""
    places: dict[int, dict[InputMode, ScorePlace]] = {}
    for answer in answers:
        issue, serving = answer.issue, answer.serving
        if (
            answer.target is not Target.TEMPERATURE_C
            or serving is None
            or isinstance(answer.by_mode, Refusal)
        ):
            continue
        places[issue.stored_region.region_id] = {
            mode: ScorePlace(
                region_id=issue.stored_region.region_id,
                model_version_id=serving.version_id,
                local_issue_hour=local_issue_hour(
                    issue.stored_region.region.time_zone, issue.issued_at_utc
                ),
                finished_by_utc=issue.issued_at_utc,
                input_mode=mode,
                lag_h=answer.lag_h,
            )
            for mode in answer.by_mode
        }
    wanted = [place for by_mode in places.values() for place in by_mode.values()]
    found = score_histories(session, wanted)
    return {
        region_id: {mode: found[place] for mode, place in by_mode.items()}
        for region_id, by_mode in places.items()
    }


def _new_forecast(
    answer: _Answer, histories: _Histories
) -> tuple[NewForecast, LiveIssue | None]:
    """The row of an answer, calibrated, in the next revision of its issue.

    With what its plain bound is made from, where it needs one.
    """
    issue, by_mode, serving = answer.issue, answer.by_mode, answer.serving
    issued = issue.issued(answer.target)
    revision = 0 if issued is None else issued.revision + 1
    watermark = telemetry_watermark(issue.frames[answer.target], answer.target)
    region_id = issue.stored_region.region_id
    if isinstance(by_mode, Refusal) or serving is None:
        refusal = by_mode if isinstance(by_mode, Refusal) else None
        refused = NewForecast(
            region_id=region_id,
            target=answer.target,
            issued_at_utc=issue.issued_at_utc,
            kind="live",
            model_version_id=serving.version_id if serving else None,
            telemetry_watermark_utc=watermark,
            refusal_code=refusal.code if refusal else RefusalCode.MODEL_UNAVAILABLE,
            refusal_text=refusal.text if refusal else "no model is active.",
            revision=revision,
        )
        return refused, None
    is_temperature = answer.target is Target.TEMPERATURE_C
    trackers = {
        mode: ScoreTracker(issue.policy.alpha, history.scores)
        for mode, history in histories.items()
        if is_temperature
    }
    mode = (
        served_mode(trackers, issue.policy.alpha) if trackers else next(iter(by_mode))
    )
    # Intervals are calibrated by forecasts that had their newest hours.
    interval = None if answer.lag_h else issue.intervals.get((serving.version_id, mode))
    calibrated = calibrated_forecast(
        by_mode[mode],
        region_id=region_id,
        kind="live",
        model_version_id=serving.version_id,
        telemetry_watermark_utc=watermark,
        policy=issue.policy,
        tracker=trackers.get(mode),
        score_watermark_id=histories[mode].watermark_id if trackers else None,
        interval=interval,
    )
    used_run = calibrated.run_issued_at_utc is not None
    forecast = replace(
        calibrated,
        lag_h=answer.lag_h,
        revision=revision,
        runs_known_by_utc=issue.runs_known_by_utc[answer.target] if used_run else None,
    )
    if not is_temperature:
        return forecast, None
    return forecast, LiveIssue(
        region_id=region_id,
        frame=issue.frames[answer.target],
        policy=issue.policy,
        model_version_id=serving.version_id,
        input_mode=mode,
        hour_bounds_c=_hour_bounds_c(by_mode[mode], trackers[mode]),
    )


def _hour_bounds_c(hourly: HourlyForecast, tracker: ScoreTracker) -> FloatArray | None:
    """The bound of each hour, of which the largest is the day's; None without any."""
    try:
        quantile = tracker.calibration().quantile
    except CalibrationInsufficient:
        return None
    return hourly.mean + quantile * hourly.scale


def _is_same_refusal(new: NewForecast, newest: StoredForecast | None) -> bool:
    """Whether the newest stored row says this already, on the same telemetry."""
    return (
        new.refusal_code is not None
        and newest is not None
        and newest.refusal_code == new.refusal_code
        and newest.telemetry_watermark_utc == new.telemetry_watermark_utc
        and newest.model_version_id == new.model_version_id
    )


def _alarm(
    slug: str, new: NewForecast, before: StoredForecast | None
) -> tuple[Event, ...]:
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


def _outcome(answer: _Answer) -> str:
    if not isinstance(answer.by_mode, Refusal):
        return "issued"
    log.warning(
        "forecast_refused",
        region=answer.issue.stored_region.slug,
        target=answer.target.value,
        issued_at_utc=answer.issue.issued_at_utc.isoformat(),
        code=answer.by_mode.code.value,
    )
    return "refused"


def _keep_inputs(
    session: Session, made: Mapping[int, tuple[_Answer, NewForecast]]
) -> None:
    """Keep what models were given, to be run again, and said in other modes."""
    inputs: dict[int, ForecastInput] = {}
    modes: list[tuple[int, HourlyForecast]] = []
    for forecast_id, (answer, forecast) in made.items():
        by_mode, asked = answer.by_mode, answer.asked
        if isinstance(by_mode, Refusal) or asked is None:
            continue
        features = asked.features(forecast.input_mode)
        if features is not None:
            inputs[forecast_id] = ForecastInput(
                region_index=asked.region_index, features=features
            )
        is_on_time = not answer.lag_h
        if answer.target is Target.TEMPERATURE_C and len(by_mode) > 1 and is_on_time:
            modes += [
                (forecast_id, item)
                for mode, item in by_mode.items()
                if mode is not forecast.input_mode
            ]
    if inputs:
        insert_forecast_inputs(session, inputs)
    if modes:
        forecasts.insert_modes(session, modes)


def _judge(
    request: Request,
    issues: _Issues,
    made: Sequence[tuple[_Answer, NewForecast]],
    histories: Mapping[int, _Histories],
) -> list[tuple[int, Judgement]]:
    """Regions' new forecasts and what is decided on them; without what is known.

    It is decided on the load as it is now: what is recorded is not done.
    """
    new = {
        forecast.region_id: forecast.input_mode
        for _, forecast in made
        if forecast.target is Target.TEMPERATURE_C
    }
    chosen = [item for item in issues.regions if item.stored_region.region_id in new]
    if not chosen:
        return []
    windows = load_windows(
        request.session,
        [item.stored_region for item in chosen],
        issued_at_utc=issues.issued_at_utc,
        now=request.now,
        is_simulation=False,
        known_policies={item.stored_region.region_id: item.policy for item in chosen},
        known_frames=issues.telemetry,
        known_scores={
            region_id: histories[region_id][mode]
            for region_id, mode in new.items()
            if region_id in histories
        },
    )
    judged = []
    for window in windows:
        if window.stored is None:
            continue
        window_now = replace(window, outlook=window.outlook_now)
        judgement = Judgement(
            source=window_now,
            target=None,
            local_day=local_day_of(window.region.time_zone, issues.issued_at_utc),
            verdict=decide(window_now.outlook),
        )
        judged.append((window.stored.forecast_id, judgement))
    known = decisions.automatic_inputs(
        request.session, [forecast_id for forecast_id, _ in judged]
    )
    return [
        (forecast_id, judgement)
        for forecast_id, judgement in judged
        if (forecast_id, judgement.inputs_sha256) not in known
    ]


def _store(
    request: Request, judged: Sequence[tuple[int, Judgement]]
) -> tuple[Event, ...]:
    new = [
        NewlyJudged(
            judgement=judgement,
            request_id=uuid5(
                NAMESPACE_URL, f"gfo:automatic:{forecast_id}:{judgement.inputs_sha256}"
            ),
        )
        for forecast_id, judgement in judged
    ]
    stored = store_all(request.session, request.actor, new, kind="automatic")
    return tuple(event for _, event in stored)
