"""Make a plan from what is known of the fleet, and everything that is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from core.days import WINDOW_H
from core.errors import PlanInfeasible
from core.few_transfers import Flows
from core.optimizer import Plan, best_plan, pareto
from core.outlooks import RegionOutlook
from core.placement import Placement, PlanPrices, PlanRules, Totals
from core.plan_reserve import NEXT_ISSUES_H
from core.plan_words import blocked_in_words, exchange_in_words, prices_in_words
from core.plans import (
    PlanJudgement,
    PlanPart,
    PlanTransfer,
    RegionChange,
    judge_plan,
    region_change,
    spread,
)
from core.telemetry import hours_between
from core.wording import listed
from orchestrator.plans.comparison import Comparison, compare
from orchestrator.plans.problem import PlanProblems, are_over, plan_problems
from orchestrator.plans.records import (
    FrontRecord,
    PlanRecord,
    RegionRecord,
    ShadowPriceRecord,
    TransferRecord,
    WayRecord,
)
from orchestrator.plans.terms import PlanSplit, PlanTerms
from orchestrator.windows.assembly import PRICE_BASIS, Window
from orchestrator.windows.views import finite_series

PARETO_POINTS = 12
LEAST_MIGRATION_USD_PER_MWH = 0.1
"""Without any price, hours of negative prices breed flows that save nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSetting:
    """All that determines a plan.

    Attributes
    ----------
    anchor_slug : str
        The region whose day or newest issue it is, and whose policy holds for moves.
    windows : sequence of Window
        Every active region in the order of the fleet.
    reserves_c : mapping of slug to degC
        What the plan keeps free for the next issues.
    instead_of_plan_id : int | None
        The recorded plan that it is to replace; the windows do not count it.
    known_at_utc : datetime | None
        Of a coming day, the issue that its windows are judged on.
    """

    anchor_slug: str
    windows: Sequence[Window]
    terms: PlanTerms
    reserves_c: Mapping[str, float] = field(default_factory=dict)
    instead_of_plan_id: int | None = None
    known_at_utc: datetime | None = None

    @property
    def outlooks(self) -> dict[str, RegionOutlook]:
        """What is known of each region, by slug."""
        return {window.region.slug: window.outlook for window in self.windows}

    @property
    def prices(self) -> PlanPrices:
        """Prices of the objective."""
        terms, policy = self.terms, self.outlooks[self.anchor_slug].policy
        least_usd = max(policy.migration_usd_per_mwh, LEAST_MIGRATION_USD_PER_MWH)
        return PlanPrices(
            energy_price_weight=terms.energy_price_weight,
            carbon_usd_per_t=terms.carbon_usd_per_t,
            water_usd_per_m3=terms.water_usd_per_m3,
            migration_usd_per_mwh=least_usd
            if terms.migration_usd_per_mwh is None
            else terms.migration_usd_per_mwh,
        )

    @property
    def rules(self) -> PlanRules:
        """Budgets, ramps and the energy of migrations; a plan has one of each."""
        terms, policy = self.terms, self.outlooks[self.anchor_slug].policy
        return PlanRules(
            carbon_cap_t=terms.carbon_cap_t,
            water_cap_m3=terms.water_cap_m3,
            cost_cap_usd=terms.cost_cap_usd,
            ramp_mw_per_h=terms.ramp_mw_per_h,
            migration_energy_frac=policy.migration_energy_frac,
            minimum_transfer_mwh=terms.minimum_transfer_mwh,
        )

    @property
    def blocked_chance_pct(self) -> float:
        """How many of the regions that it fills may turn BLOCKED by it, %.

        0 where nothing is optimised, or no further issue of the window will come.
        """
        if self.terms.split is not None or not self.is_live:
            return 0.0
        return self.outlooks[self.anchor_slug].policy.plan_blocked_chance_pct

    @property
    def is_live(self) -> bool:
        """Whether further issues of the window will come."""
        return not self.windows[0].is_simulation

    def judge(self, moves: Sequence[PlanTransfer]) -> PlanJudgement:
        """Transfers judged by the scheduler's rules, each after all the others."""
        return judge_plan(
            list(self.outlooks.values()),
            moves,
            migration_energy_frac=self.rules.migration_energy_frac,
        )


def make_plan(setting: PlanSetting) -> PlanRecord:
    """The best plan with its comparisons, front and prices; stores nothing.

    Raises
    ------
    InvalidInput, OutOfRange
        When the terms or the fleet are such that no plan can be asked for.
    """
    if setting.terms.split is not None:
        return _judged_split(setting, setting.terms.split)
    prices, rules = setting.prices, setting.rules
    problems = plan_problems(setting.windows, setting.reserves_c)
    known = problems.known
    try:
        plan = best_plan(known, prices, rules)
    except PlanInfeasible as exc:
        nothing = _record(setting, problems, setting.judge(()))
        return replace(nothing, infeasible_text=exc.message)
    flows = (plan.out_mw, plan.in_mw)
    judgement = setting.judge(plan.moves)
    front = pareto(known, rules, n_points=PARETO_POINTS)
    return replace(
        _record(setting, problems, judgement, flows),
        least_objective_usd=plan.least_usd,
        front=tuple(
            FrontRecord(
                carbon_t=point.totals.carbon_t,
                water_m3=point.totals.water_m3,
                cost_usd=point.totals.cost_usd,
                moved_mwh=point.totals.moved_mwh,
                litres_per_t=point.litres_per_t,
                text=exchange_in_words(point),
            )
            for point in front.points
        ),
        shadow_prices=_shadow_prices(known, plan, judgement),
    )


def _judged_split(setting: PlanSetting, split: PlanSplit) -> PlanRecord:
    """A shift to several targets as requested, with nothing optimised."""
    source = setting.outlooks[setting.anchor_slug]
    judgement = setting.judge(spread(source, split.shift_pct, dict(split.shares)))
    problems = plan_problems(setting.windows)
    slugs = problems.known.slugs
    if not {setting.anchor_slug, *dict(split.shares)} <= set(slugs):
        return _record(setting, problems, judgement)
    by_slug = {change.outlook.region.slug: change for change in judgement.changes}
    changes = [by_slug[slug] for slug in slugs]
    gain = 1.0 + setting.rules.migration_energy_frac
    flows = (
        np.vstack([change.out_mw for change in changes]),
        np.vstack([change.in_mw / gain for change in changes]),
    )
    return _record(setting, problems, judgement, flows)


def _record(
    setting: PlanSetting,
    problems: PlanProblems,
    judgement: PlanJudgement,
    flows: Flows | None = None,
) -> PlanRecord:
    """The plan without front and prices; nothing is compared without flows."""
    ways: tuple[WayRecord, ...] = ()
    expected: tuple[WayRecord, ...] = ()
    if flows is not None:
        compared = compare(problems, flows, setting.prices, setting.rules)
        blocked = _blocked_regions(setting, problems.known, compared, judgement)
        expected = _ways(setting, compared.expected, blocked)
        ways = _ways(setting, compared.came, blocked)
    return PlanRecord(
        terms=setting.terms,
        migration_energy_frac=setting.rules.migration_energy_frac,
        blocked_chance_pct=setting.blocked_chance_pct,
        instead_of_plan_id=setting.instead_of_plan_id,
        infeasible_text=None,
        transfers=tuple(_transfer(part) for part in judgement.parts),
        regions=tuple(_region(change) for change in judgement.changes),
        is_compared_with_truth=bool(ways),
        ways=ways or expected,
        expected=expected if ways else (),
        least_objective_usd=None,
        front=(),
        shadow_prices=(),
        notes=(
            *_left_out_notes(problems.known),
            *_basis_notes(setting),
            *_reserve_notes(setting),
        ),
    )


def _blocked_regions(
    setting: PlanSetting,
    known: Placement,
    compared: Comparison,
    judgement: PlanJudgement,
) -> dict[str, int]:
    """How many regions stay above their limit, by the way to run the fleet."""
    outlooks, gain = setting.outlooks, 1.0 + setting.rules.migration_energy_frac
    changes = {"plan": judgement.changes}
    for key, (out_mw, in_mw) in compared.flows.items():
        flows = zip(out_mw, gain * in_mw, strict=True)
        moved = dict(zip(known.slugs, flows, strict=True))
        stay = np.zeros(known.n_hours)
        changes.setdefault(
            key,
            tuple(
                region_change(outlook, *moved.get(slug, (stay, stay)))
                for slug, outlook in outlooks.items()
            ),
        )
    return {
        key: sum(change.blocked_by_c != 0.0 for change in found)
        for key, found in changes.items()
    }


def _ways(
    setting: PlanSetting, by_key: Mapping[str, Totals], blocked: Mapping[str, int]
) -> tuple[WayRecord, ...]:
    return tuple(
        WayRecord(
            key=key,
            objective_usd=total.objective_usd(setting.prices),
            cost_usd=total.cost_usd,
            carbon_t=total.carbon_t,
            water_m3=total.water_m3,
            moved_mwh=total.moved_mwh,
            blocked_regions=blocked.get(key),
        )
        for key, total in by_key.items()
    )


def _transfer(part: PlanPart) -> TransferRecord:
    return TransferRecord(
        source=part.transfer.source,
        target=part.transfer.target,
        moved_mw=tuple(part.transfer.moved_mw.tolist()),
        share_pct=part.facts.shift_pct,
        outcome=part.outcome,
        reason_code=part.reason_code,
        reason_text=part.reason_text,
    )


def _region(change: RegionChange) -> RegionRecord:
    return RegionRecord(
        slug=change.outlook.region.slug,
        thermal_limit_c=change.outlook.policy.thermal_limit_c,
        it_capacity_mw=change.outlook.region.it_capacity_mw,
        bound_before_c=change.before.bound if change.before else None,
        bound_after_c=change.after.bound if change.after else None,
        blocked_by_c=change.blocked_by_c,
        load_before_mw=finite_series(change.outlook.it_load_mw),
        load_after_mw=finite_series(change.load_after_mw),
        blocked_text=blocked_in_words(change),
    )


def _shadow_prices(
    known: Placement, plan: Plan, judgement: PlanJudgement
) -> tuple[ShadowPriceRecord, ...]:
    by_slug = {change.outlook.region.slug: change for change in judgement.changes}
    names = {slug: by_slug[slug].outlook.region.name for slug in known.slugs}
    blocked = frozenset(
        change.outlook.region.slug
        for change in judgement.changes
        if change.blocked_by_c != 0.0
    )
    return tuple(
        ShadowPriceRecord(
            limit=price.limit,
            slug=price.slug,
            value_usd=price.value_usd,
            unit=price.unit,
            text=price.text,
        )
        for price in prices_in_words(plan.shadow, names, blocked)
    )


def _left_out_notes(known: Placement) -> tuple[str, ...]:
    left_out = (f"{x.slug} is left out of the plan: {x.reason}" for x in known.left_out)
    frozen = (f"{x.slug} keeps its load: {x.reason}" for x in known.frozen)
    return (*left_out, *frozen)


def _basis_notes(setting: PlanSetting) -> tuple[str, ...]:
    notes = [
        "The plan rests on what was known at the issue, its prices on"
        f" {PRICE_BASIS}; the comparison on what came."
        if are_over(setting.windows)
        else f"Loads, weather and carbon are forecasts; prices are {PRICE_BASIS}."
    ]
    if setting.known_at_utc is not None:
        notes = [*_coming_day_notes(setting, setting.known_at_utc)]
    notes += [note for window in setting.windows for note in window.published_notes]
    notes += sorted({w.retired_note for w in setting.windows if w.retired_note})
    if any(window.region.grid_hydro_frac > 0.0 for window in setting.windows):
        counted = "is" if setting.windows[0].policy.counts_hydro_water else "is not"
        notes.append(
            f"Evaporation from hydropower's reservoirs {counted} counted as water."
        )
    return tuple(notes)


def _coming_day_notes(setting: PlanSetting, known_at_utc: datetime) -> Iterator[str]:
    """What is not there yet of a day that has not begun."""
    start_utc = setting.windows[0].issued_at_utc
    lead_h = hours_between(known_at_utc, start_utc)
    reach_h = WINDOW_H - lead_h
    unreached = (
        f"; they reach its first {reach_h} hours, and the other {lead_h} are those of"
        " a day before"
        if reach_h
        else "; they reach none of its hours, which are those of a day before"
    )
    yield (
        f"The day begins {start_utc:%-d %b %Y, %H:%M} UTC and its own forecasts are not"
        f" issued yet. Loads, weather and carbon are forecasts issued"
        f" {known_at_utc:%-d %b, %H:%M} UTC{unreached}. Bounds rest on the errors of"
        " forecasts made as long before. Find the plan again once the day's own"
        " forecasts are there; until then it binds nothing."
    )
    prices = {window.region.slug: window.priced_h for window in setting.windows}
    known = listed(f"{slug} {n_hours}" for slug, n_hours in prices.items() if n_hours)
    if known:
        yield f"Hours of the day whose price is known: {known}."
    without = [slug for slug, n_hours in prices.items() if n_hours < WINDOW_H]
    if without:
        yield (
            f"The day's prices of {listed(without)} are not all there; missing hours"
            f" take {PRICE_BASIS}."
        )


def _reserve_notes(setting: PlanSetting) -> tuple[str, ...]:
    """How much is kept free for the next issues, and where nothing is."""
    chance_pct = setting.blocked_chance_pct
    if chance_pct == 0.0:
        return ()
    kept = ", ".join(
        f"{slug} {kept_c:.1f} °C" for slug, kept_c in setting.reserves_c.items()
    )
    notes = []
    if kept:
        notes.append(
            f"Kept free so that at most {chance_pct:g} % of the regions that the plan"
            f" fills turn BLOCKED within {NEXT_ISSUES_H} hours: {kept}."
        )
    without = [slug for slug in setting.outlooks if slug not in setting.reserves_c]
    if without:
        notes.append(
            f"Nothing is kept free in {listed(without)}: too few issues are stored"
            " to say how their bounds move."
        )
    return tuple(notes)
