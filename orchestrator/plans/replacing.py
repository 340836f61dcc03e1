"""Take a recorded plan back, or replace it by another, as one act."""

from __future__ import annotations

from uuid import uuid4

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from db import decisions, plans
from orchestrator.decisions.storing import written
from orchestrator.decisions.taking_back import lock_ends, taken_back
from orchestrator.plans.parts import (
    judge_parts,
    recorded_outcome,
    same_parts,
    standing_parts,
    store_parts,
)
from orchestrator.plans.records import read_record
from orchestrator.plans.views import PlanRecordOutcome
from orchestrator.regions.region_choice import active_regions
from orchestrator.use_cases import Done, Event, Request, change


def _parts_taken_back(request: Request, kept: str) -> PlanRecordOutcome:
    session = request.session
    parts = decisions.decisions_of_plan(session, int(kept))
    successors = (decisions.successor_of(session, part.decision_id) for part in parts)
    return recorded_outcome(session, (item for item in successors if item))


@change(
    Permission.DECIDE,
    AuditAction.DECISION_RECORDED,
    AuditAction.PLAN_UNDONE,
    repeat=_parts_taken_back,
)
def undo_plan(
    request: Request, *, plan_id: int, reason: str
) -> Done[PlanRecordOutcome]:
    """Supersede every standing transfer of a plan by no shift, or none of them.

    Each is judged on the newest issue without the load that it moved; the event of the
    plan names its parts. Recorders of the same regions wait.

    Raises
    ------
    NotFound, InvalidInput
        When no decision cites such a plan, or the reason is missing or too long.
    Conflict
        When none of its transfers stands any more.
    """
    session, reason = request.session, written(reason, "reason", kept_with="plan")
    parts = decisions.decisions_of_plan(session, plan_id)
    if not parts:
        message = f"Plan {plan_id} was not recorded; there is nothing to take back."
        raise InvalidInput(message)
    lock_ends(session, parts)
    standing = standing_parts(session, plan_id, request.now)
    request_id = request.request_id or uuid4()
    taken = [taken_back(request, part, request_id, reason) for part in standing]
    made = [stored for stored, _ in taken]
    undone = Event(
        action=AuditAction.PLAN_UNDONE,
        object_type="plan",
        object_id=plan_id,
        before={"decisions": [part.decision_id for part in standing]},
        after={"decisions": [stored.decision_id for stored in made]},
        reason=reason,
    )
    return Done(
        answer=recorded_outcome(session, made),
        events=(*(event for _, event in taken), undone),
        kept=plan_id,
    )


@change(
    Permission.DECIDE,
    AuditAction.DECISION_RECORDED,
    AuditAction.PLAN_CHANGED,
    repeat=same_parts,
)
def change_plan(
    request: Request, *, plan_id: int, reason: str
) -> Done[PlanRecordOutcome]:
    """Record a plan in place of the one that it was made to replace, or do nothing.

    A transfer between the same regions supersedes the old one; what the new plan does
    not move any more is superseded by no shift. The event of the new plan names the
    parts of both. Everything is judged again as `record_plan` does, without the load of
    the old plan; if a verdict changed, the old plan stands as it was.

    Raises
    ------
    NotFound, InvalidInput
        Without such a plan; when it replaces none or moves nothing; when the reason is
        missing or too long.
    Conflict
        When nothing of the old plan stands any more; when the new one was recorded
        already, or a newer forecast was issued.
    """
    session, reason = request.session, written(reason, "reason", kept_with="plan")
    stored = plans.plan_by_id(session, plan_id)
    record = read_record(stored.facts.result)
    old_id = record.instead_of_plan_id
    if old_id is None:
        message = f"Plan {plan_id} was not made to replace another; record it."
        raise InvalidInput(message)
    if not record.transfers:
        message = f"Plan {plan_id} moves nothing; take plan {old_id} back instead."
        raise InvalidInput(message)
    decisions.lock_regions(
        session, [item.region_id for item in active_regions(session)]
    )
    standing = standing_parts(session, old_id, request.now)
    old_ids = tuple(part.decision_id for part in standing)
    judged = judge_parts(session, stored, request.now, old_ids)
    if isinstance(judged, tuple):
        return Done(answer=PlanRecordOutcome(cards=(), changed=judged))
    by_ends = {(part.source_slug, part.target_slug): part for part in standing}
    made = store_parts(
        request,
        record,
        judged,
        comment=reason,
        superseded={ends: part.decision_id for ends, part in by_ends.items()},
    )
    kept = {(transfer.source, transfer.target) for transfer in record.transfers}
    request_id = request.request_id or uuid4()
    taken = [
        taken_back(request, part, request_id, reason)
        for ends, part in by_ends.items()
        if ends not in kept
    ]
    changed = Event(
        action=AuditAction.PLAN_CHANGED,
        object_type="plan",
        object_id=plan_id,
        before={"plan": old_id, "decisions": list(old_ids)},
        after={
            "plan": plan_id,
            "decisions": [part.decision_id for part, _ in made],
            "taken_back": [part.decision_id for part, _ in taken],
        },
        reason=reason,
    )
    return Done(
        answer=recorded_outcome(session, (part for part, _ in made)),
        events=(*(event for _, event in (*made, *taken)), changed),
        kept=plan_id,
    )
