"""Queries on subscriptions, and on the deliveries that wait, were made, or are dead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from core.audit import AuditEvent
from core.errors import Conflict, NotFound
from core.public_events import PublicKind
from db.row_parts import columns_of, part_of
from db.schema import (
    AuditEventRow,
    DeliveryAttemptRow,
    DeliveryRow,
    DeliverySubscriptionRow,
)

LONGEST_LIST = 1_000
WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFacts:
    """A subscription as an admin wrote it.

    Attributes
    ----------
    channel : str
        `webhook` or `mail`.
    address : str | None
        Of the webhook; mail goes to `recipients`.
    kinds : list of str
        The public kinds that are sent.
    regions : list of str
        Slugs; events of other regions are not sent. Empty for all regions. Events of
        the whole fleet are sent either way.
    private_hosts : list of str
        Hosts whose private and loopback addresses may be called.
    """

    name: str
    channel: str
    address: str | None
    recipients: list[str]
    kinds: list[str]
    regions: list[str]
    private_hosts: list[str]
    is_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSecrets:
    """What signs: references, or what the portal's key seals."""

    secret: str | None = field(repr=False)
    former_secret: str | None = field(repr=False)
    former_until_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState:
    """What the last tries left.

    Attributes
    ----------
    stopped_reason : str | None
        Why nothing is sent any more: the receiver said that it is gone.
    """

    stopped_reason: str | None
    failures_in_a_row: int
    last_tried_at_utc: datetime | None
    last_delivered_at_utc: datetime | None
    last_answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSubscription:
    """A subscription with its secrets and state."""

    subscription_id: int
    facts: SubscriptionFacts
    secrets: SubscriptionSecrets
    state: SubscriptionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event for a subscription."""

    id: int
    subscription_id: int
    message_id: UUID
    event_seq: int | None
    digest_day: date | None
    kind: str
    order_key: str
    detail: dict[str, Any]
    state: str
    tries: int
    created_at_utc: datetime
    waiting_since_utc: datetime
    due_at_utc: datetime
    ended_at_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One try of a delivery."""

    delivery_id: int
    at_utc: datetime
    duration_ms: int
    is_delivered: bool
    status: int | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCounts:
    """How many deliveries of a subscription are in which state.

    Attributes
    ----------
    retrying : int
        Of those that wait: how many failed before.
    oldest_waiting_utc : datetime | None
        Since when the oldest one waits.
    """

    waiting: int = 0
    retrying: int = 0
    dead: int = 0
    oldest_waiting_utc: datetime | None = None


def insert_subscription(
    session: Session, facts: SubscriptionFacts, *, secret: str | None
) -> int:
    """Store a subscription; raises Conflict when its name is taken."""
    row = DeliverySubscriptionRow
    new = insert(row).values(**columns_of(facts), secret=secret)
    found: int | None = session.scalar(
        new.on_conflict_do_nothing(
            index_elements=["name"], index_where=row.removed_at_utc.is_(None)
        ).returning(row.id)
    )
    if found is None:
        message = f"There is a subscription {facts.name} already."
        raise Conflict(message)
    return found


def update_subscription(
    session: Session, subscription_id: int, values: Mapping[str, object]
) -> None:
    """Replace columns of a subscription."""
    row = DeliverySubscriptionRow
    session.execute(update(row).where(row.id == subscription_id).values(**values))


def find_subscription(
    session: Session, name: str, *, locked: bool = False
) -> StoredSubscription:
    """The subscription of this name; raises NotFound without one."""
    row = DeliverySubscriptionRow
    statement = select(row).where(row.name == name, row.removed_at_utc.is_(None))
    if locked:
        statement = statement.with_for_update()
    found = session.scalar(statement.execution_options(populate_existing=True))
    if found is None:
        message = f"There is no subscription {name[:60]}."
        raise NotFound(message)
    return _stored(found)


def subscription_by_id(session: Session, subscription_id: int) -> StoredSubscription:
    """The subscription with this id, removed or not."""
    found = session.get_one(
        DeliverySubscriptionRow, subscription_id, populate_existing=True
    )
    return _stored(found)


def list_subscriptions(session: Session) -> list[StoredSubscription]:
    """All subscriptions by name, without those that were removed."""
    row = DeliverySubscriptionRow
    statement = (
        select(row)
        .where(row.removed_at_utc.is_(None))
        .order_by(row.name)
        .limit(LONGEST_LIST)
        .execution_options(populate_existing=True)
    )
    return [_stored(found) for found in session.scalars(statement)]


def lease_due(session: Session, *, now: datetime, until_utc: datetime) -> list[int]:
    """Take the subscriptions that have something to send and that nobody serves.

    Whoever takes one has until then to serve it; a process that died gives it up so.
    """
    row = DeliverySubscriptionRow
    waits = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.subscription_id == row.id,
            DeliveryRow.state == WAITING,
            DeliveryRow.due_at_utc <= now,
        )
        .exists()
    )
    free = (
        select(row.id)
        .where(
            row.removed_at_utc.is_(None),
            row.stopped_reason.is_(None),
            ~row.is_paused,
            or_(row.leased_until_utc.is_(None), row.leased_until_utc <= now),
            or_(row.rest_until_utc.is_(None), row.rest_until_utc <= now),
            waits,
        )
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(row)
        .where(row.id.in_(free))
        .values(leased_until_utc=until_utc)
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(session.scalars(taken))


def next_deliveries(
    session: Session, subscription_id: int, now: datetime, *, limit: int
) -> list[Delivery]:
    """What is due, longest waiting first; nothing of an order key whose oldest is not.

    Of one order key none may be sent before those that come before it here.
    """
    row = DeliveryRow
    waits = (row.subscription_id == subscription_id, row.state == WAITING)
    oldest = (
        select(row.order_key, row.due_at_utc)
        .where(*waits)
        .ext(distinct_on(row.order_key))
        .order_by(row.order_key, row.id)
        .subquery()
    )
    statement = (
        select(row)
        .join(oldest, oldest.c.order_key == row.order_key)
        .where(*waits, oldest.c.due_at_utc <= now)
        .order_by(row.id)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [part_of(found, Delivery) for found in session.scalars(statement)]


def delivery_by_id(
    session: Session, delivery_id: int, *, locked: bool = False
) -> Delivery:
    """One delivery; raises NotFound when it is not kept any more."""
    found = session.get(
        DeliveryRow, delivery_id, populate_existing=True, with_for_update=locked or None
    )
    if found is None:
        message = f"There is no delivery {delivery_id}."
        raise NotFound(message)
    return part_of(found, Delivery)


def update_delivery(
    session: Session, delivery_id: int, values: Mapping[str, object]
) -> None:
    """Replace columns of a delivery."""
    row = DeliveryRow
    session.execute(update(row).where(row.id == delivery_id).values(**values))


def insert_attempt(session: Session, attempt: DeliveryAttempt) -> None:
    """Store a try."""
    session.execute(insert(DeliveryAttemptRow).values(**columns_of(attempt)))


def list_deliveries(
    session: Session, subscription_id: int, *, state: str | None = None, limit: int = 50
) -> list[Delivery]:
    """The newest deliveries of a subscription, newest first."""
    row = DeliveryRow
    statement = select(row).where(row.subscription_id == subscription_id)
    if state is not None:
        statement = statement.where(row.state == state)
    statement = statement.order_by(row.id.desc()).limit(min(limit, LONGEST_LIST))
    return [part_of(found, Delivery) for found in session.scalars(statement)]


def newest_attempts(
    session: Session, delivery_ids: Sequence[int]
) -> dict[int, DeliveryAttempt]:
    """The newest try of each delivery that has one."""
    row = DeliveryAttemptRow
    rows = session.scalars(
        select(row)
        .where(row.delivery_id.in_(delivery_ids))
        .ext(distinct_on(row.delivery_id))
        .order_by(row.delivery_id, row.id.desc())
    )
    return {found.delivery_id: part_of(found, DeliveryAttempt) for found in rows}


def list_attempts(session: Session, delivery_id: int) -> list[DeliveryAttempt]:
    """The tries of a delivery, oldest first."""
    row = DeliveryAttemptRow
    statement = select(row).where(row.delivery_id == delivery_id).order_by(row.id)
    return [part_of(found, DeliveryAttempt) for found in session.scalars(statement)]


def replay_dead(
    session: Session,
    subscription_id: int,
    now: datetime,
    *,
    delivery_id: int | None = None,
) -> int:
    """Have dead deliveries, or one of them, wait again; returns how many."""
    row = DeliveryRow
    chosen = [row.subscription_id == subscription_id, row.state == DEAD]
    if delivery_id is not None:
        chosen.append(row.id == delivery_id)
    again = (
        update(row)
        .where(*chosen)
        .values(
            state=WAITING,
            tries=0,
            waiting_since_utc=now,
            due_at_utc=now,
            ended_at_utc=None,
        )
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    return len(list(session.scalars(again)))


def wait_anew(session: Session, subscription_id: int, now: datetime) -> None:
    """What waits is due now, and has its whole day again."""
    row = DeliveryRow
    session.execute(
        update(row)
        .where(row.subscription_id == subscription_id, row.state == WAITING)
        .values(waiting_since_utc=now, due_at_utc=now, tries=0)
    )


def end_waiting(
    session: Session,
    now: datetime,
    *,
    subscription_id: int | None = None,
    before_utc: datetime | None = None,
) -> None:
    """Give up what waits, of one subscription or since before an instant."""
    row = DeliveryRow
    chosen = [row.state == WAITING]
    if subscription_id is not None:
        chosen.append(row.subscription_id == subscription_id)
    if before_utc is not None:
        chosen.append(row.waiting_since_utc < before_utc)
    session.execute(update(row).where(*chosen).values(state=DEAD, ended_at_utc=now))


def forget_ended(session: Session, *, before_utc: datetime) -> None:
    """Remove deliveries that ended before an instant, with their tries."""
    row = DeliveryRow
    session.execute(delete(row).where(row.ended_at_utc < before_utc))


def insert_digests(session: Session, day: date, now: datetime) -> int:
    """Have a day's digest wait for each mail subscription that chose it, once."""
    chosen = DeliverySubscriptionRow
    subscribed = select(chosen.id).where(
        chosen.removed_at_utc.is_(None),
        chosen.stopped_reason.is_(None),
        chosen.kinds.contains([PublicKind.DAILY_DIGEST.value]),
        # Not of a day that had ended before it was added.
        chosen.created_at_utc < now - timedelta(hours=1),
    )
    values = [
        {
            "subscription_id": subscription_id,
            "digest_day": day,
            "kind": PublicKind.DAILY_DIGEST.value,
            "order_key": f"#{PublicKind.DAILY_DIGEST.value}",
            "waiting_since_utc": now,
            "due_at_utc": now,
        }
        for subscription_id in session.scalars(subscribed)
    ]
    if not values:
        return 0
    new = insert(DeliveryRow).on_conflict_do_nothing(constraint="uq_delivery_digest")
    return len(list(session.scalars(new.values(values).returning(DeliveryRow.id))))


def counts_by_subscription(session: Session) -> dict[int, DeliveryCounts]:
    """Of each subscription that is not removed, what waits and what is dead."""
    row, of = DeliveryRow, DeliverySubscriptionRow
    waits = row.state == WAITING
    statement = (
        select(
            row.subscription_id,
            func.count().filter(waits),
            func.count().filter(waits, row.tries > 0),
            func.count().filter(row.state == DEAD),
            func.min(case((waits, row.waiting_since_utc))),
        )
        .join(of, of.id == row.subscription_id)
        .where(row.state.in_([WAITING, DEAD]), of.removed_at_utc.is_(None))
        .group_by(row.subscription_id)
    )
    return {
        subscription_id: DeliveryCounts(
            waiting=waiting, retrying=retrying, dead=dead, oldest_waiting_utc=oldest
        )
        for subscription_id, waiting, retrying, dead, oldest in session.execute(
            statement
        )
    }


def events_by_seq(session: Session, seqs: Sequence[int]) -> dict[int, AuditEvent]:
    """Events of the audit chain by their place in it."""
    columns = [getattr(AuditEventRow, item.name) for item in fields(AuditEvent)]
    rows = session.execute(select(*columns).where(AuditEventRow.seq.in_(seqs)))
    return {row.seq: AuditEvent(**row._mapping) for row in rows}


def _stored(row: DeliverySubscriptionRow) -> StoredSubscription:
    return StoredSubscription(
        subscription_id=row.id,
        facts=part_of(row, SubscriptionFacts),
        secrets=part_of(row, SubscriptionSecrets),
        state=part_of(row, SubscriptionState),
    )
