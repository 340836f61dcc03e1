"""However the supervisor ends, nothing is left and the next start has every row."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from core.days import full_hour
from db import migrate
from db.local_server import connect_or_own
from orchestrator.runtime import utc_now
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from tests.faults.conftest import StartPortal
from tests.faults.portal_process import (
    PATIENCE_S,
    PortalProcess,
    add_region,
    children_of,
    processes_of,
    read_terminal,
    require_kept,
    wait_until,
)
from tests.fleet import runtime_on

pytestmark = pytest.mark.slow

GONE_WITHIN_S = 10.0
STOPPED_WITHIN_S = 15.0
"""On an idle machine it takes 2 to 4 s; a busy one must not fail the test."""


def _is_alone(data_dir: Path) -> bool:
    return not processes_of(data_dir)


def _idle_connections(portal: PortalProcess) -> list[socket.socket]:
    """What browsers leave open: after an answer, in advance, in mid-sentence."""
    kept, silent, slow = (
        socket.create_connection(("127.0.0.1", portal.port)) for _ in range(3)
    )
    kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert b"200 OK" in kept.recv(4096)
    slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
    time.sleep(0.5)  # until a web worker has taken them
    return [kept, silent, slow]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_quick_also_with_open_connections_and_leaves_nothing(
    installed_dir: Path, start_portal: StartPortal, number: signal.Signals
) -> None:
    """Impatience, Ctrl-C again and again, does not cut it short."""
    portal = start_portal(installed_dir).wait_ready()
    add_region(installed_dir, "KEPT")
    connections = _idle_connections(portal)

    began = time.monotonic()
    portal.process.send_signal(number)
    while portal.process.poll() is None:
        if number == signal.SIGINT:
            portal.process.send_signal(number)
        assert time.monotonic() < began + PATIENCE_S, portal.everything
        time.sleep(0.02)
    took_s = time.monotonic() - began

    assert portal.process.returncode == 0
    assert took_s < STOPPED_WITHIN_S
    assert "process_killed" not in portal.logged  # all ended by themselves
    assert _is_alone(installed_dir)
    assert "Traceback" not in portal.everything
    require_kept(installed_dir, "KEPT")
    for connection in connections:
        connection.close()


def test_a_killed_supervisor_leaves_nothing_and_a_start_right_after_recovers(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    portal = start_portal(installed_dir).wait_working()
    add_region(installed_dir, "KEPT")
    connections = _idle_connections(portal)
    recorded = processes_of(installed_dir).keys()
    assert {portal.process.pid, *children_of(portal.process.pid)} <= recorded

    portal.stop(signal.SIGKILL)
    command = ["/usr/bin/nohup", sys.executable, "-m", "orchestrator", "run"]
    settings = {"GFO_PORT": str(portal.port)}
    again = start_portal(installed_dir, settings=settings, command=command)

    wait_until(lambda: not recorded & processes_of(installed_dir), GONE_WITHIN_S)
    assert again.wait_ready().is_ready()
    require_kept(installed_dir, "KEPT")
    for connection in connections:
        connection.close()
    _require_nohup(again)


def _require_nohup(portal: PortalProcess) -> None:
    """A portal started with nohup survives its terminal."""
    portal.process.send_signal(signal.SIGHUP)

    with pytest.raises(subprocess.TimeoutExpired):
        portal.process.wait(2)
    assert portal.is_ready()


@pytest.mark.parametrize(
    ("stage", "number"),
    [
        ("Creating the database", signal.SIGTERM),
        ("Creating the database", signal.SIGKILL),
        ("Migrating the database", signal.SIGTERM),
    ],
)
def test_a_start_that_is_cut_short_leaves_nothing_and_can_be_repeated(
    empty_dir: Path,
    start_portal: StartPortal,
    stage: str,
    number: signal.Signals,
) -> None:
    portal = start_portal(empty_dir).wait_for(stage)

    portal.stop(number)

    wait_until(lambda: _is_alone(empty_dir), GONE_WITHIN_S)
    assert "Traceback" not in portal.everything
    with connect_or_own(empty_dir) as server:
        migrate.upgrade(server.urls)
    assert _is_alone(empty_dir)


def test_a_demo_that_is_cut_short_is_ended_and_made_at_the_next_start(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    """Unless somebody added a region of their own meanwhile."""
    settings = {"GFO_DEMO": "true"}
    portal = start_portal(installed_dir, settings=settings)
    portal.wait_for("makes a demo fleet").wait_ready()

    took_s = portal.stop(signal.SIGINT)

    assert portal.process.returncode == 0
    assert took_s < STOPPED_WITHIN_S
    assert _is_alone(installed_dir)
    assert "Traceback" not in portal.everything
    _commit_first_step(installed_dir)
    again = start_portal(installed_dir, settings=settings)
    again.wait_for("makes a demo fleet").stop()
    add_region(installed_dir, "OURS")
    with_ours = start_portal(installed_dir, settings=settings).wait_ready()
    assert "demo fleet" not in with_ours.printed


def _commit_first_step(data_dir: Path) -> None:
    """As if the demo had been cut short later: regions with telemetry, no model."""
    with connect_or_own(data_dir) as server:
        runtime = runtime_on(server.urls, utc_now())
        with runtime.request_as("worker") as request:
            now = full_hour(runtime.clock())
            generate_telemetry(
                request,
                first_demo_profiles(1),
                start_utc=now - timedelta(days=1),
                end_utc=now,
                seed=runtime.settings.demo_seed,
            )
        runtime.engine.dispose()


def test_a_terminal_that_goes_away_ends_the_portal_in_order(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    ours, theirs = pty.openpty()
    # Tests that somebody runs with nohup inherit that it is ignored, and so would this.
    of_the_tests = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    portal = start_portal(installed_dir, stdout=theirs)
    signal.signal(signal.SIGHUP, of_the_tests)
    os.close(theirs)
    read_terminal(ours, until=r"Stop with Ctrl-C\.")
    os.close(ours)

    portal.stop(signal.SIGHUP)  # as the kernel does when a terminal closes

    assert _is_alone(installed_dir)
    assert '"message": "stopped"' in portal.logged
    assert "Traceback" not in portal.logged
