"""Hindcasts: what a model would have said, scored by what happened.

They give a model its calibration before it serves, and past days something to show.
Imports MAPIE: for the command line and the worker, never for the web process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.aliases import Progress
from core.conformity import MINIMUM_SCORES, SCORE_WINDOW
from core.days import (
    WINDOW_H,
    issue_at_local_midnight,
    local_issue_hour,
    next_full_hour,
    window_end,
)
from core.errors import InvalidInput, ModelUnavailable
from core.forecasts import HourlyForecast, InputMode, Refusal, Target
from core.policies import Policy
from core.score_replay import ScoreReplay
from core.telemetry import HOUR, Quantity, TelemetryFrame
from db import forecasts, interval_calibrations, policies, window_scores
from db.forecasts import NewForecast
from db.interval_calibrations import IntervalCalibration
from db.regions import StoredRegion
from models.forecasting import ByMode, forecast_modes
from models.intervals import interval_quantile, recalibration_instants
from models.plain_model import HISTORY_H
from orchestrator.forecasts.calibration import (
    calibrated_forecast,
    served_mode,
    telemetry_watermark,
)
from orchestrator.forecasts.model_cache import ModelCache, ServingModel
from orchestrator.forecasts.plain_bounds import past_plain_bounds, plain_hours
from orchestrator.forecasts.scoring import score_windows
from orchestrator.use_cases import Done, Request, change
from orchestrator.windows.database_source import LOOK_BACK_H, load_model_frame

_PLAIN_MODES = {False: InputMode.TELEMETRY, True: InputMode.RUN_12H}


@dataclass(frozen=True, slots=True, kw_only=True)
class HindcastSummary:
    """What hindcasts of one region gave."""

    region_slug: str
    forecasts_stored: int
    windows_scored: int
    windows_unscored: int
    windows_refused: int


@change(
    Permission.MANAGE_MODELS,
    repeat=None,
    unaudited="computed by a stored model, binds nothing, and can be again",
)
def hindcast_regions(
    request: Request,
    cache: ModelCache,
    *,
    stored_regions: Sequence[StoredRegion],
    from_day: date,
    until_day: date,
    compared_with: Sequence[StoredRegion] = (),
    on_progress: Progress | None = None,
) -> Done[list[HindcastSummary]]:
    """Hindcast the temperature of regions for [from_day, until_day).

    Every issue hour is scored, so that live forecasts of any hour are calibrated;
    forecasts with their hours are stored for the region's own local midnights. Those
    of the regions in `compared_with` are stored as well: a shift or a plan of a past
    day is judged from one issue instant. Idempotent.

    Raises
    ------
    InvalidInput, ModelUnavailable
        When the days are empty, lie inside the model's training, or no model is
        active.
    """
    session = request.session
    report = on_progress or (lambda _message: None)
    serving = cache.serving(session, Target.TEMPERATURE_C)
    if serving is None:
        message = "No temperature model is active; train one with `gfo train`."
        raise ModelUnavailable(message)
    _require_out_of_sample(serving, from_day, until_day)
    # Zones east of Greenwich begin their first day earlier, but never in training.
    start_utc = max(
        datetime.combine(from_day, datetime.min.time(), tzinfo=UTC)
        - timedelta(hours=WINDOW_H),
        next_full_hour(serving.runtime.contract.trained_until_utc),
    )
    summaries = []
    for number, stored_region in enumerate(stored_regions, start=1):
        report(
            f"Hindcasts for {stored_region.region.slug}"
            f" ({number} of {len(stored_regions)}) …"
        )
        run = _RegionRun(
            session=session,
            serving=serving,
            stored_region=stored_region,
            policy=policies.effective_policy(session, stored_region.region_id),
            start_utc=start_utc,
            end_utc=datetime.combine(until_day, datetime.min.time(), tzinfo=UTC),
            now=request.now,
        )
        beside = [stored_region, *compared_with]
        summaries.append(run.carry_out(_midnights(beside, from_day, until_day)))
    return Done(answer=summaries)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionHindcast:
    """What a model says about every hour of a period, and the telemetry it saw."""

    answers: dict[datetime, HourlyForecast | Refusal]
    frame: TelemetryFrame


def calibrate_region(
    session: Session,
    serving: ServingModel,
    stored_region: StoredRegion,
    *,
    start_utc: datetime,
    end_utc: datetime,
    now: datetime,
) -> RegionHindcast:
    """Give a model its scores and intervals in one region, for every issue hour.

    Idempotent; it stores no forecasts, so nothing shows what a model would have said
    that does not serve.
    """
    run = _RegionRun(
        session=session,
        serving=serving,
        stored_region=stored_region,
        policy=policies.effective_policy(session, stored_region.region_id),
        start_utc=max(
            start_utc, next_full_hour(serving.runtime.contract.trained_until_utc)
        ),
        end_utc=end_utc,
        now=now,
    )
    return run.calibrate()


@dataclass(frozen=True, slots=True, kw_only=True)
class _RegionRun:
    """Hindcasts of one region."""

    session: Session
    serving: ServingModel
    stored_region: StoredRegion
    policy: Policy
    start_utc: datetime
    end_utc: datetime
    now: datetime

    def calibrate(self) -> RegionHindcast:
        frame = self._frame()
        answers = self._forecast_every_hour(frame)
        made = _in_every_mode(answers)
        self._store_scores(made, frame)
        self._calibrate_intervals(made, frame)
        instants = [self.start_utc + i * HOUR for i in range(len(answers))]
        return RegionHindcast(
            answers={
                instant: item if isinstance(item, Refusal) else _best(item)
                for instant, item in zip(instants, answers, strict=True)
            },
            frame=frame,
        )

    def _frame(self) -> TelemetryFrame:
        return load_model_frame(
            self.session,
            self.stored_region.region.slug,
            self.start_utc - HISTORY_H * HOUR,
            self.end_utc + WINDOW_H * HOUR,
        )

    def carry_out(self, midnights: Sequence[datetime]) -> HindcastSummary:
        slug = self.stored_region.region.slug
        frame = self._frame()
        answers = self._forecast_every_hour(frame)
        scored, unscored = self._store_scores(_in_every_mode(answers), frame)
        made = [item for item in answers if not isinstance(item, Refusal)]
        stored = self._store_forecasts(made, midnights, frame)
        return HindcastSummary(
            region_slug=slug,
            forecasts_stored=stored,
            windows_scored=scored,
            windows_unscored=unscored,
            windows_refused=len(answers) - len(made),
        )

    def _forecast_every_hour(self, frame: TelemetryFrame) -> list[ByMode | Refusal]:
        end_utc = min(self.end_utc, self.now)
        n_hours = max(int((end_utc - self.start_utc) // HOUR), 0)
        instants = [self.start_utc + i * HOUR for i in range(n_hours)]
        return forecast_modes(
            self.serving.runtime, frame, self.stored_region.region.time_zone, instants
        )

    def _store_scores(
        self, made: Sequence[HourlyForecast], frame: TelemetryFrame
    ) -> tuple[int, int]:
        known = window_scores.scored_windows(
            self.session,
            region_id=self.stored_region.region_id,
            model_version_id=self.serving.version_id,
        )
        new = [
            hourly
            for hourly in made
            if (hourly.issued_at_utc, hourly.input_mode) not in known
            and window_end(hourly.issued_at_utc) <= self.now
        ]
        scores = score_windows(
            new,
            frame,
            self.stored_region,
            model_version_id=self.serving.version_id,
            plain_hours=plain_hours(frame, new),
        )
        window_scores.insert_scores(self.session, scores)
        scored = sum(score.score is not None for score in scores)
        return scored, len(scores) - scored

    def _store_forecasts(
        self,
        made: Sequence[ByMode],
        midnights: Sequence[datetime],
        frame: TelemetryFrame,
    ) -> int:
        wanted = set(midnights) - forecasts.issued_instants(
            self.session,
            region_id=self.stored_region.region_id,
            target=Target.TEMPERATURE_C,
            model_version_id=self.serving.version_id,
        )
        chosen = [item for item in made if _best(item).issued_at_utc in wanted]
        intervals = self._calibrate_intervals(_in_every_mode(made), frame)
        new = list(self._calibrated(chosen, intervals, frame))
        ids = forecasts.insert_forecasts(self.session, new)
        forecasts.insert_modes(
            self.session,
            (
                (forecast_id, answer)
                for forecast_id, forecast, by_mode in zip(ids, new, chosen, strict=True)
                for mode, answer in by_mode.items()
                if mode is not forecast.input_mode
            ),
        )
        return len(new)

    def _calibrated(
        self,
        chosen: Iterable[ByMode],
        intervals: Mapping[InputMode, Sequence[tuple[datetime, IntervalCalibration]]],
        frame: TelemetryFrame,
    ) -> Iterable[NewForecast]:
        """Each forecast in the mode and state it would have been issued with."""
        replays = self._score_replays()
        chosen = list(chosen)
        issues = [_best(by_mode).issued_at_utc for by_mode in chosen]
        # Beside the mode that was served, which its own scores decide below.
        plain_bounds = {
            uses_runs: past_plain_bounds(
                frame, issues, self.policy, [mode] * len(issues)
            )
            for uses_runs, mode in _PLAIN_MODES.items()
            if not uses_runs or frame.runs is not None
        }
        for number, by_mode in enumerate(chosen):
            issued_at_utc = _best(by_mode).issued_at_utc
            local_hour = local_issue_hour(
                self.stored_region.region.time_zone, issued_at_utc
            )
            trackers = {}
            for mode in by_mode:
                replay = replays[local_hour, mode]
                replay.advance_to(issued_at_utc - timedelta(hours=WINDOW_H))
                trackers[mode] = replay.replay.tracker
            mode = served_mode(trackers, self.policy.alpha)
            known = [
                item
                for known_at, item in intervals.get(mode, ())
                if known_at <= issued_at_utc
            ]
            yield calibrated_forecast(
                by_mode[mode],
                region_id=self.stored_region.region_id,
                kind="hindcast",
                model_version_id=self.serving.version_id,
                telemetry_watermark_utc=telemetry_watermark(
                    frame.window(issued_at_utc - LOOK_BACK_H * HOUR, issued_at_utc),
                    Target.TEMPERATURE_C,
                ),
                policy=self.policy,
                tracker=trackers[mode],
                score_watermark_id=replays[local_hour, mode].watermark_id,
                interval=known[-1] if known else None,
                plain=plain_bounds[mode is not InputMode.TELEMETRY][number],
            )

    def _score_replays(self) -> dict[tuple[int, InputMode], _WatchedReplay]:
        found: dict[tuple[int, InputMode], list[window_scores.StoredScore]]
        found = defaultdict(list)
        for row in window_scores.all_scores(
            self.session,
            region_id=self.stored_region.region_id,
            model_version_id=self.serving.version_id,
        ):
            found[row.local_issue_hour, row.input_mode].append(row)
        taken = window_scores.newest_taken(
            self.session,
            region_id=self.stored_region.region_id,
            model_version_id=self.serving.version_id,
        )
        return {
            (hour, mode): _WatchedReplay(
                replay=ScoreReplay(self.policy.alpha, found[hour, mode]),
                watermark_id=taken.get((hour, mode)),
            )
            for hour in range(WINDOW_H)
            for mode in InputMode
        }

    def _calibrate_intervals(
        self, made: Sequence[HourlyForecast], frame: TelemetryFrame
    ) -> dict[InputMode, list[tuple[datetime, IntervalCalibration]]]:
        """A new interval quantile each month, from windows that had ended by then."""
        return {
            mode: self._calibrate_mode(
                mode, [item for item in made if item.input_mode is mode], frame
            )
            for mode in dict.fromkeys(item.input_mode for item in made)
        }

    def _calibrate_mode(
        self, mode: InputMode, made: Sequence[HourlyForecast], frame: TelemetryFrame
    ) -> list[tuple[datetime, IntervalCalibration]]:
        time_zone = self.stored_region.region.time_zone
        midnight = [
            item
            for item in made
            if local_issue_hour(time_zone, item.issued_at_utc) == 0
        ]
        known = interval_calibrations.interval_calibrations(
            self.session,
            model_version_id=self.serving.version_id,
            region_id=self.stored_region.region_id,
            confidence=self.policy.confidence,
            input_mode=mode,
        )
        for month in recalibration_instants(
            self.start_utc, min(self.end_utc, self.now)
        ):
            if any(known_at == month for known_at, _ in known):
                continue
            finished = [
                item for item in midnight if window_end(item.issued_at_utc) <= month
            ][-SCORE_WINDOW:]
            if len(finished) >= MINIMUM_SCORES:
                known.append((month, self._interval_of(finished, frame)))
        return sorted(known, key=lambda item: item[0])

    def _interval_of(
        self, finished: Sequence[HourlyForecast], frame: TelemetryFrame
    ) -> IntervalCalibration:
        observed = np.stack(
            [
                frame.window(item.issued_at_utc, window_end(item.issued_at_utc)).column(
                    Quantity.TEMPERATURE_C
                )
                for item in finished
            ]
        )
        quantile = interval_quantile(
            observed,
            np.stack([item.mean for item in finished]),
            np.stack([item.scale for item in finished]),
            self.policy.confidence,
        )
        calibration_id = interval_calibrations.insert_interval_calibration(
            self.session,
            model_version_id=self.serving.version_id,
            region_id=self.stored_region.region_id,
            confidence=self.policy.confidence,
            quantile=quantile.quantile,
            score_count=quantile.score_count,
            first_issue_utc=finished[0].issued_at_utc,
            last_issue_utc=finished[-1].issued_at_utc,
            input_mode=finished[-1].input_mode,
        )
        return IntervalCalibration(
            calibration_id=calibration_id, quantile=quantile.quantile
        )


@dataclass(slots=True, kw_only=True)
class _WatchedReplay:
    """A replay that knows the newest score it has learned."""

    replay: ScoreReplay[window_scores.StoredScore]
    watermark_id: int | None = None

    def advance_to(self, newest_issue_utc: datetime) -> None:
        """Learn the scores of windows issued by `newest_issue_utc`."""
        for row in self.replay.advance_to(newest_issue_utc):
            self.watermark_id = max(self.watermark_id or 0, row.score_id)


def _best(by_mode: ByMode) -> HourlyForecast:
    return next(iter(by_mode.values()))


def _in_every_mode(answers: Iterable[ByMode | Refusal]) -> list[HourlyForecast]:
    return [
        hourly
        for item in answers
        if not isinstance(item, Refusal)
        for hourly in item.values()
    ]


def _midnights(
    stored_regions: Sequence[StoredRegion], from_day: date, until_day: date
) -> list[datetime]:
    n_days = (until_day - from_day).days
    return sorted(
        {
            issue_at_local_midnight(time_zone, from_day + timedelta(days=i))
            for time_zone in {stored.region.time_zone for stored in stored_regions}
            for i in range(n_days)
        }
    )


def _require_out_of_sample(
    serving: ServingModel, from_day: date, until_day: date
) -> None:
    if not from_day < until_day:
        message = f"The days from {from_day} to {until_day} are empty."
        raise InvalidInput(message)
    trained_until = serving.runtime.contract.trained_until_utc
    if datetime.combine(from_day, datetime.min.time(), tzinfo=UTC) < trained_until:
        message = (
            f"The active model was trained until {trained_until:%Y-%m-%d}; hindcasts"
            " inside its training would flatter it. Begin on or after that day."
        )
        raise InvalidInput(message)
