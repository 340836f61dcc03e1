"""Make a plan from what is known of the fleet, and everything that is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import numpy as np

from core.errors import PlanInfeasible
from core.optimizer import best_plan, pareto
from core.placement import Placement
from core.plan_words import blocked_in_words, exchange_in_words, prices_in_words
from core.plans import PlanJudgement, judge_plan, spread, transfers
from orchestrator.plans.plan_comparison import compare, oracle_gap_usd
from orchestrator.plans.plan_setting import PlanSetting, plan_problems
from orchestrator.plans.views import (
    ParetoPointView,
    PlanRegionView,
    PlanSplit,
    PlanTransferView,
    PlanView,
    ShadowPriceView,
)
from orchestrator.regions.region_choice import region_choice
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.views import finite_series

PARETO_POINTS = 12


def make_plan(setting: PlanSetting) -> PlanView:
    """The best plan with its comparisons, front and prices; stores nothing.

    Raises
    ------
    InvalidInput, OutOfRange
        When the terms or the fleet are such that no plan can be asked for.
    """
    if setting.terms.split is not None:
        return _judged_split(setting, setting.terms.split)
    prices, rules = setting.prices, setting.rules
    problems = plan_problems(setting)
    outlooks = [window.outlook for window in setting.windows]
    known = problems.known
    try:
        plan = best_plan(known, prices, rules)
    except PlanInfeasible as exc:
        nothing = judge_plan(outlooks, ())
        return _view(setting, nothing, infeasible_text=exc.message, notes=_notes(known))
    judgement = judge_plan(
        outlooks,
        transfers(known.slugs, plan.out_mw, plan.in_mw),
        migration_energy_frac=rules.migration_energy_frac,
    )
    names = _names(setting)
    blocked = frozenset(
        change.outlook.region.slug
        for change in judgement.changes
        if change.blocked_by_c != 0.0
    )
    compared = compare(setting, problems, (plan.out_mw, plan.in_mw), judgement)
    front = pareto(known, rules, n_points=PARETO_POINTS)
    return replace(
        _view(setting, judgement, infeasible_text=None, notes=_notes(known)),
        comparison=compared.ways,
        expected=compared.expected,
        oracle_gap_usd=oracle_gap_usd(compared.ways),
        pareto=tuple(
            ParetoPointView(
                carbon_t=point.totals.carbon_t,
                water_m3=point.totals.water_m3,
                cost_usd=point.totals.cost_usd,
                moved_mwh=point.totals.moved_mwh,
                litres_per_t=point.litres_per_t,
                text=exchange_in_words(point),
            )
            for point in front.points
        ),
        shadow_prices=tuple(
            ShadowPriceView(
                limit=price.limit,
                region=_choices(setting)[price.slug] if price.slug else None,
                value_usd=price.value_usd,
                unit=price.unit,
                text=price.text,
            )
            for price in prices_in_words(
                plan.shadow, {slug: names[slug] for slug in known.slugs}, blocked
            )
        ),
    )


def _judged_split(setting: PlanSetting, split: PlanSplit) -> PlanView:
    """A shift to several targets as it was asked for, with nothing optimised."""
    outlooks = {w.outlook.region.slug: w.outlook for w in setting.windows}
    frac = setting.migration_energy_frac
    judgement = judge_plan(
        list(outlooks.values()),
        spread(outlooks[setting.anchor.slug], split.shift_pct, dict(split.shares)),
        migration_energy_frac=frac,
    )
    problems = plan_problems(setting)
    known = problems.known
    view = _view(setting, judgement, infeasible_text=None, notes=_notes(known))
    touched = {setting.anchor.slug, *(slug for slug, _ in split.shares)}
    if not touched <= set(known.slugs):
        return view
    changes = [judgement.change(slug) for slug in known.slugs]
    flows = (
        np.vstack([change.out_mw for change in changes]),
        np.vstack([change.in_mw / (1.0 + frac) for change in changes]),
    )
    compared = compare(
        setting, problems, flows, judgement, label="The shift as asked for"
    )
    return replace(
        view,
        comparison=compared.ways,
        expected=compared.expected,
        oracle_gap_usd=oracle_gap_usd(compared.ways),
    )


def _view(
    setting: PlanSetting,
    judgement: PlanJudgement,
    *,
    infeasible_text: str | None,
    notes: tuple[str, ...],
) -> PlanView:
    choices = _choices(setting)
    words = [blocked_in_words(change) for change in judgement.changes]
    return PlanView(
        plan_id=0,
        created_at_utc=setting.made_at_utc.astimezone(UTC),
        actor_name="",
        anchor=setting.anchor,
        local_day=setting.choice.decision_day,
        window_start_utc=setting.choice.issued_at_utc,
        window_end_utc=setting.windows[0].telemetry.end_utc,
        hours_utc=setting.windows[0].hours_utc,
        is_simulation=setting.choice.is_simulation,
        is_compared_with_truth=setting.is_past,
        terms=setting.terms,
        migration_energy_frac=setting.migration_energy_frac,
        infeasible_text=infeasible_text,
        transfers=tuple(
            PlanTransferView(
                source=choices[part.transfer.source],
                target=choices[part.transfer.target],
                moved_mwh=float(part.transfer.moved_mw.sum()),
                peak_mw=float(part.transfer.moved_mw.max()),
                share_pct=part.verdict.shift_pct,
                moved_mw=tuple(part.transfer.moved_mw.tolist()),
                outcome=part.verdict.outcome,
                reason_code=part.verdict.reason_code,
                verdict_text=part.verdict.reason_text,
            )
            for part in judgement.parts
        ),
        regions=tuple(
            PlanRegionView(
                region=choices[change.outlook.region.slug],
                colour=change.outlook.region.colour,
                thermal_limit_c=change.outlook.policy.thermal_limit_c,
                bound_before_c=change.before.bound if change.before else None,
                bound_after_c=change.after.bound if change.after else None,
                blocked_by_c=change.blocked_by_c,
                load_before_mw=finite_series(change.outlook.it_load_mw),
                load_after_mw=finite_series(change.load_after_mw),
                it_capacity_mw=change.outlook.region.it_capacity_mw,
                note=text,
            )
            for change, text in zip(judgement.changes, words, strict=True)
        ),
        comparison=(),
        oracle_gap_usd=None,
        pareto=(),
        shadow_prices=(),
        blocked=tuple(text for text in words if text is not None),
        notes=(*notes, *_basis_notes(setting)),
        recorded_decision_ids=(),
    )


def _notes(problem: Placement) -> tuple[str, ...]:
    left_out = tuple(
        f"{item.slug} is left out of the plan: {item.reason}"
        for item in problem.left_out
    )
    frozen = tuple(
        f"{item.slug} keeps its load: {item.reason}" for item in problem.frozen
    )
    return (*left_out, *frozen)


def _basis_notes(setting: PlanSetting) -> tuple[str, ...]:
    notes = [
        "The plan rests on what was known at the issue; the comparison on what came."
        if setting.is_past
        else "Loads, weather and carbon are forecasts; prices are those of the same"
        " hour one day before."
    ]
    policy = setting.windows[0].policy
    if any(window.outlook.region.grid_hydro_frac > 0.0 for window in setting.windows):
        counted = "is" if policy.counts_hydro_water else "is not"
        notes.append(
            f"Evaporation from hydropower's reservoirs {counted} counted as water."
        )
    return tuple(notes)


def _names(setting: PlanSetting) -> dict[str, str]:
    return {
        window.outlook.region.slug: window.outlook.region.name
        for window in setting.windows
    }


def _choices(setting: PlanSetting) -> dict[str, RegionChoice]:
    return {
        window.outlook.region.slug: region_choice(window.outlook.region)
        for window in setting.windows
    }
