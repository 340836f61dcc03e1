"""A large table is migrated while people decide: nobody waits for a lock for long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from db import migrate
from db.engine import DatabaseUrls, libpq_url, make_engine
from tests.faults.decision_stream import (
    DecisionStream,
    lost_and_doubled,
    stored_decisions,
)
from tests.faults.next_release import NEXT, LockWatch, next_release
from tests.faults.portal_process import environment, wait_until
from tests.fleet import Fleet
from tests.long_fleet import copied_columns

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

N_ROWS = 1_000_000 if os.environ.get("GFO_TEST_FULL") else 20_000
N_PEOPLE = 2


def test_a_large_table_is_migrated_while_people_decide(
    fleet: Fleet, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    _fill(fleet.urls)
    streams = [DecisionStream(fleet.runtime) for _ in range(N_PEOPLE)]
    watch = LockWatch(fleet.urls.owner)
    with ExitStack() as stack:
        stack.enter_context(watch.running())
        for stream in streams:
            stack.enter_context(stream.running())
        wait_until(lambda: all(stream.acknowledged for stream in streams))
        began = time.monotonic()
        _migrate(fleet.urls, tmp_path)
        took_s = time.monotonic() - began
        before = [len(stream.acknowledged) for stream in streams]
        wait_until(
            lambda: all(
                len(stream.acknowledged) > count
                for stream, count in zip(streams, before, strict=True)
            )
        )

    record_property(
        "measured",
        f"{N_ROWS:,} rows in {took_s:.1f} s; {sum(before)} decisions meanwhile; longest"
        f" wait for a lock {watch.longest_s:.2f} s of {watch.looks} looks",
    )
    assert migrate.current_revision(fleet.urls.owner) == NEXT
    assert watch.looks > 20
    assert watch.longest_s < 2
    assert sum(stream.failures for stream in streams) == 0
    with fleet.runtime.transaction() as session:
        stored = stored_decisions(session)
    acknowledged = {
        key: found for stream in streams for key, found in stream.acknowledged.items()
    }
    made = {key: found for key, found in stored.items() if key in acknowledged}
    assert lost_and_doubled(acknowledged, made) == (0, 0)


def _fill(urls: DatabaseUrls) -> None:
    """Copies of one event, behind all that the chain will reach here."""
    engine = make_engine(urls.owner)
    with engine.begin() as connection:
        columns, values = copied_columns(
            connection, "audit_event", {"seq": "1000000000000 + c"}
        )
        connection.execute(text("alter table audit_event disable trigger user"))
        connection.execute(
            text(
                f"insert into audit_event ({columns}) select {values}"  # noqa: S608 -- columns
                " from (select * from audit_event order by seq limit 1) t"
                " cross join generate_series(1, :n_rows) c"
            ),
            {"n_rows": N_ROWS},
        )
        connection.execute(text("alter table audit_event enable trigger user"))
    engine.dispose()


def _migrate(urls: DatabaseUrls, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "db", "upgrade"],
        env=environment(
            folder,
            DATABASE_URL=libpq_url(urls.app),
            DATABASE_OWNER_URL=libpq_url(urls.owner),
            DATABASE_AUDITOR_URL=libpq_url(urls.auditor),
        )
        | next_release(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
