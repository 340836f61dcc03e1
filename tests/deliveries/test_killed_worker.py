"""Workers that are killed while they deliver lose nothing and keep the order.

The short form kills the threads of deliveries in a process of their own, and a real
worker once. GFO_TEST_FULL kills 200 times during 2,000 events.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from db.engine import DatabaseUrls
from orchestrator.deliveries.subscriptions import rotate_secret
from tests.deliveries.portals import KEY, REGIONS, Portal, Receiver, webhook
from tests.feeds.local_source import Asked, Reply

pytestmark = pytest.mark.slow

IS_FULL = bool(os.environ.get("GFO_TEST_FULL"))
N_EVENTS, N_KILLS = (2_000, 200) if IS_FULL else (200, 4)
EVERY = N_EVENTS // N_KILLS
PATIENCE_S = 1_800 if IS_FULL else 300

DELIVER = """
import os, sys, threading, time
from db.engine import make_engine
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.deliveries.deliverer import Deliverer
from orchestrator.deliveries.secrets import SecretPlaces
from orchestrator.deliveries.sending import SendingMeans
from orchestrator.feeds.web_client import WebLimits
from orchestrator.runtime import Runtime
from orchestrator.settings import load_settings
key = FactorKey("a key of this test")
places = SecretPlaces(environ=os.environ, secrets_dir=None, key=key)
means = SendingMeans(secrets=places,
                     limits=WebLimits(connect_s=2.0, read_s=2.0, total_s=2.0))
runtime = Runtime(settings=load_settings(None), engine=make_engine(sys.argv[1]))
Deliverer(runtime, threading.Event(), means, look_every_s=0.05, lease_s=4.0).start()
time.sleep(600)
"""


class Book:
    """What a receiver took: each message by id, in the order in which it came first."""

    def __init__(self, receiver: Receiver) -> None:
        self.bodies: dict[str, bytes] = {}
        self.by_region: dict[str, list[int]] = defaultdict(list)
        self.n_again = 0
        self.n_changed = 0
        self._random = random.Random(7)  # noqa: S311 -- a test's own course
        self._receiver = receiver
        receiver.answering = self.take

    def take(self, asked: Asked) -> Reply:
        """A message; some answers are late or faults, after it was taken or before."""
        fate = self._random.random()
        if fate < 0.05:
            return Reply(status=503)
        message = asked.headers["webhook-id"]
        if message in self.bodies:
            self.n_again += 1
            self.n_changed += self.bodies[message] != asked.body
        else:
            self.bodies[message] = asked.body
            payload = self._receiver.verified(asked)
            self.by_region[payload["data"]["region"]].append(
                int(payload["data"]["terms"]["number"])
            )
        return Reply(wait_s=0.02 if fate < 0.5 else 0.0)


def test_none_is_lost_and_each_region_keeps_its_order(
    portal: Portal, receiver: Receiver
) -> None:
    receiver.secret = portal.add(webhook(receiver.hook))
    book = Book(receiver)
    drawn = random.Random(11)  # noqa: S311 -- as above
    expected: dict[str, list[int]] = defaultdict(list)
    worker, kills = _deliverer(portal), 0
    began_s = time.monotonic()
    for number in range(N_EVENTS):
        region = drawn.choice(REGIONS)
        portal.happen(region, number)
        expected[region].append(number)
        if (
            kills < N_KILLS
            and number % (N_EVENTS // N_KILLS) == N_EVENTS // N_KILLS - 1
        ):
            _wait_until_busy(book, worker)
            worker.kill()
            assert worker.wait(20) == -signal.SIGKILL
            worker, kills = _deliverer(portal), kills + 1
    try:
        _wait_for(portal, N_EVENTS, began_s)
    finally:
        worker.kill()
        worker.wait(20)
    assert kills == N_KILLS
    assert len(book.bodies) == N_EVENTS
    assert dict(book.by_region) == dict(expected)
    assert book.n_changed == 0
    print(f"{N_EVENTS} events, {kills} kills, {book.n_again} came again")  # noqa: T201


def test_a_real_worker_that_is_killed_loses_nothing(
    database_urls: DatabaseUrls, receiver: Receiver, tmp_path: Path
) -> None:
    portal = Portal(database_urls, tmp_path)
    portal.add(webhook(receiver.hook))
    secret = "whsec_c2VjcmV0IG9mIHRoaXMgdGVzdA=="  # pragma: allowlist secret
    reference = "env:GFO_WEBHOOK_OPS"
    with portal.runtime.request_as("cli") as request:
        rotate_secret(request, "hook", KEY, secret_reference=reference)
    receiver.secret = secret
    book = Book(receiver)
    environ = {
        **os.environ,
        "DATABASE_URL": database_urls.app,
        "GFO_WEBHOOK_OPS": secret,
        "GFO_DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "orchestrator", "worker"]
    for number in range(40):
        portal.happen("here", number)
    for is_last in (False, True):
        with (tmp_path / "log").open("ab") as log:
            worker = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            if is_last:
                # What the dead one held is free once its lease is over.
                portal.rows(
                    "update delivery_subscription set leased_until_utc = null"
                    " returning id"
                )
                _wait_for(portal, 40, time.monotonic())
            else:
                _wait_until_busy(book, worker)
        finally:
            worker.kill()
            worker.wait(20)
    assert book.by_region == {"here": list(range(40))}
    portal.close()


def _deliverer(portal: Portal) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", DELIVER, portal.urls.app], stdout=subprocess.DEVNULL
    )


def _wait_until_busy(book: Book, worker: subprocess.Popen[bytes]) -> None:
    """Until this process has delivered something, so that it is killed at work."""
    known, until_s = len(book.bodies) + book.n_again, time.monotonic() + 60
    while len(book.bodies) + book.n_again == known and time.monotonic() < until_s:
        assert worker.poll() is None
        time.sleep(0.005)


def _wait_for(portal: Portal, n_delivered: int, began_s: float) -> None:
    count = "select count(*) from delivery where state = 'delivered'"
    # The waits after faults are not what this test is about.
    at_once = (
        "update delivery set due_at_utc = now() where state = 'waiting' returning id",
        "update delivery_subscription set rest_until_utc = null returning id",
    )
    while portal.rows(count) != [(n_delivered,)]:
        assert time.monotonic() - began_s < PATIENCE_S, portal.rows(count)
        for statement in at_once:
            portal.rows(statement)
        time.sleep(0.2)
