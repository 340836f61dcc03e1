"""What follows from an alarm of the watch: the model before serves, or a reason."""

from __future__ import annotations

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from core.forecasts import Target
from core.model_watch import ALARM_DAYS, combined
from db import model_versions, model_watch, policies
from db.regions import region_by_slug
from orchestrator.logs import get_logger
from orchestrator.registry.activation import switch_to, written_reason
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)


@change(Permission.RUN_CYCLE, AuditAction.MODEL_ACTIVATED, repeat=None)
def fall_back(request: Request) -> Done[bool]:
    """Let the model before serve again where the policy says so; True if it did.

    That needs evidence over all regions, of lost coverage or of lost skill, not an
    alarm in one of them, and a former model without an alarm of its own. Otherwise
    regions with an alarm stay blocked; lost skill blocks none, as bounds still hold.
    """
    session = request.session
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    if active is None or not policies.fleet_policy(session).falls_back_on_alarm:
        return Done(answer=False)
    version_id = active.version.version_id
    by_region = model_watch.region_evidence(session, version_id)
    lost = {
        "its coverage": combined(by_region.values()),
        "skill": model_watch.skill_evidence_of(session, version_id),
    }
    what, evidence = max(lost.items(), key=lambda item: item[1])
    if evidence < ALARM_DAYS:
        return Done(answer=False)
    former_id = model_versions.former_version_id(session, Target.TEMPERATURE_C)
    if former_id is None or model_watch.standing_alarms(
        session, model_version_id=former_id
    ):
        log.error("no_model_to_fall_back_on", model_version_id=version_id)
        return Done(answer=False)
    reason = (
        f"Model {version_id} has lost {what} over the fleet (evidence"
        f" {evidence:,.0f}, alarm from {ALARM_DAYS:,.0f}); the policy lets the model"
        " before serve again."
    )
    done = switch_to(request, former_id, reason=reason, seen_active_id=version_id)
    return Done(answer=True, events=done.events)


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_ALARM_CLEARED,
    repeat=lambda _request, _kept: None,
    confirmed=True,
)
def clear_alarm(
    request: Request, *, region_slug: str | None, model_version_id: int, reason: str
) -> Done[None]:
    """End an alarm, without a region that of the fleet; the evidence begins anew.

    Raises
    ------
    NotFound
        When there is no such region.
    InvalidInput
        Without a reason, or without an alarm.
    """
    written = written_reason(reason)
    region_id = None
    if region_slug is not None:
        region_id = region_by_slug(request.session, region_slug).region_id
    if not model_watch.clear_alarm(
        request.session, region_id=region_id, model_version_id=model_version_id
    ):
        place = f"in {region_slug}" if region_slug else "of the fleet"
        message = f"Model version {model_version_id} has no alarm {place}."
        raise InvalidInput(message)
    event = Event(
        action=AuditAction.MODEL_ALARM_CLEARED,
        object_type="region" if region_slug else "model_version",
        object_id=region_slug or str(model_version_id),
        after={"model_version_id": model_version_id},
        reason=written,
    )
    return Done(answer=None, events=(event,), kept="cleared")
