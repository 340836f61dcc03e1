"""Subscriptions as an admin writes them: checked, stored, audited."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from core.public_events import PublicKind
from db import deliveries
from db.deliveries import StoredSubscription, SubscriptionFacts
from db.row_parts import columns_of
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.deliveries.secrets import (
    FORMER_SIGNS,
    checked_webhook_reference,
    make_secret,
    seal,
)
from orchestrator.feeds.host_rules import parse_web_address
from orchestrator.feeds.integrations import (
    changed_values,
    check_address_text,
    check_name,
    checked_hosts,
    integration_event,
    known_regions,
)
from orchestrator.use_cases import Done, Request, change

__all__ = ["SubscriptionFacts"]

WEBHOOK, MAIL = "webhook", "mail"
MOST_SUBSCRIPTIONS = 50
MOST_RECIPIENTS = 50
MOST_REGIONS = 1_000
CHOSEN_KINDS = tuple(
    kind for kind in PublicKind if kind is not PublicKind.SUBSCRIPTION_TESTED
)
"""What can be chosen; a test goes to its own subscription, whatever that chose."""

_MAIL_ADDRESS = re.compile(r"[^@\s,;<>\"\\]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_event = partial(integration_event, "subscription")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSecret:
    """A subscription whose secret was set.

    Attributes
    ----------
    secret : str | None
        A new one, to be shown once; None for a reference, for mail, and for a request
        that was repeated.
    """

    name: str
    secret: str | None = field(default=None, repr=False)


def _facts_of(
    facts: SubscriptionFacts, *_given: object, **_named: object
) -> Mapping[str, object]:
    return asdict(facts)


@change(
    Permission.MANAGE_DELIVERIES,
    AuditAction.SUBSCRIPTION_ADDED,
    repeat=lambda _request, kept: GivenSecret(name=kept),
    body=_facts_of,
    confirmed=True,
)
def add_subscription(
    request: Request,
    facts: SubscriptionFacts,
    key: FactorKey,
    *,
    secret_reference: str | None = None,
) -> Done[GivenSecret]:
    """Add a subscription; a webhook without a secret reference gets a new secret.

    Raises
    ------
    Forbidden, NotConfirmed
        Without the right to manage deliveries, or without the proof of who asks.
    InvalidInput, Conflict
        When something about it is not allowed; when there is one of its name.
    """
    facts = _checked(request.session, facts)
    if len(deliveries.list_subscriptions(request.session)) >= MOST_SUBSCRIPTIONS:
        message = f"There are {MOST_SUBSCRIPTIONS} subscriptions, which is the most."
        raise InvalidInput(message)
    stored, shown = _new_secret(request, facts, key, secret_reference)
    deliveries.insert_subscription(request.session, facts, secret=stored)
    event = _event(AuditAction.SUBSCRIPTION_ADDED, facts.name, after=asdict(facts))
    answer = GivenSecret(name=facts.name, secret=shown)
    return Done(answer=answer, events=(event,), kept=facts.name)


@change(
    Permission.MANAGE_DELIVERIES,
    AuditAction.SUBSCRIPTION_CHANGED,
    repeat=lambda _request, kept: kept,
    confirmed=True,
)
def change_subscription(request: Request, facts: SubscriptionFacts) -> Done[str]:
    """Replace what is written of the subscription of this name; it goes on if stopped.

    Raises
    ------
    Forbidden, NotConfirmed, NotFound, InvalidInput
        As `add_subscription`; when there is none of its name; when a webhook would
        become mail or the other way round.
    """
    stored = deliveries.find_subscription(request.session, facts.name, locked=True)
    facts = replace(facts, is_paused=stored.facts.is_paused)
    if facts.channel != stored.facts.channel:
        message = "A webhook stays one, and mail stays mail; add another subscription."
        raise InvalidInput(message)
    return _replace(request, stored, _checked(request.session, facts))


@change(
    Permission.MANAGE_DELIVERIES,
    AuditAction.SUBSCRIPTION_CHANGED,
    repeat=lambda _request, kept: kept,
)
def pause_subscription(request: Request, name: str, *, is_paused: bool) -> Done[str]:
    """Pause a subscription, whose events go on collecting, or have it go on.

    Raises
    ------
    NotFound
        When there is none of this name.
    """
    stored = deliveries.find_subscription(request.session, name, locked=True)
    return _replace(request, stored, replace(stored.facts, is_paused=is_paused))


@change(
    Permission.MANAGE_DELIVERIES,
    AuditAction.SUBSCRIPTION_REMOVED,
    repeat=lambda _request, kept: kept,
    confirmed=True,
)
def remove_subscription(request: Request, name: str) -> Done[str]:
    """Remove a subscription; what waits is given up. Raises NotFound without one."""
    session = request.session
    stored = deliveries.find_subscription(session, name, locked=True)
    deliveries.update_subscription(
        session, stored.subscription_id, {"removed_at_utc": request.now}
    )
    deliveries.end_waiting(session, request.now, subscription_id=stored.subscription_id)
    event = _event(AuditAction.SUBSCRIPTION_REMOVED, name, before=asdict(stored.facts))
    return Done(answer=name, events=(event,), kept=name)


@change(
    Permission.MANAGE_DELIVERIES,
    AuditAction.SUBSCRIPTION_ROTATED,
    repeat=lambda _request, kept: GivenSecret(name=kept),
    body=lambda name, *_given, **_named: {"name": name},
    confirmed=True,
)
def rotate_secret(
    request: Request,
    name: str,
    key: FactorKey,
    *,
    secret_reference: str | None = None,
) -> Done[GivenSecret]:
    """Give a webhook another secret; the former one goes on signing for a day.

    Raises
    ------
    NotFound, InvalidInput
        When there is none of this name; when it is mail.
    Conflict
        When the secret of a day ago still signs: a third one would end it early.
    """
    session = request.session
    stored = deliveries.find_subscription(session, name, locked=True)
    if stored.facts.channel != WEBHOOK:
        message = f"{name} is mail, which is not signed."
        raise InvalidInput(message)
    until = stored.secrets.former_until_utc
    if until is not None and request.now < until:
        message = (
            f"The former secret of {name} signs until {until:%Y-%m-%d %H:%M} UTC;"
            " rotate it after that."
        )
        raise Conflict(message)
    new, shown = _new_secret(request, stored.facts, key, secret_reference)
    former_until_utc = request.now + FORMER_SIGNS
    deliveries.update_subscription(
        session,
        stored.subscription_id,
        {
            "secret": new,
            "former_secret": stored.secrets.secret,
            "former_until_utc": former_until_utc,
        },
    )
    event = _event(
        AuditAction.SUBSCRIPTION_ROTATED,
        name,
        after={
            "secret_reference": secret_reference,
            "former_until_utc": former_until_utc,
        },
    )
    answer = GivenSecret(name=name, secret=shown)
    return Done(answer=answer, events=(event,), kept=name)


@change(
    Permission.MANAGE_DELIVERIES,
    AuditAction.SUBSCRIPTION_TESTED,
    repeat=lambda _request, kept: kept,
)
def send_test(request: Request, name: str) -> Done[str]:
    """Have the worker send a test, which waits for nothing else.

    Raises
    ------
    NotFound, InvalidInput
        When there is none of this name; when it is paused or stopped.
    """
    stored = deliveries.find_subscription(request.session, name)
    if stored.facts.is_paused or stored.state.stopped_reason is not None:
        message = f"{name} is paused or stopped; have it go on first."
        raise InvalidInput(message)
    _wake(request.session, stored)
    event = _event(AuditAction.SUBSCRIPTION_TESTED, stored.facts.name)
    return Done(answer=name, events=(event,), kept=name)


@change(
    Permission.MANAGE_DELIVERIES,
    AuditAction.DELIVERIES_REPLAYED,
    repeat=lambda _request, kept: int(kept),
)
def replay(request: Request, name: str, delivery_id: int | None = None) -> Done[int]:
    """Have dead deliveries, or one of them, sent again; returns how many.

    Raises
    ------
    NotFound, InvalidInput
        When there is none of this name; when none is dead.
    """
    session = request.session
    stored = deliveries.find_subscription(session, name, locked=True)
    replayed = deliveries.replay_dead(
        session, stored.subscription_id, request.now, delivery_id=delivery_id
    )
    if not replayed:
        message = f"{name} has no such dead delivery."
        raise InvalidInput(message)
    _wake(session, stored)
    event = _event(
        AuditAction.DELIVERIES_REPLAYED,
        name,
        after={"deliveries": replayed, "delivery_id": delivery_id},
    )
    return Done(answer=replayed, events=(event,), kept=replayed)


def _replace(
    request: Request, stored: StoredSubscription, facts: SubscriptionFacts
) -> Done[str]:
    before, after = changed_values(stored.facts, facts)
    stopped = stored.state.stopped_reason
    goes_on = not facts.is_paused
    if not after and (stopped is None or not goes_on):
        return Done(answer=facts.name)
    values = columns_of(facts) | {"stopped_reason": None}
    deliveries.update_subscription(request.session, stored.subscription_id, values)
    if goes_on:
        deliveries.wait_anew(request.session, stored.subscription_id, request.now)
        _wake(request.session, stored)
    event = _event(
        AuditAction.SUBSCRIPTION_CHANGED,
        facts.name,
        before=before | {"stopped": stopped},
        after=after | {"stopped": None},
    )
    return Done(answer=facts.name, events=(event,), kept=facts.name)


def _wake(session: Session, stored: StoredSubscription) -> None:
    """The worker looks at it at once, whatever failed before."""
    values = {"rest_until_utc": None, "failures_in_a_row": 0}
    deliveries.update_subscription(session, stored.subscription_id, values)


def _new_secret(
    request: Request,
    facts: SubscriptionFacts,
    key: FactorKey,
    reference: str | None,
) -> tuple[str | None, str | None]:
    """What is stored of a new secret, and what is shown once."""
    if facts.channel != WEBHOOK:
        if reference is not None:
            message = "Mail is not signed and takes no secret."
            raise InvalidInput(message)
        return None, None
    if reference is not None:
        return checked_webhook_reference(reference), None
    secret = make_secret()
    return seal(secret, key, request.now), secret


def _checked(session: Session, facts: SubscriptionFacts) -> SubscriptionFacts:
    """The facts, once each is allowed; raises InvalidInput for one that is not."""
    check_name("subscription", facts.name)
    facts = replace(
        facts,
        kinds=sorted(set(facts.kinds)),
        regions=sorted(set(facts.regions)),
        private_hosts=checked_hosts(facts.private_hosts),
        recipients=list(dict.fromkeys(facts.recipients)),
    )
    _check_kinds(facts)
    _check_regions(session, facts)
    if facts.channel == WEBHOOK:
        _check_webhook(facts)
    elif facts.channel == MAIL:
        _check_mail(facts)
    else:
        message = f"{facts.channel[:20]!r} is neither webhook nor mail."
        raise InvalidInput(message)
    return facts


def _check_kinds(facts: SubscriptionFacts) -> None:
    known = {kind.value for kind in CHOSEN_KINDS}
    if not facts.kinds:
        message = "Choose at least one kind of event; gfo webhook kinds lists them."
        raise InvalidInput(message)
    for kind in facts.kinds:
        if kind not in known:
            message = f"{kind[:40]!r} is no kind of event; see gfo webhook kinds."
            raise InvalidInput(message)
    if facts.channel != MAIL and PublicKind.DAILY_DIGEST.value in facts.kinds:
        message = "The daily digest is a text and goes by mail alone."
        raise InvalidInput(message)


def _check_regions(session: Session, facts: SubscriptionFacts) -> None:
    if len(facts.regions) > MOST_REGIONS:
        message = f"Choose at most {MOST_REGIONS} regions, or none for all of them."
        raise InvalidInput(message)
    known_regions(session, facts.regions)


def _check_webhook(facts: SubscriptionFacts) -> None:
    if facts.recipients:
        message = "A webhook has an address and no recipients."
        raise InvalidInput(message)
    address = facts.address or ""
    check_address_text(address)
    parse_web_address(address, facts.private_hosts)


def _check_mail(facts: SubscriptionFacts) -> None:
    if facts.address is not None or facts.private_hosts:
        message = "Mail has recipients, and no address of the web."
        raise InvalidInput(message)
    if not 1 <= len(facts.recipients) <= MOST_RECIPIENTS:
        message = f"Name 1 to {MOST_RECIPIENTS} recipients."
        raise InvalidInput(message)
    for address in facts.recipients:
        if not _MAIL_ADDRESS.fullmatch(address) or not address.isascii():
            message = f"{address[:60]!r} is no address such as ada@example.com."
            raise InvalidInput(message)
