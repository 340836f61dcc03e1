"""How often a password may be tried, and by whom.

A try is counted, and the count committed, before anything is evaluated: parallel tries
cannot slip through together. Tries at an account count by address, so that a stranger
elsewhere never makes its owner wait. A device in which the person has logged in before
counts by itself, and so does a login that confirms an action.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.orm import Session

from core.access import Actor
from db import known_devices, login_limits, users
from db.login_limits import Limit, count_try
from orchestrator.accounts.denials import USER_SUBJECT, address_key

OF_ONE = Limit(
    free_count=5,
    first_wait=timedelta(seconds=15),
    longest_wait=timedelta(minutes=15),
    forgotten_after=timedelta(hours=24),
)
"""Of an account from one address, from one device, or within one login."""

OF_ADDRESS = Limit(
    free_count=20,
    first_wait=timedelta(seconds=30),
    longest_wait=timedelta(seconds=30),
    forgotten_after=timedelta(minutes=10),
)
"""Of all accounts from one address, known devices apart."""

OF_STRANGERS = Limit(
    free_count=100,
    first_wait=timedelta(minutes=1),
    longest_wait=timedelta(minutes=1),
    forgotten_after=timedelta(hours=24),
)
"""Of an account from all addresses together, known devices apart."""

ANYBODY = ""
"""The subject of what an address tries at any account."""

_ANYWHERE = ""
_LONGEST_NAME = 80
_NAMES = 1 << 16
"""Names that nobody has share so many counts: people type passwords there, which must
not be stored, and a stranger must not fill the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where a request comes from, as the server sees it.

    Attributes
    ----------
    device_token : str | None
        Of the cookie that an earlier login left in this browser.
    """

    address: str | None
    user_agent: str | None
    device_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A counted try at an account, which may be evaluated once.

    Attributes
    ----------
    user_id : int | None
        None when nobody has the name that was typed.
    """

    user_id: int | None
    subject: str
    client: Client
    is_known_device: bool

    @property
    def _places(self) -> tuple[tuple[str, str, Limit], ...]:
        """What the try counts for; in one order, so that no two tries deadlock."""
        if self.is_known_device:
            device = f"device:{digest(self.client.device_token or '')}"
            return ((self.subject, device, OF_ONE),)
        address = address_key(self.client.address)
        return (
            (self.subject, address, OF_ONE),
            (self.subject, _ANYWHERE, OF_STRANGERS),
            (ANYBODY, address, OF_ADDRESS),
        )

    def count(self, session: Session, now: datetime) -> timedelta | None:
        """Count the try everywhere, or nowhere; returns how long it has to wait."""
        counting = session.begin_nested()
        for subject, place, limit in self._places:
            counted = count_try(
                session, subject=subject, place=place, limit=limit, now=now
            )
            if counted.wait is not None:
                counting.rollback()
                return counted.wait
        counting.commit()
        return None

    def succeeded(self, session: Session, now: datetime) -> None:
        """Forget the failures at this place; take the try back from shared counts."""
        (subject, place, _), *shared = self._places
        login_limits.forget_tries(session, subject=subject, place=place)
        for subject, place, _ in shared:
            login_limits.take_try_back(session, subject=subject, place=place, now=now)


def attempt_at(session: Session, name: str, client: Client) -> Attempt:
    """The try at the account of a typed name, not counted yet."""
    trimmed = name.strip()
    user = None
    # PostgreSQL refuses NUL in text; a name like that belongs to nobody.
    if len(trimmed) <= _LONGEST_NAME and trimmed.isprintable():
        user = users.find_user_by_name(session, trimmed)
    if user is None:
        subject = f"name:{int(digest(trimmed.lower())[:8], 16) % _NAMES}"
    else:
        subject = subject_of(user.user_id)
    # Asked whoever it is: an answer must not take longer for names that exist.
    is_known = client.device_token is not None and known_devices.is_known(
        session, digest(client.device_token), user.user_id if user else 0
    )
    return Attempt(
        user_id=user.user_id if user else None,
        subject=subject,
        client=client,
        is_known_device=is_known,
    )


def wait_before_confirming(
    session: Session, actor: Actor, now: datetime
) -> timedelta | None:
    """Count a try to confirm an action within a login; how long it has to wait."""
    counted = count_try(
        session,
        subject=subject_of(actor.user_id),
        place=_login_place(actor),
        limit=OF_ONE,
        now=now,
    )
    return counted.wait


def confirmed(session: Session, actor: Actor) -> None:
    """Forget the tries of a login that has confirmed an action."""
    login_limits.forget_tries(
        session, subject=subject_of(actor.user_id), place=_login_place(actor)
    )


def subject_of(user_id: int) -> str:
    """An account, as counts of tries name it."""
    return f"{USER_SUBJECT}{user_id}"


def _login_place(actor: Actor) -> str:
    return f"login:{actor.session_sha256 or ''}"


def digest(token: str) -> str:
    """What the database holds of a token; 256 random bits need no salt."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()
