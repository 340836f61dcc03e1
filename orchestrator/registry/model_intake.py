"""A model file from the command line: the portal's way, without waiting for a worker.

Imports MAPIE, by way of the evaluation: for the command line and the worker.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import Conflict, FleetError, ServiceUnavailable
from db import model_evaluations, model_versions
from db.model_uploads import ModelUpload
from db.users import system_actor
from orchestrator.forecasts.serving import ModelCache
from orchestrator.registry import shadow_evaluations as evaluations
from orchestrator.registry.model_uploads import receive_model
from orchestrator.registry.upload_checks import check_upload
from orchestrator.runtime import Runtime

Progress = Callable[[str], None]

_LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeOutcome:
    """Where a file ended: refused, or a version in some state."""

    upload_id: int
    version_id: int | None
    state: str
    sentence: str
    findings: tuple[str, ...] = ()


def take_in(
    runtime: Runtime, content: bytes, label: str, *, on_progress: Progress
) -> IntakeOutcome:
    """Quarantine, check and evaluate a file; every step is a transaction.

    A worker that does the same at the same time takes turns with it.

    Raises
    ------
    ServiceUnavailable
        When the check could not be run.
    """
    with runtime.transaction() as session:
        upload, _ = receive_model(
            session, _actor(session), io.BytesIO(content), label=label
        )
    on_progress("Checking the file in its sandbox …")
    upload = check_upload(runtime, _actor, upload.upload_id, queue_evaluation=True)
    if upload.model_version_id is None:
        return _outcome_of_refusal(upload)
    _finish_evaluation(runtime, upload.model_version_id, on_progress)
    return _outcome(runtime, upload, upload.model_version_id)


def _actor(session: Session) -> Actor:
    return system_actor(session, "cli")


def _finish_evaluation(
    runtime: Runtime, version_id: int, on_progress: Progress
) -> None:
    with runtime.transaction() as session:
        found = model_evaluations.newest_evaluation(session, version_id)
    cache = ModelCache()
    try:
        while found is not None and found.state == model_evaluations.RUNNING:
            on_progress(f"Evaluating model {version_id} …")
            found = _next_step(runtime, cache, found.evaluation_id)
    finally:
        cache.close()


def _next_step(
    runtime: Runtime, cache: ModelCache, evaluation_id: int
) -> model_evaluations.ModelEvaluation:
    try:
        with runtime.transaction() as session:
            return evaluations.evaluate_next_region(
                session, _actor(session), cache, evaluation_id, now=runtime.clock()
            )
    except ServiceUnavailable:
        raise
    except Conflict:  # a worker is at it
        time.sleep(_LOOK_AGAIN_S)
        with runtime.transaction() as session:
            return model_evaluations.evaluation(session, evaluation_id)
    except FleetError as exc:
        with runtime.transaction() as session:
            evaluations.fail(session, _actor(session), evaluation_id, exc.message)
            return model_evaluations.evaluation(session, evaluation_id)


def _outcome_of_refusal(upload: ModelUpload) -> IntakeOutcome:
    return IntakeOutcome(
        upload_id=upload.upload_id,
        version_id=None,
        state=upload.state,
        sentence=f"Refused: {upload.rejected_reason}",
    )


def _outcome(runtime: Runtime, upload: ModelUpload, version_id: int) -> IntakeOutcome:
    with runtime.transaction() as session:
        version = model_versions.model_version(session, version_id)
        found = model_evaluations.newest_evaluation(session, version_id)
    next_step = {
        "validated": f"Let it serve with: gfo model activate {version_id}",
        "rejected": "Its gate refused it:",
    }.get(version.state, "It has not been evaluated.")
    return IntakeOutcome(
        upload_id=upload.upload_id,
        version_id=version_id,
        state=version.state,
        sentence=f"It is {version.label}, {version.state}. {next_step}",
        findings=found.findings if found else (),
    )
