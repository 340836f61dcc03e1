"""Ask for a shadow evaluation; the web process does this, and never runs one."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.days import full_hour
from core.telemetry import HOUR
from db import model_evaluations, model_versions, telemetry
from db.model_evaluations import RUNNING
from db.regions import StoredRegion
from orchestrator.jobs import queue_evaluation_step
from orchestrator.regions.region_choice import active_regions
from orchestrator.use_cases import Done, Event, Request, change

JUDGED_DAYS = 365
LANES = 4
"""Workers that evaluate regions of one model at once, at most."""


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_EVALUATION_STARTED,
    repeat=lambda _request, kept: int(kept),
)
def start_evaluation(request: Request, version_id: int) -> Done[int]:
    """Begin an evaluation of a version; the worker carries it out.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        When there is no such version or no region, or it is being evaluated already.
    """
    done = begin_evaluation(request, version_id)
    queue_lanes(request.session, done.answer)
    return done


def queue_lanes(session: Session, evaluation_id: int) -> None:
    """Ask the workers for the regions of an evaluation."""
    for lane in range(LANES):
        queue_evaluation_step(session, evaluation_id=evaluation_id, lane=lane)


def begin_evaluation(request: Request, version_id: int) -> Done[int]:
    """An evaluation without anybody yet who carries it out.

    One that was begun and left, because its process died, is resumed.
    """
    session = request.session
    newest = model_evaluations.newest_evaluation(session, version_id)
    if newest is not None and newest.state == RUNNING:
        left = model_evaluations.lock_evaluation(session, newest.evaluation_id)
        return Done(answer=left.evaluation_id)
    version = model_versions.model_version(session, version_id)
    found = active_regions(session)
    until_utc = _end_of_telemetry(session, found, request.now)
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
        requested_by_id=request.actor.user_id,
    )
    event = Event(
        action=AuditAction.MODEL_EVALUATION_STARTED,
        object_type="model_version",
        object_id=version_id,
        after={
            "evaluation_id": evaluation_id,
            "compared_version_id": compared_id,
            "until_utc": until_utc,
            "region_slugs": region_slugs,
        },
    )
    return Done(answer=evaluation_id, events=(event,), kept=evaluation_id)


def _end_of_telemetry(
    session: Session, found: list[StoredRegion], now: datetime
) -> datetime:
    spans = [
        telemetry.first_and_last_hour(session, stored.region.slug) for stored in found
    ]
    ends = [span[1] + HOUR for span in spans if span is not None]
    return min(max(ends, default=full_hour(now)), full_hour(now))
