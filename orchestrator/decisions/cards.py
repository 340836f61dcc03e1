"""Stored decisions as cards, from stored values only."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

from core.risk import RiskLevel
from core.scheduler import Outcome, ReasonCode
from db import regions
from db.decisions import NewDecision, StoredDecision
from orchestrator.decisions.records import ImpactRecord, read_impact
from orchestrator.decisions.views import DecisionCard, ImpactRow
from orchestrator.regions.region_choice import region_choice
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.views import VerdictView

_IMPACT_LABELS: Mapping[str, tuple[str, str]] = {
    "facility_energy_mwh": ("Facility energy", "MWh"),
    "emissions_kgco2e": ("Carbon", "kg CO₂e"),
    "water_on_site_l": ("Water on site", "L"),
    "water_off_site_l": ("Water off site", "L"),
    "cost_usd": ("Energy cost", "USD"),
}
"""Label and unit of each quantity of an impact, in the order of the table."""


def decision_card(session: Session, stored: StoredDecision) -> DecisionCard:
    """A stored decision as its card."""
    facts = stored.facts
    choices = named_regions(session, [stored.source_slug, stored.target_slug])
    impact = read_impact(facts.impact) if facts.impact else None
    return DecisionCard(
        decision_id=stored.decision_id,
        kind=facts.kind,
        created_at_utc=stored.created_at_utc,
        actor_name=stored.actor_name,
        source=choices[stored.source_slug],
        target=choices[stored.target_slug] if stored.target_slug else None,
        local_day=facts.local_day,
        window_start_utc=facts.window_start_utc,
        window_end_utc=facts.window_end_utc,
        shift_pct=facts.shift_pct,
        hours_of_day=facts.hours_of_day,
        is_simulated=facts.is_simulated,
        verdict=_stored_verdict(facts),
        thermal_limit_c=facts.thermal_limit_c,
        allowed_probability=float(1 - facts.confidence),
        exceedance_probability=facts.exceedance_probability,
        source_bound_before_c=facts.source_bound_before_c,
        source_bound_after_c=facts.source_bound_after_c,
        target_bound_before_c=facts.target_bound_before_c,
        target_bound_after_c=facts.target_bound_after_c,
        minimum_shift_pct=facts.minimum_shift_pct,
        maximum_safe_shift_pct=facts.maximum_safe_shift_pct,
        impact=impact_rows(impact) if impact else (),
        impact_notes=impact.notes if impact else (),
    )


def impact_rows(impact: ImpactRecord) -> tuple[ImpactRow, ...]:
    """The table before and after, at both ends and for the fleet."""
    recorded = {name: (name, "") for name in impact.quantities}
    labels = {**_IMPACT_LABELS, **recorded, **_IMPACT_LABELS}
    return tuple(
        ImpactRow(
            label=label,
            unit=unit,
            source_before=ends["source_before"],
            source_after=ends["source_after"],
            target_before=ends["target_before"],
            target_after=ends["target_after"],
            fleet_before=ends["fleet_before"],
            fleet_after=ends["fleet_after"],
        )
        for name, (label, unit) in labels.items()
        if (ends := impact.quantities.get(name)) is not None
    )


def named_regions(
    session: Session, slugs: Collection[str | None] | None = None
) -> dict[str, RegionChoice]:
    """Regions by slug, those that are no longer active too; by default every one."""
    found = (
        regions.list_regions(session, active_only=False)
        if slugs is None
        else regions.regions_by_slug(session, [slug for slug in slugs if slug])
    )
    return {stored.slug: region_choice(stored.region) for stored in found}


def _stored_verdict(facts: NewDecision) -> VerdictView:
    """The verdict exactly as stored, whether or not this release knows its reason."""
    bound_c = facts.source_bound_after_c
    return VerdictView(
        outcome=Outcome(facts.outcome),
        reason_code=facts.reason_code,
        reason_text=facts.reason_text,
        data_problem=any(
            code == facts.reason_code and code.is_data_problem for code in ReasonCode
        ),
        risk_level=RiskLevel(facts.risk_level),
        margin_c=None if bound_c is None else facts.thermal_limit_c - bound_c,
        recommendations=tuple(facts.recommendations),
    )
