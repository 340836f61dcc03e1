"""Twenty people poll for half an hour while hours go by: nothing grows without end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from db.backup import backup
from tests.faults.deployment import WEBS, WORKERS
from tests.faults.soak import run
from tests.fleet import Fleet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not os.environ.get("GFO_TEST_FULL"), reason="takes more than half an hour"
    ),
]

MOST_MB_PER_H = dict.fromkeys(WEBS, 50) | dict.fromkeys(WORKERS, 20)
MOST_FILES = 100
MOST_CONNECTIONS = 2 * 7 + 2 * 6 + 10
"""As docs/operations.md says."""

MOST_LINES_PER_MIN = 300


def test_memory_files_connections_and_logs_are_bounded(
    fleet: Fleet, tmp_path: Path
) -> None:
    backup(fleet.urls, tmp_path / "fleet.backup")

    found: dict[str, Any] = json.loads(
        json.dumps(run(30.0, 20, tmp_path / "fleet.backup"))
    )

    for name, process in found["processes"].items():
        assert process["slope_mb_per_h"] < MOST_MB_PER_H[name], found
        assert process["files"][1] < MOST_FILES, found
        assert process["log_lines_per_min"] < MOST_LINES_PER_MIN, found
    assert found["connections"][1] <= MOST_CONNECTIONS, found
    assert found["hours"] >= 25
    assert found["verdicts"] == 3 * found["hours"]
