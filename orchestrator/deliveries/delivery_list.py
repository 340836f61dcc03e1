"""Reads of subscriptions and their deliveries, and how long the log is kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Permission
from db import deliveries
from db.deliveries import DEAD, Delivery, DeliveryAttempt, DeliveryCounts
from db.regions import list_regions
from orchestrator.deliveries.views import (
    DeliveryView,
    SubscriptionPage,
    SubscriptionView,
    delivery_view,
    subscription_view,
)
from orchestrator.use_cases import Done, Request, change, query

KEPT_DAYS = 30
"""How long deliveries that ended, and their tries, are kept."""

LONGEST_WAIT_DAYS = 7
"""What waits longer, because its subscription is paused, is given up."""

SHOWN = 50


@query(Permission.VIEW_AUDIT_EVENTS)
def list_subscription_views(request: Request) -> list[SubscriptionView]:
    """Every subscription with its state, by name."""
    return subscription_views(request.session, request.now)


def subscription_views(session: Session, now: datetime) -> list[SubscriptionView]:
    """As `list_subscription_views`, for processes."""
    counts = deliveries.counts_by_subscription(session)
    return [
        subscription_view(
            stored, counts.get(stored.subscription_id, DeliveryCounts()), now
        )
        for stored in deliveries.list_subscriptions(session)
    ]


@query(Permission.VIEW_AUDIT_EVENTS)
def subscription_page(request: Request, name: str) -> SubscriptionPage:
    """One subscription with its newest deliveries; raises NotFound without it."""
    session = request.session
    stored = deliveries.find_subscription(session, name)
    subscription_id = stored.subscription_id
    counts = deliveries.counts_by_subscription(session)
    newest = deliveries.list_deliveries(session, subscription_id, limit=SHOWN)
    dead = deliveries.list_deliveries(session, subscription_id, state=DEAD, limit=SHOWN)
    return SubscriptionPage(
        subscription=subscription_view(
            stored, counts.get(subscription_id, DeliveryCounts()), request.now
        ),
        newest=_views(session, newest),
        dead=_views(session, dead),
    )


@query(Permission.VIEW_AUDIT_EVENTS)
def delivery_attempts(request: Request, delivery_id: int) -> list[DeliveryAttempt]:
    """The tries of a delivery, oldest first; raises NotFound without it."""
    deliveries.delivery_by_id(request.session, delivery_id)
    return deliveries.list_attempts(request.session, delivery_id)


@query(Permission.MANAGE_DELIVERIES)
def region_slugs(request: Request) -> list[str]:
    """The regions that a subscription can choose."""
    return [s.slug for s in list_regions(request.session, active_only=False)]


@change(
    Permission.RUN_CYCLE,
    repeat=None,
    unaudited="removes old copies; the events that were delivered stay in the chain",
)
def forget_old_deliveries(request: Request) -> Done[None]:
    """Remove deliveries that ended long ago; give up what waits for too long."""
    now = request.now
    deliveries.end_waiting(
        request.session, now, before_utc=now - timedelta(days=LONGEST_WAIT_DAYS)
    )
    deliveries.forget_ended(request.session, before_utc=now - timedelta(days=KEPT_DAYS))
    return Done(answer=None)


def _views(session: Session, found: list[Delivery]) -> tuple[DeliveryView, ...]:
    attempts = deliveries.newest_attempts(session, [item.id for item in found])
    return tuple(delivery_view(item, attempts.get(item.id)) for item in found)
