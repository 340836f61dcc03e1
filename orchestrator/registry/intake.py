"""A model file from the command line: the portal's way, without waiting for a worker.

Imports MAPIE, by way of the evaluation: for the command line and the worker.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass

from core.aliases import Progress
from core.errors import Conflict, FleetError, ServiceUnavailable
from db import model_evaluations, model_versions
from db.model_evaluations import RUNNING
from db.model_uploads import ModelUpload
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.registry.evaluation_steps import evaluate_next_region, fail_evaluation
from orchestrator.registry.model_files import GivenFile, receive_model
from orchestrator.registry.upload_checks import check_upload
from orchestrator.runtime import Runtime

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
    runtime: Runtime,
    user_name: str,
    content: bytes,
    label: str,
    *,
    signature: str = "",
    on_progress: Progress,
) -> IntakeOutcome:
    """Quarantine, check and evaluate a file, as a system user.

    Every step is a transaction. A worker that does the same at the same time takes
    turns with it.

    Raises
    ------
    ServiceUnavailable
        When the check could not be run.
    """
    file = GivenFile.read(io.BytesIO(content), label)
    with runtime.request_as(user_name) as request:
        upload, _ = receive_model(request, file, signature)
    on_progress("Checking the file in its sandbox …")
    upload = check_upload(runtime, user_name, upload.upload_id)
    if upload.model_version_id is None:
        return IntakeOutcome(
            upload_id=upload.upload_id,
            version_id=None,
            state=upload.state,
            sentence=f"Refused: {upload.rejected_reason}",
        )
    _finish_evaluation(runtime, user_name, upload.model_version_id, on_progress)
    return _outcome(runtime, upload, upload.model_version_id)


def _finish_evaluation(
    runtime: Runtime, user_name: str, version_id: int, on_progress: Progress
) -> None:
    with runtime.transaction() as session:
        found = model_evaluations.newest_evaluation(session, version_id)
    cache = ModelCache()
    try:
        while found is not None and found.state == RUNNING:
            on_progress(f"Evaluating model {version_id} …")
            _next_step(runtime, user_name, cache, found.evaluation_id)
            with runtime.transaction() as session:
                found = model_evaluations.evaluation(session, found.evaluation_id)
    finally:
        cache.close()


def _next_step(
    runtime: Runtime, user_name: str, cache: ModelCache, evaluation_id: int
) -> None:
    try:
        with runtime.request_as(user_name) as request:
            goes_on = evaluate_next_region(request, cache, evaluation_id, lane=None)
        if not goes_on:  # it is closed, or workers are at the regions that are left
            time.sleep(_LOOK_AGAIN_S)
    except ServiceUnavailable:
        raise
    except Conflict:  # a command is at all of it
        time.sleep(_LOOK_AGAIN_S)
    except FleetError as exc:
        with runtime.request_as(user_name) as request:
            fail_evaluation(request, evaluation_id, exc.message)


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
