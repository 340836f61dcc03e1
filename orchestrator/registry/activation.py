"""The registry of models: keep a version, let one serve, go back."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.conformity import required_scores
from core.days import full_hour
from core.errors import Conflict, InvalidInput
from core.forecasts import Target
from db import (
    approvals,
    model_health,
    model_signatures,
    model_versions,
    policies,
    regions,
    window_scores,
)
from db.model_versions import Activation, ModelVersion, NewModelVersion
from orchestrator.jobs import queue_forecasts
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)

MIN_REASON_CHARACTERS, MAX_REASON_CHARACTERS = 10, 1_000


def add_version(
    session: Session, model: NewModelVersion, *, added_by_id: int
) -> tuple[int, tuple[Event, ...]]:
    """Keep a model; the same bytes twice are the same version, without an event."""
    version_id, is_new = model_versions.insert_model_version(
        session, model, actor_id=added_by_id
    )
    event = Event(
        action=AuditAction.MODEL_REGISTERED,
        object_type="model_version",
        object_id=version_id,
        after={
            "target": model.target.value,
            "family": model.family,
            "onnx_sha256": model.onnx_sha256,
            "trained_until_utc": model.trained_until_utc.isoformat(),
            "state": model.state,
        },
    )
    return version_id, (event,) if is_new else ()


def _kept_version(request: Request, kept: str) -> ModelVersion:
    return model_versions.model_version(request.session, int(kept))


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_ACTIVATED,
    repeat=_kept_version,
    confirmed=True,
    two_people=True,
)
def activate_model(
    request: Request,
    version_id: int,
    *,
    reason: str,
    seen_active_id: int | None = None,
) -> Done[ModelVersion]:
    """Let a validated version serve its target; forecasts of this hour follow at once.

    Parameters
    ----------
    seen_active_id : int, optional
        The version that the person saw serving, 0 for none: if another serves by now,
        they did not mean this.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        When there is no such version, it is not validated or not calibrated, or
        another one was activated at the same moment.
    """
    done = switch_to(request, version_id, reason=reason, seen_active_id=seen_active_id)
    queue_forecasts(request.session, issued_at_utc=full_hour(request.now))
    return done


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_ACTIVATED,
    repeat=_kept_version,
    confirmed=True,
    two_people=True,
)
def roll_back_model(
    request: Request,
    target: Target,
    *,
    reason: str,
    seen_active_id: int | None = None,
) -> Done[ModelVersion]:
    """Let the version that served before serve again, as `activate_model` does.

    Raises
    ------
    Conflict
        When there is nothing to go back to.
    """
    former_id = model_versions.former_version_id(request.session, target)
    if former_id is None:
        message = f"No other model served {target} before; there is nothing to go back."
        raise Conflict(message)
    done = switch_to(request, former_id, reason=reason, seen_active_id=seen_active_id)
    queue_forecasts(request.session, issued_at_utc=full_hour(request.now))
    return done


def switch_to(
    request: Request,
    version_id: int,
    *,
    reason: str,
    seen_active_id: int | None = None,
) -> Done[ModelVersion]:
    """An activation as a part of a change; the next forecasts come when due."""
    session = request.session
    version = model_versions.model_version(session, version_id)
    _require_servable(version)
    origin = model_signatures.model_origin(session, version_id)
    if not origin.is_signed and approvals.change_rules(session).signed_models_only:
        message = (
            f"Model version {version_id} has no signature of a trusted key, which the"
            " rules for changes require."
        )
        raise InvalidInput(message)
    previous = model_versions.active_model(session, version.target)
    _require_as_seen(previous, version, seen_active_id)
    if not model_versions.has_served(session, version_id):
        _require_calibration(session, version, previous)
    model_versions.insert_activation(
        session,
        target=version.target,
        version_id=version_id,
        expected_previous_id=previous.activation_id if previous else None,
        actor_id=request.actor.user_id,
        reason=reason,
    )
    model_health.set_available(session, version.target)
    log.info(
        "model_activated",
        target=version.target.value,
        model_version_id=version_id,
        sha256=version.onnx_sha256,
    )
    event = Event(
        action=AuditAction.MODEL_ACTIVATED,
        object_type="model_version",
        object_id=version_id,
        before={"model_version_id": previous.version.version_id if previous else None},
        after={
            "model_version_id": version_id,
            "target": version.target.value,
            "onnx_sha256": version.onnx_sha256,
            "origin": origin.words,
        },
        reason=reason,
    )
    return Done(answer=version, events=(event,), kept=version_id)


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
    found = regions.list_regions(session, active_only=True)
    in_force = policies.effective_policies(session, [r.region_id for r in found])
    for stored in found:
        needed = required_scores(in_force[stored.region_id].alpha)
        for hour in range(24):
            place = (stored.region_id, hour)
            if counts_now.get(place, 0) >= needed > counts.get(place, 0):
                message = (
                    f"Model version {version.version_id} is not calibrated for"
                    f" {stored.region.slug} (issue hour {hour}:"
                    f" {counts.get(place, 0)} of {needed} scores); evaluate it first."
                )
                raise InvalidInput(message)


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_GATE_OVERRIDDEN,
    repeat=_kept_version,
    confirmed=True,
    two_people=True,
)
def override_gate(
    request: Request, version_id: int, *, reason: str
) -> Done[ModelVersion]:
    """Validate a version that its gate refused; the written reason is audited.

    Raises
    ------
    InvalidInput
        When there is no reason, or the version was not refused by its gate.
    """
    written = written_reason(reason)
    version = model_versions.model_version(request.session, version_id)
    if version.state != "rejected":
        message = (
            f"Model version {version_id} is {version.state}; only one that its gate"
            " refused needs an override."
        )
        raise InvalidInput(message)
    model_versions.set_state(request.session, version_id, state="validated")
    log.warning("model_gate_overridden", model_version_id=version_id)
    event = Event(
        action=AuditAction.MODEL_GATE_OVERRIDDEN,
        object_type="model_version",
        object_id=version_id,
        before={"state": version.state, "refused_because": version.rejected_reason},
        after={"state": "validated"},
        reason=written,
    )
    return Done(
        answer=model_versions.model_version(request.session, version_id),
        events=(event,),
        kept=version_id,
    )


def written_reason(text: str) -> str:
    """The reason for going on against a finding, in one line; raises InvalidInput."""
    written = " ".join(text.split())
    if not MIN_REASON_CHARACTERS <= len(written) <= MAX_REASON_CHARACTERS:
        message = (
            f"Write why, in {MIN_REASON_CHARACTERS} to {MAX_REASON_CHARACTERS:,}"
            " characters: the reason is kept in the audit."
        )
        raise InvalidInput(message)
    return written
