"""Take recorded decisions back: each is superseded by no shift, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4, uuid5

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from db import decisions
from db.decisions import StoredDecision
from orchestrator.decisions.cards import decision_card
from orchestrator.decisions.questions import ask_shift
from orchestrator.decisions.storing import store, written
from orchestrator.decisions.views import DecisionCard
from orchestrator.use_cases import Done, Event, Request, change

MOST_AT_ONCE = 100


def _successors(request: Request, kept: str) -> tuple[DecisionCard, ...]:
    session = request.session
    found = (decisions.successor_of(session, int(item)) for item in kept.split())
    return tuple(decision_card(session, item) for item in found if item is not None)


@change(Permission.DECIDE, AuditAction.DECISION_RECORDED, repeat=_successors)
def take_back_decisions(
    request: Request, *, decision_ids: Sequence[int], reason: str
) -> Done[tuple[DecisionCard, ...]]:
    """Supersede recorded decisions by no shift, each with its event, or none of them.

    Each is judged on the newest issue without the load that it moved, after those
    before it. Whoever records in the same regions waits.

    Raises
    ------
    NotFound, InvalidInput
        When one does not exist, none or too many are named, or the reason is missing
        or too long.
    Conflict
        When one binds nothing, or no longer stands; says which.
    """
    reason = written(reason, "reason", kept_with="decision")
    named = sorted(set(decision_ids))
    if not 0 < len(named) <= MOST_AT_ONCE:
        message = f"One takes back 1 to {MOST_AT_ONCE} decisions at once."
        raise InvalidInput(message)
    session = request.session
    lock_ends(session, [decisions.decision_by_id(session, item) for item in named])
    found = [decisions.decision_by_id(session, item) for item in named]
    fallen = [stored for stored in found if not stored.stands(request.now)]
    if fallen:
        message = f"{_why_not(fallen[0], request)} Nothing was taken back."
        raise Conflict(message)
    request_id = request.request_id or uuid4()
    made = [taken_back(request, stored, request_id, reason) for stored in found]
    return Done(
        answer=tuple(decision_card(session, stored) for stored, _ in made),
        events=tuple(event for _, event in made),
        kept=" ".join(map(str, named)),
    )


def lock_ends(session: Session, found: Sequence[StoredDecision]) -> None:
    """Let others that record in the regions of these decisions wait."""
    ends = {
        end
        for stored in found
        for end in (stored.facts.source_region_id, stored.facts.target_region_id)
        if end is not None
    }
    decisions.lock_regions(session, sorted(ends))


def taken_back(
    request: Request, stored: StoredDecision, request_id: UUID, reason: str
) -> tuple[StoredDecision, Event]:
    """A decision superseded by no shift, judged on the newest issue without it.

    Many may share the id of a request: each decision gets one of its own from it.
    """
    question = ask_shift(
        request.session,
        source_slug=stored.source_slug,
        target_slug=stored.target_slug,
        local_day=None,
        now=request.now,
        supersedes_id=stored.decision_id,
    )
    return store(
        request.session,
        request.actor,
        question.judge(0.0),
        kind="recorded",
        request_id=uuid5(request_id, str(stored.decision_id)),
        comment=reason,
        supersedes_id=stored.decision_id,
    )


def _why_not(stored: StoredDecision, request: Request) -> str:
    state = stored.state(request.now)
    if state is None:
        return f"Decision {stored.decision_id} binds nothing."
    words = state.value.replace("_", " ")
    return f"Decision {stored.decision_id} is {words} and no longer stands."
