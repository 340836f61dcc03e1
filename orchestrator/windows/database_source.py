"""Windows read from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime

from sqlalchemy.orm import Session

from core.carbon import CarbonSignalKind
from core.conformal import ScoreTracker
from core.days import WINDOW_H
from core.forecasts import HourlyForecast, Refusal, RefusalCode, Target
from core.late_hours import moved_on
from core.outcomes import ReasonCode
from core.outlooks import Problem
from core.policies import Policy
from core.regions import Region
from core.telemetry import HOUR, TelemetryFrame, hours_between
from core.weather_runs import WeatherRuns
from db import (
    decisions,
    forecasts,
    model_health,
    model_versions,
    model_watch,
    policies,
    telemetry,
    weather_forecasts,
    window_scores,
)
from db.forecasts import StoredForecast
from db.regions import StoredRegion
from orchestrator.windows.assembly import (
    IssuedForecast,
    RecordedChange,
    Window,
    assemble,
)
from orchestrator.windows.published import PUBLISHED

LOOK_BACK_H = 24 * 40
"""Enough for every lag, for the means that stand in for short gaps, and for the days
that a week's fit of the plain model does not count yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionWindow(Window):
    """A window of a stored region, with the rows that it came from.

    Attributes
    ----------
    stored : StoredForecast | None
        The temperature forecast or its refusal.
    without_decision_ids : tuple of int
        Recorded decisions whose moved load is not counted: they are to be superseded.
    """

    region_id: int
    stored: StoredForecast | None
    without_decision_ids: tuple[int, ...] = ()

    @property
    def late_text(self) -> str | None:
        """That the forecast was made without the newest hours; None if it was not."""
        stored = self.stored
        if stored is None or not stored.lag_h:
            return None
        known_until = self.issued_at_utc - stored.lag_h * HOUR
        return (
            f"Telemetry of {self.region.name} had come in up to"
            f" {known_until:%H:%M} UTC. The forecast of {self.issued_at_utc:%H:%M} UTC"
            " was made without the newest hours, and its bound rests on the errors of"
            " forecasts made as late. It is made again once they come."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOfRegion:
    """What a caller has read of a region in this transaction already.

    Attributes
    ----------
    telemetry : TelemetryFrame
        Of `LOOK_BACK_H` before the issue to the window's end.
    """

    policy: Policy
    telemetry: TelemetryFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSource:
    """A stored region and issue; see `orchestrator.windows.assembly.Source`."""

    session: Session
    stored_region: StoredRegion
    issued_at_utc: datetime
    policy: Policy
    stored: Mapping[Target, StoredForecast]
    without_decision_ids: tuple[int, ...]
    lead_h: int = 0
    """Hours from the issue of the stored forecasts to that of the window."""
    known_telemetry: TelemetryFrame | None = None

    @property
    def region(self) -> Region:
        """The region."""
        return self.stored_region.region

    @property
    def auctioned_h(self) -> int:
        """Of a coming day, all that are stored: those are known now.

        Else none by the rule of a market: published prices say when they were known.
        """
        return WINDOW_H if self.lead_h else 0

    def forecasts(self) -> dict[Target, IssuedForecast]:
        """The stored forecasts and refusals, moved on to the window."""
        return {
            target: IssuedForecast(
                answer=self._answer(stored),
                telemetry_watermark_utc=stored.telemetry_watermark_utc,
                plain=stored.plain,
            )
            for target, stored in self.stored.items()
        }

    def _answer(self, stored: StoredForecast) -> HourlyForecast | Refusal:
        hourly = stored.hourly(self.region.slug)
        if hourly is not None:
            return moved_on(hourly, self.lead_h) if self.lead_h else hourly
        return Refusal(
            code=stored.refusal_code or RefusalCode.FORECAST_NOT_FINITE,
            text=stored.refusal_text or "no forecast could be issued.",
        )

    def scores(self) -> ScoreTracker:
        """The scores that the forecast saw, the same months later.

        For a coming day those of forecasts made as long before such a day began.
        """
        stored = self.stored[Target.TEMPERATURE_C]
        alpha = self.policy.alpha
        if stored.score_watermark_id is None:
            return ScoreTracker(alpha)
        history = window_scores.history_of_forecast(
            self.session,
            stored,
            time_zone=self.region.time_zone,
            watermark_id=stored.score_watermark_id,
            lead_h=self.lead_h,
        )
        return history.tracker(alpha) if history else ScoreTracker(alpha)

    def telemetry(self, start_utc: datetime, end_utc: datetime) -> TelemetryFrame:
        """Stored telemetry."""
        if self.known_telemetry is not None:
            return self.known_telemetry.window(start_utc, end_utc)
        return telemetry.load_frame(self.session, self.region.slug, start_utc, end_utc)

    def carbon_kinds(
        self, start_utc: datetime, end_utc: datetime
    ) -> frozenset[CarbonSignalKind | None]:
        """Of the imports that brought these hours."""
        kinds = telemetry.carbon_kinds(
            self.session, self.region.slug, start_utc, end_utc
        )
        return frozenset(CarbonSignalKind.parse(k) if k else None for k in kinds)

    def published_runs(self) -> WeatherRuns | None:
        """Of the stored runs, those known by the issue."""
        return weather_forecasts.load_runs(
            self.session,
            self.region.slug,
            self.issued_at_utc,
            self.issued_at_utc,
            quantities=PUBLISHED,
        )

    def model_problem(self) -> Problem | None:
        """A live verdict rests on a model that can be verified now."""
        outage = model_health.outages(self.session).get(Target.TEMPERATURE_C)
        if outage is not None:
            since = f"{outage.since_utc:%Y-%m-%d %H:%M} UTC"
            text = (
                f"the temperature model cannot be used since {since}: {outage.reason}"
            )
        elif not self._is_model_sound():
            text = "the stored bytes of the temperature model have changed."
        else:
            return self._lost_coverage()
        return Problem(code=ReasonCode.MODEL_UNAVAILABLE, text=text)

    def _lost_coverage(self) -> Problem | None:
        """The watch's alarm on the forecast's model in this region."""
        stored = self.stored.get(Target.TEMPERATURE_C)
        if stored is None or stored.model_version_id is None:
            return None  # no forecast; said elsewhere
        alarm = model_watch.standing_alarm(
            self.session,
            region_id=self.stored_region.region_id,
            model_version_id=stored.model_version_id,
        )
        if alarm is None:
            return None
        return Problem(code=ReasonCode.MODEL_COVERAGE_LOST, text=alarm.sentence)

    def _is_model_sound(self) -> bool:
        """Whether the forecast's model has the bytes that it was registered with.

        The worker looks every minute; a verdict in between must not rest on them. Once
        for a transaction: a plan asks for every region.
        """
        stored = self.stored.get(Target.TEMPERATURE_C)
        version_id = stored.model_version_id if stored else None
        if version_id is None:
            return True  # no forecast; said elsewhere
        checked: dict[int, bool] = self.session.info.setdefault("sound_models", {})
        if version_id not in checked:
            checked[version_id] = model_versions.has_registered_bytes(
                self.session, version_id
            )
        return checked[version_id]

    def recorded_change(self) -> RecordedChange:
        """What live recorded decisions bring less what they take."""
        net = decisions.net_load(
            self.session,
            region_id=self.stored_region.region_id,
            start_utc=self.issued_at_utc,
            n_hours=WINDOW_H,
            without_ids=self.without_decision_ids,
        )
        return RecordedChange(
            standing_mw=net.moved_in_mw - net.moved_out_mw,
            in_effect_mw=net.in_effect_mw,
        )


def load_model_frame(
    session: Session,
    region_slug: str,
    start_utc: datetime,
    end_utc: datetime,
    *,
    first_issue_utc: datetime | None = None,
    runs_known_by_utc: datetime | None = None,
) -> TelemetryFrame:
    """What models are given of [start, end): telemetry, and runs known by its end.

    Each forecast uses the runs that were known by its issue instant. Those that only
    issues before `first_issue_utc` (the start, when not given) use are not read. An
    issue at the end may use runs that became known later, by `runs_known_by_utc`.
    """
    frame = telemetry.load_frame(session, region_slug, start_utc, end_utc)
    first = first_issue_utc or start_utc
    runs = weather_forecasts.load_runs(
        session, region_slug, first, end_utc, known_by_utc=runs_known_by_utc
    )
    return replace(frame, runs=runs)


def load_region_window(
    session: Session,
    stored_region: StoredRegion,
    *,
    issued_at_utc: datetime,
    now: datetime,
    is_simulation: bool,
    without_decision_ids: tuple[int, ...] = (),
    known_at_utc: datetime | None = None,
    known: KnownOfRegion | None = None,
) -> RegionWindow:
    """Read what the scheduler and the planner need of one region, `known` excepted.

    A live window rests on the forecasts of the models that serve now, where the issue
    has any; that of a coming day on those issued at `known_at_utc`.
    """
    stored = forecasts.forecasts_at(
        session,
        region_id=stored_region.region_id,
        issued_at_utc=known_at_utc or issued_at_utc,
        serving_first=not is_simulation,
    )
    source = DatabaseSource(
        session=session,
        stored_region=stored_region,
        issued_at_utc=issued_at_utc,
        policy=known.policy
        if known
        else policies.effective_policy(session, stored_region.region_id),
        stored=stored,
        without_decision_ids=without_decision_ids,
        lead_h=hours_between(known_at_utc, issued_at_utc) if known_at_utc else 0,
        known_telemetry=known.telemetry if known else None,
    )
    window = assemble(
        source, issued_at_utc=issued_at_utc, now=now, is_simulation=is_simulation
    )
    return RegionWindow(
        **{item.name: getattr(window, item.name) for item in fields(Window)},
        region_id=stored_region.region_id,
        stored=stored.get(Target.TEMPERATURE_C),
        without_decision_ids=without_decision_ids,
    )
