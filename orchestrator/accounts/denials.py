"""Refused requests of people and strangers: the limit per address, and the audit.

Whoever is not logged in could fill the chain with one event for each try, so their
tries are counted, and each finished minute of an address becomes one event.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from db.denials import (
    DenialKind,
    count_denial,
    denials_since,
    forget_reported,
    take_unreported,
)
from orchestrator.use_cases import Done, Event, Request, change

LOGIN_LIMIT = 20
LOGIN_WINDOW = timedelta(minutes=10)

_KEEP = timedelta(days=1)
_UNKNOWN_ADDRESS = "unknown"
# One household or company often holds a whole /64 of IPv6.
_IPV6_PREFIX = 64

_ACTIONS = {
    DenialKind.LOGIN: AuditAction.LOGIN_FAILED,
    DenialKind.ACCESS: AuditAction.ACCESS_DENIED,
}


@change(None, AuditAction.ACCESS_DENIED, repeat=None)
def record_denial(request: Request, wanted: str) -> Done[None]:
    """Record in the audit chain that the caller's role does not allow a route."""
    event = Event(
        action=AuditAction.ACCESS_DENIED,
        object_type="route",
        object_id=wanted,
        actor=request.actor,
    )
    return Done(answer=None, events=(event,))


@change(None, *_ACTIONS.values(), repeat=None)
def record_refused_stranger(request: Request, address: str | None) -> Done[None]:
    """Count a request for something that only logged-in people may have."""
    key = address_key(address)
    count_denial(
        request.session, address=key, kind=DenialKind.ACCESS, at_utc=request.now
    )
    events = finished_minutes(request.session, request.now)
    return Done(answer=None, events=events)


@change(Permission.RUN_CYCLE, *_ACTIONS.values(), repeat=None)
def report_finished_minutes(request: Request) -> Done[int]:
    """Add one audit event for each finished minute and address; returns how many.

    Logins and refusals add them too; the worker adds the last ones.
    """
    events = finished_minutes(request.session, request.now)
    return Done(answer=len(events), events=events)


def finished_minutes(session: Session, now: datetime) -> tuple[Event, ...]:
    """The event of each minute and address that is over and was not reported yet."""
    denials = take_unreported(session, now_utc=now)
    forget_reported(session, before_utc=now - _KEEP)
    return tuple(
        Event(
            action=_ACTIONS[denial.kind],
            object_type="address",
            object_id=denial.address,
            after={"count": denial.count, "minute_utc": denial.minute_utc.isoformat()},
            is_anonymous=True,
        )
        for denial in denials
    )


def record_failed_login(session: Session, address: str | None, now: datetime) -> None:
    """Count a failed login of this address."""
    key = address_key(address)
    count_denial(session, address=key, kind=DenialKind.LOGIN, at_utc=now)


def wait_before_login(
    session: Session, address: str | None, now: datetime
) -> timedelta | None:
    """How long this address has to wait before it may try again; None when it may."""
    failures = denials_since(
        session,
        address=address_key(address),
        kind=DenialKind.LOGIN,
        since_utc=now - LOGIN_WINDOW,
    )
    return LOGIN_WINDOW if failures >= LOGIN_LIMIT else None


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
