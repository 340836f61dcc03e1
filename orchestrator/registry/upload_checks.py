"""The check of a file in quarantine: in the sandbox, outside any transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import AuditAction
from core.errors import Conflict, ModelRejected, NotFound, ServiceUnavailable
from core.version import CODE_VERSION
from db import audit, model_uploads
from db.model_uploads import QUARANTINED, ModelUpload
from db.model_versions import NewModelVersion
from models.metadata import ModelContract
from models.sandbox import check_in_sandbox
from orchestrator.logs import get_logger
from orchestrator.registry.activation import register_model
from orchestrator.registry.evaluation_requests import start_evaluation
from orchestrator.runtime import Runtime

log = get_logger(__name__)

ActorOf = Callable[[Session], Actor]


def check_upload(
    runtime: Runtime, actor_of: ActorOf, upload_id: int, *, queue_evaluation: bool
) -> ModelUpload:
    """Give a file in quarantine its verdict; one that has it keeps it.

    An accepted file becomes a candidate, or the version that has its bytes already,
    and `queue_evaluation` asks the worker to evaluate a new one.

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
    except ModelRejected as exc:
        return _refuse(runtime, actor_of, upload_id, exc.message)
    except ServiceUnavailable as exc:
        with runtime.transaction() as session:
            model_uploads.set_problem(session, upload_id, exc.message)
        raise
    return _accept(
        runtime,
        actor_of,
        upload_id,
        (contract, onnx_bytes),
        queue_evaluation=queue_evaluation,
    )


def _refuse(
    runtime: Runtime, actor_of: ActorOf, upload_id: int, reason: str
) -> ModelUpload:
    with runtime.transaction() as session:
        upload = model_uploads.lock_upload(session, upload_id)
        if upload.state != QUARANTINED:
            return upload  # somebody else was quicker
        model_uploads.set_verdict(
            session,
            upload_id,
            rejected_reason=reason,
            checked_by_version=CODE_VERSION,
        )
        audit.append_event(
            session,
            actor=actor_of(session),
            action=AuditAction.MODEL_REJECTED,
            object_type="model_upload",
            object_id=str(upload_id),
            after={"content_sha256": upload.content_sha256},
            reason=reason,
        )
        log.warning("model_refused", upload_id=upload_id, reason=reason)
        return model_uploads.model_upload(session, upload_id)


def _accept(
    runtime: Runtime,
    actor_of: ActorOf,
    upload_id: int,
    found: tuple[ModelContract, bytes],
    *,
    queue_evaluation: bool,
) -> ModelUpload:
    contract, onnx_bytes = found
    with runtime.transaction() as session:
        upload = model_uploads.lock_upload(session, upload_id)
        if upload.state != QUARANTINED:
            return upload
        actor = actor_of(session)
        version_id, is_new = register_model(
            session,
            actor,
            new_version(contract, onnx_bytes, upload.content_sha256),
            given_by_id=upload.uploaded_by_id,
        )
        model_uploads.set_verdict(
            session,
            upload_id,
            model_version_id=version_id,
            checked_by_version=CODE_VERSION,
        )
        audit.append_event(
            session,
            actor=actor,
            action=AuditAction.MODEL_ACCEPTED,
            object_type="model_upload",
            object_id=str(upload_id),
            after={
                "content_sha256": upload.content_sha256,
                "model_version_id": version_id,
                "is_new_version": is_new,
            },
        )
        if queue_evaluation and is_new:
            _queue_evaluation(session, actor, version_id, now=runtime.clock())
        log.info("model_accepted", upload_id=upload_id, model_version_id=version_id)
        return model_uploads.model_upload(session, upload_id)


def _queue_evaluation(
    session: Session, actor: Actor, version_id: int, *, now: datetime
) -> None:
    try:
        start_evaluation(session, actor, version_id, now=now, queue=True)
    except (Conflict, NotFound) as exc:
        # Without a region there is nothing to judge by yet; it is asked for by hand.
        log.warning("model_not_evaluated", reason=exc.message)


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
        metrics={},
        state="candidate",
        code_version=contract.code_version,
    )
