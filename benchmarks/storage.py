"""What a day of a region stores, table by table and index by index.

    python benchmarks/storage.py FOLDER REGIONS [HOURS]

FOLDER keeps a server with the synthetic fleet of `benchmarks/cycle.py`. Carries out
the cycles of the last hours (24), each with its scores, forecasts of four targets,
decisions and audit events, and prints bytes of a region-day after `vacuum full`, those
of the largest table first; then what is left once its forecasts are retired.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg

from benchmarks.cycle import carry_out
from benchmarks.cycle_fleet import CYCLE_AT, log_errors_only, measured_fleet
from core.telemetry import HOUR
from db.engine import DatabaseUrls, libpq_url
from orchestrator.forecasts.retired import retire_all
from orchestrator.use_cases import WORKER_USER
from tests.fleet import runtime_on

_SIZES = """
    select c.relname, 'rows and toast', pg_table_size(c.oid)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind = 'r'
    union all
    select t.relname, i.relname, pg_relation_size(i.oid)
    from pg_index x join pg_class i on i.oid = x.indexrelid
    join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace
    where n.nspname = 'public' and t.relkind = 'r'
"""
Sizes = Mapping[tuple[str, str], int]


def sizes(urls: DatabaseUrls) -> Sizes:
    """Bytes by table and part, each written anew first."""
    with psycopg.connect(libpq_url(urls.owner), autocommit=True) as connection:
        connection.execute("vacuum full")
        rows = connection.execute(_SIZES).fetchall()
    return {(table, part): size for table, part, size in rows}


def grown(before: Sizes, after: Sizes, region_days: float) -> dict[str, float]:
    """Bytes of a region-day by table, by part within it, and in all."""
    parts = {key: (size - before.get(key, 0)) for key, size in after.items()}
    totals: dict[str, int] = {"all": sum(parts.values())}
    for (table, _), size in parts.items():
        totals[table] = totals.get(table, 0) + size
    order = sorted(parts, key=lambda key: (-totals[key[0]], key[0], -parts[key]))
    found = {"all": totals["all"]}
    for table, part in order:
        found.setdefault(table, totals[table])
        found[f"{table}: {part}"] = parts[table, part]
    return {name: round(size / region_days) for name, size in found.items() if size > 0}


def main() -> None:
    """Measure and print."""
    folder, n_regions = Path(sys.argv[1]), int(sys.argv[2])
    n_hours = int(sys.argv[3]) if sys.argv[3:] else 24
    log_errors_only()
    with measured_fleet(folder, n_regions) as (urls, _superuser):
        before = sizes(urls)
        found = 0.0
        for hour in reversed(range(n_hours)):
            runtime = runtime_on(urls, CYCLE_AT - hour * HOUR)
            found += carry_out(runtime)["regions"] / 24
            runtime.engine.dispose()
        print(json.dumps(grown(before, sizes(urls), found), indent=1))
        with psycopg.connect(libpq_url(urls.owner), autocommit=True) as connection:
            connection.execute(
                "alter table policy disable trigger user;"
                " update policy set forecasts_kept_days = 30"
            )
        retire_all(runtime_on(urls), WORKER_USER)
        print(json.dumps(grown(before, sizes(urls), found), indent=1))


if __name__ == "__main__":
    main()
