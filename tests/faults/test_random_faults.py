"""Random faults lose nothing: seconds of them here, half an hour in the whole run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from db.backup import backup
from tests.faults.random_faults import run
from tests.fleet import Fleet

pytestmark = pytest.mark.slow

IS_FULL = bool(os.environ.get("GFO_TEST_FULL"))


@pytest.mark.skipif(not IS_FULL, reason="half an hour; ./test --full runs it")
def test_under_random_faults_no_acknowledged_decision_is_lost_or_doubled(
    fleet: Fleet, tmp_path: Path
) -> None:
    backup(fleet.urls, tmp_path / "fleet.backup")

    report = run(30.0, 1, tmp_path / "fleet.backup", with_full_disk=os.getuid() == 0)

    assert report.is_sound, report
    assert sum(report.faults.values()) > 200
    assert report.acknowledged > 500
    assert not any("callback_failed" in text for text in report.errors_logged)
