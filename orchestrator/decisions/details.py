"""A stored decision with all that it rests on, and its replay."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.access import Permission
from core.errors import InvalidInput
from core.forecasts import Target
from core.outcomes import ReasonCode
from core.outlooks import Problem, RegionOutlook
from core.shift import net_rise_c
from core.shift_rules import given_mw
from core.telemetry import HOUR
from db import decisions, forecasts, model_signatures, model_versions, telemetry
from db.decision_comments import comments_of
from db.decisions import NewDecision, StoredDecision
from db.forecasts import StoredForecast
from orchestrator.decisions.cards import decision_card, named_regions
from orchestrator.decisions.evidence import EvidenceEnd, evidence_of
from orchestrator.decisions.judging_again import judgements_of
from orchestrator.decisions.records import DecisionInputs, EndInputs, read_inputs
from orchestrator.decisions.replay import replay_rules
from orchestrator.decisions.row_hashes import decision_record
from orchestrator.decisions.states import decision_standing
from orchestrator.decisions.views import (
    DecisionChart,
    DecisionDetail,
    DecisionReference,
    NamedValue,
    Replay,
)
from orchestrator.telemetry.revisions import revised_text
from orchestrator.use_cases import Request, query
from orchestrator.windows.database_source import LOOK_BACK_H
from orchestrator.windows.views import Series, finite_series


@query(Permission.VIEW_FLEET)
def decision_detail(request: Request, decision_id: int) -> DecisionDetail:
    """All that is stored about a decision, with its forecast as it was.

    Raises
    ------
    NotFound
        When there is no such decision.
    """
    session = request.session
    stored = decisions.decision_by_id(session, decision_id)
    record = decision_record(session, stored)
    successor = decisions.successor_of(session, decision_id)
    inputs = _readable_inputs(stored)
    facts = stored.facts
    return DecisionDetail(
        card=decision_card(session, stored),
        telemetry_watermark_utc=inputs.source.telemetry_watermark_utc
        if inputs
        else None,
        facts=_facts(session, stored, inputs),
        charts=_charts(session, facts, inputs) if inputs else (),
        comment=facts.comment,
        comments=comments_of(session, [decision_id]).get(decision_id, ()),
        evidence=_evidence(session, inputs) if inputs else (),
        inputs_text=facts.inputs_text,
        inputs_sha256=facts.inputs_sha256,
        audit_seq=record.seq if record else None,
        audit_hash=record.event_hash_hex if record else None,
        is_as_recorded=record is not None and record.is_unchanged,
        supersedes_id=facts.supersedes_id,
        superseded_by=DecisionReference(
            decision_id=successor.decision_id,
            actor_name=successor.actor_name,
            created_at_utc=successor.created_at_utc,
        )
        if successor
        else None,
        standing=decision_standing(request, decision_id),
    )


@query(Permission.VIEW_AUDIT_EVENTS)
def replay_decision(request: Request, decision_id: int) -> Replay:
    """Scores, rules and impact once more, from the stored inputs.

    Raises
    ------
    Forbidden, NotFound
        Without the right to replay; when there is no such decision.
    """
    stored = decisions.decision_by_id(request.session, decision_id)
    return replay_rules(request.session, stored)


def _readable_inputs(stored: StoredDecision) -> DecisionInputs | None:
    """None when they were changed past the portal; the page then says so."""
    try:
        return read_inputs(stored.facts.inputs_text)
    except InvalidInput:
        return None


def _evidence(session: Session, inputs: DecisionInputs) -> tuple[EvidenceEnd, ...]:
    slugs = [end.region.slug for end in (inputs.source, inputs.target) if end]
    return evidence_of(inputs, named_regions(session, slugs))


def _charts(
    session: Session, facts: NewDecision, inputs: DecisionInputs
) -> tuple[DecisionChart, ...]:
    source, target = inputs.source, inputs.target
    source_change_mw, target_change_mw = _changes_mw(inputs)
    charts = [
        _chart(
            session,
            inputs,
            source,
            rise_c=_rise_c(source, source_change_mw),
            bounds=(facts.source_bound_before_c, facts.source_bound_after_c),
        )
    ]
    if target is not None:
        charts.append(
            _chart(
                session,
                inputs,
                target,
                rise_c=_rise_c(target, target_change_mw),
                bounds=(facts.target_bound_before_c, facts.target_bound_after_c),
            )
        )
    return tuple(chart for chart in charts if chart is not None)


def _chart(
    session: Session,
    inputs: DecisionInputs,
    end: EndInputs,
    *,
    rise_c: NDArray[np.float64],
    bounds: tuple[float | None, float | None],
) -> DecisionChart | None:
    if end.mean is None or end.forecast_id is None:
        return None
    issued = forecasts.forecast_by_id(session, end.forecast_id)
    start_utc, n_hours = inputs.window_start_utc, len(end.mean)
    actual = telemetry.load_frame(
        session, end.region.slug, start_utc, start_utc + n_hours * HOUR
    )
    before_c = end.mean + end.prior_rise_c
    moves = inputs.shift_pct > 0
    return DecisionChart(
        region=named_regions(session, [end.region.slug])[end.region.slug],
        hours_utc=tuple(start_utc + hour * HOUR for hour in range(n_hours)),
        mean_c=finite_series(before_c),
        lower_c=_moved(issued, "lower", end.prior_rise_c),
        upper_c=_moved(issued, "upper", end.prior_rise_c),
        after_c=finite_series(before_c + rise_c) if moves else (),
        actual_c=finite_series(actual.column(Target.TEMPERATURE_C.quantity)),
        thermal_limit_c=end.policy.thermal_limit_c,
        allowed_probability=float(end.policy.alpha),
        bound_before_c=bounds[0],
        bound_after_c=bounds[1] if moves else None,
    )


def _moved(
    issued: StoredForecast | None, side: str, rise_c: NDArray[np.float64]
) -> Series:
    values = getattr(issued, side) if issued else ()
    if len(values) != len(rise_c) or None in values:
        return ()
    return finite_series(np.array(values) + rise_c)


def _changes_mw(
    inputs: DecisionInputs,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By how much the decision, or its whole plan, changes the load of each end."""
    if inputs.plan is not None:
        return inputs.plan.source_change_mw, inputs.plan.target_change_mw
    source = inputs.source
    outlook = RegionOutlook(
        region=source.region,
        policy=source.policy,
        forecast=None,
        calibration=None,
        it_load_mw=source.it_load_mw,
        prior_rise_c=source.prior_rise_c,
        problem=Problem(code=ReasonCode.FORECAST_MISSING, text="not judged again."),
        reference_load_mw=source.reference_load_mw,
        shares=inputs.shares,
    )
    moved_mw = given_mw(outlook, inputs.shift_pct)
    return -moved_mw, moved_mw * (1.0 + source.policy.migration_energy_frac)


def _rise_c(end: EndInputs, change_mw: NDArray[np.float64]) -> NDArray[np.float64]:
    before_mw = end.reference_load_mw
    rise_c = net_rise_c(
        change_mw,
        reference_mw=end.it_load_mw if before_mw is None else before_mw,
        factor_c_per_pct=end.policy.cooling_factor_c_per_pct,
    )
    return np.where(np.isfinite(change_mw), rise_c, np.nan)


CARRIES_OUT = "Carries out plan"


def _facts(
    session: Session, stored: StoredDecision, inputs: DecisionInputs | None
) -> tuple[NamedValue, ...]:
    facts = stored.facts
    values: list[tuple[str, object]] = [
        ("Request id", facts.request_id),
        ("Model", _model_label(session, facts.model_version_id)),
        ("Origin of the model", _model_origin(session, facts.model_version_id)),
        ("Forecast at the source", facts.source_forecast_id),
        ("Forecast at the target", facts.target_forecast_id),
        *(_input_facts(stored, inputs.source) if inputs else ()),
        ("Fleet policy version id", facts.fleet_policy_id),
        ("Region policy version id", facts.region_policy_id),
        ("Cites what-if", facts.what_if_id),
        (CARRIES_OUT, facts.plan_id),
        ("Code version", facts.code_version),
        ("Telemetry changed since", _revised(session, stored)),
        *_judged_again(session, stored),
    ]
    return tuple(
        NamedValue(label=label, value=str(value))
        for label, value in values
        if value is not None
    )


def _revised(session: Session, stored: StoredDecision) -> str | None:
    """What was known of the regions' hours and is no longer so."""
    facts = stored.facts
    return revised_text(
        session,
        [slug for slug in (stored.source_slug, stored.target_slug) if slug],
        start_utc=facts.window_start_utc - LOOK_BACK_H * HOUR,
        end_utc=facts.window_end_utc,
        known_at_utc=stored.created_at_utc,
    )


def _judged_again(
    session: Session, stored: StoredDecision
) -> Iterator[tuple[str, object]]:
    """Each verdict on it after an import that it rested on was withdrawn."""
    for event in judgements_of(session, stored.decision_id):
        said = event.after
        text = (
            f"{said['outcome']}, as what-if {said['what_if_id']}, after import"
            f" {said['withdrawal']} withdrew telemetry"
        )
        yield ("Judged again", text)


def _input_facts(
    stored: StoredDecision, source: EndInputs
) -> Iterator[tuple[str, object]]:
    """Numbers to six digits; all of them stand in the stored inputs."""
    watermark, calibration = source.telemetry_watermark_utc, source.calibration
    if watermark is not None and not stored.facts.is_simulated:
        age = stored.created_at_utc - watermark
        yield "Telemetry age when taken", f"{age / HOUR:.1f} h"
    if source.run_issued_at_utc is not None:
        issued = f"{source.run_issued_at_utc:%Y-%m-%d %H:%M} UTC"
        yield "Weather forecast", f"issued {issued} ({source.input_mode})"
    if calibration is not None:
        yield "Calibration scores", calibration.score_count
        yield "Tracked quantile q", f"{calibration.quantile:.6g}"
        yield "Tracking offset b", f"{calibration.offset:.6g}"
    yield "Telemetry age limit", f"{source.policy.telemetry_max_age_h} h"
    yield "Cooling factor", f"{source.policy.cooling_factor_c_per_pct} °C per %"


def _model_origin(session: Session, version_id: int | None) -> str | None:
    if version_id is None:
        return None
    return model_signatures.model_origin(session, version_id).words


def _model_label(session: Session, version_id: int | None) -> str | None:
    if version_id is None:
        return None
    version = model_versions.model_version(session, version_id)
    return f"{version.label}, SHA-256 {version.onnx_sha256}"
