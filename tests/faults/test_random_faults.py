"""Random faults lose nothing: seconds of them, and half an hour in the whole run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from db.backup import backup
from tests.faults.random_faults import run
from tests.fleet import Fleet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

MINUTES, LEAST_FAULTS = (30.0, 200) if os.environ.get("GFO_TEST_FULL") else (0.1, 1)


def test_under_random_faults_no_acknowledged_decision_is_lost_or_doubled(
    fleet: Fleet, tmp_path: Path
) -> None:
    backup(fleet.urls, tmp_path / "fleet.backup")

    report = run(MINUTES, 1, tmp_path / "fleet.backup")

    assert report.is_sound, report
    assert sum(report.faults.values()) >= LEAST_FAULTS
    assert not any("callback_failed" in text for text in report.errors_logged)


@pytest.mark.skipif(
    not os.environ.get("GFO_TEST_FULL"),
    reason="takes seven minutes; random faults stop the database for seconds",
)
def test_a_database_that_hangs_for_five_minutes_is_waited_for(
    fleet: Fleet, tmp_path: Path
) -> None:
    backup(fleet.urls, tmp_path / "fleet.backup")

    report = run(0.5, 1, tmp_path / "fleet.backup", stopped_s=300)

    assert report.is_sound, report
