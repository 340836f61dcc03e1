"""Two worker processes share a cycle; one that is killed loses and doubles nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from db import audit
from db.engine import libpq_url
from db.job_queue import LOCK_CLASS
from orchestrator.jobs import CHUNK_REGIONS
from tests.faults.portal_process import environment, wait_until
from tests.fleet import Fleet
from tests.long_fleet import lengthen

pytestmark = pytest.mark.slow

N_COPIES = CHUNK_REGIONS // 2  # of each of three: two chunks

PATIENCE_S = 240.0  # two workers that start, on a machine with other work

CHUNKS = "select count(*) from procrastinate_jobs where task_name = 'cycle_chunk'"
LEFT = f"{CHUNKS} and status in ('todo', 'doing')"
DOING = f"{CHUNKS} and status = 'doing'"
DECIDED = (
    "select count(*) from decision where created_at_utc > now() - interval '2 hours'"
    " and kind = 'automatic' and window_start_utc > now() - interval '2 hours'"
)
DECIDED_REGIONS = DECIDED.replace("count(*)", "count(distinct source_region_id)")
DOUBLED = (
    "select count(*) from (select from forecast where kind = 'live' and refusal_code"
    " is not null group by region_id, target, issued_at_utc having count(*) > 1) as d"
)

_Connection = psycopg.Connection[tuple[object, ...]]


@contextmanager
def worker(fleet: Fleet, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `gfo worker` on the fleet's database."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "worker"],
        env=environment(
            folder,
            DATABASE_URL=libpq_url(fleet.urls.app),
            DATABASE_OWNER_URL=libpq_url(fleet.urls.owner),
            DATABASE_AUDITOR_URL=libpq_url(fleet.urls.auditor),
        ),
        cwd=folder,
        stderr=(folder / "workers.log").open("ab"),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def count(connection: _Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(str(row[0]))


def test_a_killed_worker_loses_and_doubles_nothing(
    fleet: Fleet, tmp_path: Path
) -> None:
    lengthen(fleet.urls, N_COPIES)
    now = datetime.now(UTC)
    if now.minute >= 58:  # the next hour's chunks would come between
        time.sleep(3600 - 60 * now.minute - now.second)
    with (
        psycopg.connect(libpq_url(fleet.urls.owner), autocommit=True) as owner,
        psycopg.connect(libpq_url(fleet.urls.app), autocommit=True) as holder,
    ):
        # Telemetry ended long ago: each region is refused and blocked, which no unique
        # index would keep from being stored twice.
        owner.execute("update region set is_synthetic = false")
        n_regions = count(owner, "select count(*) from region where is_active")
        holder.execute("select pg_advisory_lock(%s, 1)", [LOCK_CLASS])
        with worker(fleet, tmp_path) as first:
            wait_until(lambda: count(owner, DOING) == 1, PATIENCE_S)
            with worker(fleet, tmp_path):
                wait_until(lambda: count(owner, LEFT) == 1, PATIENCE_S)
                assert count(owner, DECIDED) == n_regions - CHUNK_REGIONS
                first.kill()
                first.wait()
                # As if the half minute were over in which it may still speak.
                owner.execute(
                    "update procrastinate_workers w set last_heartbeat ="
                    " now() - interval '1 minute' from procrastinate_jobs j"
                    " where j.worker_id = w.id and j.status = 'doing'"
                )
                holder.execute("select pg_advisory_unlock(%s, 1)", [LOCK_CLASS])
                wait_until(lambda: count(owner, LEFT) == 0, PATIENCE_S)
        assert count(owner, DECIDED) == n_regions
        assert count(owner, DECIDED_REGIONS) == n_regions
        assert count(owner, DOUBLED) == 0
    with fleet.runtime.transaction() as session:
        assert audit.verify(session).is_sound
