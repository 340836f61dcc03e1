"""Windows read from the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from types import MappingProxyType

from sqlalchemy.orm import Session

from core.carbon import CarbonSignalKind
from core.conformity import Calibration, ScoreTracker
from core.days import WINDOW_H, full_hour
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
from db.decisions import NetLoad
from db.forecasts import StoredForecast
from db.model_health import Outage
from db.model_watch import WatchAlarm
from db.regions import StoredRegion
from db.window_scores import ScoreHistory, ScorePlace
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class KnownOfRegions:
    """What the sources of several regions read together, each fact when first asked.

    Attributes
    ----------
    stored : Mapping of int to Mapping of Target to StoredForecast
        The forecasts of the issue, by region.
    lead_h : int
        Hours from the issue of the stored forecasts to that of the windows.
    frames : Mapping of str to TelemetryFrame
        Of `LOOK_BACK_H` before the issue to the windows' end, where the caller has read
        them; else empty.
    known_scores : Mapping of int to ScoreHistory
        What the temperature forecasts saw, by region, where the caller has read it.
    """

    session: Session
    stored_regions: Sequence[StoredRegion]
    issued_at_utc: datetime
    policies: Mapping[int, Policy]
    stored: Mapping[int, Mapping[Target, StoredForecast]]
    without_decision_ids: tuple[int, ...] = ()
    lead_h: int = 0
    frames: Mapping[str, TelemetryFrame]
    known_scores: Mapping[int, ScoreHistory]
    _loaded: dict[tuple[datetime, datetime], Mapping[str, TelemetryFrame]] = field(
        default_factory=dict
    )
    _kinds: dict[tuple[datetime, datetime], Mapping[str, frozenset[str | None]]] = (
        field(default_factory=dict)
    )

    @property
    def slugs(self) -> list[str]:
        """Slugs of the regions."""
        return [item.slug for item in self.stored_regions]

    @property
    def region_ids(self) -> list[int]:
        """Ids of the regions."""
        return [item.region_id for item in self.stored_regions]

    def telemetry(
        self, slug: str, start_utc: datetime, end_utc: datetime
    ) -> TelemetryFrame:
        """Stored telemetry of one region."""
        if slug in self.frames:
            return self.frames[slug].window(start_utc, end_utc)
        span = (start_utc, end_utc)
        if span not in self._loaded:
            self._loaded[span] = telemetry.load_frames(self.session, self.slugs, *span)
        return self._loaded[span][slug]

    def carbon_kinds(
        self, slug: str, start_utc: datetime, end_utc: datetime
    ) -> frozenset[str | None]:
        """Kinds of the carbon intensity of one region's hours."""
        span = (start_utc, end_utc)
        if span not in self._kinds:
            self._kinds[span] = telemetry.carbon_kinds(self.session, self.slugs, *span)
        return self._kinds[span][slug]

    @cached_property
    def published(self) -> Mapping[str, WeatherRuns]:
        """Of the stored runs, those known by the issue, by slug."""
        return weather_forecasts.load_runs_of(
            self.session,
            self.slugs,
            self.issued_at_utc,
            self.issued_at_utc,
            quantities=PUBLISHED,
        )

    @cached_property
    def scores(self) -> Mapping[int, ScoreHistory]:
        """What each temperature forecast saw, by region; none where it had no bound."""
        places = {
            item.region_id: self._score_place(item)
            for item in self.stored_regions
            if item.region_id not in self.known_scores
        }
        found = {region_id: place for region_id, place in places.items() if place}
        histories = window_scores.score_histories(self.session, set(found.values()))
        read = {region_id: histories[place] for region_id, place in found.items()}
        return {**self.known_scores, **read}

    def _score_place(self, stored_region: StoredRegion) -> ScorePlace | None:
        stored = self.stored[stored_region.region_id].get(Target.TEMPERATURE_C)
        if stored is None or stored.score_watermark_id is None:
            return None
        return window_scores.place_of_forecast(
            stored,
            time_zone=stored_region.region.time_zone,
            watermark_id=stored.score_watermark_id,
            lead_h=self.lead_h,
        )

    @cached_property
    def net_loads(self) -> Mapping[int, NetLoad]:
        """What live recorded decisions move, by region."""
        return decisions.net_loads(
            self.session,
            self.region_ids,
            start_utc=self.issued_at_utc,
            n_hours=WINDOW_H,
            without_ids=self.without_decision_ids,
        )

    @cached_property
    def kept_since_utc(self) -> datetime:
        """What was issued before may be gone, but for temperatures."""
        return forecasts.kept_since(self.session)

    @cached_property
    def outages(self) -> Mapping[Target, Outage]:
        """Models that cannot be used now."""
        return model_health.outages(self.session)

    @cached_property
    def alarms(self) -> Mapping[tuple[int, int], WatchAlarm]:
        """Alarms of the watch, by region and model version."""
        return model_watch.alarms_in(self.session, self.region_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSource:
    """A stored region and issue; see `orchestrator.windows.assembly.Source`."""

    known: KnownOfRegions
    stored_region: StoredRegion

    @property
    def region(self) -> Region:
        """The region."""
        return self.stored_region.region

    @property
    def policy(self) -> Policy:
        """The policy in force for it."""
        return self.known.policies[self.stored_region.region_id]

    @property
    def stored(self) -> Mapping[Target, StoredForecast]:
        """The forecasts of the issue."""
        return self.known.stored[self.stored_region.region_id]

    @property
    def auctioned_h(self) -> int:
        """Of a coming day, all that are stored: those are known now.

        Else none by the rule of a market: published prices say when they were known.
        """
        return WINDOW_H if self.known.lead_h else 0

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
            lead_h = self.known.lead_h
            return moved_on(hourly, lead_h) if lead_h else hourly
        return Refusal(
            code=stored.refusal_code or RefusalCode.FORECAST_NOT_FINITE,
            text=stored.refusal_text or "no forecast could be issued.",
        )

    def calibration(self) -> Calibration:
        """By the scores that the forecast saw, the same months later.

        For a coming day those of forecasts made as long before such a day began.
        """
        history = self.known.scores.get(self.stored_region.region_id)
        alpha = self.policy.alpha
        if history is None:
            return ScoreTracker(alpha).calibration()
        return history.calibration(alpha)

    def telemetry(self, start_utc: datetime, end_utc: datetime) -> TelemetryFrame:
        """Stored telemetry."""
        return self.known.telemetry(self.region.slug, start_utc, end_utc)

    def carbon_kinds(
        self, start_utc: datetime, end_utc: datetime
    ) -> frozenset[CarbonSignalKind | None]:
        """Of the imports that brought these hours."""
        kinds = self.known.carbon_kinds(self.region.slug, start_utc, end_utc)
        return frozenset(CarbonSignalKind.parse(k) if k else None for k in kinds)

    def published_runs(self) -> WeatherRuns | None:
        """Of the stored runs, those known by the issue."""
        return self.known.published.get(self.region.slug)

    def model_problem(self) -> Problem | None:
        """A live verdict rests on a model that can be verified now."""
        outage = self.known.outages.get(Target.TEMPERATURE_C)
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
        place = (self.stored_region.region_id, stored.model_version_id)
        alarm = self.known.alarms.get(place)
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
        session = self.known.session
        checked: dict[int, bool] = session.info.setdefault("sound_models", {})
        if version_id not in checked:
            checked[version_id] = model_versions.has_registered_bytes(
                session, version_id
            )
        return checked[version_id]

    def recorded_change(self) -> RecordedChange:
        """What live recorded decisions bring less what they take."""
        net = self.known.net_loads[self.stored_region.region_id]
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
) -> RegionWindow:
    """What the scheduler and the planner need of one region; see `load_windows`."""
    (window,) = load_windows(
        session,
        [stored_region],
        issued_at_utc=issued_at_utc,
        now=now,
        is_simulation=is_simulation,
        without_decision_ids=without_decision_ids,
        known_at_utc=known_at_utc,
    )
    return window


def load_windows(
    session: Session,
    stored_regions: Sequence[StoredRegion],
    *,
    issued_at_utc: datetime,
    now: datetime,
    is_simulation: bool,
    without_decision_ids: tuple[int, ...] = (),
    known_at_utc: datetime | None = None,
    known_policies: Mapping[int, Policy] | None = None,
    known_frames: Mapping[str, TelemetryFrame] = MappingProxyType({}),
    known_scores: Mapping[int, ScoreHistory] = MappingProxyType({}),
) -> list[RegionWindow]:
    """Read what the scheduler and the planner need of regions, each fact once for all.

    A live window rests on the forecasts of the models that serve now, where the issue
    has any; that of a coming day on those issued at `known_at_utc`. Policies and frames
    may be those that the caller has read in this transaction already, of all regions;
    so may the scores that its forecasts saw, of some.
    """
    region_ids = [item.region_id for item in stored_regions]
    known = KnownOfRegions(
        session=session,
        stored_regions=stored_regions,
        issued_at_utc=issued_at_utc,
        policies=known_policies or policies.effective_policies(session, region_ids),
        stored=forecasts.forecasts_in(
            session,
            region_ids,
            issued_at_utc=known_at_utc or issued_at_utc,
            serving_first=not is_simulation,
        ),
        without_decision_ids=without_decision_ids,
        lead_h=hours_between(known_at_utc, issued_at_utc) if known_at_utc else 0,
        frames=known_frames,
        known_scores=known_scores,
    )
    windows = []
    for stored_region in stored_regions:
        source = DatabaseSource(known=known, stored_region=stored_region)
        window = assemble(
            source, issued_at_utc=issued_at_utc, now=now, is_simulation=is_simulation
        )
        if is_simulation:
            window = replace(window, retired_note=_retired_note(source))
        windows.append(
            RegionWindow(
                **{item.name: getattr(window, item.name) for item in fields(Window)},
                region_id=stored_region.region_id,
                stored=source.stored.get(Target.TEMPERATURE_C),
                without_decision_ids=without_decision_ids,
            )
        )
    return windows


def _retired_note(source: DatabaseSource) -> str | None:
    """That the temperature's forecast is left of an issue whose others were deleted."""
    stored = source.stored.get(Target.TEMPERATURE_C)
    if stored is None or stored.kind != "live" or len(source.stored) > 1:
        return None
    since_utc = source.known.kept_since_utc
    if stored.issued_at_utc >= since_utc:
        return None
    return (
        f"Forecasts of load, carbon and wet bulb from before {since_utc:%-d %B %Y} are"
        " no longer kept; the day before stands in for them."
    )


def load_newest_windows(
    session: Session, stored_regions: Sequence[StoredRegion], now: datetime
) -> list[RegionWindow]:
    """The window of each region's newest live issue, in their order.

    Regions of one issue, which are nearly all, are read together.
    """
    region_ids = [item.region_id for item in stored_regions]
    newest = forecasts.newest_live_issues(session, region_ids, now)
    by_issue: dict[datetime, list[StoredRegion]] = defaultdict(list)
    for item in stored_regions:
        by_issue[newest.get(item.region_id, full_hour(now))].append(item)
    windows = {
        window.region_id: window
        for issued_at_utc, items in by_issue.items()
        for window in load_windows(
            session, items, issued_at_utc=issued_at_utc, now=now, is_simulation=False
        )
    }
    return [windows[region_id] for region_id in region_ids]
