"""The check of a file in quarantine: in the sandbox, outside any transaction."""

from __future__ import annotations

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict, ModelRejected, NotFound, ServiceUnavailable
from core.version import CODE_VERSION
from db import model_uploads
from db.model_uploads import QUARANTINED, ModelUpload
from db.model_versions import NORMALISES_SCALE, NewModelVersion
from models.metadata import ModelContract, require_trained_in_past
from models.sandbox import check_in_sandbox
from orchestrator.logs import get_logger
from orchestrator.registry.activation import add_version
from orchestrator.registry.evaluation_requests import (
    begin_evaluation,
    queue_lanes,
)
from orchestrator.runtime import Runtime
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)


def check_upload(runtime: Runtime, user_name: str, upload_id: int) -> ModelUpload:
    """Give a file in quarantine its verdict, as a system user; it keeps that.

    An accepted file becomes a candidate, or the version that has its bytes already. The
    worker is asked to evaluate a new one.

    Raises
    ------
    ServiceUnavailable
        When the check could not be run; the file stays in quarantine, with the reason.
    """
    with runtime.transaction() as session:
        upload = model_uploads.model_upload(session, upload_id)
        if upload.state != QUARANTINED:
            return upload
        onnx_bytes = model_uploads.upload_bytes(session, upload_id)
    try:
        contract = check_in_sandbox(onnx_bytes)
        require_trained_in_past(contract, runtime.clock())
    except ModelRejected as exc:
        with runtime.request_as(user_name) as request:
            return refuse_upload(request, upload_id, exc.message)
    except ServiceUnavailable as exc:
        with runtime.transaction() as session:
            model_uploads.set_problem(session, upload_id, exc.message)
        raise
    with runtime.request_as(user_name) as request:
        return accept_upload(request, upload_id, contract, onnx_bytes)


@change(Permission.RUN_CYCLE, AuditAction.MODEL_REJECTED, repeat=None)
def refuse_upload(request: Request, upload_id: int, reason: str) -> Done[ModelUpload]:
    """Keep the refusal of a file, unless another process was quicker."""
    upload = model_uploads.lock_upload(request.session, upload_id)
    if upload.state != QUARANTINED:
        return Done(answer=upload)
    model_uploads.set_verdict(
        request.session,
        upload_id,
        rejected_reason=reason,
        checked_by_version=CODE_VERSION,
    )
    log.warning("model_refused", upload_id=upload_id, reason=reason)
    event = Event(
        action=AuditAction.MODEL_REJECTED,
        object_type="model_upload",
        object_id=upload_id,
        after={"content_sha256": upload.content_sha256},
        reason=reason,
    )
    return Done(
        answer=model_uploads.model_upload(request.session, upload_id), events=(event,)
    )


@change(
    Permission.RUN_CYCLE,
    AuditAction.MODEL_REGISTERED,
    AuditAction.MODEL_ACCEPTED,
    AuditAction.MODEL_EVALUATION_STARTED,
    repeat=None,
)
def accept_upload(
    request: Request, upload_id: int, contract: ModelContract, onnx_bytes: bytes
) -> Done[ModelUpload]:
    """Register a checked file as a version, unless another process was quicker."""
    session = request.session
    upload = model_uploads.lock_upload(session, upload_id)
    if upload.state != QUARANTINED:
        return Done(answer=upload)
    version_id, registered = add_version(
        session,
        new_version(contract, onnx_bytes, upload.content_sha256),
        added_by_id=upload.uploaded_by_id,
    )
    model_uploads.set_verdict(
        session,
        upload_id,
        model_version_id=version_id,
        checked_by_version=CODE_VERSION,
    )
    accepted = Event(
        action=AuditAction.MODEL_ACCEPTED,
        object_type="model_upload",
        object_id=upload_id,
        after={
            "content_sha256": upload.content_sha256,
            "model_version_id": version_id,
            "is_new_version": bool(registered),
        },
    )
    started = _start_evaluation(request, version_id) if registered else ()
    log.info("model_accepted", upload_id=upload_id, model_version_id=version_id)
    return Done(
        answer=model_uploads.model_upload(session, upload_id),
        events=(*registered, accepted, *started),
    )


def _start_evaluation(request: Request, version_id: int) -> tuple[Event, ...]:
    try:
        begun = begin_evaluation(request, version_id)
    except (Conflict, NotFound) as exc:
        # Without a region there is nothing to judge by yet; an admin starts it later.
        log.warning("model_not_evaluated", reason=exc.message)
        return ()
    queue_lanes(request.session, begun.answer)
    return begun.events


def new_version(
    contract: ModelContract, onnx_bytes: bytes, sha256: str
) -> NewModelVersion:
    """A checked model as a candidate."""
    return NewModelVersion(
        target=contract.target,
        family=contract.family,
        onnx_sha256=sha256,
        onnx_bytes=onnx_bytes,
        contract_version=contract.contract_version,
        feature_names=contract.feature_names,
        region_slugs=contract.region_slugs,
        horizon_h=contract.horizon_h,
        trained_from_utc=contract.trained_from_utc,
        trained_until_utc=contract.trained_until_utc,
        metrics={NORMALISES_SCALE: True},
        state="candidate",
        code_version=contract.code_version,
    )
