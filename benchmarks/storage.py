"""What a day of a region stores, table by table and index by index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from benchmarks.cycle import STORED, copied_out, newest
from benchmarks.cycle_fleet import CYCLE_AT, carry_out, measured_fleet
from benchmarks.figures import Figure
from core.telemetry import HOUR
from db.engine import DatabaseUrls, libpq_url
from orchestrator.forecasts.retired import retire_all
from orchestrator.use_cases import WORKER_USER
from tests.fleet import runtime_on

N_REGIONS, N_HOURS = 60, 24
_SIZES = """
    select c.relname, 'rows', pg_table_size(c.oid)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind = 'r'
    union all
    select t.relname, 'indexes', pg_indexes_size(t.oid)
    from pg_class t join pg_namespace n on n.oid = t.relnamespace
    where n.nspname = 'public' and t.relkind = 'r'
"""
Sizes = Mapping[tuple[str, str], float]
"""By table and part."""


def storage(folder: Path) -> Iterator[Figure]:
    """What a day of a region stores, beside a binary COPY of the same rows.

    The cycles of 24 hours of 60 regions, after `vacuum full`: 96 forecasts of a
    region, their inputs, 24 decisions and 24 audit events. Measured once: bytes do not
    depend on the load of the machine. Forecasts and inputs include the modes that are
    not served. Last, what is left once forecasts that nothing rests on are retired.
    """
    with measured_fleet(folder / f"f{N_REGIONS}", N_REGIONS) as fleet:
        urls, region_days = fleet.copied(), fleet.n_regions * N_HOURS / 24
        before = sizes(urls)
        with psycopg.connect(libpq_url(urls.owner)) as connection:
            numbers = newest(connection)
        for hour in reversed(range(N_HOURS)):
            carry_out(urls, CYCLE_AT - hour * HOUR)
        full = grown(before, sizes(urls), region_days)
        with psycopg.connect(libpq_url(urls.owner)) as connection:
            copied = {
                table: len(copied_out(connection, table, numbers[table]))
                / (1000 * region_days)
                for table in STORED
            }
        with psycopg.connect(libpq_url(urls.owner), autocommit=True) as connection:
            connection.execute("alter table policy disable trigger user")
            connection.execute("update policy set forecasts_kept_days = 30")
        retire_all(runtime_on(urls), WORKER_USER)
        retired = grown(before, sizes(urls), region_days)
    forecasts = ("forecast", "forecast_input", "forecast_mode")
    for name, sizes_of, tables, parts, goal_kb in (
        ("forecasts and inputs", full, forecasts, ("rows", "indexes"), 20.0),
        ("forecasts and inputs, retired", retired, forecasts, ("rows", "indexes"), 20),
        ("decisions: rows", full, ("decision",), ("rows",), None),
        ("decisions: indexes", full, ("decision",), ("indexes",), None),
        ("audit events", full, ("audit_event",), ("rows", "indexes"), None),
        ("all of these and scores", full, STORED, ("rows", "indexes"), None),
    ):
        yield Figure(
            name=f"a region-day of {name}",
            spent=sum(sizes_of[table, part] for table in tables for part in parts),
            limit="the goal" if goal_kb else "binary COPY of the same rows",
            limited=goal_kb or sum(copied.get(table, 0.0) for table in tables),
            goal=f"{goal_kb:g} kB" if goal_kb else "",
            unit="kB",
        )


def sizes(urls: DatabaseUrls) -> Sizes:
    """Bytes by table and part, each written anew first."""
    with psycopg.connect(libpq_url(urls.owner), autocommit=True) as connection:
        connection.execute("vacuum full")
        rows = connection.execute(_SIZES).fetchall()
    return {(table, part): size for table, part, size in rows}


def grown(before: Sizes, after: Sizes, region_days: float) -> Sizes:
    """Kilobytes of a region-day by table and part; 0 for others."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for key, size in after.items():
        found[key] = (size - before.get(key, 0)) / (1000 * region_days)
    return found
