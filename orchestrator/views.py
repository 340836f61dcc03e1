"""Plain values that services return and pages draw; no behaviour beyond naming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from core.risk import RiskLevel
from core.scheduler import Outcome, ReasonCode

Series = tuple[float | None, ...]
"""Hourly values in order; None where missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionChoice:
    """A region as a choice in a list."""

    slug: str
    name: str
    time_zone: str
    is_synthetic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """A verdict in words.

    `data_problem` is true when it is BLOCKED for want of data or model, which is an
    alarm; BLOCKED by rule is a safe, normal result.
    """

    outcome: Outcome
    reason_code: ReasonCode
    reason_text: str
    data_problem: bool
    risk_level: RiskLevel
    margin_c: float | None
    recommendations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRow:
    """One region on the Fleet page: its last 24 hours and its next.

    Attributes
    ----------
    history_c : Series
        Measured temperature of the 24 hours before now.
    forecast_hours_utc : tuple of datetime
        Starts of the hours of `forecast_mean_c`.
    """

    region: RegionChoice
    colour: str
    cooling_type: str
    thermal_limit_c: float
    temperature_c: float | None
    temperature_at_utc: datetime | None
    telemetry_age_h: float | None
    telemetry_is_stale: bool
    history_c: Series
    forecast_hours_utc: tuple[datetime, ...]
    forecast_mean_c: Series
    issued_at_utc: datetime | None
    day_bound_c: float | None
    exceedance_probability: float | None
    allowed_probability: float
    verdict: VerdictView
    carbon_intensity_gco2_kwh: float | None
    water_l_last_24h: float | None
    it_load_mw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    """The Fleet page: every active region, in fixed places.

    Attributes
    ----------
    alarms : tuple of str
        Models that cannot be used, each with its reason, as sentences.
    """

    as_of_utc: datetime
    rows: tuple[FleetRow, ...]
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastDayView:
    """The Forecast page for one region and window.

    Attributes
    ----------
    local_day : date | None
        The day asked for; None for "the next 24 hours" (the newest live issue).
    is_usual_issue : bool
        The day's local midnight or the newest live issue, not another chosen one.
    issues_utc : tuple of datetime
        Issues that can be chosen, newest first.
    is_simulation : bool
        A past window, judged by what was known at its issue time.
    hours_utc : tuple of datetime
        Starts of the 24 hours; `mean_c`, `lower_c`, `upper_c`, `actual_c` go with it.
    history_hours_utc, history_c
        The 48 hours before the issue.
    day_max_dots_c : tuple of float
        Equally likely values of the day's maximum, ascending; empty without a bound.
    first_day, last_day, missing_days
        Days that can be picked: first to last, less the missing ones.
    notice : str | None
        Why there is nothing to draw, and the next step.
    """

    region: RegionChoice
    regions: tuple[RegionChoice, ...]
    as_of_utc: datetime
    local_day: date | None
    issued_at_utc: datetime | None
    is_usual_issue: bool
    issues_utc: tuple[datetime, ...]
    is_simulation: bool
    hours_utc: tuple[datetime, ...]
    mean_c: Series
    lower_c: Series
    upper_c: Series
    actual_c: Series
    actual_max_c: float | None
    history_hours_utc: tuple[datetime, ...]
    history_c: Series
    thermal_limit_c: float
    allowed_probability: float
    day_bound_c: float | None
    exceedance_probability: float | None
    verdict: VerdictView
    day_max_dots_c: tuple[float, ...]
    model_label: str | None
    score_count: int | None
    tracking_offset: float | None
    telemetry_watermark_utc: datetime | None
    first_day: date | None
    last_day: date | None
    missing_days: tuple[date, ...]
    notice: str | None

    @property
    def window_start_utc(self) -> datetime:
        """The issue that was asked for, whether or not a forecast of it is stored."""
        return self.hours_utc[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEnd:
    """One end of a what-if, before a shift and at each step of the slider.

    Attributes
    ----------
    mean_c, lower_c, upper_c : tuple
        Each hour before the shift; one of x % moves it by x times its rise.
    bound_by_step_c, exceedance_probability_by_step : tuple
        After shifts of 0, 0.1, ... 100 %; of 0 % alone where no other can be computed.
    """

    region: RegionChoice
    colour: str
    mean_c: Series
    lower_c: Series
    upper_c: Series
    actual_c: Series
    thermal_limit_c: float
    allowed_probability: float
    bound_by_step_c: Series
    exceedance_probability_by_step: Series
    rise_by_hour_c_per_pct: Series
    it_load_mw: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactRow:
    """One quantity before and after, at both ends and for the fleet."""

    label: str
    unit: str
    source_before: float | None
    source_after: float | None
    target_before: float | None
    target_after: float | None
    fleet_before: float | None
    fleet_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRow:
    """The verdict at one shift."""

    shift_pct: float
    outcome: Outcome
    reason_code: ReasonCode
    risk_level: RiskLevel
    source_bound_c: float | None
    target_bound_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfView:
    """The What-if page for a source, a target and a window; nothing is stored.

    Attributes
    ----------
    shift_pct, impact, impact_notes
        The shift that was asked for, and what it would do; empty where nothing moves.
    minimum_shift_pct : float | None
        Clears the source; None when none does.
    maximum_safe_shift_pct : float | None
        The most the target can take; None when it cannot be said.
    safe_interval_text : str
        The safe interval in words, or why it is empty.
    inputs_basis : str
        Whether loads, carbon and prices are actual values or forecasts.
    notice : str | None
        Why no shift can be tried, and the next step.
    """

    regions: tuple[RegionChoice, ...]
    as_of_utc: datetime
    source: ShiftEnd
    target: ShiftEnd | None
    local_day: date | None
    issued_at_utc: datetime | None
    is_simulation: bool
    hours_utc: tuple[datetime, ...]
    flexible_pct: float
    allowed_probability: float
    baseline: VerdictView
    minimum_shift_pct: float | None
    maximum_safe_shift_pct: float | None
    safe_interval_text: str
    shift_pct: float
    impact: tuple[ImpactRow, ...]
    impact_notes: tuple[str, ...]
    scenarios: tuple[ScenarioRow, ...]
    inputs_basis: str
    first_day: date | None
    last_day: date | None
    missing_days: tuple[date, ...]
    notice: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCard:
    """A stored decision as its verdict card shows it."""

    decision_id: int
    kind: str
    created_at_utc: datetime
    actor_name: str
    source: RegionChoice
    target: RegionChoice | None
    local_day: date
    window_start_utc: datetime
    window_end_utc: datetime
    shift_pct: float
    is_simulated: bool
    verdict: VerdictView
    thermal_limit_c: float
    allowed_probability: float
    exceedance_probability: float | None
    source_bound_before_c: float | None
    source_bound_after_c: float | None
    target_bound_before_c: float | None
    target_bound_after_c: float | None
    minimum_shift_pct: float | None
    maximum_safe_shift_pct: float | None
    impact: tuple[ImpactRow, ...]
    impact_notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOutcome:
    """What became of a request to record.

    `card` is the recorded decision; when the verdict changed since the what-if,
    nothing was recorded and `changed` holds the new verdict.
    """

    card: DecisionCard | None
    changed: VerdictView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSummary:
    """A decision as a row of the Audit page."""

    decision_id: int
    kind: str
    created_at_utc: datetime
    actor_name: str
    source: RegionChoice
    target: RegionChoice | None
    local_day: date
    shift_pct: float
    is_simulated: bool
    outcome: Outcome
    exceedance_probability: float | None
    allowed_probability: float
    reason_code: str
    reason_text: str
    risk_level: RiskLevel
    is_superseded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChoices:
    """What the filters of the lists can be set to.

    Attributes
    ----------
    models : dict of int to str
        Labels of model versions, by id.
    """

    regions: tuple[RegionChoice, ...]
    actors: tuple[str, ...]
    models: dict[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """One page of decisions; `next_after` is the place after which the next begins."""

    rows: tuple[DecisionSummary, ...]
    next_after: str | None
    choices: ListChoices


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedValue:
    """A fact with its name, in words and with its unit."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChart:
    """The forecast of one end as it was when the decision was taken.

    Attributes
    ----------
    after_c : Series
        The mean after the shift; empty when nothing moves.
    actual_c : Series
        What was measured since, where it is known.
    """

    region: RegionChoice
    hours_utc: tuple[datetime, ...]
    mean_c: Series
    lower_c: Series
    upper_c: Series
    after_c: Series
    actual_c: Series
    thermal_limit_c: float
    allowed_probability: float
    bound_before_c: float | None
    bound_after_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionReference:
    """Another decision, and who took it when."""

    decision_id: int
    actor_name: str
    created_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionDetail:
    """The whole story of a decision.

    Attributes
    ----------
    telemetry_watermark_utc : datetime | None
        Until when telemetry was known when it was taken.
    is_as_recorded : bool | None
        Whether the row is the one its audit event tells of; None when that event is
        of a release that did not say.
    """

    card: DecisionCard
    telemetry_watermark_utc: datetime | None
    facts: tuple[NamedValue, ...]
    charts: tuple[DecisionChart, ...]
    comment: str | None
    inputs_text: str
    inputs_sha256: str
    audit_seq: int | None
    audit_hash: str | None
    is_as_recorded: bool | None
    supersedes_id: int | None
    superseded_by: DecisionReference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersedeForm:
    """What a recorded decision can be replaced by.

    Attributes
    ----------
    is_open : bool
        False when it was not recorded, is superseded, or its window has ended.
    """

    is_open: bool
    targets: tuple[RegionChoice, ...]
    target_slug: str | None
    shift_pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """A field of a replay that does not come out as it was stored."""

    field: str
    stored: str
    replayed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayView:
    """What replaying a decision gave."""

    decision_id: int
    differences: tuple[DifferenceRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventView:
    """One event of the audit chain."""

    seq: int
    occurred_at_utc: datetime
    actor_name: str
    action: str
    object_label: str
    decision_id: int | None
    summary: str
    hash_hex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventPage:
    """One page of events; `next_seq` bounds the following one.

    Attributes
    ----------
    actors : tuple of str
        Names that the list can be filtered by.
    """

    rows: tuple[AuditEventView, ...]
    next_seq: int | None
    actors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventDetail:
    """One event with all that it says, and its place in the chain.

    Attributes
    ----------
    payload : str
        The text exactly as it was hashed.
    """

    event: AuditEventView
    facts: tuple[NamedValue, ...]
    payload: str
    previous_hash_hex: str
    hash_is_right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheckView:
    """What a check of the chain found."""

    checked_at_utc: datetime
    scope: str
    event_count: int
    first_bad_seq: int | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatus:
    """How the audit chain stands.

    Attributes
    ----------
    anchored_seq, anchored_at_utc
        The newest anchor outside the database; None without one.
    anchor_problem : str | None
        Why there is no anchor to be held against, or how it contradicts the chain.
    whole_check, newest_check : ChainCheckView | None
        The last one of every event, and the last of any.
    """

    event_count: int
    anchored_seq: int | None
    anchored_at_utc: datetime | None
    anchor_problem: str | None
    whole_check: ChainCheckView | None
    newest_check: ChainCheckView | None

    @property
    def is_broken(self) -> bool:
        """Whether something was found that must not be."""
        found = self.newest_check
        return self.anchor_problem is not None or (
            found is not None and found.first_bad_seq is not None
        )
