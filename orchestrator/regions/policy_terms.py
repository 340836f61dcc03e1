"""The fleet's terms of moving load, and limits that follow from ASHRAE's classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.ashrae import INLET_C, AshraeClass, outdoor_limit_c
from core.errors import InvalidInput
from db import policies
from db.regions import region_by_slug
from orchestrator.handled_requests import Old, answer_of
from orchestrator.regions.policy_versions import (
    CHANGED,
    NewVersion,
    add_version,
    checked_reason,
)


def change_terms(
    session: Session,
    actor: Actor,
    *,
    changes: Mapping[str, object],
    reason: str,
    request_id: UUID | None = None,
) -> bool:
    """Add a fleet policy with other terms of moving load; False if none is another.

    Parameters
    ----------
    changes : Mapping
        Some of `db.policies.FLEET_TERMS`, named as in `core.policies.Policy`.

    Raises
    ------
    Forbidden, InvalidInput, OutOfRange, RequestReused
        Without the right; without a reason or with an unknown term; out of its range;
        when the request id was used for something else.
    """
    actor.require(Permission.MANAGE_POLICY)
    unknown = set(changes) - set(policies.FLEET_TERMS)
    if unknown or not changes:
        message = f"Name some of {', '.join(policies.FLEET_TERMS)}."
        raise InvalidInput(message)
    reason = checked_reason(reason)
    request = Old(
        request_id=request_id,
        operation="change_terms",
        body={"changes": dict(changes), "reason": reason},
    )
    answer = answer_of(session, actor, request)
    if answer is not None:
        return answer == CHANGED
    before = policies.fleet_policy(session)
    after = replace(before, **dict(changes))  # type: ignore[arg-type]
    if after == before:
        return False
    names = (*policies.OVERRIDABLE, *policies.FLEET_TERMS)
    version = NewVersion(
        region_slug=None,
        values={name: getattr(after, name) for name in names},
        before={name: getattr(before, name) for name in changes},
        after=dict(changes),
        reason=reason,
    )
    add_version(session, actor, version, request)
    return True


def limit_by_class(
    session: Session,
    actor: Actor,
    *,
    region_slug: str,
    equipment: AshraeClass,
    approach_c: float,
    reason: str,
    request_id: UUID | None = None,
) -> float:
    """Give a region the limit of its equipment's class; returns it, degC.

    Raises
    ------
    Forbidden, NotFound, InvalidInput, OutOfRange, RequestReused
        Without the right; without such a region or a reason; for an approach that
        cannot be; when the request id was used for something else.
    """
    actor.require(Permission.MANAGE_POLICY)
    limit_c = outdoor_limit_c(equipment, approach_c)
    reason = checked_reason(reason)
    request = Old(
        request_id=request_id,
        operation="limit_by_class",
        body={
            "region": region_slug,
            "class": equipment.value,
            "approach_c": approach_c,
            "reason": reason,
        },
    )
    if answer_of(session, actor, request) is not None:
        return limit_c
    stored = region_by_slug(session, region_slug)
    before = policies.region_overrides(session, stored.region_id)
    inlet = INLET_C[equipment]
    basis = (
        f"ASHRAE TC 9.9 (2021) {equipment}, inlet {inlet.low:g} to {inlet.high:g} °C,"
        f" approach {approach_c:g} °C: limit {limit_c:g} °C."
    )
    version = NewVersion(
        region_slug=region_slug,
        values=before | {"thermal_limit_c": limit_c},
        before={"thermal_limit_c": before.get("thermal_limit_c")},
        after={
            "thermal_limit_c": limit_c,
            "ashrae_class": equipment.value,
            "approach_c": approach_c,
        },
        reason=f"{basis} {reason}",
    )
    add_version(session, actor, version, request)
    return limit_c
