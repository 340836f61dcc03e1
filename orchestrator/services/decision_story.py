"""The whole story of a stored decision, and two of them side by side."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.errors import InvalidInput
from core.forecasts import Target
from core.shift import moved_and_arrived_mw, net_rise_c
from core.telemetry import HOUR
from db import decisions, forecasts, model_versions, telemetry
from db.decisions import StoredDecision
from db.forecasts import StoredForecast
from orchestrator.services.decision_inputs import DecisionInputs, EndInputs, read_inputs
from orchestrator.services.decision_records import DecisionRecord, decision_record
from orchestrator.services.decision_replay import replay_rules
from orchestrator.services.decisions import decision_card, region_choices
from orchestrator.services.forecasting import finite_series
from orchestrator.views import (
    DecisionChart,
    DecisionDetail,
    DecisionReference,
    DifferenceRow,
    NamedValue,
    ReplayView,
    Series,
)


def decision_detail(session: Session, actor: Actor, decision_id: int) -> DecisionDetail:
    """All that is stored about a decision, with its forecast as it was.

    Raises
    ------
    NotFound
        When there is no such decision.
    """
    actor.require(Permission.VIEW_FLEET)
    stored = decisions.decision_by_id(session, decision_id)
    record = decision_record(session, stored)
    successor = decisions.successor_of(session, decision_id)
    return DecisionDetail(
        card=decision_card(session, stored),
        telemetry_watermark_utc=_watermark(stored),
        facts=_facts(session, stored),
        charts=_charts(session, stored),
        comment=stored.facts.comment,
        inputs_text=stored.facts.inputs_text,
        inputs_sha256=stored.facts.inputs_sha256,
        audit_seq=record.seq if record else None,
        audit_hash=record.event_hash_hex if record else None,
        is_as_recorded=_as_recorded(record),
        supersedes_id=stored.facts.supersedes_id,
        superseded_by=DecisionReference(
            decision_id=successor.decision_id,
            actor_name=successor.actor_name,
            created_at_utc=successor.created_at_utc,
        )
        if successor
        else None,
    )


def replay_view(session: Session, actor: Actor, decision_id: int) -> ReplayView:
    """Scores, rules and impact once more, from the stored inputs.

    Raises
    ------
    Forbidden, NotFound
        Without the right to replay; when there is no such decision.
    """
    actor.require(Permission.VIEW_AUDIT_EVENTS)
    replay = replay_rules(session, decisions.decision_by_id(session, decision_id))
    return ReplayView(
        decision_id=decision_id,
        differences=tuple(
            DifferenceRow(field=item.field, stored=item.stored, replayed=item.replayed)
            for item in replay.differences
        ),
        notes=replay.notes,
    )


def _as_recorded(record: DecisionRecord | None) -> bool | None:
    if record is None:
        return False
    if record.expected_sha256 is None:
        return None
    return record.is_unchanged


def _charts(session: Session, stored: StoredDecision) -> tuple[DecisionChart, ...]:
    """Drawn from what is stored; nothing when the inputs cannot be read."""
    try:
        inputs = read_inputs(stored.facts.inputs_text)
    except InvalidInput:
        return ()
    facts = stored.facts
    source_change_mw, target_change_mw = _changes_mw(inputs)
    charts = [
        _chart(
            session,
            inputs,
            inputs.source,
            rise_c=_rise_c(inputs.source, source_change_mw),
            bounds=(facts.source_bound_before_c, facts.source_bound_after_c),
        )
    ]
    if inputs.target is not None:
        charts.append(
            _chart(
                session,
                inputs,
                inputs.target,
                rise_c=_rise_c(inputs.target, target_change_mw),
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
        session, end.slug, start_utc, start_utc + n_hours * HOUR
    )
    before_c = end.mean + end.prior_rise_c
    moves = inputs.shift_pct > 0
    return DecisionChart(
        region=region_choices(session)[end.slug],
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
    moved_mw, arrived_mw = moved_and_arrived_mw(
        inputs.source.it_load_mw,
        inputs.shift_pct,
        inputs.source.policy.migration_energy_frac,
    )
    return -moved_mw, arrived_mw


def _rise_c(end: EndInputs, change_mw: NDArray[np.float64]) -> NDArray[np.float64]:
    before_mw = end.reference_load_mw
    rise_c = net_rise_c(
        change_mw,
        reference_mw=end.it_load_mw if before_mw is None else before_mw,
        factor_c_per_pct=end.policy.cooling_factor_c_per_pct,
    )
    return np.where(np.isfinite(change_mw), rise_c, np.nan)


def _facts(session: Session, stored: StoredDecision) -> tuple[NamedValue, ...]:
    facts = stored.facts
    source = json.loads(facts.inputs_text)["source"]
    calibration, policy = source["calibration"] or {}, source["policy"]
    values: list[tuple[str, object]] = [
        ("Request id", facts.request_id),
        ("Model", _model_label(session, facts.model_version_id)),
        ("Forecast at the source", facts.source_forecast_id),
        ("Forecast at the target", facts.target_forecast_id),
        ("Telemetry age when taken", _age_text(stored)),
        ("Calibration scores", calibration.get("score_count")),
        ("Tracked quantile q", _rounded(calibration.get("quantile"))),
        ("Tracking offset b", _rounded(calibration.get("offset"))),
        ("Fleet policy version id", facts.fleet_policy_id),
        ("Region policy version id", facts.region_policy_id),
        ("Telemetry age limit", f"{policy['telemetry_max_age_h']} h"),
        ("Cooling factor", f"{policy['cooling_factor_c_per_pct']} °C per %"),
        ("Cites what-if", facts.what_if_id),
        ("Carries out plan", facts.plan_id),
        ("Code version", facts.code_version),
    ]
    return tuple(
        NamedValue(label=label, value=str(value))
        for label, value in values
        if value is not None
    )


def _rounded(value: str | float | None) -> str | None:
    """Six digits; all of them stand in the stored inputs."""
    return None if value is None else f"{float(value):.6g}"


def _model_label(session: Session, version_id: int | None) -> str | None:
    if version_id is None:
        return None
    version = model_versions.model_version(session, version_id)
    return f"{version.label}, SHA-256 {version.onnx_sha256}"


def _watermark(stored: StoredDecision) -> datetime | None:
    text = json.loads(stored.facts.inputs_text)["source"]["telemetry_watermark_utc"]
    return None if text is None else datetime.fromisoformat(text)


def _age_text(stored: StoredDecision) -> str | None:
    watermark = _watermark(stored)
    if watermark is None or stored.facts.is_simulated:
        return None
    age = stored.created_at_utc - watermark
    return f"{age / HOUR:.1f} h"
