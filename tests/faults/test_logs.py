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
    gfo,
    wait_until,
)

pytestmark = pytest.mark.slow

METRICS_TOKEN = "5d0c9a4b7e2f41688c3ab1f0e9d7265340aa"
WRONG_NAME = "typed into the wrong field"
WRONG_PASSWORD = "not the password of the admin"


def _events(portal: PortalProcess) -> set[str]:
    return {json.loads(line)["message"] for line in portal.logged.splitlines()}


def _provoke(portal: PortalProcess) -> set[str]:
    """Everything that a run may say: logins, a worker's cycle, a process killed.

    Returns what was secret in it: cookies, a wrong password, a one-time password.
    """
    browser = Browser(portal.url)
    browser.log_in(WRONG_NAME, WRONG_PASSWORD)
    browser.log_in("admin", ADMIN_PASSWORD)
    browser.get("/")
    browser.get("/forecast?region=nowhere")
    secrets = {cookie.value or "" for cookie in browser.cookies}
    assert len(secrets) >= 3  # the login, the form token and its secret
    added = gfo(portal.data_dir, "user", "add", "nora", "--role", "auditor", "--json")
    handed_out = json.loads(added.stdout)["one_time_password"]
    Browser(portal.url).log_in("nora", handed_out)
    for command in (("user", "reset-password", "nora"), ("doctor",)):
        done = gfo(portal.data_dir, *command, GFO_LOG_LEVEL="DEBUG")
        assert handed_out not in done.stderr
    wait_until(lambda: "forecasts_issued" in _events(portal))
    os.kill(portal.child("gunicorn"), signal.SIGKILL)
    wait_until(lambda: "process_ended" in _events(portal) and portal.is_ready())
    return {*secrets, WRONG_NAME, WRONG_PASSWORD, handed_out}


def test_a_whole_run_logs_json_and_no_secret(
    demo_dir: Path, start_portal: StartPortal
) -> None:
    secret_key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0aa55"
    # A region that the demo did not decide on in this hour already.
    more = gfo(demo_dir, "telemetry", "generate", "--regions", "3", "--days", "30")
    assert more.returncode == 0, more.stderr
    portal = start_portal(
        demo_dir,
        settings={
            "GFO_SECRET_KEY": secret_key,
            "GFO_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "GFO_METRICS_TOKEN": METRICS_TOKEN,
            "GFO_LOG_LEVEL": "DEBUG",
        },
    ).wait_ready()

    provoked = _provoke(portal)
    wait_until(lambda: "scheduling_decision" in portal.logged)
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
    kept_key = METRICS_TOKEN, secret_key, ADMIN_PASSWORD
    for secret in (*kept_key, *credentials.values(), *provoked):
        assert secret not in portal.everything
