"""What becomes of a recorded decision: who says so, and what may be said next."""

from __future__ import annotations

from datetime import datetime

from core.access import Permission
from core.audit import AuditAction
from core.decision_states import DecisionState, states_after
from core.errors import Conflict, InvalidInput
from db import decisions
from db.decision_standing import insert_state, states_of
from db.decisions import StoredDecision
from orchestrator.decisions.storing import checked_comment
from orchestrator.decisions.views import DecisionStanding, StatedView
from orchestrator.use_cases import Done, Event, Request, change, query

_ACTIONS = {
    DecisionState.ACKNOWLEDGED: AuditAction.DECISION_ACKNOWLEDGED,
    DecisionState.IN_EFFECT: AuditAction.DECISION_IN_EFFECT,
    DecisionState.REFUSED: AuditAction.DECISION_REFUSED,
}


@query(Permission.VIEW_FLEET)
def decision_standing(request: Request, decision_id: int) -> DecisionStanding | None:
    """The state of a recorded decision; None for what binds nothing.

    Raises
    ------
    NotFound
        When there is no such decision.
    """
    stored = decisions.decision_by_id(request.session, decision_id)
    return _standing(request, stored)


def _standing(request: Request, stored: StoredDecision) -> DecisionStanding | None:
    state = stored.state(request.now)
    if state is None:
        return None
    found = states_of(request.session, stored.decision_id)
    return DecisionStanding(
        state=state,
        end_utc=stored.end_utc,
        next_states=states_after(state, moves=_moves(request, stored)),
        stated=tuple(
            StatedView(
                state=item.state,
                actor_name=item.actor_name,
                stated_at_utc=item.stated_at_utc,
                reason=item.reason,
            )
            for item in found
        ),
    )


@change(
    Permission.DECIDE,
    *_ACTIONS.values(),
    repeat=lambda request, kept: _required(request, int(kept)),
)
def state_decision(
    request: Request, *, decision_id: int, state: DecisionState, reason: str
) -> Done[DecisionStanding]:
    """Say that a recorded decision is acknowledged, in effect or refused.

    What it moves counts until it is refused, expired or superseded; it is part of the
    load as it is now only when it is in effect. Whoever records, supersedes or says
    something of a decision of the same regions waits for the others.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such decision, it was not recorded to bind, the reason is too
        long, or missing where it is refused.
    Conflict
        When this cannot be said of it now; says what it is.
    """
    session, reason = request.session, checked_comment(reason)
    stored = decisions.decision_by_id(session, decision_id)
    ends = (stored.facts.source_region_id, stored.facts.target_region_id)
    decisions.lock_regions(session, [end for end in ends if end is not None])
    stored = decisions.decision_by_id(session, decision_id)
    before = _required(request, decision_id)
    if state is DecisionState.REFUSED and not reason:
        message = "Write the reason: whoever recorded it needs to know why."
        raise InvalidInput(message)
    if state not in before.next_states:
        message = _cannot(stored, before, state, request.now)
        raise Conflict(message)
    insert_state(
        session,
        decision_id=decision_id,
        state=state,
        actor_id=request.actor.user_id,
        reason=reason or None,
    )
    return Done(
        answer=_required(request, decision_id),
        events=(
            Event(
                action=_ACTIONS[state],
                object_type="decision",
                object_id=decision_id,
                before={"state": before.state.value},
                after={"state": state.value},
                reason=reason or None,
            ),
        ),
        kept=decision_id,
    )


def _moves(request: Request, stored: StoredDecision) -> bool:
    return bool(decisions.transfers_of(request.session, [stored.decision_id]))


def _required(request: Request, decision_id: int) -> DecisionStanding:
    standing = decision_standing(request, decision_id)
    if standing is None:
        message = f"Decision {decision_id} was not recorded to bind; it has no state."
        raise InvalidInput(message)
    return standing


def _cannot(
    stored: StoredDecision,
    before: DecisionStanding,
    state: DecisionState,
    now: datetime,
) -> str:
    wanted = state.value.replace("_", " ")
    is_now = before.state.value.replace("_", " ")
    ended = (
        f"; its last hour ended {stored.end_utc:%-d %b %Y, %H:%M} UTC"
        if stored.end_utc is not None and stored.has_ended(now)
        else ""
    )
    return (
        f"Decision {stored.decision_id} is {is_now}{ended}: it cannot be said to be"
        f" {wanted}."
    )
