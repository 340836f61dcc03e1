"""Endpoints of subscriptions, their deliveries and secrets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

from core.access import Permission
from db.deliveries import DeliveryAttempt
from orchestrator.deliveries.delivery_list import (
    delivery_attempts,
    list_subscription_views,
    subscription_page,
)
from orchestrator.deliveries.subscriptions import (
    WEBHOOK,
    GivenSecret,
    SubscriptionFacts,
    add_subscription,
    change_subscription,
    pause_subscription,
    remove_subscription,
    replay,
    rotate_secret,
    send_test,
)
from orchestrator.deliveries.views import SubscriptionPage, SubscriptionView
from orchestrator.operations.secret_key import factor_key
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api
from webapp.api.integrations import ActedOn
from webapp.api.matching import etag, require_match

VIEW, MANAGE = Permission.VIEW_AUDIT_EVENTS, Permission.MANAGE_DELIVERIES
SubscriptionName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$")]
DeliveryId = Annotated[int, Field(ge=1, le=2**62)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionDraft(SubscriptionFacts):
    """A subscription as an admin writes it; what is left out has a default."""

    channel: str = WEBHOOK
    address: str | None = None
    recipients: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    private_hosts: list[str] = field(default_factory=list)
    is_paused: bool = False


def add_deliveries(api: Api) -> None:
    """See subscriptions and their deliveries; write, test, pause and remove them."""

    @api.get("/subscriptions", VIEW)
    def list_subscriptions(asked: Request) -> list[SubscriptionView]:
        """Every subscription with its state, by name; never with its secret."""
        return list_subscription_views(asked)

    @api.get("/subscriptions/<name>", VIEW, tagged=_etag)
    def get_subscription(asked: Request, name: SubscriptionName) -> SubscriptionPage:
        """One subscription with its deliveries; the ETag is of `subscription.facts`."""
        return subscription_page(asked, name)

    @api.get("/deliveries/<delivery_id>/attempts", VIEW)
    def list_delivery_attempts(
        asked: Request, delivery_id: DeliveryId
    ) -> list[DeliveryAttempt]:
        """The tries of a delivery with each answer, oldest first."""
        return delivery_attempts(asked, delivery_id)

    _add_changes(api)
    _add_actions(api)


def _add_changes(api: Api) -> None:
    key = factor_key(api.runtime.settings)

    @api.post("/subscriptions", MANAGE)
    def add_new_subscription(
        asked: Request, facts: SubscriptionDraft, secret_reference: str | None = None
    ) -> GivenSecret:
        """Add a subscription; a secret that is made for it is shown here only."""
        return add_subscription(asked, facts, key, secret_reference=secret_reference)

    @api.put("/subscriptions/<name>", MANAGE, tagged=_etag)
    def change_written_subscription(
        asked: Request, name: SubscriptionName, facts: SubscriptionDraft
    ) -> SubscriptionPage:
        """Replace what is written of a subscription; whether it is paused stays."""
        require_match(
            asked,
            f"subscriptions/{name}",
            lambda: subscription_page(asked, name).subscription.facts,
        )
        changed = change_subscription(asked, replace(facts, name=name))
        return subscription_page(asked, changed)

    @api.post("/subscriptions/<name>/secrets", MANAGE)
    def rotate_subscription_secret(
        asked: Request, name: SubscriptionName, secret_reference: str | None = None
    ) -> GivenSecret:
        """Give a webhook another secret; the former one signs beside it for a day."""
        return rotate_secret(asked, name, key, secret_reference=secret_reference)


def _add_actions(api: Api) -> None:
    @api.post("/subscriptions/<name>/pause", MANAGE)
    def pause_subscription_or_go_on(
        asked: Request, name: SubscriptionName, *, is_paused: bool
    ) -> SubscriptionPage:
        """Pause a subscription, whose events go on collecting, or have it go on."""
        paused = pause_subscription(asked, name, is_paused=is_paused)
        return subscription_page(asked, paused)

    @api.post("/subscriptions/<name>/tests", MANAGE)
    def test_subscription(asked: Request, name: SubscriptionName) -> ActedOn:
        """Have the worker send a test."""
        return ActedOn(name=send_test(asked, name), count=1)

    @api.post("/subscriptions/<name>/replays", MANAGE)
    def replay_dead_deliveries(
        asked: Request, name: SubscriptionName, delivery_id: DeliveryId | None = None
    ) -> ActedOn:
        """Have dead deliveries, or one of them, sent again."""
        return ActedOn(name=name, count=replay(asked, name, delivery_id))

    @api.post("/subscriptions/<name>/remove", MANAGE)
    def remove_written_subscription(asked: Request, name: SubscriptionName) -> ActedOn:
        """Remove a subscription; what waits is given up."""
        return ActedOn(name=remove_subscription(asked, name))


def _etag(page: SubscriptionPage) -> str:
    return etag(page.subscription.facts)
