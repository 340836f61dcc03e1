"""A part of the portal that is killed comes back by itself, with every row."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import own_folder
from tests.faults.portal_process import (
    ADMIN_PASSWORD,
    TWO_WEBS,
    Browser,
    PortalProcess,
    add_region,
    children_of,
    processes_of,
    require_kept,
    wait_until,
)

pytestmark = pytest.mark.slow

BACK_WITHIN_S = 30.0


@pytest.fixture(scope="module")
def portal(stage_dir: Path, installed_stage: Path) -> Iterator[PortalProcess]:
    """One portal for all faults here: each finds it as the one before left it."""
    for folder in own_folder(stage_dir, installed_stage):
        portal = PortalProcess.start(folder, settings=TWO_WEBS).wait_working()
        yield portal
        portal.stop()
        assert not processes_of(folder)
        portal.clean_up()


def _database(portal: PortalProcess) -> int:
    return portal.child("bin/postgres")


def _web_master(portal: PortalProcess) -> int:
    return portal.child("gunicorn")


def _web_worker(portal: PortalProcess) -> int:
    return children_of(_web_master(portal))[0]


def _worker(portal: PortalProcess) -> int:
    return portal.child("orchestrator worker")


@pytest.mark.parametrize("find", [_database, _web_worker, _web_master, _worker])
def test_what_is_killed_comes_back_and_no_committed_row_is_lost(
    portal: PortalProcess, find: Callable[[PortalProcess], int]
) -> None:
    slug = find.__name__.strip("_").replace("_", "-").upper()
    add_region(portal.data_dir, slug)
    killed = find(portal)
    gone = {killed, *children_of(killed)}
    database = _database(portal)

    os.kill(killed, signal.SIGKILL)

    # A worker that outlives its master for a moment could still say that it is ready.
    wait_until(lambda: not gone & processes_of(portal.data_dir).keys())
    wait_until(lambda: portal.is_ready() and _has_a_worker(portal), BACK_WITHIN_S)
    assert portal.process.poll() is None
    assert (_database(portal) == database) is (find is not _database)
    require_kept(portal.data_dir, slug)
    assert Browser(portal.url).log_in("admin", ADMIN_PASSWORD).status == 303


def _has_a_worker(portal: PortalProcess) -> bool:
    return any(
        "orchestrator worker" in processes_of(portal.data_dir).get(number, "")
        for number in children_of(portal.process.pid)
    )


def test_a_killed_web_master_takes_its_workers_along(portal: PortalProcess) -> None:
    master = _web_master(portal)
    workers = set(children_of(master))
    assert len(workers) == 2
    # Connections on which nothing is said yet: left alone, workers wait for them.
    silent = [socket.create_connection(("127.0.0.1", portal.port)) for _ in range(8)]

    os.kill(master, signal.SIGKILL)

    wait_until(lambda: not workers & processes_of(portal.data_dir).keys(), 1.5)
    wait_until(portal.is_ready, BACK_WITHIN_S)
    for connection in silent:
        connection.close()
