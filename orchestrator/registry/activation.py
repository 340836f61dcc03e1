"""The registry of models: keep a version, let one serve, go back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.conformal import required_scores
from core.days import full_hour
from core.errors import Conflict, InvalidInput
from core.forecasts import Target
from db import audit, model_health, model_versions, policies, regions, window_scores
from db.model_versions import Activation, ModelVersion, NewModelVersion
from orchestrator.forecasts.serving import ModelCache, ServingModel
from orchestrator.handled_requests import Old, answer_of, keep_answer
from orchestrator.jobs import queue_forecasts
from orchestrator.logs import get_logger

__all__ = ["ModelCache", "ServingModel"]

log = get_logger(__name__)

MIN_REASON_CHARACTERS, MAX_REASON_CHARACTERS = 10, 1_000


def register_model(
    session: Session,
    actor: Actor,
    model: NewModelVersion,
    *,
    given_by_id: int | None = None,
) -> tuple[int, bool]:
    """Keep a model; the same bytes twice are the same version.

    `given_by_id` is who brought it in, when the actor only carries that out.
    """
    actor.require(Permission.MANAGE_MODELS)
    version_id, is_new = model_versions.insert_model_version(
        session, model, actor_id=given_by_id or actor.user_id
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
    session: Session,
    actor: Actor,
    version_id: int,
    *,
    reason: str,
    seen_active_id: int | None = None,
    now: datetime | None = None,
    request_id: UUID | None = None,
) -> ModelVersion:
    """Let a validated version serve its target from the next forecast on.

    Parameters
    ----------
    seen_active_id : int, optional
        The version that the person saw serving, 0 for none: if another serves by now,
        they did not mean this.
    now : datetime, optional
        Asks the worker for new forecasts of the present hour at once.

    Raises
    ------
    NotFound, InvalidInput, Conflict, RequestReused
        When there is no such version, it is not validated or not calibrated, or
        another one was activated at the same moment; when the request id was used for
        something else.
    """
    actor.require(Permission.MANAGE_MODELS)
    request = Old(
        request_id=request_id,
        operation="activate_model",
        body={
            "model_version_id": version_id,
            "reason": reason,
            "seen_active_id": seen_active_id,
        },
    )
    if answer_of(session, actor, request) is not None:
        return model_versions.model_version(session, version_id)
    return _activate(
        session,
        actor,
        version_id,
        request,
        reason=reason,
        seen_active_id=seen_active_id,
        now=now,
    )


def _activate(
    session: Session,
    actor: Actor,
    version_id: int,
    request: Old,
    *,
    reason: str,
    seen_active_id: int | None,
    now: datetime | None,
) -> ModelVersion:
    version = model_versions.model_version(session, version_id)
    _require_servable(version)
    previous = model_versions.active_model(session, version.target)
    _require_as_seen(previous, version, seen_active_id)
    if not model_versions.has_served(session, version_id):
        _require_calibration(session, version, previous)
    return _switch(session, actor, version, previous, request, reason=reason, now=now)


def _require_servable(version: ModelVersion) -> None:
    if version.state != "validated":
        message = (
            f"Model version {version.version_id} is {version.state}; only a validated"
            " one can be activated."
        )
        raise InvalidInput(message)


def _require_as_seen(
    previous: Activation | None, version: ModelVersion, seen_active_id: int | None
) -> None:
    active_id = previous.version.version_id if previous else 0
    if active_id == version.version_id:
        message = f"Model version {active_id} already serves {version.target}."
        raise Conflict(message)
    if seen_active_id is not None and seen_active_id != active_id:
        message = (
            f"Model version {active_id} serves {version.target} by now; look again"
            " before you replace it."
        )
        raise Conflict(message)


def _require_calibration(
    session: Session, version: ModelVersion, previous: Activation | None
) -> None:
    """Every region that has bounds now must have them from the first forecast on."""
    if version.target is not Target.TEMPERATURE_C or previous is None:
        return
    counts = window_scores.score_counts(session, model_version_id=version.version_id)
    counts_now = window_scores.score_counts(
        session, model_version_id=previous.version.version_id
    )
    for stored in regions.list_regions(session, active_only=True):
        policy = policies.effective_policy(session, stored.region_id)
        needed = required_scores(policy.alpha)
        for hour in range(24):
            place = (stored.region_id, hour)
            if counts_now.get(place, 0) >= needed > counts.get(place, 0):
                message = (
                    f"Model version {version.version_id} is not calibrated for"
                    f" {stored.region.slug} (issue hour {hour}:"
                    f" {counts.get(place, 0)} of {needed} scores); evaluate it first."
                )
                raise InvalidInput(message)


def _switch(
    session: Session,
    actor: Actor,
    version: ModelVersion,
    previous: Activation | None,
    request: Old,
    *,
    reason: str,
    now: datetime | None,
) -> ModelVersion:
    version_id = version.version_id
    model_versions.insert_activation(
        session,
        target=version.target,
        version_id=version_id,
        expected_previous_id=previous.activation_id if previous else None,
        actor_id=actor.user_id,
        reason=reason,
    )
    model_health.set_available(session, version.target)
    if now is not None:
        queue_forecasts(session, issued_at_utc=full_hour(now))
    keep_answer(session, actor, request, str(version_id))
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.MODEL_ACTIVATED,
        object_type="model_version",
        object_id=str(version_id),
        before={"model_version_id": previous.version.version_id if previous else None},
        after={"model_version_id": version_id, "target": version.target.value},
        reason=reason,
        request_id=request.id_text,
    )
    log.info(
        "model_activated",
        target=version.target.value,
        model_version_id=version_id,
        sha256=version.onnx_sha256,
    )
    return version


def override_gate(
    session: Session,
    actor: Actor,
    version_id: int,
    *,
    reason: str,
    request_id: UUID | None = None,
) -> ModelVersion:
    """Validate a version that its gate refused; the written reason is audited.

    Raises
    ------
    InvalidInput, RequestReused
        When there is no reason, or the version was not refused by its gate; when the
        request id was used for something else.
    """
    actor.require(Permission.MANAGE_MODELS)
    written = " ".join(reason.split())
    if not MIN_REASON_CHARACTERS <= len(written) <= MAX_REASON_CHARACTERS:
        message = (
            f"Write why, in {MIN_REASON_CHARACTERS} to {MAX_REASON_CHARACTERS:,}"
            " characters: the reason is kept in the audit."
        )
        raise InvalidInput(message)
    request = Old(
        request_id=request_id,
        operation="override_gate",
        body={"model_version_id": version_id, "reason": written},
    )
    if answer_of(session, actor, request) is not None:
        return model_versions.model_version(session, version_id)
    version = model_versions.model_version(session, version_id)
    if version.state != "rejected":
        message = (
            f"Model version {version_id} is {version.state}; only one that its gate"
            " refused needs an override."
        )
        raise InvalidInput(message)
    model_versions.set_state(session, version_id, state="validated")
    keep_answer(session, actor, request, str(version_id))
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.MODEL_GATE_OVERRIDDEN,
        object_type="model_version",
        object_id=str(version_id),
        before={"state": version.state, "refused_because": version.rejected_reason},
        after={"state": "validated"},
        reason=written,
        request_id=request.id_text,
    )
    log.warning("model_gate_overridden", model_version_id=version_id)
    return model_versions.model_version(session, version_id)


def rollback_model(
    session: Session,
    actor: Actor,
    target: Target,
    *,
    reason: str,
    seen_active_id: int | None = None,
    now: datetime | None = None,
    request_id: UUID | None = None,
) -> ModelVersion:
    """Let the version that served before serve again.

    Raises
    ------
    Conflict, RequestReused
        When there is nothing to go back to; when the request id was used for something
        else.
    """
    actor.require(Permission.MANAGE_MODELS)
    request = Old(
        request_id=request_id,
        operation="roll_back_model",
        body={
            "target": target.value,
            "reason": reason,
            "seen_active_id": seen_active_id,
        },
    )
    answer = answer_of(session, actor, request)
    if answer is not None:
        return model_versions.model_version(session, int(answer))
    former_id = model_versions.former_version_id(session, target)
    if former_id is None:
        message = f"No other model served {target} before; there is nothing to go back."
        raise Conflict(message)
    return _activate(
        session,
        actor,
        former_id,
        request,
        reason=reason,
        seen_active_id=seen_active_id,
        now=now,
    )
