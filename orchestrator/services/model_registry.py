"""The registry of models: keep a version, let one serve, go back."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.days import WINDOW_H
from core.errors import Conflict, InvalidInput
from core.forecasts import Target
from db import audit, model_versions
from db.model_versions import ModelVersion, NewModelVersion
from orchestrator.logs import get_logger
from orchestrator.services.serving import ModelCache, ServingModel

__all__ = ["ModelCache", "ServingModel"]

log = get_logger(__name__)


def register_model(
    session: Session, actor: Actor, model: NewModelVersion
) -> tuple[int, bool]:
    """Keep a model; the same bytes twice are the same version."""
    actor.require(Permission.MANAGE_MODELS)
    version_id, is_new = model_versions.insert_model_version(
        session, model, actor_id=actor.user_id
    )
    if is_new:
        audit.append_event(
            session,
            actor=actor,
            action=AuditAction.MODEL_REGISTERED,
            object_type="model_version",
            object_id=str(version_id),
            after={
                "target": model.target.value,
                "family": model.family,
                "onnx_sha256": model.onnx_sha256,
                "trained_until_utc": model.trained_until_utc.isoformat(),
                "state": model.state,
            },
        )
    return version_id, is_new


def activate_model(
    session: Session, actor: Actor, version_id: int, *, reason: str
) -> ModelVersion:
    """Let a validated version serve its target from the next forecast on.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        When there is no such version, it is not validated, or another one was
        activated at the same moment.
    """
    actor.require(Permission.MANAGE_MODELS)
    version = model_versions.model_version(session, version_id)
    if version.state != "validated":
        message = (
            f"Model version {version_id} is {version.state}; only a validated one can"
            " be activated."
        )
        raise InvalidInput(message)
    if version.horizon_h != WINDOW_H:
        message = (
            f"Model version {version_id} forecasts {version.horizon_h} h; decisions are"
            f" taken on {WINDOW_H} h, so it cannot serve."
        )
        raise InvalidInput(message)
    previous = model_versions.active_model(session, version.target)
    if previous is not None and previous.version.version_id == version_id:
        message = f"Model version {version_id} already serves {version.target}."
        raise Conflict(message)
    model_versions.insert_activation(
        session,
        target=version.target,
        version_id=version_id,
        expected_previous_id=previous.activation_id if previous else None,
        actor_id=actor.user_id,
        reason=reason,
    )
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.MODEL_ACTIVATED,
        object_type="model_version",
        object_id=str(version_id),
        before={"model_version_id": previous.version.version_id if previous else None},
        after={"model_version_id": version_id, "target": version.target.value},
        reason=reason,
    )
    log.info(
        "model_activated",
        target=version.target.value,
        model_version_id=version_id,
        sha256=version.onnx_sha256,
    )
    return version


def rollback_model(
    session: Session, actor: Actor, target: Target, *, reason: str
) -> ModelVersion:
    """Let the version that served before serve again.

    Raises
    ------
    Conflict
        When there is nothing to go back to.
    """
    actor.require(Permission.MANAGE_MODELS)
    former_id = model_versions.former_version_id(session, target)
    if former_id is None:
        message = f"No other model served {target} before; there is nothing to go back."
        raise Conflict(message)
    return activate_model(session, actor, former_id, reason=reason)
