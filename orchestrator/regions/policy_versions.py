"""A new version of a policy, with its reason and its event: written in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from db import audit, policies
from db.regions import region_by_slug
from orchestrator.handled_requests import Old, keep_answer

LONGEST_REASON_CHARS = 500

CHANGED = "changed"
"""The answer that is kept for a request that made a new version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version as it is to be, and what its event says of the change.

    Attributes
    ----------
    region_slug : str | None
        None for the fleet.
    values : Mapping
        All that the version sets.
    """

    region_slug: str | None
    values: Mapping[str, object]
    before: Mapping[str, object] | None
    after: Mapping[str, object]
    reason: str


def add_version(
    session: Session,
    actor: Actor,
    version: NewVersion,
    request: Old | None = None,
) -> None:
    """Add the version and its audit event; whoever asks has checked the right.

    Raises
    ------
    NotFound, Conflict
        Without such a region; when somebody else was faster.
    """
    slug = version.region_slug
    region_id = None if slug is None else region_by_slug(session, slug).region_id
    try:
        with session.begin_nested():
            policies.insert_policy(
                session,
                region_id=region_id,
                values=version.values,
                actor_id=actor.user_id,
                reason=version.reason,
            )
    except IntegrityError as exc:
        message = "Somebody changed this policy just now. Look at it, then try again."
        raise Conflict(message) from exc
    if request is not None:
        keep_answer(session, actor, request, CHANGED)
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.POLICY_CHANGED,
        object_type="policy",
        object_id=slug or "fleet",
        before=version.before,
        after=version.after,
        reason=version.reason,
        request_id=request.id_text if request is not None else None,
    )


def checked_reason(text: str) -> str:
    """The reason that a version needs.

    Raises
    ------
    InvalidInput
        When there is none, or it is too long.
    """
    reason = text.strip()
    if not 0 < len(reason) <= LONGEST_REASON_CHARS:
        message = f"Give a reason of 1 to {LONGEST_REASON_CHARS} characters."
        raise InvalidInput(message)
    return reason
