"""Plain values of a plan for the fleet: what services return and pages draw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from core.scheduler import Outcome, ReasonCode
from orchestrator.decisions.views import DecisionCard
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.views import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSplit:
    """A shift of the anchor to several targets, to be judged as it is.

    Attributes
    ----------
    shares : tuple of (slug, share)
        Of what moves; they sum to 1.
    """

    shift_pct: float
    shares: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """What the operator asked the optimiser for.

    Attributes
    ----------
    energy_price_weight : float
        1 pays the energy bill, 0 leaves prices out.
    migration_usd_per_mwh : float | None
        None takes the fleet policy's, with a small price where that is 0.
    carbon_cap_t, water_cap_m3, cost_cap_usd, ramp_mw_per_h : float | None
        Budgets of the fleet over the window, and the steepest change per hour.
    split : PlanSplit | None
        Given: nothing is optimised, the shift is judged and compared; there is no
        front and no shadow price, and budgets and ramps are not looked at.
    """

    carbon_usd_per_t: float = 50.0
    water_usd_per_m3: float = 2.0
    energy_price_weight: float = 1.0
    migration_usd_per_mwh: float | None = None
    carbon_cap_t: float | None = None
    water_cap_m3: float | None = None
    cost_cap_usd: float | None = None
    ramp_mw_per_h: float | None = None
    split: PlanSplit | None = None


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
    colour: str
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
    oracle_gap_usd : float | None
        Objective of the plan less that of the oracle on the true values, >= 0.
    notes : tuple of str
        What the figures rest on, and what is missing or suspect in them.
    recorded_decision_ids : tuple of int
        Empty until it is recorded.
    """

    plan_id: int
    created_at_utc: datetime
    actor_name: str
    anchor: RegionChoice
    local_day: date
    window_start_utc: datetime
    window_end_utc: datetime
    hours_utc: tuple[datetime, ...]
    is_simulation: bool
    is_compared_with_truth: bool
    terms: PlanTerms
    migration_energy_frac: float
    infeasible_text: str | None
    transfers: tuple[PlanTransferView, ...]
    regions: tuple[PlanRegionView, ...]
    comparison: tuple[PlanComparison, ...]
    oracle_gap_usd: float | None
    pareto: tuple[ParetoPointView, ...]
    shadow_prices: tuple[ShadowPriceView, ...]
    blocked: tuple[str, ...]
    notes: tuple[str, ...]
    recorded_decision_ids: tuple[int, ...]
    expected: tuple[PlanComparison, ...] = ()  # plans that were stored before lack it


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecordOutcome:
    """What became of a request to record a plan.

    `cards` are the recorded decisions, one for each transfer; when something changed
    since the plan was made nothing was recorded, and `changed` says what.
    """

    cards: tuple[DecisionCard, ...]
    changed: tuple[str, ...]
