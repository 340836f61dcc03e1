"""The processes of compose, behind nginx, are replaced one by one: nobody notices."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from db import migrate
from tests.faults.deployment import (
    DEPLOY,
    NGINX,
    WEBS,
    WORKERS,
    Deployment,
    OneOfTwo,
    deployment,
    write_role_passwords,
)
from tests.faults.next_release import NEXT, LockWatch, next_release
from tests.faults.plain_server import portal_urls, server_host
from tests.faults.portal_process import ADMIN_PASSWORD, free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

IS_FULL = bool(os.environ.get("GFO_TEST_FULL"))
PEOPLE, ROUNDS = (20, 5) if IS_FULL else (3, 1)
PATHS = ("/", "/admin/jobs", "/_dash-layout", "/account", "/readyz")
_PAUSE_S = 0.03


@dataclass(slots=True)
class Load:
    """People who open pages without a pause, and what came back."""

    answered: int = 0
    failed: list[tuple[str, int, str]] = field(default_factory=list)
    retries: int = 0
    longest_s: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def visit(self, browser: OneOfTwo) -> None:
        """One person who is logged in, until told to stop."""
        number = 0
        while not self.stopping.wait(_PAUSE_S):
            began = time.monotonic()
            path = PATHS[number % len(PATHS)]
            answer = browser.get(path)
            with self.lock:
                self.answered += answer.status == 200
                if answer.status != 200:  # the end of a page says why
                    self.failed.append((path, answer.status, answer.text[-500:]))
                self.longest_s = max(self.longest_s, time.monotonic() - began)
            number += 1
        with self.lock:
            self.retries += browser.retries


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two web processes and two workers on a server of its own."""
    if NGINX is None:
        pytest.fail("These tests need nginx (on Debian: apt-get install nginx-light).")
    folder = tmp_path_factory.mktemp("deployed")
    with ExitStack() as stack:
        host = stack.enter_context(server_host())
        port = free_port()
        host.new_server("database", port)
        write_role_passwords(folder / "passwords")
        for place in (folder, folder / "passwords"):
            place.chmod(0o755)
        roles = (DEPLOY / "postgres" / "roles.sh").read_text()
        passwords = {
            file.name: file.read_text() for file in (folder / "passwords").iterdir()
        }
        made = 'mkdir "$SECRETS_DIR"\n' + "".join(
            f'printf %s {value} > "$SECRETS_DIR/{name}"\n'
            for name, value in passwords.items()
        )
        host.run(
            made + roles,
            {"PGPORT": str(port), "SECRETS_DIR": str(host.folder / "passwords")},
        )
        yield stack.enter_context(
            deployment(host, portal_urls(port), folder, with_proxy=True)
        )


def test_a_rolling_upgrade_under_load_costs_no_request(
    deployed: Deployment, tmp_path: Path
) -> None:
    """The next release migrates, and its processes replace those of this one.

    Between, this release serves beside the newer schema, and both side by side. In the
    whole run they go back again: old processes first, then the schema.
    """
    load, watch = Load(), LockWatch(deployed.database.owner)
    following = next_release(tmp_path)
    with watch.running(), _visited(deployed, load):
        for _ in range(ROUNDS):
            _command(deployed, following, "install")
            assert migrate.current_revision(deployed.database.owner) == NEXT
            for name in (*WEBS, *WORKERS):
                _replace(deployed, name, following)
            if IS_FULL:
                for name in (*WEBS, *WORKERS):
                    _replace(deployed, name)
                old = migrate.head_revision()
                _command(deployed, following, "db", "downgrade", old)

    assert load.failed == [], (load.answered, load.retries)
    assert load.answered > 20
    assert load.longest_s < 15
    assert watch.looks > 20
    assert watch.longest_s < 2
    for name in (*WEBS, *WORKERS):
        assert "Traceback" not in deployed.logged(name), deployed.logged(name)


@contextmanager
def _visited(deployed: Deployment, load: Load) -> Iterator[None]:
    """People are at work until the block ends."""
    visitors = []
    for _ in range(PEOPLE):
        browser = deployed.browser()
        assert browser.log_in("admin", ADMIN_PASSWORD).status == 303
        visitors.append(threading.Thread(target=load.visit, args=(browser,)))
    for visitor in visitors:
        visitor.start()
    try:
        wait_until(lambda: load.answered > 2 * PEOPLE)
        yield
    finally:
        load.stopping.set()
        for visitor in visitors:
            visitor.join()


def _command(deployed: Deployment, release: Mapping[str, str], *arguments: str) -> None:
    """Run a command of a release with the owner's rights."""
    variables = {**deployed.services[WORKERS[0]].variables, **release}
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", *arguments],
        env=variables | {"DATABASE_OWNER_URL": deployed.database.owner},
        cwd=deployed.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _replace(
    deployed: Deployment, name: str, release: Mapping[str, str] | None = None
) -> None:
    """As an orchestrator does: ask it to end, start the new one, wait for it.

    Of this release unless another one is given.
    """
    service = deployed.services[name]
    of_this = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    service.variables |= of_this if release is None else release
    assert service.process is not None
    service.send(signal.SIGTERM)
    assert service.process.wait(30) in {0, -signal.SIGTERM}
    logged = len(deployed.logged(name))
    service.start()
    if name in WEBS:
        wait_until(lambda: deployed.ready(name))
    else:
        wait_until(lambda: "worker_started" in deployed.logged(name)[logged:])


def test_connections_that_say_nothing_do_not_hold_the_portal_up(
    deployed: Deployment,
) -> None:
    """Forty of them, and twenty that send a header without end, stop at the proxy."""
    port = int(deployed.urls[0].rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    try:
        browser, waits = deployed.browser(), []
        for _ in range(10):
            began = time.monotonic()
            assert browser.get("/login").status == 200
            waits.append(time.monotonic() - began)
        assert sorted(waits)[5] < 1
    finally:
        for connection in silent:
            connection.close()


def test_the_proxy_hides_the_metrics_and_says_who_asks(deployed: Deployment) -> None:
    browser = deployed.browser()
    assert browser.get("/metrics").status == 404
    assert browser.log_in("admin", ADMIN_PASSWORD).status == 303
    assert {cookie.secure for cookie in browser.cookies} == {True}


def test_secrets_are_read_from_their_folder_and_never_logged(
    deployed: Deployment,
) -> None:
    for secret in (deployed.folder / "secrets").iterdir():
        for name in deployed.services:
            assert secret.read_text().strip() not in deployed.logged(name)
