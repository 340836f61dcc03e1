"""Backups and restores, with their audit events: who, when, and which file."""

from __future__ import annotations

import getpass
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from db import backup
from db.engine import DatabaseUrls, make_engine
from db.users import system_actor
from orchestrator.settings import Settings
from orchestrator.use_cases import Done, Event, Request, change

_USER = "cli"
SUFFIX = ".backup"


def backup_dir(settings: Settings) -> Path:
    """Where backups lie that were given no name."""
    return settings.backup_dir or settings.data_dir / "backups"


def new_backup_file(settings: Settings, now: datetime) -> Path:
    """A name in the folder of backups, which is made; names sort by time."""
    folder = backup_dir(settings)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        message = f"The folder of backups {folder} cannot be made: {exc.strerror}."
        raise InvalidInput(message) from exc
    return folder / f"gfo-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"


def named_backups(settings: Settings) -> list[Path]:
    """Backups in their folder that `new_backup_file` named, newest first."""
    return sorted(backup_dir(settings).glob(f"gfo-*{SUFFIX}"), reverse=True)


def newest_backup(settings: Settings) -> Path:
    """The newest backup in the folder of backups.

    Raises
    ------
    InvalidInput
        When there is none.
    """
    found = named_backups(settings)
    if not found:
        message = (
            f"There is no backup in {backup_dir(settings)}: make one with"
            " `gfo db backup`, or name a file."
        )
        raise InvalidInput(message)
    return found[0]


def drop_older_backups(settings: Settings, keep: int) -> list[Path]:
    """Delete all but the newest `keep`; which they were."""
    dropped = named_backups(settings)[keep:]
    for file in dropped:
        file.unlink(missing_ok=True)
    return dropped


def make_backup(urls: DatabaseUrls, file: Path) -> int:
    """Write the whole database to a new file; its size in bytes.

    A backup without its audit event is not kept. The event itself comes after it, so
    the backup does not hold it.
    """
    size_bytes = backup.backup(urls, file)
    try:
        _record(urls, AuditAction.BACKUP_MADE, file)
    except Exception:
        file.unlink(missing_ok=True)
        raise
    return size_bytes


def restore_backup(urls: DatabaseUrls, file: Path) -> None:
    """Fill an empty database from a backup; its history goes on with this event."""
    backup.restore(urls, file)
    _record(urls, AuditAction.BACKUP_RESTORED, file)


@change(
    Permission.KEEP_BACKUPS,
    AuditAction.BACKUP_MADE,
    AuditAction.BACKUP_RESTORED,
    repeat=None,
)
def record_backup(_request: Request, action: AuditAction, file: Path) -> Done[None]:
    """Keep in the audit chain which file was made or restored."""
    facts = {
        "file": str(file.absolute()),
        "size_bytes": file.stat().st_size,
        "content_sha256": _sha256(file),
        # The command acts as a system user; this is the person at the machine.
        "machine_user": _machine_user(),
    }
    event = Event(action=action, object_type="backup", object_id=file.name, after=facts)
    return Done(answer=None, events=(event,))


def _record(urls: DatabaseUrls, action: AuditAction, file: Path) -> None:
    engine = make_engine(urls.app, pool_size=1)
    try:
        with Session(engine) as session, session.begin():
            actor = system_actor(session, _USER)
            asked = Request(session=session, caller=actor, now=datetime.now(UTC))
            record_backup(asked, action, file)
    finally:
        engine.dispose()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _machine_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"
