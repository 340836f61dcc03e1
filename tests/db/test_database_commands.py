"""`gfo db` beside a database: exit codes and sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.engine import DatabaseUrls

pytestmark = pytest.mark.slow

RUN = "from orchestrator.cli.database import app; app()"


def gfo_db(urls: DatabaseUrls, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env={
            **os.environ,
            "DATABASE_URL": urls.app,
            "DATABASE_OWNER_URL": urls.owner,
            "DATABASE_AUDITOR_URL": urls.auditor,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_empty_database_is_upgraded_checked_and_taken_down(
    empty_database_urls: DatabaseUrls,
) -> None:
    behind = gfo_db(empty_database_urls, "check")
    upgraded = gfo_db(empty_database_urls, "upgrade")
    checked = gfo_db(empty_database_urls, "check", "--json")
    down = gfo_db(empty_database_urls, "downgrade", "base")

    assert behind.returncode == 1
    assert "newest revision" in behind.stderr
    assert upgraded.returncode == 0, upgraded.stderr
    shown = json.loads(checked.stdout)
    assert shown["revision"] == shown["head"]
    assert down.stdout == "The schema is at revision base.\n"


def test_history_stays_unless_its_loss_is_asked_for(filled_urls: DatabaseUrls) -> None:
    refused = gfo_db(filled_urls, "downgrade", "0004")
    meant = gfo_db(filled_urls, "downgrade", "0004", "--discard-history")

    assert refused.returncode == 1
    assert "with 1 rows of history that nothing can bring back" in refused.stderr
    assert meant.stdout == "The schema is at revision 0004.\n"


def test_a_backup_is_restored_elsewhere(
    filled_urls: DatabaseUrls, empty_database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    file = str(tmp_path / "fleet.backup")

    assert gfo_db(filled_urls, "backup", file).returncode == 0
    restored = gfo_db(empty_database_urls, "restore", file)
    again = gfo_db(empty_database_urls, "restore", file)

    assert restored.returncode == 0, restored.stderr
    assert again.returncode == 1
    assert "has tables already" in again.stderr
