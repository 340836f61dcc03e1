"""A restore drill restores a backup elsewhere, verifies its chain and replays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from core.errors import InvalidInput
from db import audit
from db.backup import backup
from db.engine import libpq_url
from orchestrator.operations.backups import (
    drop_older_backups,
    make_backup,
    new_backup_file,
    newest_backup,
)
from orchestrator.operations.doctor import backup_of, drill_of
from orchestrator.operations.drills import keep_drill, run_drill
from orchestrator.settings import Settings
from tests.fleet import Fleet

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation whose folders are this test's."""
    return Settings(_env_file=None, data_dir=tmp_path)


def _say_nothing(_text: str) -> None:
    """Nobody reads it."""


def test_a_drill_finds_a_backup_sound_and_the_chain_keeps_that(
    decided: Fleet, settings: Settings
) -> None:
    file = new_backup_file(settings, datetime.now(UTC))
    make_backup(decided.urls, file)

    found = run_drill(settings, newest_backup(settings), _say_nothing)
    keep_drill(decided.urls, settings, found)

    assert found.is_passed, found
    with decided.runtime.transaction() as session:
        newest, made = audit.list_events(session, limit=2)
        assert found.events == made.seq - 1  # the backup came before its own event
        assert found.replayed == len(_decision_ids(decided)) > 5
        assert (newest.action, newest.after["is_passed"]) == ("restore_drilled", True)
        now = newest.occurred_at_utc + timedelta(hours=2)
        fresh = [
            backup_of(session, now, due_h=36.0),
            drill_of(session, now, is_required=True),
        ]
        assert all(finding.is_sound for finding in fresh), fresh
        later = now + timedelta(days=40)
        assert not backup_of(session, later, due_h=36.0).is_sound
        assert not drill_of(session, later, is_required=True).is_sound
        assert drill_of(session, later, is_required=False).is_sound


def test_a_drill_fails_for_a_history_that_somebody_changed(
    decided: Fleet, settings: Settings, tmp_path: Path
) -> None:
    changed = _decision_ids(decided)[-1]
    with psycopg.connect(libpq_url(decided.urls.owner)) as connection:
        connection.execute("alter table decision disable trigger user")
        connection.execute(
            "update decision set comment = 'never said' where id = %s", [changed]
        )
        connection.execute("alter table audit_event disable trigger user")
        connection.execute("update audit_event set payload = '{}' where seq = 3")
        connection.execute("alter table decision enable trigger user")
        connection.execute("alter table audit_event enable trigger user")
    backup(decided.urls, tmp_path / "changed.backup")

    found = run_drill(settings, tmp_path / "changed.backup", _say_nothing)

    assert not found.is_passed
    assert found.broken is not None
    assert "event 3" in found.broken
    assert changed in found.differing


def test_the_newest_backups_are_kept(settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="There is no backup in"):
        newest_backup(settings)
    began = datetime(2026, 3, 2, tzinfo=UTC)
    for day in range(4):
        new_backup_file(settings, began + timedelta(days=day)).touch()
    (settings.data_dir / "backups" / "by-hand.backup").touch()

    dropped = drop_older_backups(settings, keep=2)

    assert [file.name for file in dropped] == [
        "gfo-20260303T000000Z.backup",
        "gfo-20260302T000000Z.backup",
    ]
    assert newest_backup(settings).name == "gfo-20260305T000000Z.backup"
    assert len(list((settings.data_dir / "backups").iterdir())) == 3


def _decision_ids(fleet: Fleet) -> list[int]:
    with psycopg.connect(libpq_url(fleet.urls.owner)) as connection:
        rows = connection.execute("select id from decision order by id").fetchall()
    return [row[0] for row in rows]
