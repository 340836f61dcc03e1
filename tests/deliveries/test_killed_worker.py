"""Processes that are killed lose no event, and deliver each region's in order.

A program changes limits through the API of a real web process, and a process of its own
delivers what happens; both are killed in turn while they work. GFO_TEST_FULL kills 200
times during 2,000 events.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from core.access import Role, Scope
from db.engine import DatabaseUrls
from orchestrator.accounts import api_tokens
from orchestrator.deliveries.subscriptions import rotate_secret
from orchestrator.processes.supervisor import web_arguments
from orchestrator.regions.policies import ensure_first_policy
from tests.deliveries.portals import KEY, REGIONS, Portal, Receiver, webhook
from tests.faults.portal_process import children_of
from tests.feeds.local_source import Asked, Reply

IS_FULL = bool(os.environ.get("GFO_TEST_FULL"))
N_EVENTS, N_KILLS = (2_000, 200) if IS_FULL else (200, 4)
EVERY = N_EVENTS // N_KILLS
PATIENCE_S = 10_800 if IS_FULL else 300
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * PATIENCE_S)]

DELIVER = """
import os, signal, sys, threading, time
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
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _line in sys.stdin:
    if number := os.fork():
        print(number, flush=True)
        continue
    os.dup2(2, 1)  # its log is none of the answers
    runtime = Runtime(settings=load_settings(None), engine=make_engine(sys.argv[1]))
    Deliverer(runtime, threading.Event(), means, look_every_s=0.05, lease_s=4.0).start()
    time.sleep(10_000)
"""
"""Imports once, and forks a process that delivers for each line that it reads."""


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
            number = int(payload["data"]["reason"].removeprefix("event "))
            self.by_region[payload["data"]["region"]].append(number)
        return Reply(wait_s=0.02 if fate < 0.5 else 0.0)


class Deliverers:
    """Processes that deliver, one after the other."""

    def __init__(self, portal: Portal) -> None:
        self._forker = subprocess.Popen(
            [sys.executable, "-c", DELIVER, portal.urls.app],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.process_id = 0
        self.start()

    def start(self) -> None:
        """Begin another one."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        self._forker.stdin.write("\n")
        self._forker.stdin.flush()
        self.process_id = int(self._forker.stdout.readline())

    def is_running(self) -> bool:
        """Whether the present one has not ended."""
        return Path(f"/proc/{self.process_id}").exists()

    def kill(self) -> None:
        """Kill the present one, and see it end."""
        os.kill(self.process_id, signal.SIGKILL)
        until_s = time.monotonic() + 60
        while self.is_running():
            assert time.monotonic() < until_s
            time.sleep(0.01)

    def close(self) -> None:
        """End whatever runs."""
        if self.is_running():
            self.kill()
        self._forker.kill()
        self._forker.wait(20)


class Program:
    """Changes limits of regions by the API, each again until it was answered."""

    def __init__(self, address: str, token: str) -> None:
        self.n_answered = self.n_again = 0
        self._http = httpx.Client(
            base_url=f"{address}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30.0,
        )
        self._etags = {
            slug: self._send("GET", f"/regions/{slug}").headers["ETag"]
            for slug in REGIONS
        }

    def change(self, region: str, number: int) -> None:
        """The event of this number: one key and one If-Match for all its tries."""
        answer = self._send(
            "PUT",
            f"/regions/{region}/policy",
            headers={
                "Idempotency-Key": str(uuid4()),
                "If-Match": self._etags[region],
            },
            json={
                "thermal_limit_c": 20 + number / 100,
                "reason": f"event {number}",
            },
        )
        self._etags[region] = answer.headers["ETag"]
        self.n_answered += 1

    def _send(self, method: str, path: str, **given: object) -> httpx.Response:
        until_s = time.monotonic() + 300
        while True:
            try:
                answer = self._http.request(method, path, **given)  # type: ignore[arg-type]
            except httpx.TransportError:
                assert time.monotonic() < until_s
                self.n_again += 1
                time.sleep(0.05)
            else:
                if answer.status_code != 503:
                    assert answer.status_code == 200, answer.text
                    return answer
                time.sleep(0.2)  # too busy, as it is after a start; try again


@pytest.fixture
def web(portal: Portal, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The portal's web server over the database: its address, and its master."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = portal.runtime.settings.model_copy(
        update={"port": port, "web_workers": 1}
    )
    environ = {
        **os.environ,
        "DATABASE_URL": portal.urls.app,
        "GFO_DATA_DIR": str(tmp_path),
        "GFO_PORT": str(port),
        "GFO_API_REQUESTS_PER_MINUTE": "1000000",
        "GFO_LOG_LEVEL": "ERROR",
    }
    master = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *web_arguments(settings)],
        env=environ,
        stderr=(tmp_path / "web.log").open("wb"),
    )
    yield f"http://127.0.0.1:{port}", master.pid
    master.terminate()
    master.wait(20)


def test_none_is_lost_and_each_region_keeps_its_order(
    portal: Portal, receiver: Receiver, web: tuple[str, int]
) -> None:
    with portal.runtime.request_as("cli") as request:
        ensure_first_policy(request, portal.runtime.settings.first_policy())
        api_tokens.add_service_account(request, "program", Role.ADMIN)
        made = api_tokens.make_token(
            request, owner="program", name="limits", scopes=[Scope.ADMIN]
        )
    receiver.secret = portal.add(webhook(receiver.hook))
    book, (address, master) = Book(receiver), web
    program = Program(address, made.secret or "")
    drawn = random.Random(11)  # noqa: S311 -- as above
    regions = [drawn.choice(REGIONS) for _ in range(N_EVENTS)]
    kills, deliverers, failed = [0], Deliverers(portal), []

    def post_all() -> None:
        try:
            for number, region in enumerate(regions):
                # Posting waits for the kills, so that these are spread over all of it.
                while kills[0] < N_KILLS and number > EVERY * (kills[0] + 2):
                    time.sleep(0.01)
                program.change(region, number)
        except BaseException as exc:
            failed.append(exc)
            raise

    began_s = time.monotonic()
    posting = threading.Thread(target=post_all, daemon=True)
    posting.start()
    try:
        while kills[0] < N_KILLS:
            while program.n_answered < EVERY * (kills[0] + 1) - 1 and not failed:
                time.sleep(0.005)
            assert not failed
            if kills[0] % 2:
                _wait_until_busy(book, deliverers.is_running)
                deliverers.kill()
                deliverers.start()
            else:
                time.sleep(drawn.uniform(0.0, 0.05))
                _kill_children(master)
            kills[0] += 1
            if not kills[0] % 20:
                print(f"{kills[0]} kills, {program.n_answered} answered", flush=True)  # noqa: T201
        posting.join(PATIENCE_S)
        _wait_for(portal, N_EVENTS, began_s)
    finally:
        deliverers.close()
    expected = {
        slug: [number for number, region in enumerate(regions) if region == slug]
        for slug in REGIONS
    }
    assert len(book.bodies) == N_EVENTS
    assert dict(book.by_region) == expected
    assert book.n_changed == 0
    print(  # noqa: T201 -- for docs/deliveries.md
        f"{N_EVENTS} events, {kills[0]} kills, {program.n_again} requests sent again,"
        f" {book.n_again} deliveries came again"
    )


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
                _wait_until_busy(book, partial(_is_running, worker))
        finally:
            worker.kill()
            worker.wait(20)
    assert book.by_region == {"here": list(range(40))}
    portal.close()


def _kill_children(master: int) -> None:
    """Kill what serves; the master makes another one."""
    until_s = time.monotonic() + 60
    while not (serving := children_of(master)):
        assert time.monotonic() < until_s
        time.sleep(0.01)
    for process_id in serving:
        os.kill(process_id, signal.SIGKILL)


def _is_running(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def _wait_until_busy(book: Book, is_running: Callable[[], bool]) -> None:
    """Until this process has delivered something, so that it is killed at work."""
    known, until_s = len(book.bodies) + book.n_again, time.monotonic() + 60
    while len(book.bodies) + book.n_again == known and time.monotonic() < until_s:
        assert is_running()
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
