"""Webhooks reach real receivers that answer well, badly, late, or not at all."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks.webhooks import Webhook

from core.errors import Conflict, InvalidInput
from orchestrator.deliveries.retries import WAITS_S, next_try
from orchestrator.deliveries.subscriptions import (
    change_subscription,
    pause_subscription,
    remove_subscription,
    replay,
    rotate_secret,
    send_test,
)
from tests.deliveries.portals import KEY, Portal, Receiver, receiving, webhook
from tests.feeds.local_source import Asked, Reply

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_an_event_arrives_signed_with_its_documented_payload(
    portal: Portal, receiver: Receiver
) -> None:
    receiver.secret = portal.add(webhook(receiver.hook))
    portal.happen("here", 7)
    portal.deliver()
    (payload,) = receiver.taken
    assert payload["type"] == "policy.changed"
    assert payload["version"] == 1
    sent = datetime.fromisoformat(payload["timestamp"])
    assert abs((datetime.now(UTC) - sent).total_seconds()) < 30
    assert payload["data"] == {
        "region": "here",
        "terms": {"thermal_limit_c": 35.0, "number": 7},
        "former_terms": {},
        "reason": "event 7",
        "event_seq": payload["data"]["event_seq"],
        "actor": "anonymous",
        "link": f"/audit/event/{payload['data']['event_seq']}",
    }
    assert receiver.ids == [f"msg_{portal.deliveries()[0].message_id.hex}"]
    assert portal.answers() == ["Taken (200)."]
    assert portal.states() == [("delivered", 1)]
    portal.deliver()  # nothing is left
    assert len(receiver.asked) == 1


def test_what_passes_is_tried_again_under_the_same_id(
    portal: Portal, receiver: Receiver
) -> None:
    receiver.secret = portal.add(webhook(receiver.hook))
    portal.happen()
    replies = [
        Reply(status=500, body=b'{"error": "no disk"}'),
        Reply(cut_at=1),  # it was taken: the status came
        Reply(),
    ]
    receiver.reply = lambda _: replies.pop(0)
    portal.deliver()
    assert portal.answers() == ["Answered with status 500: no disk."]
    assert portal.states() == [("waiting", 1)]
    portal.deliver(timedelta(seconds=3))  # too early
    assert len(receiver.asked) == 1
    portal.deliver(timedelta(seconds=31))
    assert portal.states() == [("delivered", 2)]
    ids = {asked.headers["webhook-id"] for asked in receiver.asked}
    assert len(ids) == 1
    first, second = receiver.asked
    assert first.body == second.body


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(wait_s=1.5), "localhost did not answer in time."),
        (Reply(status=302, headers={"Location": "/x"}), "Redirects (302), which"),
        (Reply(status=401), "Refused (401)."),
        (Reply(status=404, body=b'{"detail": "no such hook"}'), "no such hook"),
    ],
)
def test_why_it_failed_is_kept_in_words(
    portal: Portal, receiver: Receiver, reply: Reply, words: str
) -> None:
    portal.add(webhook(receiver.hook))
    receiver.reply = lambda _: reply
    portal.happen()
    portal.deliver()
    (answer,) = portal.answers()
    assert words in answer
    assert portal.states() == [("waiting", 1)]
    assert receiver.taken == []


def test_an_address_within_the_network_is_called_only_when_it_is_named(
    portal: Portal, receiver: Receiver
) -> None:
    with pytest.raises(InvalidInput, match="without TLS"):
        portal.add(webhook(receiver.hook, private_hosts=[]))
    secure = receiver.hook.replace("http:", "https:")
    portal.add(webhook(secure, private_hosts=[]))
    portal.happen()
    portal.deliver()
    (answer,) = portal.answers()
    assert "not a public address" in answer
    assert receiver.asked == []


def test_a_failing_event_holds_back_its_own_region_alone(
    portal: Portal, receiver: Receiver
) -> None:
    portal.add(webhook(receiver.hook))

    def refuse_the_first(payload: dict[str, dict[str, dict[str, float]]]) -> Reply:
        is_bad = payload["data"]["terms"]["number"] == 1
        return Reply(status=500) if is_bad else Reply()

    receiver.reply = refuse_the_first
    for number, region in enumerate(["here", "here", "there", "there"], start=1):
        portal.happen(region, number)
    portal.deliver()
    assert receiver.numbers() == [3, 4]
    receiver.reply = lambda _: Reply()
    portal.deliver(timedelta(minutes=1))
    assert receiver.numbers() == [3, 4, 1, 2]


def test_who_asks_to_wait_is_asked_about_nothing_else(
    portal: Portal, receiver: Receiver
) -> None:
    portal.add(webhook(receiver.hook))
    until = datetime.now(UTC) + 2 * HOUR
    headers = {"Retry-After": format_datetime(until, usegmt=True)}
    receiver.reply = lambda _: Reply(status=429, headers=headers)
    portal.happen("here")
    portal.happen("there")
    portal.deliver()
    assert len(receiver.asked) == 1
    due = portal.deliveries()[0].due_at_utc
    assert abs((due - until).total_seconds()) < 2
    assert portal.answers() == ["Asks to wait (429)."]


def test_a_receiver_that_is_gone_is_stopped_until_an_admin_mends_it(
    portal: Portal, receiver: Receiver
) -> None:
    portal.add(webhook(receiver.hook))
    receiver.reply = lambda _: Reply(status=410)
    portal.happen("here", 1)
    portal.happen("there", 2)
    portal.deliver()
    assert portal.states() == [("dead", 1), ("dead", 0)]
    portal.happen("here", 3)  # nobody subscribes
    assert len(portal.deliveries()) == 2
    newest = "select action, object_id from audit_event order by seq desc limit 3"
    assert ("subscription_stopped", "hook") in portal.rows(newest)
    receiver.reply = lambda _: Reply()
    with portal.runtime.request_as("cli") as request:
        pause_subscription(request, "hook", is_paused=False)
    with portal.runtime.request_as("cli") as request:
        assert replay(request, "hook") == 2
    portal.deliver()
    assert receiver.numbers() == [1, 2]


def test_after_a_day_it_is_dead_and_can_be_sent_again(
    portal: Portal, receiver: Receiver
) -> None:
    portal.add(webhook(receiver.hook))
    receiver.reply = lambda _: Reply(status=503)
    portal.happen("here", 1)
    for wait_s in (0, *WAITS_S):
        portal.deliver(timedelta(seconds=1.21 * wait_s))
    (tries,) = [tries for _, tries in portal.states()]
    assert portal.states() == [("dead", tries)]
    assert 10 <= tries <= len(WAITS_S) + 1
    portal.happen("here", 2)
    receiver.reply = lambda _: Reply()
    portal.deliver(timedelta(minutes=1))  # a dead one holds back nothing
    assert receiver.numbers() == [2]
    with portal.runtime.request_as("cli") as request:
        (dead,) = portal.deliveries(state="dead")
        assert replay(request, "hook", dead.id) == 1
    portal.deliver()
    assert receiver.numbers() == [2, 1]
    with (
        portal.runtime.request_as("cli") as request,
        pytest.raises(InvalidInput, match="no such dead delivery"),
    ):
        replay(request, "hook")


def test_the_schedule_lasts_a_day_and_ends() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert sum(WAITS_S) == pytest.approx(DAY.total_seconds(), rel=0.05)
    for failures, wait_s in enumerate(WAITS_S, start=1):
        again = next_try(start, failures=failures, waiting_since_utc=start)
        assert again is not None
        assert 0.8 * wait_s <= (again - start).total_seconds() <= 1.2 * wait_s
    given = {"failures": 1, "waiting_since_utc": start}
    assert next_try(start, failures=len(WAITS_S) + 1, waiting_since_utc=start) is None
    assert next_try(start + DAY, **given) is None  # it waited behind another
    asked = start + 5 * HOUR
    assert next_try(start, **given, not_before_utc=asked) == asked


def test_a_receiver_that_hangs_delays_no_other(
    portal: Portal, receiver: Receiver
) -> None:
    with receiving() as hanging:
        hanging.reply = lambda _: Reply(wait_s=30)
        portal.add(webhook(hanging.hook, name="hangs"))
        portal.add(webhook(receiver.hook))
        for number in range(20):
            portal.happen("here", number)
        began_s = time.monotonic()
        threads = portal.sender.look()
        while len(receiver.taken) < 20 and time.monotonic() - began_s < 10:
            time.sleep(0.02)
        took_s = time.monotonic() - began_s
        for thread in threads:
            thread.join(20)
    assert receiver.numbers() == list(range(20))
    # The other one is still within its first try.
    assert took_s < 5
    assert portal.states("hangs")[0] == ("waiting", 1)


def test_two_secrets_sign_for_a_day_after_a_rotation(
    portal: Portal, receiver: Receiver
) -> None:
    former = portal.add(webhook(receiver.hook))
    with portal.runtime.request_as("cli") as request:
        new = rotate_secret(request, "hook", KEY).secret
    assert new is not None
    assert new != former
    verified: list[set[str]] = []

    def verify(asked: Asked) -> Reply:
        secrets = {"former": former, "new": new}
        by = set()
        for name, secret in secrets.items():
            try:
                # Without the time, which a test moves.
                stamp = datetime.fromtimestamp(
                    int(asked.headers["webhook-timestamp"]), UTC
                )
                signature = Webhook(secret).sign(
                    asked.headers["webhook-id"], stamp, asked.body.decode()
                )
            except ValueError:
                continue
            if signature in asked.headers["webhook-signature"].split(" "):
                by.add(name)
        verified.append(by)
        return Reply()

    receiver.answering = verify
    portal.happen()
    portal.deliver()
    with (
        portal.runtime.request_as("cli") as request,
        pytest.raises(Conflict, match="former secret"),
    ):
        rotate_secret(request, "hook", KEY)
    portal.happen()
    portal.deliver(DAY)
    assert verified == [{"former", "new"}, {"new"}]
    stored = portal.rows("select secret, former_secret from delivery_subscription")
    assert former not in str(stored)
    assert new not in str(stored)
    chain = portal.rows("select string_agg(payload, '') from audit_event")
    assert new.removeprefix("whsec_") not in str(chain)


def test_a_secret_by_reference_is_read_where_the_worker_runs(
    portal: Portal, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = portal.add(webhook(receiver.hook))
    reference, another = "env:GFO_WEBHOOK_OPS", "env:GFO_SECRET_KEY"
    with portal.runtime.request_as("cli") as request:
        with pytest.raises(InvalidInput, match="GFO_WEBHOOK_NAME"):
            rotate_secret(request, "hook", KEY, secret_reference=another)
        given = rotate_secret(request, "hook", KEY, secret_reference=reference)
    assert given.secret is None
    portal.happen()
    portal.deliver()
    assert portal.answers() == [
        "The variable GFO_WEBHOOK_OPS is not set for the worker."
    ]
    monkeypatch.setenv("GFO_WEBHOOK_OPS", secret)
    receiver.secret = secret
    portal.deliver(timedelta(seconds=31))
    assert portal.states() == [("delivered", 2)]


def test_a_test_waits_for_nothing_and_goes_to_its_own_subscription(
    portal: Portal, receiver: Receiver
) -> None:
    portal.add(webhook(receiver.hook))
    portal.add(webhook(receiver.hook, name="other"))
    receiver.reply = lambda payload: (
        Reply() if payload["type"] == "subscription.tested" else Reply(status=500)
    )
    portal.happen("")
    portal.deliver()
    with portal.runtime.request_as("cli") as request:
        send_test(request, "hook")
    portal.deliver()
    assert [payload["type"] for payload in receiver.taken] == ["subscription.tested"]
    assert receiver.taken[0]["data"]["link"] == "/admin/deliveries?subscription=hook"
    assert len(portal.deliveries("other")) == 1


def test_a_pause_collects_and_a_removal_gives_up(
    portal: Portal, receiver: Receiver
) -> None:
    facts = webhook(receiver.hook)
    portal.add(facts)
    with portal.runtime.request_as("cli") as request:
        pause_subscription(request, "hook", is_paused=True)
    portal.happen("here", 1)
    portal.deliver(timedelta(days=2))
    assert receiver.taken == []
    with portal.runtime.request_as("cli") as request:
        assert change_subscription(request, replace(facts, regions=["there"]))
        pause_subscription(request, "hook", is_paused=False)
    portal.happen("here", 2)
    portal.happen("there", 3)
    portal.deliver()
    assert receiver.numbers() == [1, 3]
    portal.happen("there", 4)
    with portal.runtime.request_as("cli") as request:
        remove_subscription(request, "hook")
    portal.deliver()
    assert receiver.numbers() == [1, 3]
    portal.add(facts)  # the name is free again
