"""The embedded server: one owner, three roles, and recovery from every sudden end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from core.errors import ServiceUnavailable
from db.engine import libpq_url
from db.local_server import LocalServer, connect_or_own

pytestmark = pytest.mark.slow

PATIENCE_S = 20.0

Execute = Callable[[str, str], list[tuple[object, ...]]]
StartOwner = Callable[..., tuple[subprocess.Popen[str], int, int]]

# Owns the server of argv[1], commits a row, says so, and waits to be killed.
OWNER_SCRIPT = """
import os, sys, time
from pathlib import Path
import psycopg
from db.engine import libpq_url
from db.local_server import LocalServer
with LocalServer.own(Path(sys.argv[1])) as server:
    with psycopg.connect(libpq_url(server.urls.owner)) as connection:
        connection.execute("create table if not exists kept (n int)")
        if "add" not in sys.argv:
            connection.execute("truncate kept")
        connection.execute("insert into kept values (7)")
    child = os.fork() if "fork" in sys.argv else None
    if child == 0:
        time.sleep(600)
    print(server.process.pid, child or 0, flush=True)
    if "leave" not in sys.argv:
        time.sleep(600)
print("left", flush=True)
time.sleep(600)
"""

# Uses the server of argv[1], whoever runs it, for a moment.
USER_SCRIPT = """
import sys, time
from pathlib import Path
import psycopg
from db.engine import libpq_url
from db.local_server import connect_or_own
with connect_or_own(Path(sys.argv[1])) as server:
    with psycopg.connect(libpq_url(server.urls.app)) as connection:
        connection.execute("select 1")
    time.sleep(1)
"""


@pytest.fixture
def start_owner(
    data_dir: Path,
) -> Iterator[StartOwner]:
    started: list[subprocess.Popen[str]] = []

    def start(*flags: str) -> tuple[subprocess.Popen[str], int, int]:
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER_SCRIPT, str(data_dir), *flags],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(owner)
        assert owner.stdout is not None
        postmaster, child = owner.stdout.readline().split()
        return owner, int(postmaster), int(child)

    yield start
    for owner in started:
        owner.kill()
        owner.wait()
        assert owner.stdout is not None
        owner.stdout.close()


def processes_of(postmaster: int) -> list[int]:
    """Living processes of the session that the server leads."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        state, session_id = fields[0], int(fields[3])
        if session_id == postmaster and state != "Z":
            found.append(int(entry.parent.name))
    return found


def wait_until_gone(postmaster: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while processes_of(postmaster):
        assert time.monotonic() < deadline, processes_of(postmaster)
        time.sleep(0.05)


def test_rows_survive_a_stop_and_the_second_start_is_silent_about_creation(
    execute: Execute,
    empty_dir: Path,
) -> None:
    said: list[str] = []
    with LocalServer.own(empty_dir, on_progress=said.append) as server:
        execute(server.urls.owner, "create table kept as select 7 as n")
        postmaster = server.process.pid if server.process else 0
    assert processes_of(postmaster) == []
    assert any("Creating" in line for line in said)
    said.clear()

    with LocalServer.own(empty_dir, on_progress=said.append) as server:
        assert execute(server.urls.owner, "select n from kept") == [(7,)]
    assert not any("Creating" in line for line in said)


def test_a_killed_server_is_started_again_with_its_rows(
    execute: Execute, data_dir: Path
) -> None:
    with LocalServer.own(data_dir) as server:
        assert not server.restart_if_dead()
        execute(server.urls.owner, "create table survived as select 7 as n")
        idle = psycopg.connect(libpq_url(server.urls.app))
        assert server.process is not None
        server.process.kill()
        server.process.wait()

        assert server.restart_if_dead()

        assert execute(server.urls.owner, "select n from survived") == [(7,)]
        idle.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_its_owner_and_the_next_start_recovers(
    execute: Execute,
    data_dir: Path,
    start_owner: StartOwner,
    number: signal.Signals,
) -> None:
    owner, postmaster, _ = start_owner()
    assert processes_of(postmaster)

    owner.send_signal(number)
    owner.wait()
    with LocalServer.own(
        data_dir
    ) as server:  # at once: the old one may still be ending
        assert execute(server.urls.owner, "select n from kept") == [(7,)]

    wait_until_gone(postmaster)


def test_owner_and_server_killed_together_leave_a_cluster_that_starts(
    execute: Execute, data_dir: Path, start_owner: StartOwner
) -> None:
    for flag, row_count in (("", 1), ("add", 2)):
        owner, postmaster, _ = start_owner(flag)
        os.kill(postmaster, signal.SIGKILL)
        owner.kill()
        owner.wait()
        with LocalServer.own(data_dir) as server:
            counted = execute(server.urls.owner, "select count(*) from kept")
            assert counted == [(row_count,)]
        wait_until_gone(postmaster)


def test_a_second_owner_is_refused_and_attaches_instead(
    execute: Execute, data_dir: Path, start_owner: StartOwner
) -> None:
    _, postmaster, _ = start_owner()

    with (
        pytest.raises(ServiceUnavailable, match="Another process already runs"),
        LocalServer.own(data_dir),
    ):
        pass
    attached = LocalServer.attach(data_dir)
    assert execute(attached.urls.owner, "select n from kept") == [(7,)]
    with connect_or_own(data_dir) as server:
        assert not server.is_owner
        assert server.process is None
        assert execute(server.urls.owner, "select n from kept") == [(7,)]
    assert processes_of(postmaster)


def test_without_an_owner_the_command_line_owns_and_stops(
    execute: Execute, data_dir: Path
) -> None:
    with connect_or_own(data_dir) as server:
        assert server.is_owner
        assert server.process is not None
        postmaster = server.process.pid
        execute(server.urls.app, "select 1")

    assert processes_of(postmaster) == []


def test_commands_at_once_share_one_server(empty_dir: Path) -> None:
    commands = [
        subprocess.Popen([sys.executable, "-c", USER_SCRIPT, str(empty_dir)])
        for _ in range(3)
    ]

    assert [command.wait() for command in commands] == [0, 0, 0]


def test_a_forked_child_does_not_keep_the_lock(
    execute: Execute, data_dir: Path, start_owner: StartOwner
) -> None:
    owner, _, child = start_owner("fork", "leave")
    assert owner.stdout is not None
    assert owner.stdout.readline() == "left\n"
    try:
        with LocalServer.own(data_dir) as server:
            assert execute(server.urls.owner, "select n from kept") == [(7,)]
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_stale_process_file_that_names_a_stranger_harms_nobody(
    execute: Execute,
    data_dir: Path,
) -> None:
    with LocalServer.own(data_dir) as server:
        home = server.home
    stranger = subprocess.Popen(["sleep", "600"])
    (home.data / "postmaster.pid").write_text(f"{stranger.pid}\n{home.data}\n")
    lock = home.socket_dir / ".s.PGSQL.5432.lock"
    lock.write_text(f"{stranger.pid}\n")

    with LocalServer.own(data_dir) as server:
        execute(server.urls.app, "select 1")

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
