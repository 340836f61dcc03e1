"""The release after this one: the same code, and a migration more."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from db import migrate
from db.engine import libpq_url
from tests.faults.plain_server import REPOSITORY

NEXT = "next"
_MIGRATION = '''
"""What a migration may do beside the release before, to the tables in use.

Revision ID: {next}
Revises: {head}
"""

from alembic import op

revision, down_revision, branch_labels, depends_on = "{next}", "{head}", None, None
TABLES = ("app_user", "user_session", "audit_event", "decision", "region")


def upgrade() -> None:
    # Each in a transaction of its own: one that waits for a lock holds no other. What
    # did not get its lock is tried again, so all of it may run twice.
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.execute(
                f"alter table {{table}} add column if not exists next_note text"
            )
        # These wait for transactions that began before, and nobody waits for them.
        op.execute("set lock_timeout = 0")
        for table in TABLES:
            op.execute(f"drop index concurrently if exists ix_{{table}}_next")
            op.execute(
                f"create index concurrently ix_{{table}}_next on {{table}} (next_note)"
            )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.execute(f"alter table {{table}} drop column if exists next_note")
'''


def next_release(folder: Path) -> dict[str, str]:
    """What a process of the next release has in its environment."""
    versions = folder / "migrations" / "versions"
    shutil.copytree(REPOSITORY / "migrations", folder / "migrations")
    text = _MIGRATION.format(next=NEXT, head=migrate.head_revision())
    (versions / "next_release.py").write_text(text)
    paths = (str(folder), str(REPOSITORY), os.environ.get("PYTHONPATH", ""))
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


class LockWatch:
    """The longest that anybody but a migration waited for a lock of the database."""

    _EVERY_S = 0.02
    _WAITING = (
        "select pid, query from pg_stat_activity"
        " where wait_event_type = 'Lock' and datname = current_database()"
        " and application_name <> 'gfo-migrate'"
    )

    def __init__(self, url: str) -> None:
        self._url = libpq_url(url)
        self._stopping = threading.Event()
        self.longest_s, self.looks = 0.0, 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look until the block ends."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _run(self) -> None:
        since: Mapping[tuple[object, ...], float] = {}
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stopping.wait(self._EVERY_S):
                now = time.monotonic()
                waiting = connection.execute(self._WAITING).fetchall()
                since = {tuple(row): since.get(tuple(row), now) for row in waiting}
                waits = [now - began for began in since.values()]
                self.longest_s = max(self.longest_s, *waits, 0.0)
                self.looks += 1
