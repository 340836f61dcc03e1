"""Refused requests of people and strangers, and their events.

One event for each try would fill the chain, so tries are counted, and each finished
minute of an address, an account or a person becomes one event.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from db import users
from db.denials import (
    DenialCount,
    DenialKind,
    PersonRefusals,
    count_denial,
    count_refused_person,
    forget_reported,
    take_unreported,
    take_unreported_people,
)
from orchestrator.use_cases import Done, Event, Request, change

USER_SUBJECT = "user:"
"""Begins the name of an account that exists, as limits and counts of tries have it."""

_KEEP = timedelta(days=1)
_UNKNOWN_ADDRESS = "unknown"
# One household or company often holds a whole /64 of IPv6.
_IPV6_PREFIX = 64

_ACTIONS = {
    DenialKind.LOGIN: AuditAction.LOGIN_FAILED,
    DenialKind.ACCESS: AuditAction.ACCESS_DENIED,
    DenialKind.ACCOUNT: AuditAction.LOGIN_FAILED,
}
_EVENTS = tuple(dict.fromkeys(_ACTIONS.values()))


@change(None, *_EVENTS, repeat=None)
def record_denial(request: Request, wanted: str) -> Done[None]:
    """Count that the caller's role does not allow a route, a page or a callback."""
    count_refused_person(
        request.session,
        user_id=request.actor.user_id,
        wanted=wanted,
        address=request.actor.address,
        at_utc=request.now,
    )
    return Done(answer=None, events=finished_minutes(request.session, request.now))


@change(None, *_EVENTS, repeat=None)
def record_refused_stranger(request: Request, address: str | None) -> Done[None]:
    """Count a request for something that only logged-in people may have."""
    key = address_key(address)
    count_denial(
        request.session, address=key, kind=DenialKind.ACCESS, at_utc=request.now
    )
    events = finished_minutes(request.session, request.now)
    return Done(answer=None, events=events)


@change(Permission.RUN_CYCLE, *_EVENTS, repeat=None)
def report_finished_minutes(request: Request) -> Done[int]:
    """Add one audit event for each finished minute and address; returns how many.

    Logins and refusals add them too; the worker adds the last ones.
    """
    events = finished_minutes(request.session, request.now)
    return Done(answer=len(events), events=events)


def finished_minutes(session: Session, now: datetime) -> tuple[Event, ...]:
    """The events of minutes that are over and were not reported yet."""
    counted = take_unreported(session, now_utc=now)
    people = take_unreported_people(session, now_utc=now)
    forget_reported(session, before_utc=now - _KEEP)
    return (
        *(_count_event(denial) for denial in counted if _is_somebodys(denial)),
        *(_person_event(session, refused) for refused in people),
    )


def count_failed_login(
    session: Session, address: str | None, subject: str, now: datetime
) -> None:
    """Count a failed login of this address, at this account or name."""
    for place, kind in (
        (address_key(address), DenialKind.LOGIN),
        (subject, DenialKind.ACCOUNT),
    ):
        count_denial(session, address=place, kind=kind, at_utc=now)


def _is_somebodys(denial: DenialCount) -> bool:
    """False for tries at a name that nobody has: their address tells of them."""
    is_account = denial.kind is DenialKind.ACCOUNT
    return not is_account or denial.address.startswith(USER_SUBJECT)


def _count_event(denial: DenialCount) -> Event:
    is_account = denial.kind is DenialKind.ACCOUNT
    return Event(
        action=_ACTIONS[denial.kind],
        object_type="user" if is_account else "address",
        object_id=denial.address.removeprefix(USER_SUBJECT),
        after={"count": denial.count, "minute_utc": denial.minute_utc.isoformat()},
        is_belated=True,
    )


def _person_event(session: Session, refused: PersonRefusals) -> Event:
    user = users.find_user(session, refused.user_id)
    actor = None if user is None else user.as_actor(refused.address)
    return Event(
        action=AuditAction.ACCESS_DENIED,
        object_type="route",
        object_id=max(refused.counts, key=lambda wanted: refused.counts[wanted]),
        after={
            "count": sum(refused.counts.values()),
            "minute_utc": refused.minute_utc.isoformat(),
            "wanted": refused.counts,
        },
        actor=actor,
        is_belated=True,
    )


def address_key(address: str | None) -> str:
    """What is counted as one address: an IPv4 address or an IPv6 /64.

    Examples
    --------
    >>> address_key("203.0.113.9")
    '203.0.113.9'
    >>> address_key("2001:db8:1:2:3:4:5:6")
    '2001:db8:1:2::/64'
    >>> address_key("::ffff:203.0.113.9")
    '203.0.113.9'
    """
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return _UNKNOWN_ADDRESS
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
