"""Store decisions with their audit event in one transaction; show them as cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.access import Actor
from core.footprints import (
    Footprint,
    RegionSignals,
    has_one_carbon_kind,
    without_carbon,
)
from core.policies import Policy
from core.risk import RiskLevel
from core.scheduler import Outcome, ReasonCode, Verdict
from core.shift import ShiftImpact, shift_impact
from core.version import CODE_VERSION
from db import audit, decisions, regions
from db.decisions import NewDecision, StoredDecision
from orchestrator.decisions.input_codec import inputs_sha256, inputs_text
from orchestrator.decisions.row_hashes import MAKING_ACTIONS, RECORD_HASH, record_sha256
from orchestrator.decisions.views import DecisionCard, ImpactRow
from orchestrator.logs import get_logger
from orchestrator.regions.region_choice import region_choice
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.assembly import PRICE_BASIS
from orchestrator.windows.database import RegionWindow
from orchestrator.windows.views import VerdictView

log = get_logger(__name__)

_IMPACT_QUANTITIES = (
    ("facility_energy_mwh", "Facility energy", "MWh"),
    ("emissions_kgco2e", "Carbon", "kg CO₂e"),
    ("water_on_site_l", "Water on site", "L"),
    ("water_off_site_l", "Water off site", "L"),
    ("cost_usd", "Energy cost", "USD"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMove:
    """The transfer of a plan that a decision carries out.

    Attributes
    ----------
    source_change_mw, target_change_mw : ndarray, shape (n_hours,)
        What the whole plan does to the load of both ends.
    """

    plan_id: int
    source_change_mw: NDArray[np.float64]
    target_change_mw: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict together with the windows it was made from."""

    source: RegionWindow
    target: RegionWindow | None
    local_day: date
    verdict: Verdict
    plan_move: PlanMove | None = None

    @property
    def impact(self) -> ShiftImpact | None:
        """What the shift does to both regions; None without a target or a load.

        The same share of the load that the signals hold: of the actual load for a past
        window, although its verdict rests on the load that was known at the issue.
        """
        if self.target is None:
            return None
        return signals_impact(
            self.source.signals,
            self.target.signals,
            self._share_by_hour(),
            self.source.policy,
        )

    def _share_by_hour(self) -> float | NDArray[np.float64]:
        shift = self.verdict.shift
        if self.plan_move is None or shift is None:
            return self.verdict.shift_pct / 100.0
        load = shift.source_load_before_mw
        return np.divide(
            shift.moved_mw, load, out=np.zeros_like(load), where=load > 0.0
        )

    @property
    def inputs_text(self) -> str:
        """Canonical text of everything that determines verdict and impact."""
        return inputs_text(
            self.source, self.target, self.verdict.shift_pct, self._plan_inputs()
        )

    def _plan_inputs(self) -> dict[str, object] | None:
        move, shift = self.plan_move, self.verdict.shift
        if move is None or shift is None:
            return None
        return {
            "plan_id": move.plan_id,
            "moved_mw": shift.moved_mw.tolist(),
            "arrived_mw": shift.arrived_mw.tolist(),
            "source_change_mw": move.source_change_mw.tolist(),
            "target_change_mw": move.target_change_mw.tolist(),
        }

    @property
    def inputs_sha256(self) -> str:
        """SHA-256 of the inputs' text, hexadecimal."""
        return inputs_sha256(self.inputs_text)


def store(
    session: Session,
    actor: Actor,
    judgement: Judgement,
    *,
    kind: str,
    request_id: UUID,
    comment: str | None = None,
    what_if_id: int | None = None,
    supersedes_id: int | None = None,
) -> StoredDecision:
    """Insert a decision, its transfers when it binds, and last its audit event."""
    decision = _new_decision(
        actor,
        judgement,
        kind=kind,
        request_id=request_id,
        comment=comment,
        what_if_id=what_if_id,
        supersedes_id=supersedes_id,
    )
    decision_id = decisions.insert_decision(session, decision)
    if kind == "recorded":
        _store_transfers(session, decision_id, judgement)
    stored = decisions.decision_by_id(session, decision_id)
    audit.append_event(
        session,
        actor=actor,
        action=MAKING_ACTIONS[kind],
        object_type="decision",
        object_id=str(decision_id),
        after=_audit_facts(decision, judgement)
        | {RECORD_HASH: record_sha256(session, stored)},
        reason=comment,
        request_id=str(request_id),
    )
    _log(decision_id, decision, judgement)
    return stored


def decision_card(session: Session, stored: StoredDecision) -> DecisionCard:
    """A stored decision as its card, from stored values only."""
    facts = stored.facts
    choices = region_choices(session)
    impact = facts.impact or {}
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
        impact=tuple(ImpactRow(**row) for row in impact.get("rows", [])),
        impact_notes=tuple(impact.get("notes", [])),
    )


def signals_impact(
    source: RegionSignals,
    target: RegionSignals,
    share_frac: float | NDArray[np.float64],
    policy: Policy,
) -> ShiftImpact | None:
    """What moving a share of the source's load does; None while its load is unknown."""
    moved_mw = share_frac * source.it_load_mw
    if not np.isfinite(moved_mw).all():
        return None
    if not has_one_carbon_kind(source, target):
        source, target = without_carbon(source), without_carbon(target)
    return shift_impact(
        source,
        target,
        moved_mw,
        migration_energy_frac=policy.migration_energy_frac,
        migration_usd_per_mwh=policy.migration_usd_per_mwh,
    )


def impact_rows(impact: ShiftImpact) -> tuple[ImpactRow, ...]:
    """The table before and after, at both ends and for the fleet."""
    return tuple(
        ImpactRow(
            label=label,
            unit=unit,
            source_before=getattr(impact.source_before, name),
            source_after=getattr(impact.source_after, name),
            target_before=getattr(impact.target_before, name),
            target_after=getattr(impact.target_after, name),
            fleet_before=getattr(impact.fleet_before, name),
            fleet_after=getattr(impact.fleet_after, name),
        )
        for name, label, unit in _IMPACT_QUANTITIES
    )


def _new_decision(
    actor: Actor,
    judgement: Judgement,
    *,
    kind: str,
    request_id: UUID,
    comment: str | None,
    what_if_id: int | None,
    supersedes_id: int | None,
) -> NewDecision:
    source, target, verdict = judgement.source, judgement.target, judgement.verdict
    after = verdict.source_after
    return NewDecision(
        kind=kind,
        request_id=request_id,
        actor_id=actor.user_id,
        source_region_id=source.region_id,
        target_region_id=target.region_id if target else None,
        shift_pct=verdict.shift_pct,
        local_day=judgement.local_day,
        window_start_utc=source.hours_utc[0],
        window_end_utc=source.telemetry.end_utc,
        is_simulated=source.is_simulation,
        outcome=verdict.outcome.value,
        reason_code=verdict.reason_code.value,
        reason_text=verdict.reason_text,
        risk_level=verdict.risk.level.value,
        recommendations=list(verdict.risk.recommendations),
        thermal_limit_c=source.policy.thermal_limit_c,
        confidence=source.policy.confidence,
        exceedance_probability=after.exceedance_probability if after else None,
        source_bound_before_c=_bound(verdict, "source_before"),
        source_bound_after_c=_bound(verdict, "source_after"),
        target_bound_before_c=_bound(verdict, "target_before"),
        target_bound_after_c=_bound(verdict, "target_after"),
        minimum_shift_pct=verdict.minimum_shift_pct,
        maximum_safe_shift_pct=verdict.maximum_safe_shift_pct,
        fleet_policy_id=source.policy.fleet_policy_id,
        region_policy_id=source.policy.region_policy_id,
        model_version_id=source.stored.model_version_id if source.stored else None,
        source_forecast_id=source.stored.forecast_id if source.stored else None,
        target_forecast_id=(
            target.stored.forecast_id if target and target.stored else None
        ),
        impact=_impact_json(judgement),
        inputs_text=judgement.inputs_text,
        inputs_sha256=judgement.inputs_sha256,
        code_version=CODE_VERSION,
        comment=comment,
        what_if_id=what_if_id,
        supersedes_id=supersedes_id,
        plan_id=judgement.plan_move.plan_id if judgement.plan_move else None,
    )


def _store_transfers(session: Session, decision_id: int, judgement: Judgement) -> None:
    """What binds: later decisions start from the load that it leaves.

    A live approved shift does, and every transfer of a plan: one that cannot clear its
    source is BLOCKED, but it is part of what the plan does to the other regions.
    """
    source, target, verdict = judgement.source, judgement.target, judgement.verdict
    stands = verdict.is_approved or judgement.plan_move is not None
    binds = stands and not source.is_simulation and verdict.shift_pct > 0
    if not binds or target is None or verdict.shift is None:
        return
    decisions.insert_transfers(
        session,
        decision_id=decision_id,
        source_region_id=source.region_id,
        target_region_id=target.region_id,
        transfers=[
            decisions.Transfer(hour_utc=hour, moved_mw=moved, arrived_mw=arrived)
            for hour, moved, arrived in zip(
                source.hours_utc,
                verdict.shift.moved_mw.tolist(),
                verdict.shift.arrived_mw.tolist(),
                strict=True,
            )
        ],
    )


def _bound(verdict: Verdict, end: str) -> float | None:
    check = getattr(verdict, end)
    return check.bound if check else None


def _impact_json(judgement: Judgement) -> dict[str, object] | None:
    impact = judgement.impact
    if impact is None:
        return None
    rows = impact_rows(impact)
    return {
        "rows": [
            {name: getattr(row, name) for name in ImpactRow.__slots__} for row in rows
        ],
        "notes": list(impact_notes(judgement, impact)),
    }


def impact_notes(judgement: Judgement, impact: ShiftImpact) -> tuple[str, ...]:
    """What the impact rests on, and what is missing or suspect in it."""
    basis = judgement.source.signals.basis.value
    notes = [
        "Loads, weather, carbon and prices are actual values; the verdict rests on"
        " what was known at the issue."
        if basis == "actual"
        else f"Loads, weather and carbon are forecasts; prices are {PRICE_BASIS}."
    ]
    if judgement.target is not None:
        notes += _term_notes(judgement.source, judgement.target)
    for footprint in (impact.source_before, impact.target_before):
        notes += _footprint_notes(footprint)
    return tuple(dict.fromkeys(notes))


def _term_notes(source: RegionWindow, target: RegionWindow) -> list[str]:
    """What the terms of the policy add to the figures, where they do."""
    notes, policy = [], source.policy
    if not has_one_carbon_kind(source.signals, target.signals):
        notes.append(
            f"Carbon intensity is {source.signals.carbon_kind} in"
            f" {source.outlook.region.name} and {target.signals.carbon_kind} in"
            f" {target.outlook.region.name}: emissions are not compared."
        )
    if policy.migration_energy_frac > 0.0:
        notes.append(
            f"Moving takes {100.0 * policy.migration_energy_frac:g} % of the energy"
            " moved; the target draws it."
        )
    if policy.migration_usd_per_mwh > 0.0:
        notes.append(
            f"The cost includes {policy.migration_usd_per_mwh:g} USD for each MWh"
            " moved, paid by the source."
        )
    if any(end.outlook.region.grid_hydro_frac > 0.0 for end in (source, target)):
        counted = "is" if policy.counts_hydro_water else "is not"
        notes.append(
            f"Evaporation from hydropower's reservoirs {counted} counted as water."
        )
    return notes


def _footprint_notes(footprint: Footprint) -> list[str]:
    missing = ", ".join(quantity.value for quantity in footprint.missing)
    return [f"Missing: {missing}."] * bool(missing) + list(footprint.suspect)


def _audit_facts(decision: NewDecision, judgement: Judgement) -> dict[str, object]:
    stored = judgement.source.stored
    return {
        "kind": decision.kind,
        "source": judgement.source.outlook.region.slug,
        "target": (judgement.target.outlook.region.slug if judgement.target else None),
        "shift_pct": decision.shift_pct,
        "window_start_utc": decision.window_start_utc.isoformat(),
        "is_simulated": decision.is_simulated,
        "outcome": decision.outcome,
        "reason_code": decision.reason_code,
        "source_bound_after_c": decision.source_bound_after_c,
        "exceedance_probability": decision.exceedance_probability,
        "thermal_limit_c": decision.thermal_limit_c,
        "confidence": str(decision.confidence),
        "model_version_id": decision.model_version_id,
        "fleet_policy_id": decision.fleet_policy_id,
        "region_policy_id": decision.region_policy_id,
        "source_forecast_id": decision.source_forecast_id,
        "target_forecast_id": decision.target_forecast_id,
        "supersedes_id": decision.supersedes_id,
        "telemetry_watermark_utc": (
            stored.telemetry_watermark_utc.isoformat()
            if stored and stored.telemetry_watermark_utc
            else None
        ),
        "inputs_sha256": decision.inputs_sha256,
        "code_version": decision.code_version,
    }


def _log(decision_id: int, decision: NewDecision, judgement: Judgement) -> None:
    """A what-if is a hypothetical and is never logged as a decision."""
    source = judgement.source.outlook.region.slug
    facts = {
        "decision_id": decision_id,
        "kind": decision.kind,
        "source": source,
        "shift_pct": decision.shift_pct,
        "outcome": decision.outcome,
        "reason_code": decision.reason_code,
        "bound_c": decision.source_bound_after_c,
        "simulated": decision.is_simulated,
    }
    if decision.kind == "what_if":
        log.info("what_if_evaluated", **facts)
        return
    log.info(
        "risk_assessed",
        region=source,
        risk_level=decision.risk_level,
        bound_c=decision.source_bound_after_c,
        exceedance_probability=decision.exceedance_probability,
    )
    if decision.risk_level == RiskLevel.CRITICAL:
        log.warning(
            "risk_breach_detected",
            region=source,
            bound_c=decision.source_bound_after_c,
            limit_c=decision.thermal_limit_c,
        )
    log.info("scheduling_decision", **facts)


def region_choices(session: Session) -> dict[str, RegionChoice]:
    return {
        stored.region.slug: region_choice(stored.region)
        for stored in regions.list_regions(session, active_only=False)
    }


def _stored_verdict(facts: NewDecision) -> VerdictView:
    """The verdict exactly as stored."""
    bound_c = facts.source_bound_after_c
    code = ReasonCode(facts.reason_code)
    return VerdictView(
        outcome=Outcome(facts.outcome),
        reason_code=code,
        reason_text=facts.reason_text,
        data_problem=code.is_data_problem,
        risk_level=RiskLevel(facts.risk_level),
        margin_c=None if bound_c is None else facts.thermal_limit_c - bound_c,
        recommendations=tuple(facts.recommendations),
    )
