"""The hourly cycle on a long synthetic fleet, beside a bare COPY of what it stores.

    python benchmarks/cycle.py FOLDER REGIONS [WORKERS]

FOLDER keeps a server with the fleet, which is made once. Prints what the cycle of one
hour costs for 1,000 regions. With more than one worker, so many processes share its
chunks as workers do, and their waits for locks are counted; else one process does them
in turn and statements are counted.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from benchmarks.cycle_fleet import (
    CYCLE_AT,
    DAY_BEFORE,
    log_errors_only,
    measured_fleet,
)
from core.days import full_hour
from db.engine import DatabaseUrls, libpq_url
from db.users import system_actor
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.jobs import CHUNK_REGIONS
from orchestrator.regions.region_choice import active_regions
from orchestrator.runtime import Runtime
from tests.asking import asking
from tests.fleet import runtime_on

STORED = {
    "forecast": "id",
    "forecast_input": "forecast_id",
    "forecast_mode": "forecast_id",
    "decision": "id",
    "audit_event": "seq",
    "window_score": "id",
}
"""Tables that a cycle adds to, and what numbers their rows."""

_TICKS = os.sysconf("SC_CLK_TCK")
_Figures = dict[str, float]


def carry_out(runtime: Runtime, share: int = 0, n_shares: int = 1) -> _Figures:
    """Every so manieth chunk; seconds of processor of this process and its servers."""
    cache = ModelCache()
    with runtime.transaction() as session:
        found = active_regions(session)
    chunks = [found[i : i + CHUNK_REGIONS] for i in range(0, len(found), CHUNK_REGIONS)]
    now, own_s, postgres_s = runtime.clock(), time.process_time(), 0.0
    for chunk in chunks[share::n_shares]:
        for work in ("score", "issue"):
            with runtime.transaction() as session:
                pid = session.scalar(text("select pg_backend_pid()")) or 0
                before = _cpu_s(pid)
                request = asking(session, system_actor(session, "worker"), now=now)
                if work == "score":
                    score_finished_windows(request, stored_regions=chunk)
                else:
                    issue_live(
                        request,
                        cache,
                        issued_at_utc=full_hour(now),
                        stored_regions=chunk,
                    )
                postgres_s += _cpu_s(pid) - before
    cache.close()
    return {
        "regions": len(found),
        "python_cpu_s": time.process_time() - own_s,
        "postgres_cpu_s": postgres_s,
    }


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def counted() -> Iterator[list[int]]:
    """Statements sent meanwhile by this process; COPY is not among them."""
    count = [0]

    def note(*_: object) -> None:
        count[0] += 1

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield count
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def in_turn(urls: DatabaseUrls) -> _Figures:
    """The cycle by this process alone, for 1,000 regions."""
    runtime = runtime_on(urls, CYCLE_AT)
    started = time.perf_counter()
    with counted() as statements:
        figures = carry_out(runtime)
    wall_s = time.perf_counter() - started
    runtime.engine.dispose()
    n_regions = figures.pop("regions")
    per_1000 = {f"{name}_per_1000": 1000 * s / n_regions for name, s in figures.items()}
    return {
        "regions": n_regions,
        "statements_per_region": statements[0] / n_regions,
        "wall_s_per_1000": 1000 * wall_s / n_regions,
        **per_1000,
    }


def _share(urls: DatabaseUrls, share: int, n_shares: int) -> _Figures:
    log_errors_only()
    runtime = runtime_on(urls, CYCLE_AT)
    figures = carry_out(runtime, share, n_shares)
    runtime.engine.dispose()
    return figures


_WAITING = """
select count(*) filter (where wait_event_type = 'Lock'), count(*)
from pg_stat_activity where datname = 'measured' and state <> 'idle'
and pid <> pg_backend_pid()
"""


def side_by_side(
    urls: DatabaseUrls, superuser: str, n_workers: int, n_regions: int
) -> _Figures:
    """So many processes that share the chunks: what each costs, and who waits.

    `lock_waits` is the share of their transactions' time that waits for a lock, of
    samples each 10 ms.
    """
    started, n_waiting, n_seen = time.perf_counter(), 0, 0
    shares = [(urls, share, n_workers) for share in range(n_workers)]
    with (
        multiprocessing.get_context("spawn").Pool(n_workers) as pool,
        psycopg.connect(superuser, autocommit=True) as watching,
    ):
        found = pool.starmap_async(_share, shares)
        while not found.ready():
            (row,) = watching.execute(_WAITING).fetchall()
            n_waiting, n_seen = n_waiting + row[0], n_seen + row[1]
            found.wait(0.01)
        figures = found.get()
    return {
        "workers": n_workers,
        "regions": n_regions,
        "wall_s": time.perf_counter() - started,
        "lock_waits": n_waiting / max(n_seen, 1),
        **{
            f"{name}_per_1000": 1000 * sum(item[name] for item in figures) / n_regions
            for name in ("python_cpu_s", "postgres_cpu_s")
        },
    }


def newest(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, object]:
    """The largest number of each table's rows."""
    found = {}
    for table, key in STORED.items():
        query = sql.SQL("select coalesce(max({}), 0) from {}").format(
            sql.Identifier(key), sql.Identifier(table)
        )
        (row,) = connection.execute(query).fetchall()
        found[table] = row[0]
    return found


def copy_cpu_s(
    connection: psycopg.Connection[tuple[object, ...]], before: dict[str, object]
) -> float:
    """Processor seconds of a bare COPY of the new rows, client and server.

    Into tables with the same indexes.
    """
    seconds = 0.0
    server = connection.info.backend_pid
    for table, key in STORED.items():
        rows = sql.SQL("select * from {} where {} > {}").format(
            sql.Identifier(table), sql.Identifier(key), sql.Literal(before[table])
        )
        out = sql.SQL("copy ({}) to stdout (format binary)").format(rows)
        with connection.cursor().copy(out) as parts:
            content = b"".join(bytes(part) for part in parts)
        bare = sql.Identifier(f"bare_{table}")
        connection.execute(
            sql.SQL("create table {} (like {} including indexes)").format(
                bare, sql.Identifier(table)
            )
        )
        into = sql.SQL("copy {} from stdin (format binary)").format(bare)
        connection.commit()
        started = time.process_time() + _cpu_s(server)
        with connection.cursor().copy(into) as copy:
            copy.write(content)
        connection.commit()
        seconds += time.process_time() + _cpu_s(server) - started
    return seconds


def main() -> None:
    """Measure and print."""
    folder, n_regions = Path(sys.argv[1]), int(sys.argv[2])
    n_workers = int(sys.argv[3]) if sys.argv[3:] else 1
    log_errors_only()
    with measured_fleet(folder, n_regions) as (urls, superuser):
        before_it = runtime_on(urls, DAY_BEFORE)
        carry_out(before_it)
        before_it.engine.dispose()
        with psycopg.connect(libpq_url(urls.owner)) as connection:
            before = newest(connection)
            if n_workers == 1:
                figures = in_turn(urls)
            else:
                (row,) = connection.execute("select count(*) from region").fetchall()
                figures = side_by_side(urls, superuser, n_workers, int(str(row[0])))
            copied_s = copy_cpu_s(connection, before)
            figures["copy_cpu_s_per_1000"] = 1000 * copied_s / figures["regions"]
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
