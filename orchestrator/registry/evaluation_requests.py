"""Ask for a shadow evaluation; the web process does this, and never runs one."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.days import full_hour
from core.telemetry import HOUR
from db import audit, model_evaluations, model_versions, telemetry
from db.model_evaluations import RUNNING
from db.regions import StoredRegion
from orchestrator.handled_requests import Old, answer_of, keep_answer
from orchestrator.jobs import queue_evaluation_step
from orchestrator.regions.region_choice import active_regions

JUDGED_DAYS = 365


def start_evaluation(
    session: Session,
    actor: Actor,
    version_id: int,
    *,
    now: datetime,
    queue: bool,
    request_id: UUID | None = None,
) -> int:
    """Begin an evaluation of a version; `queue` hands its steps to the worker.

    One that was begun and left, because its process died, is taken up again.

    Raises
    ------
    NotFound, InvalidInput, Conflict, RequestReused
        When there is no such version or no region, or it is being evaluated already;
        when the request id was used for something else.
    """
    actor.require(Permission.MANAGE_MODELS)
    request = Old(
        request_id=request_id,
        operation="evaluate_model",
        body={"model_version_id": version_id},
    )
    answer = answer_of(session, actor, request)
    if answer is not None:
        return int(answer)
    running = _resumed(session, version_id, queue=queue)
    if running is not None:
        return running
    version = model_versions.model_version(session, version_id)
    found = active_regions(session)
    until_utc = _end_of_telemetry(session, found, now)
    active = model_versions.active_model(session, version.target)
    is_own = active is not None and active.version.version_id == version_id
    compared_id = None if active is None or is_own else active.version.version_id
    region_slugs = [stored.region.slug for stored in found]
    evaluation_id = model_evaluations.insert_evaluation(
        session,
        model_version_id=version_id,
        compared_version_id=compared_id,
        from_utc=until_utc - timedelta(days=JUDGED_DAYS),
        until_utc=until_utc,
        region_slugs=region_slugs,
        requested_by_id=actor.user_id,
    )
    if queue:
        queue_evaluation_step(session, evaluation_id=evaluation_id, done=0)
    keep_answer(session, actor, request, str(evaluation_id))
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.MODEL_EVALUATION_STARTED,
        object_type="model_version",
        object_id=str(version_id),
        after={
            "evaluation_id": evaluation_id,
            "compared_version_id": compared_id,
            "until_utc": until_utc,
            "region_slugs": region_slugs,
        },
        request_id=request.id_text,
    )
    return evaluation_id


def _resumed(session: Session, version_id: int, *, queue: bool) -> int | None:
    newest = model_evaluations.newest_evaluation(session, version_id)
    if newest is None or newest.state != RUNNING:
        return None
    left = model_evaluations.lock_evaluation(session, newest.evaluation_id)
    if queue:
        done = len(model_evaluations.region_figures(session, left.evaluation_id))
        queue_evaluation_step(session, evaluation_id=left.evaluation_id, done=done)
    return left.evaluation_id


def _end_of_telemetry(
    session: Session, found: list[StoredRegion], now: datetime
) -> datetime:
    spans = [
        telemetry.first_and_last_hour(session, stored.region.slug) for stored in found
    ]
    ends = [span[1] + HOUR for span in spans if span is not None]
    return min(max(ends, default=full_hour(now)), full_hour(now))
