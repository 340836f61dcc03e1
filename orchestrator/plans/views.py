"""What pages and commands show of a plan, made from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.outcomes import Outcome, ReasonCode
from core.telemetry import HOUR, hours_between
from db.plans import StoredPlan
from orchestrator.decisions.views import DecisionCard
from orchestrator.plans.records import TransferRecord, WayRecord, read_record
from orchestrator.plans.terms import PlanTerms
from orchestrator.regions.views import RegionChoice, RegionChoices
from orchestrator.windows.views import Series

_WAY_LABELS = {
    "nothing": "Doing nothing",
    "greedy": "Greedy, hour by hour",
    "plan": "Best plan",
    "oracle": "Best plan, had all been known",
}
_SPLIT_LABEL = "The shift as asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWindowView:
    """The window that a plan would be of, before one is made.

    Attributes
    ----------
    local_day : date | None
        None for the next 24 hours.
    window_start_utc : datetime
        From which all regions are seen.
    known_at_utc : datetime | None
        Of a coming day, the issue that it is judged on.
    """

    region: RegionChoice
    regions: RegionChoices
    local_day: date | None
    first_day: date
    last_day: date
    missing_days: tuple[date, ...]
    window_start_utc: datetime
    known_at_utc: datetime | None
    is_simulation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTransferView:
    """One row of the plan: load that one region sends another.

    `share_pct` is of the source's energy over the window; `verdict_text` is the
    scheduler's sentence on the source after the whole plan.
    """

    source: RegionChoice
    target: RegionChoice
    moved_mwh: float
    peak_mw: float
    share_pct: float
    moved_mw: tuple[float, ...]
    outcome: Outcome
    reason_code: ReasonCode
    verdict_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRegionView:
    """One region before and after the plan.

    Attributes
    ----------
    load_before_mw, load_after_mw : Series
        None where the load is not known.
    blocked_by_c : float | None
        Degrees above the limit that stay; 0 when none do, None without a bound.
    note : str | None
        Why it stays BLOCKED, or was left out of the plan.
    """

    region: RegionChoice
    thermal_limit_c: float
    bound_before_c: float | None
    bound_after_c: float | None
    blocked_by_c: float | None
    load_before_mw: Series
    load_after_mw: Series
    it_capacity_mw: float
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanComparison:
    """One way to run the fleet over the window, with what it costs.

    Attributes
    ----------
    key : str
        nothing, greedy, plan or oracle.
    objective_usd : float
        What the plan makes least: the sum of all at their prices.
    saving_usd : float
        Objective of doing nothing less this one; negative where clearing heat costs.
    blocked_regions : int | None
        Regions above their limit; None where it is not judged (the oracle).
    """

    key: str
    label: str
    objective_usd: float
    saving_usd: float
    cost_usd: float
    carbon_t: float
    water_m3: float
    moved_mwh: float
    blocked_regions: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoPointView:
    """A point of the front: least water for its carbon."""

    carbon_t: float
    water_m3: float
    cost_usd: float
    moved_mwh: float
    litres_per_t: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPriceView:
    """What one unit of a limit is worth; see `core.plan_words`."""

    limit: str
    region: RegionChoice | None
    value_usd: float
    unit: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """All that "Find the best plan" shows.

    Attributes
    ----------
    plan_id : int
        Under which it is stored; it opens again by `plans.stored_plan`.
    newer_issue_utc : datetime | None
        The newest issue of the fleet, when this plan rests on an older one: then it
        can no longer be recorded.
    revised_text : str | None
        What was replaced since of the telemetry that it rests on.
    is_simulation : bool
        A past day, judged by what was known at its issue; recording it binds nothing.
    is_compared_with_truth : bool
        The comparison rests on actual values (a past window) and has an oracle.
    expected : tuple of PlanComparison
        On a past day, what the ways promised on what was known at the issue; empty
        where the comparison rests on that itself.
    infeasible_text : str | None
        Why there is no plan; then there are no transfers, front or prices.
    blocked : tuple of str
        A sentence for each region that stays BLOCKED.
    gap_usd : float | None
        By how much the plan's objective passes the bound that no plan undercuts, as
        known at the issue, >= 0; None where nothing was optimised.
    gap_pct : float | None
        That of the saving that the bound would be, %; None where there is none.
    oracle_gap_usd : float | None
        Objective of the plan less that of the oracle on the true values, >= 0.
    notes : tuple of str
        What the figures rest on, and what is missing or suspect in them.
    instead_of_plan_id : int | None
        The recorded plan that it was made to replace.
    recorded_decision_ids : tuple of int
        Empty until it is recorded.
    standing_decision_ids : tuple of int
        Those of them that still move load: it can be taken back.
    has_begun : bool
        False while its window lies ahead.
    """

    plan_id: int
    created_at_utc: datetime
    actor_name: str
    anchor: RegionChoice
    local_day: date
    window_start_utc: datetime
    window_end_utc: datetime
    hours_utc: tuple[datetime, ...]
    newer_issue_utc: datetime | None
    revised_text: str | None
    is_simulation: bool
    is_compared_with_truth: bool
    terms: PlanTerms
    instead_of_plan_id: int | None
    migration_energy_frac: float
    infeasible_text: str | None
    transfers: tuple[PlanTransferView, ...]
    regions: tuple[PlanRegionView, ...]
    comparison: tuple[PlanComparison, ...]
    gap_usd: float | None
    gap_pct: float | None
    oracle_gap_usd: float | None
    pareto: tuple[ParetoPointView, ...]
    shadow_prices: tuple[ShadowPriceView, ...]
    blocked: tuple[str, ...]
    notes: tuple[str, ...]
    recorded_decision_ids: tuple[int, ...]
    standing_decision_ids: tuple[int, ...]
    expected: tuple[PlanComparison, ...]
    has_begun: bool = True

    @property
    def is_of_coming_day(self) -> bool:
        """Whether it was made before its day began."""
        return self.created_at_utc < self.window_start_utc

    @property
    def can_be_recorded(self) -> bool:
        """Whether it moves anything, is not recorded yet, and is the newest issue's."""
        is_open = bool(self.transfers) and not self.recorded_decision_ids
        return is_open and self.newer_issue_utc is None and self.has_begun


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecordOutcome:
    """The answer to a request to record a plan.

    `cards` are the recorded decisions, one for each transfer; when something changed
    since the plan was made nothing was recorded, and `changed` says what.
    """

    cards: tuple[DecisionCard, ...]
    changed: tuple[str, ...]


def plan_view(
    stored: StoredPlan,
    choices: Mapping[str, RegionChoice],
    recorded_decision_ids: Sequence[int],
    *,
    standing_decision_ids: Sequence[int],
    newer_issue_utc: datetime | None,
    now: datetime,
    revised_text: str | None,
) -> PlanView:
    """A stored plan, with the sentences that were said when it was found.

    Raises
    ------
    InvalidInput
        When it is stored in a format that is unknown here.
    """
    facts, record = stored.facts, read_record(stored.facts.result)
    ways = _comparison(record.ways, record.terms)
    expected = _comparison(record.expected, record.terms)
    objective_usd = {way.key: way.objective_usd for way in ways}
    gap_usd, gap_pct = _gap(expected or ways, record.least_objective_usd)
    n_hours = hours_between(facts.window_start_utc, facts.window_end_utc)
    return PlanView(
        plan_id=stored.plan_id,
        created_at_utc=stored.created_at_utc,
        actor_name=stored.actor_name,
        anchor=choices[stored.anchor_slug],
        local_day=facts.local_day,
        window_start_utc=facts.window_start_utc,
        window_end_utc=facts.window_end_utc,
        hours_utc=tuple(
            facts.window_start_utc + hour * HOUR for hour in range(n_hours)
        ),
        newer_issue_utc=newer_issue_utc,
        revised_text=revised_text,
        is_simulation=facts.is_simulated,
        is_compared_with_truth=record.is_compared_with_truth,
        terms=record.terms,
        instead_of_plan_id=record.instead_of_plan_id,
        migration_energy_frac=record.migration_energy_frac,
        infeasible_text=record.infeasible_text,
        transfers=tuple(_transfer(item, choices) for item in record.transfers),
        regions=tuple(
            PlanRegionView(
                region=choices[item.slug],
                thermal_limit_c=item.thermal_limit_c,
                bound_before_c=item.bound_before_c,
                bound_after_c=item.bound_after_c,
                blocked_by_c=item.blocked_by_c,
                load_before_mw=item.load_before_mw,
                load_after_mw=item.load_after_mw,
                it_capacity_mw=item.it_capacity_mw,
                note=item.blocked_text,
            )
            for item in record.regions
        ),
        comparison=ways,
        expected=expected,
        gap_usd=gap_usd,
        gap_pct=gap_pct,
        oracle_gap_usd=objective_usd["plan"] - objective_usd["oracle"]
        if "oracle" in objective_usd
        else None,
        pareto=tuple(
            ParetoPointView(
                carbon_t=point.carbon_t,
                water_m3=point.water_m3,
                cost_usd=point.cost_usd,
                moved_mwh=point.moved_mwh,
                litres_per_t=point.litres_per_t,
                text=point.text,
            )
            for point in record.front
        ),
        shadow_prices=tuple(
            ShadowPriceView(
                limit=price.limit,
                region=choices[price.slug] if price.slug else None,
                value_usd=price.value_usd,
                unit=price.unit,
                text=price.text,
            )
            for price in record.shadow_prices
        ),
        blocked=record.blocked_texts,
        notes=record.notes,
        recorded_decision_ids=tuple(recorded_decision_ids),
        standing_decision_ids=tuple(standing_decision_ids),
        has_begun=facts.window_start_utc <= now,
    )


def _gap(
    expected: Sequence[PlanComparison], least_usd: float | None
) -> tuple[float | None, float | None]:
    """How far the plan may be from the best, USD and % of what that would save."""
    by_key = {way.key: way for way in expected}
    if least_usd is None or "plan" not in by_key:
        return None, None
    gap_usd = max(by_key["plan"].objective_usd - least_usd, 0.0)
    saving_usd = by_key["nothing"].objective_usd - least_usd
    return gap_usd, 100.0 * gap_usd / saving_usd if saving_usd > 0.0 else None


def _transfer(
    record: TransferRecord, choices: Mapping[str, RegionChoice]
) -> PlanTransferView:
    return PlanTransferView(
        source=choices[record.source],
        target=choices[record.target],
        moved_mwh=sum(record.moved_mw),
        peak_mw=max(record.moved_mw),
        share_pct=record.share_pct,
        moved_mw=record.moved_mw,
        outcome=record.outcome,
        reason_code=record.reason_code,
        verdict_text=record.reason_text,
    )


def _comparison(
    ways: Sequence[WayRecord], terms: PlanTerms
) -> tuple[PlanComparison, ...]:
    """The ways with their savings against doing nothing, which comes first."""
    labels = _WAY_LABELS | ({"plan": _SPLIT_LABEL} if terms.split else {})
    return tuple(
        PlanComparison(
            key=way.key,
            label=labels[way.key],
            objective_usd=way.objective_usd,
            saving_usd=ways[0].objective_usd - way.objective_usd,
            cost_usd=way.cost_usd,
            carbon_t=way.carbon_t,
            water_m3=way.water_m3,
            moved_mwh=way.moved_mwh,
            blocked_regions=way.blocked_regions,
        )
        for way in ways
    )
