"""The log of a whole run: every line JSON, the named events in it, no secret."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from core.version import CODE_VERSION
from tests.faults.conftest import StartPortal
from tests.faults.portal_process import (
    ADMIN_PASSWORD,
    Browser,
    PortalProcess,
    wait_until,
)

pytestmark = pytest.mark.slow


def _events(portal: PortalProcess) -> set[str]:
    return {json.loads(line)["message"] for line in portal.logged.splitlines()}


def _provoke(portal: PortalProcess) -> None:
    """Everything that a run may say: logins, a worker's cycle, a process killed."""
    browser = Browser(portal.url)
    browser.log_in("admin", "not the password of the admin")
    browser.log_in("admin", ADMIN_PASSWORD)
    browser.get("/")
    wait_until(lambda: "forecasts_issued" in _events(portal))
    os.kill(portal.child("gunicorn"), signal.SIGKILL)
    wait_until(lambda: "process_ended" in _events(portal) and portal.is_ready())


def test_a_whole_run_logs_json_and_no_secret(
    demo_dir: Path, start_portal: StartPortal
) -> None:
    secret_key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0aa55"
    portal = start_portal(
        demo_dir,
        settings={"GFO_SECRET_KEY": secret_key, "GFO_ADMIN_PASSWORD": ADMIN_PASSWORD},
    ).wait_ready()

    _provoke(portal)
    portal.stop()

    lines = [json.loads(line) for line in portal.logged.splitlines()]
    for line in lines:
        assert {"timestamp", "level", "logger", "message", "app", "context"} <= (
            line.keys()
        )
        assert line["app"]["version"] == CODE_VERSION
        assert line["timestamp"].endswith("Z")
    assert {
        "worker_started", "model_loaded", "inference_completed", "risk_assessed",
        "scheduling_decision", "forecasts_issued", "login_failed", "login_succeeded",
        "process_ended", "stopped",
    } <= {line["message"] for line in lines}  # fmt: skip
    credentials = json.loads((demo_dir / "postgres" / "credentials.json").read_text())
    for secret in (ADMIN_PASSWORD, secret_key, *credentials.values()):
        assert secret not in portal.everything
