"""A portal with two regions whose clock a test moves, and receivers on this machine."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from standardwebhooks.webhooks import Webhook

from core.audit import AuditAction
from db import deliveries
from db.audit_append import append_event
from db.deliveries import Delivery, SubscriptionFacts
from db.engine import DatabaseUrls, make_engine
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.deliveries.deliverer import Deliverer
from orchestrator.deliveries.secrets import SecretPlaces
from orchestrator.deliveries.sending import SendingMeans
from orchestrator.deliveries.subscriptions import add_subscription
from orchestrator.feeds.web_client import WebLimits
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.runtime import Runtime
from orchestrator.settings import load_settings
from tests.feeds.local_source import Asked, LocalSource, Reply

KEY = FactorKey("a key of this test")
QUICK = WebLimits(connect_s=1.0, read_s=0.5, total_s=1.0)
REGIONS = ("here", "there")


def webhook(address: str, name: str = "hook", **changes: Any) -> SubscriptionFacts:
    """A webhook of policy changes in every region."""
    given: dict[str, Any] = {
        "name": name,
        "channel": "webhook",
        "address": address,
        "recipients": [],
        "kinds": ["policy.changed"],
        "regions": [],
        "private_hosts": ["localhost"],
        "is_paused": False,
    }
    return SubscriptionFacts(**{**given, **changes})


@dataclass
class Portal:
    """A runtime on a database of its own; its clock is the real one, moved."""

    urls: DatabaseUrls
    folder: Path
    ahead: timedelta = timedelta()
    settings: dict[str, Any] = field(default_factory=dict)
    runtime: Runtime = field(init=False)
    sender: Deliverer = field(init=False)

    def __post_init__(self) -> None:
        changes = {"data_dir": self.folder, **self.settings}
        self.runtime = Runtime(
            settings=load_settings(None).model_copy(update=changes),
            engine=make_engine(self.urls.app),
            clock=lambda: datetime.now(UTC) + self.ahead,
        )
        with self.runtime.request_as("cli") as request:
            for slug in REGIONS:
                draft = RegionDraft(
                    slug=slug,
                    name=slug.title(),
                    time_zone="Europe/London",
                    latitude_deg=51.5,
                    longitude_deg=-0.1,
                )
                add_region(request, draft)
        self.sender = self.deliverer()

    def use_settings(self, **changes: Any) -> None:
        """From here on with other settings; what was before stays open."""
        settings = self.runtime.settings.model_copy(update=changes)
        self.runtime = replace(self.runtime, settings=settings)
        self.sender = self.deliverer()

    def close(self) -> None:
        """End its connections."""
        self.runtime.engine.dispose()
        self.sender.close()

    def forget(self) -> None:
        """Remove all subscriptions, and put the clock right."""
        self.ahead = timedelta()
        owner = make_engine(self.urls.owner, pool_size=1)
        with owner.begin() as connection:
            connection.execute(text("truncate delivery_subscription cascade"))
        owner.dispose()

    def add(self, facts: SubscriptionFacts) -> str:
        """Add a subscription and return its secret."""
        with self.runtime.request_as("cli") as request:
            return add_subscription(request, facts, KEY).secret or ""

    def happen(self, region: str = "here", number: int = 0) -> None:
        """An event of a region, as the one place appends it."""
        with self.runtime.transaction() as session:
            append_event(
                session,
                actor=None,
                action=AuditAction.POLICY_CHANGED,
                object_type="policy",
                object_id=region,
                after={"thermal_limit_c": "35.0", "number": number},
                reason=f"event {number}",
            )

    def deliverer(self, **changes: Any) -> Deliverer:
        """Delivers as the worker does, with little patience."""
        environ = os.environ
        places = SecretPlaces(environ=environ, secrets_dir=None, key=KEY)
        means = SendingMeans(secrets=places, limits=changes.pop("limits", QUICK))
        return Deliverer(self.runtime, threading.Event(), means, **changes)

    def deliver(self, ahead: timedelta = timedelta()) -> None:
        """One look of the worker, after a while; waits for what it begins."""
        self.ahead += ahead
        for thread in self.sender.look():
            thread.join(20)
            assert not thread.is_alive()

    def deliveries(
        self, name: str = "hook", state: str | None = None
    ) -> list[Delivery]:
        """The deliveries of a subscription, oldest first."""
        with self.runtime.transaction() as session:
            found = deliveries.find_subscription(session, name)
            newest = deliveries.list_deliveries(
                session, found.subscription_id, state=state
            )
        return newest[::-1]

    def states(self, name: str = "hook") -> list[tuple[str, int]]:
        """State and tries of each delivery, oldest first."""
        return [(item.state, item.tries) for item in self.deliveries(name)]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.runtime.transaction() as session:
            return [tuple(row) for row in session.execute(text(statement))]

    def answers(self) -> list[str]:
        """What receivers answered to each try, in order."""
        query = "select answer from delivery_attempt order by id"
        return [row[0] for row in self.rows(query)]


class Receiver(LocalSource):
    """Takes webhooks, and verifies each with the library of Standard Webhooks."""

    def __init__(self) -> None:
        super().__init__()
        self.secret = ""
        self.taken: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.reply: Callable[[dict[str, Any]], Reply] = lambda _: Reply()
        self.answering = self._take

    @property
    def hook(self) -> str:
        """The address of the webhook."""
        return f"{self.address}/hook"

    def verified(self, asked: Asked) -> dict[str, Any]:
        """The payload, once its signature is the secret's; without one as it came."""
        payload: dict[str, Any] = (
            Webhook(self.secret).verify(asked.body, asked.headers)
            if self.secret
            else json.loads(asked.body)
        )
        return payload

    def _take(self, asked: Asked) -> Reply:
        payload = self.verified(asked)
        reply = self.reply(payload)
        if reply.status == 200 and reply.cut_at is None and not reply.wait_s:
            self.taken.append(payload)
            self.ids.append(asked.headers["webhook-id"])
        return reply

    def regions(self) -> list[str]:
        """The regions of what was taken, in order."""
        return [payload["data"]["region"] for payload in self.taken]

    def numbers(self) -> list[int]:
        """The numbers of what was taken, in order."""
        return [int(payload["data"]["terms"]["number"]) for payload in self.taken]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that runs until the block ends."""
    receiver = Receiver()
    with receiver.running():
        yield receiver
