"""Metrics of a real portal: several web processes count as one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.conftest import StartPortal
from tests.faults.portal_process import TWO_WEBS, Browser, PortalProcess, wait_until

pytestmark = pytest.mark.slow

N_REQUESTS = 40


def _counted(portal: PortalProcess) -> float:
    text = Browser(portal.url).get("/metrics").text
    found = re.search(
        r'gfo_http_requests_total\{[^}]*route="/portal/icon.svg"[^}]*\} (\S+)', text
    )
    return float(found[1]) if found else 0.0


def test_all_web_processes_count_together_and_a_restart_begins_at_nought(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    portal = start_portal(installed_dir, settings=TWO_WEBS).wait_ready()
    for _ in range(N_REQUESTS):
        assert Browser(portal.url).get("/portal/icon.svg").status == 200
    # Asked several times, so that each process has answered at least once.
    wait_until(lambda: {_counted(portal) for _ in range(6)} == {float(N_REQUESTS)})
    assert portal.is_ready()
    portal.stop()
    again = start_portal(
        installed_dir, settings={**TWO_WEBS, "GFO_PORT": str(portal.port)}
    ).wait_ready()
    assert _counted(again) == 0.0
