"""The hourly cycle on a long synthetic fleet, beside a bare COPY of what it stores.

    python benchmarks/cycle.py FOLDER REGIONS [WORKERS ...]

FOLDER keeps the server with the fleet, which is made once. Prints one JSON object per
number of workers: statements, processor seconds and wall seconds per 1,000 regions.
"""

from __future__ import annotations

import json
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

from benchmarks.cycle_fleet import CYCLE_AT, DAY_BEFORE, make_long_fleet
from core.days import full_hour
from db.engine import DatabaseUrls, libpq_url
from db.local_roles import create_database, tighten_database
from db.local_server import LocalServer
from db.migrate import upgrade
from db.users import system_actor
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.regions.region_choice import active_regions
from tests.asking import asking
from tests.fleet import runtime_on

CHUNK = int(os.environ.get("CHUNK", "100"))
STORED = (
    "forecast",
    "forecast_hour",
    "forecast_input",
    "forecast_mode",
    "decision",
    "audit_event",
    "window_score",
)
_TICKS = os.sysconf("SC_CLK_TCK")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def counted() -> Iterator[list[int]]:
    count = [0]

    def note(*_: object) -> None:
        count[0] += 1

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield count
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def one_process(urls: DatabaseUrls) -> dict[str, object]:
    """Both cycles in this process; the second is measured."""
    cache = ModelCache()
    figures = {}
    for at in (DAY_BEFORE, CYCLE_AT):
        runtime = runtime_on(urls, at)
        with runtime.transaction() as session:
            found = active_regions(session)
        started, cpu, models, backend, n = (
            time.perf_counter(),
            time.process_time(),
            0.0,
            0.0,
            len(found),
        )
        with counted() as statements:
            for first in range(0, n, CHUNK):
                chunk = found[first : first + CHUNK]
                with runtime.transaction() as session:
                    pid = session.scalar(text("select pg_backend_pid()"))
                    before = _cpu_s(pid)
                    request = asking(session, system_actor(session, "worker"), now=at)
                    score_finished_windows(request, stored_regions=chunk)
                    backend += _cpu_s(pid) - before
                with runtime.transaction() as session:
                    pid = session.scalar(text("select pg_backend_pid()"))
                    before = _cpu_s(pid)
                    request = asking(session, system_actor(session, "worker"), now=at)
                    issue_live(
                        request,
                        cache,
                        issued_at_utc=full_hour(at),
                        stored_regions=chunk,
                    )
                    backend += _cpu_s(pid) - before
        wall = time.perf_counter() - started
        models = _cpu_s(cache._process.process_id)
        own = time.process_time() - cpu
        per = 1000 / n
        figures = {
            "regions": n,
            "chunk": CHUNK,
            "statements_per_region": round(statements[0] / n, 2),
            "wall_s_per_1000": round(wall * per, 1),
            "python_cpu_s_per_1000": round(own * per, 1),
            "postgres_cpu_s_per_1000": round(backend * per, 1),
            "models_cpu_s": round(models, 1),
        }
        runtime.engine.dispose()
    cache.close()
    return figures


def copy_s(url: str, since: dict[str, int]) -> dict[str, object]:
    """Seconds of a bare COPY of the rows that the measured cycle stored."""
    seconds, rows = 0.0, 0
    with psycopg.connect(url) as connection:
        for table in STORED:
            if connection.execute("select to_regclass(%s)", [table]).fetchone() == (
                None,
            ):
                continue
            key = since[table]
            column = {
                "audit_event": "seq",
                "forecast_hour": "forecast_id",
                "forecast_mode": "forecast_id",
                "forecast_input": "forecast_id",
            }.get(table, "id")
            name = sql.Identifier(table)
            with connection.cursor().copy(
                sql.SQL(
                    "copy (select * from {} where {} > {}) to stdout (format binary)"
                ).format(name, sql.Identifier(column), sql.Literal(key))
            ) as out:
                content = b"".join(bytes(part) for part in out)
            connection.execute(
                sql.SQL(
                    "create temporary table bare_{0} (like {0} including indexes including constraints)"
                ).format(sql.SQL(table))
            )
            started = time.perf_counter()
            with connection.cursor().copy(
                sql.SQL("copy bare_{} from stdin (format binary)").format(
                    sql.SQL(table)
                )
            ) as into:
                into.write(content)
            seconds += time.perf_counter() - started
            rows += connection.execute(
                sql.SQL("select count(*) from bare_{}").format(sql.SQL(table))
            ).fetchone()[0]
    return {"copy_s": round(seconds, 2), "rows": rows}


def main() -> None:
    folder, n_regions = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    with LocalServer.own(
        folder, settings={"shared_buffers": "256MB", "max_wal_size": "2GB"}
    ) as server:
        upgrade(server.urls)
        if not (folder / "made").exists():
            make_long_fleet(server.urls, n_regions)
            (folder / "made").touch()
        super_url = libpq_url(server.superuser_url)
        with psycopg.connect(super_url, autocommit=True) as connection:
            connection.execute("drop database if exists measured with (force)")
            create_database(connection, "measured", template="gfo")
            tighten_database(connection, "measured")
        urls = server.home.urls("measured")
        if os.environ.get("PROFILE"):
            import cProfile
            import pstats

            profile = cProfile.Profile()
            profile.enable()
            figures = one_process(urls)
            profile.disable()
            pstats.Stats(profile).sort_stats(os.environ["PROFILE"]).print_stats(60)
        else:
            figures = one_process(urls)
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
