"""What pages and commands show of deliveries, built from what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.deliveries import (
    Delivery,
    DeliveryAttempt,
    DeliveryCounts,
    StoredSubscription,
    SubscriptionFacts,
)
from orchestrator.deliveries.secrets import reference_of
from orchestrator.deliveries.subscriptions import MAIL


class SubscriptionHealth(StrEnum):
    """A subscription in a word."""

    GOOD = "good"
    FAILING = "failing"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionView:
    """A subscription with its state; never with its secret.

    Attributes
    ----------
    secret_words : str
        Where its secret is.
    former_signs_until_utc : datetime | None
        Until when the secret before signs beside it.
    """

    facts: SubscriptionFacts
    health: SubscriptionHealth
    counts: DeliveryCounts
    secret_words: str
    former_signs_until_utc: datetime | None
    stopped_reason: str | None
    failures_in_a_row: int
    last_tried_at_utc: datetime | None
    last_delivered_at_utc: datetime | None
    last_answer: str | None

    @property
    def target(self) -> str:
        """Where its events go."""
        return self.facts.address or ", ".join(self.facts.recipients)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """A delivery with its newest try.

    Attributes
    ----------
    next_try_utc : datetime | None
        Of one that waits.
    """

    delivery_id: int
    message_id: str
    kind: str
    order_key: str
    event_seq: int | None
    state: str
    tries: int
    created_at_utc: datetime
    next_try_utc: datetime | None
    answer: str | None
    tried_at_utc: datetime | None
    duration_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPage:
    """One subscription with its newest deliveries, newest first, and the dead ones."""

    subscription: SubscriptionView
    newest: tuple[DeliveryView, ...]
    dead: tuple[DeliveryView, ...]


def subscription_view(
    stored: StoredSubscription, counts: DeliveryCounts, now: datetime
) -> SubscriptionView:
    """A subscription as it is shown."""
    until = stored.secrets.former_until_utc
    return SubscriptionView(
        facts=stored.facts,
        health=_health(stored),
        counts=counts,
        secret_words=_secret_words(stored),
        former_signs_until_utc=until if until is not None and now < until else None,
        stopped_reason=stored.state.stopped_reason,
        failures_in_a_row=stored.state.failures_in_a_row,
        last_tried_at_utc=stored.state.last_tried_at_utc,
        last_delivered_at_utc=stored.state.last_delivered_at_utc,
        last_answer=stored.state.last_answer,
    )


def delivery_view(delivery: Delivery, attempt: DeliveryAttempt | None) -> DeliveryView:
    """A delivery as it is shown."""
    return DeliveryView(
        delivery_id=delivery.id,
        message_id=f"msg_{delivery.message_id.hex}",
        kind=delivery.kind,
        order_key=delivery.order_key,
        event_seq=delivery.event_seq,
        state=delivery.state,
        tries=delivery.tries,
        created_at_utc=delivery.created_at_utc,
        next_try_utc=delivery.due_at_utc if delivery.ended_at_utc is None else None,
        answer=attempt.answer if attempt else None,
        tried_at_utc=attempt.at_utc if attempt else None,
        duration_ms=attempt.duration_ms if attempt else None,
    )


def _health(stored: StoredSubscription) -> SubscriptionHealth:
    if stored.state.stopped_reason is not None:
        return SubscriptionHealth.STOPPED
    if stored.facts.is_paused:
        return SubscriptionHealth.PAUSED
    if stored.state.failures_in_a_row:
        return SubscriptionHealth.FAILING
    return SubscriptionHealth.GOOD


def _secret_words(stored: StoredSubscription) -> str:
    if stored.facts.channel == MAIL:
        return "none; mail is not signed"
    return (
        reference_of(stored.secrets.secret) or "made here, sealed with GFO_SECRET_KEY"
    )
