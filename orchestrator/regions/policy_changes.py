"""Limits change here: a new version of the policy, with its reason and its event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.errors import InvalidInput
from core.policies import Policy
from db import policies
from db.policies import OVERRIDABLE
from db.regions import region_by_slug
from orchestrator.handled_requests import Old, answer_of
from orchestrator.regions.policy_versions import (
    CHANGED,
    NewVersion,
    add_version,
    checked_reason,
)


def change_policy(
    session: Session,
    actor: Actor,
    *,
    region_slug: str | None,
    values: Mapping[str, float | None],
    reason: str,
    request_id: UUID | None = None,
) -> bool:
    """Add a version for the fleet, or for a region; False when nothing changes.

    A region's value of None takes the fleet's. Decisions made before cite the version
    that they used, so nothing past changes.

    Raises
    ------
    Forbidden, NotFound, InvalidInput, OutOfRange, Conflict, RequestReused
        Without the right; without such a region; without a reason or with an unknown
        or missing value; outside its range; when somebody else was faster; when the
        request id was used for something else.
    """
    actor.require(Permission.MANAGE_POLICY)
    reason = checked_reason(reason)
    request = Old(
        request_id=request_id,
        operation="change_policy",
        body={"region": region_slug, "values": dict(values), "reason": reason},
    )
    answer = answer_of(session, actor, request)
    if answer is not None:
        return answer == CHANGED
    region_id = None if region_slug is None else _region_id(session, region_slug)
    wanted = _checked(values, is_fleet=region_id is None)
    before = policies.own_values(session, region_id)
    if before == wanted:
        return False
    version = NewVersion(
        region_slug=region_slug,
        values=wanted,
        before=_as_text(before),
        after=_as_text(wanted) or {},
        reason=reason,
    )
    add_version(session, actor, version, request)
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
