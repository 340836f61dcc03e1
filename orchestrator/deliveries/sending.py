"""One turn of a subscription: what is due, sending it, and storing what came of it.

A turn holds no transaction while it sends. Each outcome is stored at once: after a
worker that died, what was sent and not stored is sent again, under the same id.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.access import Permission
from core.audit import AuditAction, AuditEvent
from core.errors import FleetError
from core.public_events import KIND_WORDS, PublicKind
from db import deliveries
from db.deliveries import (
    DEAD,
    DELIVERED,
    WAITING,
    Delivery,
    DeliveryAttempt,
    StoredSubscription,
)
from orchestrator.deliveries.digests import digest_of
from orchestrator.deliveries.mail import MailServer, send_mail
from orchestrator.deliveries.payloads import Payload, payload_of, title_of
from orchestrator.deliveries.retries import next_try
from orchestrator.deliveries.secrets import SecretPlaces, signing_secrets
from orchestrator.deliveries.subscriptions import WEBHOOK
from orchestrator.deliveries.webhooks import WEBHOOK_LIMITS, TryResult, send_webhook
from orchestrator.feeds.host_rules import Resolve, resolve_host
from orchestrator.feeds.web_client import WebClient, WebLimits
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from orchestrator.use_cases import WORKER_USER, Done, Event, Request, change, query

log = get_logger(__name__)

BATCH = 50
LONGEST_PAUSE = timedelta(seconds=5)
"""What becomes due behind a failed delivery is looked for this often."""

MOST_FAILURES = 3
REST = timedelta(seconds=30)
"""After so many failures in a row a subscription rests for so long: a receiver that
hangs is not tried for each region in turn."""

_OWN_ERROR = "An error of the portal; see the worker's log."
_LONGEST_ANSWER = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is due of a subscription, with the events that are carried."""

    subscription: StoredSubscription
    due: tuple[Delivery, ...]
    events: dict[int, AuditEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingMeans:
    """What a turn needs beside the database."""

    secrets: SecretPlaces
    limits: WebLimits = WEBHOOK_LIMITS
    resolve: Resolve = resolve_host


@change(
    Permission.RUN_CYCLE,
    repeat=None,
    unaudited="takes what is due for a while; what is sent are audited events",
)
def lease_due(request: Request, *, until_utc: datetime) -> Done[list[int]]:
    """Take the subscriptions that have something to send and that nobody serves."""
    now = request.now
    return Done(
        answer=deliveries.lease_due(request.session, now=now, until_utc=until_utc)
    )


@query(Permission.RUN_CYCLE)
def begin_turn(request: Request, subscription_id: int) -> Turn:
    """What a subscription has to send now, in order."""
    session = request.session
    subscription = deliveries.subscription_by_id(session, subscription_id)
    is_off = subscription.facts.is_paused or subscription.state.stopped_reason
    due = (
        []
        if is_off
        else deliveries.next_deliveries(
            session, subscription_id, request.now, limit=BATCH
        )
    )
    seqs = [item.event_seq for item in due if item.event_seq is not None]
    return Turn(
        subscription=subscription,
        due=tuple(due),
        events=deliveries.events_by_seq(session, seqs),
    )


def serve(
    runtime: Runtime, subscription_id: int, means: SendingMeans, *, until_s: float
) -> None:
    """Send what is due until nothing is, or until an instant of the monotonic clock.

    Gives the subscription up at the end, with the rest that it needs.
    """
    failures, sent, rest = 0, 0, timedelta()
    while time.monotonic() < until_s and failures < MOST_FAILURES:
        with runtime.request_as(WORKER_USER) as request:
            turn = begin_turn(request, subscription_id)
        if not turn.due:
            # What is due waits behind what failed.
            rest = timedelta() if sent else LONGEST_PAUSE
            break
        held_back: set[str] = set()
        for delivery in turn.due:
            if failures >= MOST_FAILURES or time.monotonic() >= until_s:
                break
            if delivery.order_key in held_back:
                continue
            answer = _try(runtime, turn, delivery, means)
            sent += 1
            if answer.is_delivered:
                failures = 0
                continue
            held_back.add(delivery.order_key)
            # Who asks to wait, or is gone, is asked about nothing else.
            asks_to_wait = answer.is_gone or answer.not_before_utc is not None
            failures = MOST_FAILURES if asks_to_wait else failures + 1
    if failures >= MOST_FAILURES:
        rest = REST
    with runtime.request_as(WORKER_USER) as request:
        end_turn(request, subscription_id, rest=rest)


def _try(
    runtime: Runtime, turn: Turn, delivery: Delivery, means: SendingMeans
) -> TryResult:
    """Send one delivery, and store what came of it."""
    began_s = time.monotonic()
    answer = send(runtime, turn, delivery, means)
    took_ms = round((time.monotonic() - began_s) * 1000)
    with runtime.request_as(WORKER_USER) as request:
        store_outcome(request, delivery, answer, took_ms=took_ms)
    return answer


def send(
    runtime: Runtime, turn: Turn, delivery: Delivery, means: SendingMeans
) -> TryResult:
    """Send one delivery; whatever goes wrong is an answer."""
    facts, now = turn.subscription.facts, runtime.clock()
    try:
        if facts.channel == WEBHOOK:
            payload = _payload(runtime, turn, delivery)
            return send_webhook(
                WebClient(
                    private_hosts=frozenset(facts.private_hosts),
                    limits=means.limits,
                    resolve=means.resolve,
                ),
                facts.address or "",
                json.dumps(payload, allow_nan=False, separators=(",", ":")),
                message_id=message_id(delivery),
                secrets=signing_secrets(turn.subscription.secrets, means.secrets, now),
                now=now,
            )
        subject, text = _mail_of(runtime, turn, delivery)
        return send_mail(
            MailServer.of(runtime.settings),
            facts.recipients,
            subject=f"[{runtime.settings.app_name}] {subject}",
            text=text,
            message_id=message_id(delivery),
            now=now,
        )
    except FleetError as exc:
        return TryResult(is_delivered=False, words=exc.message)
    except Exception:
        log.exception("delivery_failed", delivery_id=delivery.id)
        return TryResult(is_delivered=False, words=_OWN_ERROR)


def message_id(delivery: Delivery) -> str:
    """The id of a delivery in every try, as its receiver sees it."""
    return f"msg_{delivery.message_id.hex}"


def _payload(runtime: Runtime, turn: Turn, delivery: Delivery) -> Payload:
    return payload_of(
        delivery.kind,
        turn.events[delivery.event_seq or 0],
        detail=delivery.detail,
        public_url=runtime.settings.public_url,
    )


def _mail_of(runtime: Runtime, turn: Turn, delivery: Delivery) -> tuple[str, str]:
    """Subject and text of a mail."""
    if delivery.digest_day is not None:
        with runtime.request_as(WORKER_USER) as request:
            return digest_of(
                request,
                delivery.digest_day,
                regions=turn.subscription.facts.regions,
                public_url=runtime.settings.public_url,
            )
    payload = _payload(runtime, turn, delivery)
    data = payload["data"]
    lines = [KIND_WORDS[PublicKind(payload["type"])], f"at {payload['timestamp']}", ""]
    lines += [
        f"{name.replace('_', ' ')}: {_words(value)}"
        for name, value in data.items()
        if value not in (None, [], {}) and name != "link"
    ]
    lines += ["", data["link"]]
    return title_of(payload), "\n".join(lines) + "\n"


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return str(value)


@change(
    Permission.RUN_CYCLE,
    AuditAction.SUBSCRIPTION_STOPPED,
    repeat=None,
)
def store_outcome(
    request: Request, delivery: Delivery, answer: TryResult, *, took_ms: int
) -> Done[None]:
    """Store what came of a try; a receiver that is gone is sent nothing any more.

    Nothing is stored when another worker tried meanwhile.
    """
    session, now = request.session, request.now
    present = deliveries.delivery_by_id(session, delivery.id, locked=True)
    if (present.state, present.tries) != (WAITING, delivery.tries):
        return Done(answer=None)
    words = answer.words[:_LONGEST_ANSWER]
    deliveries.insert_attempt(
        session,
        DeliveryAttempt(
            delivery_id=delivery.id,
            at_utc=now,
            duration_ms=took_ms,
            is_delivered=answer.is_delivered,
            status=answer.status,
            answer=words,
        ),
    )
    deliveries.update_delivery(session, delivery.id, _next_state(present, answer, now))
    subscription = deliveries.subscription_by_id(session, delivery.subscription_id)
    failures = 0 if answer.is_delivered else subscription.state.failures_in_a_row + 1
    values: dict[str, object] = {
        "failures_in_a_row": failures,
        "last_tried_at_utc": now,
        "last_answer": words,
    }
    if answer.is_delivered:
        values["last_delivered_at_utc"] = now
    if answer.is_gone:
        values["stopped_reason"] = words
    deliveries.update_subscription(session, delivery.subscription_id, values)
    say = log.info if answer.is_delivered else log.warning
    say(
        "delivery_tried",
        subscription=subscription.facts.name,
        kind=delivery.kind,
        delivery_id=delivery.id,
        is_delivered=answer.is_delivered,
        answer=words,
    )
    if not answer.is_gone:
        return Done(answer=None)
    deliveries.end_waiting(session, now, subscription_id=delivery.subscription_id)
    stopped = Event(
        action=AuditAction.SUBSCRIPTION_STOPPED,
        object_type="subscription",
        object_id=subscription.facts.name,
        reason=words,
    )
    return Done(answer=None, events=(stopped,))


def _next_state(
    delivery: Delivery, answer: TryResult, now: datetime
) -> dict[str, object]:
    tries = delivery.tries + 1
    if answer.is_delivered:
        return {"tries": tries, "state": DELIVERED, "ended_at_utc": now}
    again = next_try(
        now,
        failures=tries,
        waiting_since_utc=delivery.waiting_since_utc,
        not_before_utc=answer.not_before_utc,
    )
    if again is None or answer.is_gone:
        return {"tries": tries, "state": DEAD, "ended_at_utc": now}
    return {"tries": tries, "due_at_utc": again}


@change(
    Permission.RUN_CYCLE,
    repeat=None,
    unaudited="gives up what was taken for a while; nothing else changes",
)
def end_turn(request: Request, subscription_id: int, *, rest: timedelta) -> Done[None]:
    """Give a subscription up; it is not taken again before its rest is over."""
    values = {
        "leased_until_utc": None,
        "rest_until_utc": request.now + rest if rest else None,
    }
    deliveries.update_subscription(request.session, subscription_id, values)
    return Done(answer=None)
