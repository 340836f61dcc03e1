"""Store decisions with the load they move, and the audit event of their making."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor
from core.days import WINDOW_H
from core.decision_states import term_end
from core.errors import InvalidInput
from core.risk import RiskLevel
from core.scheduler import Verdict
from core.telemetry import HOUR
from core.version import CODE_VERSION
from db import decisions
from db.decision_standing import insert_term
from db.decisions import NewDecision, StoredDecision
from orchestrator.decisions.judgements import Judgement
from orchestrator.decisions.records import impact_values
from orchestrator.decisions.row_hashes import (
    MAKING_ACTIONS,
    RECORD_HASH,
    record_sha256s,
)
from orchestrator.decisions.views import MAXIMUM_COMMENT_CHARS
from orchestrator.logs import get_logger
from orchestrator.use_cases import Event

log = get_logger(__name__)


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
    lasts_h: int | None = WINDOW_H,
) -> tuple[StoredDecision, Event]:
    """Insert a decision, and its transfers when it binds; returns it with its event.

    `lasts_h` is for how many hours from its window's start it is recorded; None until
    it is taken back.
    """
    new = NewlyJudged(
        judgement=judgement,
        request_id=request_id,
        comment=comment,
        what_if_id=what_if_id,
        supersedes_id=supersedes_id,
        lasts_h=lasts_h,
    )
    (made,) = store_all(session, actor, [new], kind=kind)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class NewlyJudged:
    """A judgement to be stored; see `store`."""

    judgement: Judgement
    request_id: UUID
    comment: str | None = None
    what_if_id: int | None = None
    supersedes_id: int | None = None
    lasts_h: int | None = WINDOW_H


def store_all(
    session: Session, actor: Actor, found: Sequence[NewlyJudged], *, kind: str
) -> list[tuple[StoredDecision, Event]]:
    """As `store`, for many judgements at once; in their order."""
    new = [
        replace(
            _new_decision(actor, item.judgement, kind=kind, request_id=item.request_id),
            comment=item.comment,
            what_if_id=item.what_if_id,
            supersedes_id=item.supersedes_id,
        )
        for item in found
    ]
    ids = decisions.insert_decisions(session, new)
    if kind == "recorded":
        for decision_id, item, decision in zip(ids, found, new, strict=True):
            _store_binding(session, decision_id, item, decision)
    stored = decisions.decisions_by_ids(session, ids)
    hashes = record_sha256s(session, [stored[decision_id] for decision_id in ids])
    made = []
    for decision_id, item, decision in zip(ids, found, new, strict=True):
        _log(decision_id, decision, item.judgement)
        event = Event(
            action=MAKING_ACTIONS[kind],
            object_type="decision",
            object_id=decision_id,
            after=_audit_facts(decision, item.judgement)
            | {RECORD_HASH: hashes[decision_id]}
            | _term_facts(stored[decision_id]),
            reason=item.comment,
            request_id=item.request_id,
        )
        made.append((stored[decision_id], event))
    return made


def _store_binding(
    session: Session, decision_id: int, item: NewlyJudged, decision: NewDecision
) -> None:
    """What a recorded decision moves, and until when where it outlasts its window."""
    _store_transfers(session, decision_id, item.judgement)
    if item.lasts_h != WINDOW_H or decision.hours_of_day is not None:
        ends_at_utc = term_end(
            decision.window_start_utc,
            decision.window_end_utc,
            item.lasts_h,
            last_hour_end_utc=_chosen_hours_utc(item.judgement)[-1] + HOUR,
        )
        insert_term(session, decision_id=decision_id, ends_at_utc=ends_at_utc)


def _term_facts(stored: StoredDecision) -> dict[str, object]:
    """Of what does not end with its window, until when."""
    end_utc = stored.end_utc
    if end_utc == stored.facts.window_end_utc:
        return {}
    return {"ends_at_utc": end_utc.isoformat() if end_utc else None}


def checked_comment(comment: str) -> str:
    """A comment on a recorded decision or plan, without white space around it.

    Raises
    ------
    InvalidInput
        When it is too long.
    """
    comment = comment.strip()
    if len(comment) > MAXIMUM_COMMENT_CHARS:
        message = f"A comment has at most {MAXIMUM_COMMENT_CHARS} characters."
        raise InvalidInput(message)
    return comment


def written(text: str, what: str, *, kept_with: str) -> str:
    """What somebody has to write, without white space around it.

    Raises
    ------
    InvalidInput
        When nothing is written, or too much.
    """
    text = text.strip()
    if not text:
        message = f"Write a {what}: it is kept with the {kept_with}."
        raise InvalidInput(message)
    if len(text) > MAXIMUM_COMMENT_CHARS:
        message = f"A {what} has at most {MAXIMUM_COMMENT_CHARS} characters."
        raise InvalidInput(message)
    return text


def _new_decision(
    actor: Actor, judgement: Judgement, *, kind: str, request_id: UUID
) -> NewDecision:
    source, target, verdict = judgement.source, judgement.target, judgement.verdict
    after, impact = verdict.source_after, judgement.impact
    inputs_text, inputs_sha256 = judgement.inputs_text, judgement.inputs_sha256
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
        impact=impact_values(impact) if impact else None,
        inputs_text=inputs_text,
        inputs_sha256=inputs_sha256,
        code_version=CODE_VERSION,
        plan_id=judgement.plan_move.plan_id if judgement.plan_move else None,
        hours_of_day=str(judgement.hours_of_day) if judgement.hours_of_day else None,
    )


def _chosen_hours_utc(judgement: Judgement) -> list[datetime]:
    """The hours of the window in which the shift moves load."""
    hours_utc, chosen = (
        judgement.source.hours_utc,
        judgement.source.outlook.shares.hours,
    )
    if chosen is None:
        return list(hours_utc)
    return [hour for hour, is_in in zip(hours_utc, chosen, strict=True) if is_in]


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
    chosen_hours_utc = set(_chosen_hours_utc(judgement))
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
            if hour in chosen_hours_utc
        ],
    )


def _bound(verdict: Verdict, end: str) -> float | None:
    check = getattr(verdict, end)
    return check.bound if check else None


def _audit_facts(decision: NewDecision, judgement: Judgement) -> dict[str, object]:
    stored = judgement.source.stored
    return {
        "kind": decision.kind,
        "source": judgement.source.outlook.region.slug,
        "target": (judgement.target.outlook.region.slug if judgement.target else None),
        "shift_pct": decision.shift_pct,
        **({"hours_of_day": decision.hours_of_day} if decision.hours_of_day else {}),
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
