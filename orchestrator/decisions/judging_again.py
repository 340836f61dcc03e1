"""Recorded decisions whose telemetry was withdrawn are judged again by themselves."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction, AuditEvent
from db import decisions
from db.audit import EventFilter, list_events
from db.decisions import StoredDecision
from orchestrator.decisions.questions import ask_again
from orchestrator.decisions.recording import keep_what_if
from orchestrator.use_cases import Done, Event, Request, change


@change(
    Permission.DECIDE,
    AuditAction.DECISION_JUDGED_AGAIN,
    AuditAction.DECISION_WHAT_IF,
    repeat=None,
)
def judge_again(
    request: Request, *, decision_id: int, withdrawal_id: int
) -> Done[StoredDecision | None]:
    """Judge a recorded decision on what is known without a withdrawn import.

    A live one is judged on the newest issue, a simulation on its own day; either
    without the load that it moves. The verdict is kept as a what-if that can be
    recorded in its place. What is decided stays as it is: people decide.

    Returns
    -------
    StoredDecision | None
        The what-if; None when it was made before, when somebody superseded the
        decision, or when its window has ended.

    Raises
    ------
    NotFound
        When there is no such decision, or a region of it is no longer active.
    """
    session = request.session
    old = decisions.decision_by_id(session, decision_id)
    facts = old.facts
    is_open = facts.is_simulated or not old.has_ended(request.now)
    if facts.kind != "recorded" or old.is_superseded or not is_open:
        return Done(answer=None)
    decisions.lock_regions(
        session,
        [i for i in (facts.source_region_id, facts.target_region_id) if i is not None],
    )
    former = judgements_of(session, decision_id)
    if any(event.after.get("withdrawal") == withdrawal_id for event in former):
        return Done(answer=None)
    question = ask_again(session, old, decision_id, request.now)
    what_if, made = keep_what_if(request, question.judge(facts.shift_pct))
    event = Event(
        action=AuditAction.DECISION_JUDGED_AGAIN,
        object_type="decision",
        object_id=decision_id,
        before={"outcome": facts.outcome, "reason_code": facts.reason_code},
        after={
            "outcome": what_if.facts.outcome,
            "reason_code": what_if.facts.reason_code,
            "what_if_id": what_if.decision_id,
            "withdrawal": withdrawal_id,
        },
    )
    return Done(answer=what_if, events=(*made, event))


def judgements_of(session: Session, decision_id: int) -> list[AuditEvent]:
    """The event of each time that a decision was judged again, the newest first."""
    chosen = EventFilter(
        action=AuditAction.DECISION_JUDGED_AGAIN,
        object_type="decision",
        object_id=str(decision_id),
    )
    return list_events(session, chosen=chosen)
