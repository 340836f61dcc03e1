"""The rules for changes: two people, and signed models only."""

from __future__ import annotations

from dataclasses import asdict, replace

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict
from db import approvals, users
from db.approvals import ChangeRules
from orchestrator.regions.policies import checked_reason
from orchestrator.use_cases import Done, Event, Request, change, query

_FEWEST_ADMINS = 2


@query(Permission.MANAGE_POLICY)
def rules_in_force(request: Request) -> ChangeRules:
    """By which rules models and limits change now."""
    return approvals.change_rules(request.session)


@change(
    Permission.MANAGE_POLICY,
    AuditAction.CHANGE_RULES_SET,
    repeat=lambda _request, _kept: True,
    confirmed=True,
    two_people=True,
)
def set_change_rules(
    request: Request,
    *,
    two_people: bool | None = None,
    signed_models_only: bool | None = None,
    reason: str,
) -> Done[bool]:
    """Set rules; what is None stays. False when nothing changes.

    While two people are required, nobody sets them alone.

    Raises
    ------
    InvalidInput, Conflict
        Without a reason; when two people are wanted and only one admin could approve.
    """
    reason = checked_reason(reason)
    before = approvals.change_rules(request.session)
    wanted = {"two_people": two_people, "signed_models_only": signed_models_only}
    given = {name: value for name, value in wanted.items() if value is not None}
    after: ChangeRules = replace(before, **given)
    if after == before:
        return Done(answer=False)
    if after.two_people and not before.two_people:
        _require_two_admins(request)
    approvals.insert_change_rules(
        request.session, after, actor_id=request.actor.user_id, reason=reason
    )
    event = Event(
        action=AuditAction.CHANGE_RULES_SET,
        object_type="change_rules",
        before=asdict(before),
        after=asdict(after),
        reason=reason,
    )
    return Done(answer=True, events=(event,), kept="set")


def _require_two_admins(request: Request) -> None:
    if len(users.lock_active_admins(request.session)) < _FEWEST_ADMINS:
        message = "There is one admin only; nobody could approve. Add another first."
        raise Conflict(message)
