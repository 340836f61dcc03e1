"""Limits and terms change here: a new version of the policy, with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from sqlalchemy.exc import IntegrityError

from core.access import Permission
from core.ashrae import INLET_C, AshraeClass, outdoor_limit_c
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from core.policies import Policy
from db import policies
from db.policies import OVERRIDABLE
from db.regions import region_by_slug
from orchestrator.use_cases import Done, Event, Request, change

LONGEST_REASON_CHARS = 500


@change(
    Permission.MANAGE_POLICY,
    AuditAction.POLICY_CHANGED,
    repeat=lambda _request, _kept: True,
    confirmed=True,
    two_people=True,
)
def change_policy(
    request: Request,
    *,
    region_slug: str | None,
    values: Mapping[str, float | None],
    reason: str,
) -> Done[bool]:
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
    reason = checked_reason(reason)
    region_id = None
    if region_slug is not None:
        region_id = region_by_slug(request.session, region_slug).region_id
    wanted = _checked(values, is_fleet=region_id is None)
    before = policies.own_values(request.session, region_id)
    if before == wanted:
        return Done(answer=False)
    event = _add_version(
        request,
        region_slug,
        wanted,
        before=_as_text(before),
        after=_as_text(wanted),
        reason=reason,
    )
    return Done(answer=True, events=(event,), kept="changed")


@change(
    Permission.MANAGE_POLICY,
    AuditAction.POLICY_CHANGED,
    repeat=lambda _request, _kept: True,
    confirmed=True,
    two_people=True,
)
def change_terms(
    request: Request, *, changes: Mapping[str, object], reason: str
) -> Done[bool]:
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
    unknown = set(changes) - set(policies.FLEET_TERMS)
    if unknown or not changes:
        message = f"Name some of {', '.join(policies.FLEET_TERMS)}."
        raise InvalidInput(message)
    reason = checked_reason(reason)
    before = policies.fleet_policy(request.session)
    after = replace(before, **dict(changes))  # type: ignore[arg-type]
    if after == before:
        return Done(answer=False)
    names = (*OVERRIDABLE, *policies.FLEET_TERMS)
    event = _add_version(
        request,
        None,
        {name: getattr(after, name) for name in names},
        before={name: getattr(before, name) for name in changes},
        after=dict(changes),
        reason=reason,
    )
    return Done(answer=True, events=(event,), kept="changed")


@change(
    Permission.MANAGE_POLICY,
    AuditAction.POLICY_CHANGED,
    repeat=lambda _request, kept: float(kept),
    confirmed=True,
    two_people=True,
)
def limit_by_class(
    request: Request,
    *,
    region_slug: str,
    equipment: AshraeClass,
    approach_c: float,
    reason: str,
) -> Done[float]:
    """Give a region the limit of its equipment's class; returns it, degC.

    Raises
    ------
    Forbidden, NotFound, InvalidInput, OutOfRange, RequestReused
        Without the right; without such a region or a reason; for an approach that
        cannot be; when the request id was used for something else.
    """
    limit_c = outdoor_limit_c(equipment, approach_c)
    reason = checked_reason(reason)
    stored = region_by_slug(request.session, region_slug)
    before = policies.region_overrides(request.session, [stored.region_id])[
        stored.region_id
    ]
    inlet = INLET_C[equipment]
    basis = (
        f"ASHRAE TC 9.9 (2021) {equipment}, inlet {inlet.low:g} to {inlet.high:g} °C,"
        f" approach {approach_c:g} °C: limit {limit_c:g} °C."
    )
    event = _add_version(
        request,
        region_slug,
        before | {"thermal_limit_c": limit_c},
        before={"thermal_limit_c": before.get("thermal_limit_c")},
        after={
            "thermal_limit_c": limit_c,
            "ashrae_class": equipment.value,
            "approach_c": approach_c,
        },
        reason=f"{basis} {reason}",
    )
    return Done(answer=limit_c, events=(event,), kept=repr(limit_c))


@change(Permission.MANAGE_POLICY, AuditAction.POLICY_CHANGED, repeat=None)
def ensure_first_policy(request: Request, policy: Policy) -> Done[bool]:
    """Make the first fleet policy from the settings; later ones come from admins.

    The environment only seeds the first version: changing it afterwards changes
    nothing, so that a restart cannot move a limit without an audit event.
    """
    if policies.has_fleet_policy(request.session):
        return Done(answer=False)
    values = {name: getattr(policy, name) for name in OVERRIDABLE}
    event = _add_version(
        request,
        None,
        values,
        before=None,
        after={name: str(value) for name, value in values.items()},
        reason="first policy, from the settings",
    )
    return Done(answer=True, events=(event,))


def _add_version(
    request: Request,
    region_slug: str | None,
    values: Mapping[str, object],
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    reason: str,
) -> Event:
    """Store a version of the fleet's policy, or of a region's; returns its event."""
    session, region_id = request.session, None
    if region_slug is not None:
        region_id = region_by_slug(session, region_slug).region_id
    try:
        with session.begin_nested():
            policies.insert_policy(
                session,
                region_id=region_id,
                values=values,
                actor_id=request.actor.user_id,
                reason=reason,
            )
    except IntegrityError as exc:
        message = "Somebody changed this policy just now. Look at it, then try again."
        raise Conflict(message) from exc
    return Event(
        action=AuditAction.POLICY_CHANGED,
        object_type="policy",
        object_id=region_slug or "fleet",
        before=before,
        after=after,
        reason=reason,
    )


def checked_reason(text: str) -> str:
    """The reason of a change, without blanks around it; raises InvalidInput."""
    reason = text.strip()
    if not 0 < len(reason) <= LONGEST_REASON_CHARS:
        message = f"Give a reason of 1 to {LONGEST_REASON_CHARS} characters."
        raise InvalidInput(message)
    return reason


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
