"""`gfo` beside a running portal, without one, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from db.engine import DatabaseUrls
from tests.faults.conftest import StartPortal
from tests.faults.portal_process import (
    PortalProcess,
    environment,
    free_port,
    gfo,
    processes_of,
)

pytestmark = pytest.mark.slow


def test_beside_a_portal_commands_use_its_database_and_leave_it_running(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    portal: PortalProcess = start_portal(installed_dir).wait_ready()
    database = portal.child("bin/postgres")

    added = gfo(
        installed_dir, "region", "add", "NEW", "--name", "New", "--time-zone", "UTC",
        "--latitude", "1", "--longitude", "2",
    )  # fmt: skip
    listed = gfo(installed_dir, "region", "list", "--json")

    assert added.returncode == 0, added.stderr
    assert [region["slug"] for region in json.loads(listed.stdout)] == ["NEW"]
    assert portal.child("bin/postgres") == database
    assert portal.is_ready()


def test_without_a_portal_a_command_owns_the_database_for_its_duration(
    installed_dir: Path,
) -> None:
    listed = gfo(installed_dir, "region", "list")

    assert listed.returncode == 0
    assert "There is no region yet" in listed.stdout
    assert not processes_of(installed_dir)


def test_the_doctor_says_what_a_new_installation_lacks(
    installed_dir: Path, tmp_path: Path
) -> None:
    outcome = gfo(installed_dir, "doctor", "--json", HOME=str(tmp_path))

    findings = {each["name"]: each for each in json.loads(outcome.stdout)}
    assert outcome.returncode == 1
    assert findings["migrations"]["is_sound"]
    assert findings["append-only history"]["is_sound"]
    assert findings["audit chain"]["is_sound"]
    assert findings["model for temperature_c"]["text"] == "none is active"
    assert "gfo region add" in findings["regions"]["text"]
    # ONNX Runtime would leave an identifier of the machine, and send usage data.
    assert list(tmp_path.rglob("*")) == []


def test_the_doctor_finds_nothing_on_a_sound_installation(demo_dir: Path) -> None:
    outcome = gfo(demo_dir, "doctor", "--json")

    findings = json.loads(outcome.stdout)
    assert [each for each in findings if not each["is_sound"]] == []
    assert outcome.returncode == 0


@pytest.mark.parametrize("command", ["doctor", "serve", "worker", "demo"])
def test_an_unmigrated_database_says_what_to_do(
    empty_dir: Path, command: str, empty_database_urls: DatabaseUrls
) -> None:
    outcome = gfo(
        empty_dir,
        command,
        DATABASE_URL=empty_database_urls.app,
        GFO_PORT=str(free_port()),
    )

    assert outcome.returncode == 1
    (sentence,) = outcome.stderr.splitlines()
    assert "run `gfo db upgrade` or start the portal." in sentence


@pytest.mark.parametrize(
    ("settings", "has_logs"), [({}, False), ({"GFO_LOG_LEVEL": "INFO"}, True)]
)
def test_at_a_terminal_a_command_shows_its_summary_without_its_logs(
    migrated_dir: Path, settings: dict[str, str], *, has_logs: bool
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "telemetry", "generate",
         "--regions", "1", "--days", "1"],
        env=environment(migrated_dir, **settings),
        cwd=migrated_dir,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = _read_to_the_end(ours)

    assert process.wait() == 0
    assert ('"level": "info"' in shown) is has_logs


def _read_to_the_end(descriptor: int) -> str:
    shown = b""
    try:
        while chunk := os.read(descriptor, 4096):
            shown += chunk
    except OSError:  # the other side closed
        pass
    os.close(descriptor)
    return shown.decode()
