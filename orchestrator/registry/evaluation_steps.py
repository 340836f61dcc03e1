"""Shadow evaluation: a model on past telemetry, beside the one that serves, and a gate.

One region is one step and one transaction, so the work shows its progress, can be left
and resumed, and does not hold up the hourly cycle. Imports MAPIE: for the command line
and the worker, never for the web process.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.access import Permission
from core.aliases import Progress
from core.audit import AuditAction
from core.errors import NotFound
from core.forecasts import Target
from core.model_gate import GateVerdict, judge_bounds, judge_errors, pooled
from db import model_evaluations, model_versions
from db.model_evaluations import RUNNING, ModelEvaluation
from db.model_versions import ModelVersion
from db.regions import StoredRegion, regions_by_slug
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.jobs import queue_evaluation_step
from orchestrator.logs import get_logger
from orchestrator.registry import records
from orchestrator.registry.evaluation_requests import begin_evaluation
from orchestrator.registry.region_evaluation import evaluate_region
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)


@change(
    Permission.RUN_CYCLE,
    AuditAction.MODEL_VALIDATED,
    AuditAction.MODEL_REJECTED,
    repeat=None,
)
def evaluate_next_region(
    request: Request, cache: ModelCache, evaluation_id: int, *, lane: int | None
) -> Done[bool]:
    """Evaluate one more region, or close the evaluation; returns whether to go on.

    Several processes may do so at once: each takes a region that nobody is at, and
    whoever stores the last one closes. The next region of the lane is queued; without
    a lane it is left to the caller.

    Raises
    ------
    Conflict
        When a command carries out the whole evaluation.
    """
    done = _evaluate_next(request, cache, evaluation_id)
    if done.answer and lane is not None:
        queue_evaluation_step(request.session, evaluation_id=evaluation_id, lane=lane)
    return done


def _evaluate_next(
    request: Request, cache: ModelCache, evaluation_id: int
) -> Done[bool]:
    session = request.session
    evaluation = model_evaluations.share_evaluation(session, evaluation_id)
    if evaluation.state != RUNNING:
        return Done(answer=False)
    slug = model_evaluations.take_region(session, evaluation)
    if slug is not None:
        found = evaluate_region(
            session, cache, evaluation, _region(session, slug), now=request.now
        )
        model_evaluations.insert_region_figures(
            session, evaluation_id, slug, records.encode(found)
        )
    evaluation = model_evaluations.wait_for_end(session, evaluation_id)
    known = model_evaluations.evaluated_slugs(session, evaluation_id)
    if evaluation.state != RUNNING or not known.issuperset(evaluation.region_slugs):
        return Done(answer=evaluation.state == RUNNING and slug is not None)
    return Done(answer=False, events=(_finish(session, evaluation),))


@change(Permission.RUN_CYCLE, AuditAction.MODEL_REJECTED, repeat=None)
def fail_evaluation(
    request: Request, evaluation_id: int, reason: str
) -> Done[ModelEvaluation]:
    """Close an evaluation that could not be carried out; its model is not validated."""
    session = request.session
    evaluation = model_evaluations.wait_for_end(session, evaluation_id)
    if evaluation.state != RUNNING:
        return Done(answer=evaluation)
    model_evaluations.fail_evaluation(session, evaluation_id, reason)
    version = model_versions.model_version(session, evaluation.model_version_id)
    verdict = GateVerdict(
        passed=False, findings=(f"It could not be evaluated: {reason}",)
    )
    return Done(
        answer=model_evaluations.evaluation(session, evaluation_id),
        events=(_settle(session, version, verdict, evaluation_id),),
    )


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_EVALUATION_STARTED,
    AuditAction.MODEL_VALIDATED,
    AuditAction.MODEL_REJECTED,
    repeat=None,
)
def evaluate_now(
    request: Request, cache: ModelCache, version_id: int, *, on_progress: Progress
) -> Done[ModelEvaluation]:
    """A whole evaluation in the caller's transaction."""
    return carry_out_evaluation(request, cache, version_id, on_progress=on_progress)


def carry_out_evaluation(
    request: Request, cache: ModelCache, version_id: int, *, on_progress: Progress
) -> Done[ModelEvaluation]:
    """`evaluate_now` as a part of a change."""
    begun = begin_evaluation(request, version_id)
    evaluation = model_evaluations.evaluation(request.session, begun.answer)
    events, n_regions = begun.events, len(evaluation.region_slugs)
    for number, slug in enumerate(evaluation.region_slugs, start=1):
        on_progress(
            f"Evaluating model {version_id} on {slug} ({number} of {n_regions}) …"
        )
        events += _evaluate_next(request, cache, begun.answer).events
    evaluation = model_evaluations.evaluation(request.session, begun.answer)
    return Done(answer=evaluation, events=events)


def _region(session: Session, slug: str) -> StoredRegion:
    for stored in regions_by_slug(session, [slug]):
        if stored.region.is_active:
            return stored
    message = f"Region {slug} is not active any more; evaluate the model again."
    raise NotFound(message)


def _finish(session: Session, evaluation: ModelEvaluation) -> Event:
    version = model_versions.model_version(session, evaluation.model_version_id)
    stored = model_evaluations.region_figures(session, evaluation.evaluation_id)
    regions = [records.decode(slug, stored[slug]) for slug in sorted(stored)]
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
    return _settle(session, version, verdict, evaluation.evaluation_id)


def _settle(
    session: Session, version: ModelVersion, verdict: GateVerdict, evaluation_id: int
) -> Event:
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
    return Event(
        action=AuditAction.MODEL_VALIDATED
        if verdict.passed
        else AuditAction.MODEL_REJECTED,
        object_type="model_version",
        object_id=version.version_id,
        before={"state": version.state},
        after={"state": state, "evaluation_id": evaluation_id},
        reason=reason or None,
    )
