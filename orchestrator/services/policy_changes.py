"""Limits change here: a new version of the policy, with its reason and its event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from core.policies import Policy
from db import audit, policies
from db.policies import OVERRIDABLE
from db.regions import region_by_slug

LONGEST_REASON_CHARS = 500


def change_policy(
    session: Session,
    actor: Actor,
    *,
    region_slug: str | None,
    values: Mapping[str, float | None],
    reason: str,
    request_id: str | None = None,
) -> bool:
    """Add a version for the fleet, or for a region; False when nothing changes.

    A region's value of None takes the fleet's. Decisions made before cite the version
    that they used, so nothing past changes.

    Raises
    ------
    Forbidden, NotFound, InvalidInput, OutOfRange, Conflict
        Without the right; without such a region; without a reason or with an unknown
        or missing value; outside its range; when somebody else was faster.
    """
    actor.require(Permission.MANAGE_POLICY)
    region_id = None if region_slug is None else _region_id(session, region_slug)
    reason = reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON_CHARS:
        message = f"Give a reason of 1 to {LONGEST_REASON_CHARS} characters."
        raise InvalidInput(message)
    wanted = _checked(values, is_fleet=region_id is None)
    before = policies.own_values(session, region_id)
    if before == wanted:
        return False
    try:
        with session.begin_nested():
            policies.insert_policy(
                session,
                region_id=region_id,
                values=wanted,
                actor_id=actor.user_id,
                reason=reason,
            )
    except IntegrityError as exc:
        message = "Somebody changed this policy just now. Look at it, then try again."
        raise Conflict(message) from exc
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.POLICY_CHANGED,
        object_type="policy",
        object_id=region_slug or "fleet",
        before=_as_text(before),
        after=_as_text(wanted),
        reason=reason,
        request_id=request_id,
    )
    return True


def _region_id(session: Session, slug: str) -> int:
    return region_by_slug(session, slug).region_id


def _checked(
    values: Mapping[str, float | None], *, is_fleet: bool
) -> dict[str, float | Decimal | None]:
    """The complete set of values, each within its range."""
    unknown = set(values) - set(OVERRIDABLE)
    if unknown:
        message = f"A policy has no {min(unknown)!r}."
        raise InvalidInput(message)
    wanted: dict[str, float | Decimal | None] = dict.fromkeys(OVERRIDABLE)
    for name, value in values.items():
        wanted[name] = _decimal(value) if name == "confidence" else value
    missing = [name for name, value in wanted.items() if value is None]
    if is_fleet and missing:
        message = f"The fleet's policy needs a value for {missing[0]}."
        raise InvalidInput(message)
    # The type itself knows the ranges; what a region leaves open stays at its default.
    given = {name: value for name, value in wanted.items() if value is not None}
    replace(Policy(), **given)  # type: ignore[arg-type]
    return wanted


def _decimal(value: float | None) -> Decimal | None:
    if value is None:
        return None
    try:
        # Through its shortest text: 0.95 means 0.95, not the nearest binary fraction.
        return Decimal(repr(value)).normalize()
    except InvalidOperation as exc:
        message = f"confidence is {value!r}, which is no number."
        raise InvalidInput(message) from exc


def _as_text(values: Mapping[str, object] | None) -> dict[str, str | None] | None:
    if values is None:
        return None
    return {
        name: None if value is None else str(value) for name, value in values.items()
    }
