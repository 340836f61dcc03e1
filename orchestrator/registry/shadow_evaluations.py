"""Shadow evaluation: a model on past telemetry, beside the one that serves, and a gate.

One region is one step and one transaction, so the work shows its progress, can be left
and resumed, and does not hold up the hourly cycle. Imports MAPIE: for the command line
and the worker, never for the web process.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import AuditAction
from core.errors import NotFound
from core.forecasts import Target
from core.model_gate import GateVerdict, judge_bounds, judge_errors, pooled
from db import audit, model_evaluations, model_versions
from db.model_evaluations import RUNNING, ModelEvaluation
from db.model_versions import ModelVersion
from db.regions import StoredRegion
from orchestrator.forecasts.serving import ModelCache
from orchestrator.logs import get_logger
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.evaluation_requests import start_evaluation
from orchestrator.registry.region_shadows import evaluate_region
from orchestrator.registry.shadow_records import from_record

log = get_logger(__name__)

Progress = Callable[[str], None]


def evaluate_next_region(
    session: Session,
    actor: Actor,
    cache: ModelCache,
    evaluation_id: int,
    *,
    now: datetime,
) -> ModelEvaluation:
    """Evaluate one more region, or close the evaluation after the last.

    Idempotent, and safe to be called by several processes: they take turns.

    Raises
    ------
    Conflict
        When another process is at it.
    """
    evaluation = model_evaluations.lock_evaluation(session, evaluation_id)
    if evaluation.state != RUNNING:
        return evaluation
    done = model_evaluations.region_figures(session, evaluation_id)
    left = [slug for slug in evaluation.region_slugs if slug not in done]
    if left:
        record = evaluate_region(
            session, cache, evaluation, _region(session, left[0]), now=now
        )
        model_evaluations.insert_region_figures(session, evaluation_id, left[0], record)
    if len(left) <= 1:
        _finish(session, actor, evaluation)
    return model_evaluations.evaluation(session, evaluation_id)


def fail(session: Session, actor: Actor, evaluation_id: int, reason: str) -> None:
    """Close an evaluation that could not be carried out; its model is not validated."""
    evaluation = model_evaluations.lock_evaluation(session, evaluation_id)
    if evaluation.state != RUNNING:
        return
    model_evaluations.fail_evaluation(session, evaluation_id, reason)
    version = model_versions.model_version(session, evaluation.model_version_id)
    _settle(
        session,
        actor,
        version,
        GateVerdict(passed=False, findings=(f"It could not be evaluated: {reason}",)),
        evaluation_id,
    )


def evaluate_now(
    session: Session,
    actor: Actor,
    cache: ModelCache,
    version_id: int,
    *,
    now: datetime,
    on_progress: Progress,
) -> ModelEvaluation:
    """A whole evaluation in the caller's transaction."""
    evaluation_id = start_evaluation(session, actor, version_id, now=now, queue=False)
    evaluation = model_evaluations.evaluation(session, evaluation_id)
    n_regions = len(evaluation.region_slugs)
    for number, slug in enumerate(evaluation.region_slugs, start=1):
        on_progress(
            f"Evaluating model {version_id} on {slug} ({number} of {n_regions}) …"
        )
        evaluation = evaluate_next_region(session, actor, cache, evaluation_id, now=now)
    return evaluation


def _region(session: Session, slug: str) -> StoredRegion:
    for stored in active_regions(session):
        if stored.region.slug == slug:
            return stored
    message = f"Region {slug} is not active any more; evaluate the model again."
    raise NotFound(message)


def _finish(session: Session, actor: Actor, evaluation: ModelEvaluation) -> None:
    version = model_versions.model_version(session, evaluation.model_version_id)
    records = model_evaluations.region_figures(session, evaluation.evaluation_id)
    regions = [from_record(slug, records[slug]) for slug in sorted(records)]
    comparisons = [region.comparison for region in regions]
    if version.target is Target.TEMPERATURE_C:
        alphas = {region.comparison.region_slug: region.alpha for region in regions}
        verdict = judge_bounds(comparisons, alphas)
    else:
        verdict = judge_errors(comparisons)
    model_evaluations.finish_evaluation(
        session,
        evaluation.evaluation_id,
        gate_passed=verdict.passed,
        findings=verdict.findings,
    )
    log.info(
        "model_evaluated",
        model_version_id=version.version_id,
        gate_passed=verdict.passed,
        rmse=pooled(item.new for item in comparisons).rmse,
    )
    _settle(session, actor, version, verdict, evaluation.evaluation_id)


def _settle(
    session: Session,
    actor: Actor,
    version: ModelVersion,
    verdict: GateVerdict,
    evaluation_id: int,
) -> None:
    """Give the version the state that the gate says, and the event that goes with it.

    A model that has served keeps its state: going back to it must stay one click.
    """
    state = "validated" if verdict.passed else "rejected"
    reason = " ".join(verdict.findings)
    if not model_versions.has_served(session, version.version_id):
        model_versions.set_state(
            session,
            version.version_id,
            state=state,
            rejected_reason=None if verdict.passed else reason,
        )
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.MODEL_VALIDATED
        if verdict.passed
        else AuditAction.MODEL_REJECTED,
        object_type="model_version",
        object_id=str(version.version_id),
        before={"state": version.state},
        after={"state": state, "evaluation_id": evaluation_id},
        reason=reason or None,
    )
