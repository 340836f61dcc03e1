"""Plain values that services return and pages draw; no behaviour beyond naming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from core.decision_states import DecisionState
from core.risk import RiskLevel
from core.scheduler import Outcome, ReasonCode
from db.decision_comments import DecisionComment
from orchestrator.decisions.evidence import EvidenceEnd
from orchestrator.regions.views import RegionChoice, RegionChoices
from orchestrator.windows.views import Series, StandingView, VerdictView

MAXIMUM_COMMENT_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEnd:
    """One end of a what-if, before a shift and at each step of the slider.

    Attributes
    ----------
    mean_c, lower_c, upper_c : tuple
        Each hour before the shift; each percent that it gives moves it by its rise.
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
    baseline, now : VerdictView
        Before this shift, with what is recorded; and as load is now.
    standing : tuple of StandingView
        The recorded decisions of both ends.
    shift_pct, impact, impact_notes
        The requested shift, and what it would do; empty where nothing moves.
    newer_issue_utc : datetime | None
        The newest live issue, when an older one is looked at.
    hours_of_day : str | None
        In which load is to move, on the clock of the source; None for all.
    hours_text : str | None
        Which hours of the window move load, and which give less than the share.
    given_pct, left_pct, used_pct : Series
        Of each hour of the source, what the requested shift takes, what may still leave
        and what left, % of its load before all decisions; see `core.shares`.
    safe_intervals_pct : tuple of (float, float)
        Every run of shares that is approved.
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

    regions: RegionChoices
    as_of_utc: datetime
    source: ShiftEnd
    target: ShiftEnd | None
    local_day: date | None
    issued_at_utc: datetime | None
    newer_issue_utc: datetime | None
    is_simulation: bool
    hours_utc: tuple[datetime, ...]
    hours_of_day: str | None
    hours_text: str | None
    flexible_pct: float
    given_pct: Series
    left_pct: Series
    used_pct: Series
    safe_intervals_pct: tuple[tuple[float, float], ...]
    allowed_probability: float
    baseline: VerdictView
    now: VerdictView
    standing: tuple[StandingView, ...]
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
    late_text: str | None

    @property
    def can_be_decided(self) -> bool:
        """False for a look at an issue that is not the newest."""
        return self.local_day is not None or not self.is_simulation


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
    hours_of_day: str | None
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
    """The answer to a request to record.

    `card` is the recorded decision; when the verdict changed since the what-if,
    nothing was recorded and `changed` holds the new verdict.

    Attributes
    ----------
    newer_issue_utc : datetime | None
        The issue that it was judged on, where the what-if was of an older one.
    """

    card: DecisionCard | None
    changed: VerdictView | None
    newer_issue_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRun:
    """Automatic decisions of a region in a row that say the same.

    Attributes
    ----------
    first_utc, last_utc : datetime
        When the oldest and the newest of them were taken.
    """

    count: int
    first_utc: datetime
    last_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSummary:
    """A decision as a row of the Audit page; of a run, the one listed first.

    Attributes
    ----------
    comment : str | None
        The one that it was recorded with.
    n_comments : int
        Written about it since.
    """

    decision_id: int
    kind: str
    created_at_utc: datetime
    actor_name: str
    source: RegionChoice
    target: RegionChoice | None
    local_day: date
    window_start_utc: datetime
    shift_pct: float
    hours_of_day: str | None
    is_simulated: bool
    outcome: Outcome
    exceedance_probability: float | None
    allowed_probability: float
    reason_code: str
    reason_text: str
    risk_level: RiskLevel
    is_superseded: bool
    state: DecisionState | None
    comment: str | None
    n_comments: int
    run: DecisionRun | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChoices:
    """What the filters of the lists can be set to.

    Attributes
    ----------
    models : dict of int to str
        Labels of model versions, by id.
    """

    regions: RegionChoices
    actors: tuple[str, ...]
    models: dict[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """One page of decisions; `next_after` is the place after which the next begins.

    `ending` are the standing decisions whose last hour is near.
    """

    rows: tuple[DecisionSummary, ...]
    next_after: str | None
    choices: ListChoices
    ending: tuple[StandingView, ...] = ()


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
    comments : tuple of DecisionComment
        Written about it after it was taken, oldest first.
    evidence : tuple of EvidenceEnd
        The stored inputs as tables; empty where they cannot be read.
    standing : DecisionStanding | None
        What has become of it; None where nothing was recorded that could bind.
    is_as_recorded : bool
        Whether the row is the one that was hashed into its audit event.
    """

    card: DecisionCard
    telemetry_watermark_utc: datetime | None
    facts: tuple[NamedValue, ...]
    charts: tuple[DecisionChart, ...]
    comment: str | None
    comments: tuple[DecisionComment, ...]
    evidence: tuple[EvidenceEnd, ...]
    inputs_text: str
    inputs_sha256: str
    audit_seq: int | None
    audit_hash: str | None
    is_as_recorded: bool
    supersedes_id: int | None
    superseded_by: DecisionReference | None
    standing: DecisionStanding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedView:
    """What somebody said of a recorded decision."""

    state: DecisionState
    actor_name: str
    stated_at_utc: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionStanding:
    """What has become of a recorded decision.

    Attributes
    ----------
    end_utc : datetime | None
        When its last hour ends; None until it is taken back.
    next_states : tuple of DecisionState
        What may be said of it now.
    stated : tuple of StatedView
        What was said, oldest first.
    """

    state: DecisionState
    end_utc: datetime | None
    next_states: tuple[DecisionState, ...]
    stated: tuple[StatedView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersedeForm:
    """What a recorded decision can be replaced by.

    Attributes
    ----------
    is_open : bool
        False when it was not recorded, is superseded, or its window has ended.
    """

    is_open: bool
    targets: RegionChoices
    target_slug: str | None
    shift_pct: float
    hours_of_day: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that does not come out as it was stored."""

    field: str
    stored: str
    replayed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What replaying a decision gave.

    Attributes
    ----------
    notes : tuple of str
        What could not be replayed, and why; what is worded differently now. No
        differences.
    """

    decision_id: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether everything came out as it was stored."""
        return not self.differences
