"""A backup holds everything; a restore is whole, verifiable and never an overwrite."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from core.errors import Conflict, InvalidInput, ServiceUnavailable
from db.audit import list_events, verify
from db.backup import backup, restore
from db.engine import DatabaseUrls, make_engine
from db.migrate import check, upgrade

pytestmark = pytest.mark.slow


def test_a_restored_database_is_the_same_and_its_chain_verifies(
    filled_urls: DatabaseUrls, empty_database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.backup"

    size_bytes = backup(filled_urls, file)
    restore(empty_database_urls, file)

    assert size_bytes == file.stat().st_size > 0
    check(empty_database_urls)
    before, after = make_engine(filled_urls.app), make_engine(empty_database_urls.app)
    with Session(before) as source, Session(after) as restored:
        assert list_events(source) == list_events(restored)
        report = verify(restored)
        assert (report.is_sound, report.event_count) == (True, 1)
        for query in ("select count(*) from telemetry", "select max(id) from decision"):
            assert source.scalar(text(query)) == restored.scalar(text(query)) == 1
        with pytest.raises(ProgrammingError, match="permission denied"):
            restored.execute(text("delete from audit_event"))
    before.dispose()
    after.dispose()


def test_a_backup_is_private_and_never_written_over(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.backup"
    backup(database_urls, file)
    content = file.read_bytes()

    with pytest.raises(Conflict, match="exists already"):
        backup(database_urls, file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_a_restore_refuses_a_database_with_tables(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.backup"
    backup(database_urls, file)

    with pytest.raises(Conflict, match="empty"):
        restore(database_urls, file)


def test_a_damaged_backup_restores_nothing(
    filled_urls: DatabaseUrls, empty_database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.backup"
    backup(filled_urls, file)
    file.write_bytes(file.read_bytes()[:-3_000])

    with pytest.raises(ServiceUnavailable, match="pg_restore failed"):
        restore(empty_database_urls, file)

    upgrade(empty_database_urls)  # it is still empty, so this works


def test_a_missing_folder_or_file_is_one_sentence(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        backup(database_urls, tmp_path / "nowhere" / "fleet.backup")
    with pytest.raises(InvalidInput, match="There is no backup file"):
        restore(database_urls, tmp_path / "fleet.backup")
