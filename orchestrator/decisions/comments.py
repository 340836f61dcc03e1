"""What people write about a decision after it was taken."""

from __future__ import annotations

from core.access import Permission
from core.audit import AuditAction
from db import decisions
from db.decision_comments import DecisionComment, comments_of, insert_comment
from orchestrator.decisions.storing import written
from orchestrator.use_cases import Done, Event, Request, change


@change(
    Permission.DECIDE,
    AuditAction.DECISION_COMMENTED,
    repeat=lambda request, kept: _comments(request, int(kept)),
)
def comment_decision(
    request: Request, *, decision_id: int, comment: str
) -> Done[tuple[DecisionComment, ...]]:
    """Write something about a decision of any kind; all that was written about it.

    The decision itself stays as it was recorded. What was written is never changed.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such decision; when nothing is written, or too much.
    """
    text = written(comment, "comment", kept_with="decision")
    stored = decisions.decision_by_id(request.session, decision_id)
    insert_comment(
        request.session,
        decision_id=decision_id,
        actor_id=request.actor.user_id,
        text=text,
    )
    event = Event(
        action=AuditAction.DECISION_COMMENTED,
        object_type="decision",
        object_id=decision_id,
        after={"source": stored.source_slug, "target": stored.target_slug},
        reason=text,
    )
    return Done(
        answer=_comments(request, decision_id), events=(event,), kept=decision_id
    )


def _comments(request: Request, decision_id: int) -> tuple[DecisionComment, ...]:
    return comments_of(request.session, [decision_id]).get(decision_id, ())
