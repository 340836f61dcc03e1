"""However the supervisor ends, nothing is left and the next start has every row."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import StartPortal
from tests.faults.portal_process import (
    PortalProcess,
    add_region,
    children_of,
    gfo,
    processes_of,
    require_kept,
    wait_until,
)

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
    portal = start_portal(installed_dir).wait_ready()
    add_region(installed_dir, "KEPT")
    connections = _idle_connections(portal)

    took_s = portal.stop(number)

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
    portal = start_portal(installed_dir).wait_ready()
    add_region(installed_dir, "KEPT")
    connections = _idle_connections(portal)
    wait_until(lambda: "worker_started" in portal.logged)
    recorded = processes_of(installed_dir).keys()
    assert {portal.process.pid, *children_of(portal.process.pid)} <= recorded

    portal.stop(signal.SIGKILL)
    again = start_portal(installed_dir, settings={"GFO_PORT": str(portal.port)})

    wait_until(lambda: not recorded & processes_of(installed_dir), GONE_WITHIN_S)
    assert again.wait_ready().is_ready()
    require_kept(installed_dir, "KEPT")
    for connection in connections:
        connection.close()


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
    assert gfo(empty_dir, "db", "upgrade").returncode == 0
    assert _is_alone(empty_dir)


def test_a_demo_that_is_cut_short_is_ended_and_made_at_the_next_start(
    installed_dir: Path, start_portal: StartPortal
) -> None:
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


def _commit_first_step(data_dir: Path) -> None:
    """As if the demo had been cut short later: regions with telemetry, no model."""
    made = gfo(data_dir, "telemetry", "generate", "--regions", "1", "--days", "1")
    assert made.returncode == 0, made.stderr


def test_a_fleet_that_somebody_else_made_is_not_added_to(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    settings = {"GFO_DEMO": "true"}
    start_portal(installed_dir, settings=settings).wait_ready().stop()
    add_region(installed_dir, "OURS")

    portal = start_portal(installed_dir, settings=settings).wait_ready()

    assert "demo fleet" not in portal.printed


def test_impatience_does_not_cut_the_stop_short(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    portal = start_portal(installed_dir).wait_ready()

    while portal.process.poll() is None:
        portal.process.send_signal(signal.SIGINT)
        time.sleep(0.02)

    assert portal.process.returncode == 0
    assert _is_alone(installed_dir)
    assert "Traceback" not in portal.everything


def test_a_terminal_that_goes_away_ends_the_portal_in_order(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    ours, theirs = pty.openpty()
    portal = start_portal(installed_dir, stdout=theirs)
    os.close(theirs)
    while b"Stop with Ctrl-C." not in os.read(ours, 4096):
        pass
    os.close(ours)

    portal.stop(signal.SIGHUP)  # as the kernel does when a terminal closes

    assert _is_alone(installed_dir)
    assert '"message": "stopped"' in portal.logged
    assert "Traceback" not in portal.logged


def test_a_portal_started_with_nohup_survives_its_terminal(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    command = ["/usr/bin/nohup", sys.executable, "-m", "orchestrator", "run"]
    portal = start_portal(installed_dir, command=command).wait_ready()

    portal.process.send_signal(signal.SIGHUP)

    with pytest.raises(subprocess.TimeoutExpired):
        portal.process.wait(2)
    assert portal.is_ready()
