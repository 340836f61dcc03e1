"""Backups and restores, told to the audit: who, when, and which file."""

from __future__ import annotations

import getpass
import hashlib
import os
from pathlib import Path

from sqlalchemy.orm import Session

from core.audit import AuditAction
from db import audit, backup
from db.engine import DatabaseUrls, make_engine
from db.users import system_actor

_USER = "cli"


def make_backup(urls: DatabaseUrls, file: Path) -> int:
    """Write the whole database to a new file; its size in bytes.

    A backup that could not be told of is not kept. It does not hold the event that
    tells of it: that comes after.
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


def _record(urls: DatabaseUrls, action: AuditAction, file: Path) -> None:
    engine = make_engine(urls.app, pool_size=1)
    facts = {
        "file": str(file.absolute()),
        "size_bytes": file.stat().st_size,
        "content_sha256": _sha256(file),
        # The command acts as a system user; this is the person at the machine.
        "machine_user": _machine_user(),
    }
    try:
        with Session(engine) as session, session.begin():
            audit.append_event(
                session,
                actor=system_actor(session, _USER),
                action=action,
                object_type="backup",
                object_id=file.name,
                after=facts,
            )
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
