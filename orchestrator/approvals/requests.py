"""A change waits for a second person, who approves or refuses it.

The first person's use case is only tried; its name, arguments and effects are stored.
Approved, it is carried out as that person, if its effects are still what was shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import EnumType
from typing import get_type_hints

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict, Forbidden
from db import approvals, users
from db.approvals import Approval
from orchestrator.use_cases import (
    USE_CASES,
    Done,
    Event,
    Request,
    UseCase,
    carry_out_approved,
    change,
    query,
)

REQUEST_LIFE = timedelta(hours=72)
"""A weekend; what nobody answered by then has to be asked for again."""

SETTLING = timedelta(days=7)
"""An account that somebody else made, opened or reset approves nothing for so long:
nobody gets a second person by making one."""

MOST_LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An event that a change would add."""

    action: str
    object_type: str | None
    object_id: str | None
    before: Mapping[str, object]
    after: Mapping[str, object]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """A change that waits, or its answer.

    Attributes
    ----------
    state : str
        "waiting", "approved", "refused" or "expired".
    is_own : bool
        Whether the caller asked for it, and so can only take it back.
    """

    approval_id: int
    act: str
    effects: tuple[Effect, ...]
    asked_by: str
    asked_at_utc: datetime
    expires_at_utc: datetime
    state: str
    is_own: bool
    answered_by: str | None
    answered_at_utc: datetime | None


def _same(request: Request, kept: str) -> ApprovalView:
    return _view(request, approvals.find_approval(request.session, int(kept)))


@query(Permission.APPROVE_CHANGES)
def list_requests(request: Request) -> tuple[ApprovalView, ...]:
    """The newest requests, those that wait first."""
    found = approvals.list_approvals(request.session, limit=MOST_LISTED)
    views = [_view(request, item) for item in found]
    return tuple(sorted(views, key=lambda view: view.state != "waiting"))


@change(
    Permission.APPROVE_CHANGES, AuditAction.APPROVAL_ASKED, repeat=_same, confirmed=True
)
def ask_second_person(
    request: Request, act: str, arguments: Mapping[str, object], effects: str
) -> Done[ApprovalView]:
    """Store a change that was tried, until a second person answers.

    Tokens need the scope `approve` for this too: who asks is a person, or one person
    could ask by a token of somebody else and approve it.
    """
    _use_case(request, act)
    approval_id = approvals.insert_approval_request(
        request.session,
        act=act,
        arguments=arguments,
        effects=effects,
        asked_by_id=request.actor.user_id,
        asked_at_utc=request.now,
        expires_at_utc=request.now + REQUEST_LIFE,
    )
    found = approvals.find_approval(request.session, approval_id)
    event = _event(AuditAction.APPROVAL_ASKED, found)
    return Done(answer=_view(request, found), events=(event,), kept=approval_id)


@change(
    Permission.APPROVE_CHANGES, AuditAction.APPROVAL_GIVEN, repeat=_same, confirmed=True
)
def approve(request: Request, approval_id: int) -> Done[ApprovalView]:
    """Carry a change out, as the person who asked for it.

    Raises
    ------
    Forbidden
        For the person who asked, and for an account that somebody else made, opened or
        reset less than `SETTLING` ago.
    Conflict
        When it was answered, has expired, or would do something else by now.
    """
    found = _waiting(request, approval_id)
    _require_second(request, found)
    use_case = _use_case(request, found.act)
    _answer(request, approval_id, is_approved=True)
    asker = users.find_user(request.session, found.asked_by_id, lock=True)
    if asker is None or not asker.is_active:
        message = f"{found.asked_by} cannot log in any more; refuse it."
        raise Conflict(message)
    carry_out_approved(
        found.act,
        replace(request, caller=asker.as_actor()),
        _typed(use_case, found.arguments),
        effects=found.effects,
    )
    return _answered(request, AuditAction.APPROVAL_GIVEN, approval_id)


@change(
    Permission.APPROVE_CHANGES,
    AuditAction.APPROVAL_REFUSED,
    repeat=_same,
    confirmed=True,
)
def refuse(request: Request, approval_id: int) -> Done[ApprovalView]:
    """Refuse a change for good; who asked for it may take it back so.

    Raises
    ------
    Conflict
        When it was answered or has expired.
    """
    _waiting(request, approval_id)
    _answer(request, approval_id, is_approved=False)
    return _answered(request, AuditAction.APPROVAL_REFUSED, approval_id)


def _use_case(request: Request, act: str) -> UseCase:
    """The change of this name, which the caller must be allowed to make as well."""
    found = USE_CASES.get(act)
    if found is None or not found.needs_two_people:
        message = f"No change is called {act}."
        raise Conflict(message)
    if found.permission is not None:
        request.actor.require(found.permission)
    return found


def _typed(use_case: UseCase, arguments: Mapping[str, object]) -> dict[str, object]:
    """Stored arguments as the use case takes them: members of enumerations again."""
    hints = get_type_hints(use_case.function)
    return {
        name: hints[name](value) if isinstance(hints[name], EnumType) else value
        for name, value in arguments.items()
    }


def _waiting(request: Request, approval_id: int) -> Approval:
    found = approvals.find_approval(request.session, approval_id)
    state = _state(found, request.now)
    if state != "waiting":
        message = f"Request {approval_id} is {state}; it can no longer be answered."
        raise Conflict(message)
    return found


def _require_second(request: Request, found: Approval) -> None:
    actor = request.actor
    if actor.user_id == found.asked_by_id:
        message = "You asked for it; another person has to approve it."
        raise Forbidden(message)
    user = users.find_user(request.session, actor.user_id)
    if user is None or user.is_system:
        message = "A person who is logged in to the portal has to approve it."
        raise Forbidden(message)
    changed_at_utc = approvals.changed_by_others(
        request.session, actor.user_id, since_utc=request.now - SETTLING
    )
    if changed_at_utc is not None:
        until_utc = changed_at_utc + SETTLING
        message = (
            "Somebody else made, opened or reset your account not long ago; it approves"
            f" nothing before {until_utc:%Y-%m-%d %H:%M} UTC."
        )
        raise Forbidden(message)


def _answer(request: Request, approval_id: int, *, is_approved: bool) -> None:
    approvals.insert_answer(
        request.session,
        approval_id,
        is_approved=is_approved,
        answered_by_id=request.actor.user_id,
        answered_at_utc=request.now,
    )


def _answered(
    request: Request, action: AuditAction, approval_id: int
) -> Done[ApprovalView]:
    found = approvals.find_approval(request.session, approval_id)
    return Done(
        answer=_view(request, found), events=(_event(action, found),), kept=approval_id
    )


def _event(action: AuditAction, found: Approval) -> Event:
    return Event(
        action=action,
        object_type="approval",
        object_id=found.approval_id,
        after={
            "act": found.act,
            "asked_by": found.asked_by,
            "arguments": found.arguments,
            "effects": found.effects,
            "expires_at_utc": found.expires_at_utc,
        },
    )


def _state(found: Approval, now: datetime) -> str:
    if found.is_approved is not None:
        return "approved" if found.is_approved else "refused"
    return "waiting" if now < found.expires_at_utc else "expired"


def _view(request: Request, found: Approval) -> ApprovalView:
    return ApprovalView(
        approval_id=found.approval_id,
        act=found.act,
        effects=tuple(
            Effect(
                action=item["action"],
                object_type=item["object_type"],
                object_id=item["object_id"],
                before=item["before"] or {},
                after=item["after"] or {},
                reason=item["reason"],
            )
            for item in json.loads(found.effects)
        ),
        asked_by=found.asked_by,
        asked_at_utc=found.asked_at_utc,
        expires_at_utc=found.expires_at_utc,
        state=_state(found, request.now),
        is_own=found.asked_by_id == request.actor.user_id,
        answered_by=found.answered_by,
        answered_at_utc=found.answered_at_utc,
    )
