"""Take a recorded plan back as one act."""

from __future__ import annotations

from uuid import uuid4, uuid5

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from db import decisions
from db.decisions import StoredDecision
from orchestrator.decisions.cards import decision_card
from orchestrator.decisions.questions import ask_shift
from orchestrator.decisions.storing import checked_comment, store
from orchestrator.plans.views import PlanRecordOutcome
from orchestrator.use_cases import Done, Event, Request, change


def _parts_taken_back(request: Request, kept: str) -> PlanRecordOutcome:
    session = request.session
    parts = decisions.decisions_of_plan(session, int(kept))
    successors = (decisions.successor_of(session, part.decision_id) for part in parts)
    cards = tuple(decision_card(session, item) for item in successors if item)
    return PlanRecordOutcome(cards=cards, changed=())


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
    session, reason = request.session, checked_comment(reason)
    if not reason:
        message = "Write the reason: a recorded plan is taken back only with one."
        raise InvalidInput(message)
    parts = decisions.decisions_of_plan(session, plan_id)
    if not parts:
        message = f"Plan {plan_id} was not recorded; there is nothing to take back."
        raise InvalidInput(message)
    ends = {
        end
        for part in parts
        for end in (part.facts.source_region_id, part.facts.target_region_id)
        if end is not None
    }
    decisions.lock_regions(session, sorted(ends))
    standing = [
        part
        for part in decisions.decisions_of_plan(session, plan_id)
        if part.stands(request.now)
    ]
    if not standing:
        message = f"No transfer of plan {plan_id} stands any more."
        raise Conflict(message)
    request_id = request.request_id or uuid4()
    made: list[StoredDecision] = []
    events: list[Event] = []
    for part in standing:
        question = ask_shift(
            session,
            source_slug=part.source_slug,
            target_slug=part.target_slug,
            local_day=None,
            now=request.now,
            supersedes_id=part.decision_id,
        )
        stored, event = store(
            session,
            request.actor,
            question.judge(0.0),
            kind="recorded",
            request_id=uuid5(request_id, str(part.decision_id)),
            comment=reason,
            supersedes_id=part.decision_id,
        )
        made.append(stored)
        events.append(event)
    undone = Event(
        action=AuditAction.PLAN_UNDONE,
        object_type="plan",
        object_id=plan_id,
        before={"decisions": [part.decision_id for part in standing]},
        after={"decisions": [stored.decision_id for stored in made]},
        reason=reason,
    )
    return Done(
        answer=PlanRecordOutcome(
            cards=tuple(decision_card(session, stored) for stored in made), changed=()
        ),
        events=(*events, undone),
        kept=plan_id,
    )
