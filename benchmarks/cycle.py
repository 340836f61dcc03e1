"""The hourly cycle of long synthetic fleets, beside a bare COPY of what it stores.

    python benchmarks/cycle.py FOLDER REGIONS [WORKERS]

carries one out and prints what it took; FOLDER keeps the fleet.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from benchmarks.cycle_fleet import (
    CYCLE_AT,
    MeasuredFleet,
    Spent,
    carry_out,
    log_errors_only,
    measured_fleet,
)
from benchmarks.figures import ROUNDS, Clock, Figure, process_cpu_s
from core.days import full_hour
from core.telemetry import HOUR
from db.engine import DatabaseUrls, libpq_url
from db.schema import RegionRow
from models.plain_model import HISTORY_H, WEEK_H, week_start, weekly_fits
from orchestrator.windows.database_source import load_model_frame
from tests.fleet import runtime_on

SIZES = (30, 300, 1_000)
ROUNDS_OF_LONG = min(3, ROUNDS)
STORED = {
    "forecast": "id",
    "forecast_input": "forecast_id",
    "forecast_mode": "forecast_id",
    "decision": "id",
    "audit_event": "seq",
    "window_score": "id",
}
"""Tables that a cycle adds to, and what numbers their rows."""

_SAMPLE_S = 0.05
_WAITING = """
select count(*) filter (where wait_event_type = 'Lock'), count(*)
from pg_stat_activity where datname = 'measured' and state <> 'idle'
and pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One cycle as measured.

    Attributes
    ----------
    python_s, postgres_s, models_s, copy_s : float
        Processor seconds, those of `benchmarks.cycle_fleet.Spent`; `copy_s` of a bare
        COPY of the rows that it stored, client and server.
    wall_s : float
        From the first chunk's begin to the last one's end.
    lock_waits_pct : float
        How much of the time of its transactions waits for a lock, of samples.
    """

    regions: int
    workers: int
    python_s: float
    postgres_s: float
    models_s: float
    copy_s: float
    wall_s: float
    statements: int
    lock_waits_pct: float
    peak_mib: float

    @property
    def processor_s(self) -> float:
        """Of Python and PostgreSQL."""
        return self.python_s + self.postgres_s


def cycle(folder: Path) -> Iterator[Figure]:
    """The second of two cycles a day apart, beside a bare COPY of what it stores.

    Scores of the windows that ended, forecasts of four targets with bounds and
    intervals, decisions and audit events, committed, by processes that share the
    chunks as workers do. COPY is of the same rows into tables with the same indexes,
    and no statement that is counted. Processor seconds are without the process that
    runs models, unless a line says so. A region's weekly fits of the plain model are
    made in one of its 168 cycles. Medians of at most 3 at 1,000
    regions.
    """
    spent: dict[int, float] = {}
    for n_regions in SIZES:
        with measured_fleet(folder / f"f{n_regions}", n_regions) as fleet:
            n_rounds = ROUNDS if n_regions < SIZES[-1] else ROUNDS_OF_LONG
            rounds = [measured(fleet, 1) for _ in range(n_rounds)]
            spent[fleet.n_regions] = median(rounds, "processor_s")
            if n_regions == SIZES[-1]:
                yield from of_one(rounds, fits_cpu_s(fleet))
                yield from of_two(rounds, [measured(fleet, 2) for _ in rounds])
    (few, least_s), *_, (many, most_s) = sorted(spent.items())
    yield Figure(
        name=f"growth from {few} to {many:,} regions: exponent of processor seconds",
        spent=log(most_s / least_s) / log(many / few),
        limit="the goal",
        limited=1.05,
        goal="1.05",
        unit="",
    )


def of_one(rounds: Sequence[Cycle], fits_s: float) -> Iterator[Figure]:
    """The figures of one worker, for 1,000 regions."""
    share = 1_000 / rounds[0].regions
    copy_s = share * median(rounds, "copy_s")
    python_s, postgres_s, models_s, wall_s = (
        share * median(rounds, name)
        for name in ("python_s", "postgres_s", "models_s", "wall_s")
    )
    weekly_s = fits_s * 1_000 / WEEK_H
    for name, spent in (
        ("cycle of 1,000 regions, Python", python_s),
        ("cycle of 1,000 regions, PostgreSQL", postgres_s),
        ("cycle of 1,000 regions, process that runs models and its start", models_s),
        ("weekly fits of 1,000 / 168 regions", weekly_s),
        ("cycle of 1,000 regions, all of these", python_s + postgres_s + weekly_s),
    ):
        yield Figure(
            name=name,
            spent=spent,
            limit="bare COPY of what it stores",
            limited=copy_s,
            goal="3 times in all",
        )
    yield Figure(
        name="cycle of 1,000 regions by the clock",
        spent=wall_s,
        limit="the goal",
        limited=30.0,
        goal="5 min of 10,000",
    )
    yield Figure(
        name="statements per region of a cycle",
        spent=rounds[0].statements / rounds[0].regions,
        limit="the goal",
        limited=1.0,
        goal="1",
        unit="",
    )
    yield Figure(
        name="largest memory of a process that carries out a cycle",
        spent=median(rounds, "peak_mib"),
        limit="the goal",
        limited=400,
        goal="400 MB",
        unit="MiB",
    )


def of_two(alone: Sequence[Cycle], shared: Sequence[Cycle]) -> Iterator[Figure]:
    """The figures of two workers that share the chunks, beside those of one."""
    for name, what, goal in (
        ("two workers, processor seconds together", "processor_s", "1 times"),
        ("two workers by the clock", "wall_s", "0.59 times (1.7 times as fast)"),
    ):
        yield Figure(
            name=name,
            spent=median(shared, what),
            limit="one worker",
            limited=median(alone, what),
            goal=goal,
        )
    yield Figure(
        name="two workers, time of their transactions that waits for locks",
        spent=median(shared, "lock_waits_pct"),
        limit="the goal",
        limited=1.0,
        goal="without waiting",
        unit="%",
    )


def median(rounds: Sequence[Cycle], name: str) -> float:
    """Of an attribute."""
    return statistics.median(float(getattr(item, name)) for item in rounds)


def measured(fleet: MeasuredFleet, n_workers: int) -> Cycle:
    """One cycle on a new copy of the fleet, its chunks shared by so many processes."""
    urls = fleet.copied()
    with psycopg.connect(libpq_url(urls.owner)) as connection:
        before = newest(connection)
    n_waiting, n_seen = 0, 0
    shares = [(urls, share, n_workers) for share in range(n_workers)]
    with (
        multiprocessing.get_context("spawn").Pool(n_workers) as pool,
        psycopg.connect(fleet.superuser, autocommit=True) as watching,
    ):
        answer = pool.starmap_async(_share, shares, chunksize=1)
        while not answer.ready():
            (row,) = watching.execute(_WAITING).fetchall()
            n_waiting, n_seen = n_waiting + row[0], n_seen + row[1]
            answer.wait(_SAMPLE_S)
        found = answer.get()
    with psycopg.connect(libpq_url(urls.owner)) as connection:
        copy_s = copy_cpu_s(connection, before)
    spent = [item for item, _, _ in found]
    return Cycle(
        regions=fleet.n_regions,
        workers=n_workers,
        python_s=sum(item.python_s for item in spent),
        postgres_s=sum(item.postgres_s for item in spent),
        models_s=sum(item.models_s for item in spent),
        copy_s=copy_s,
        wall_s=max(item.ended_s for item in spent)
        - min(item.began_s for item in spent),
        statements=sum(count for _, count, _ in found),
        lock_waits_pct=100 * n_waiting / max(n_seen, 1),
        peak_mib=max(mib for _, _, mib in found),
    )


def _share(urls: DatabaseUrls, share: int, n_shares: int) -> tuple[Spent, int, float]:
    """A process's share of the cycle; its statements and its largest memory, MiB."""
    log_errors_only()
    with counted() as statements:
        spent = carry_out(urls, CYCLE_AT, share, n_shares)
    # Not `ru_maxrss`, which a process keeps from the one that started it.
    status = Path("/proc/self/status").read_text().splitlines()
    peak_kib = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    return spent, statements[0], int(peak_kib) / 1024


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


def fits_cpu_s(fleet: MeasuredFleet) -> float:
    """Processor seconds of the week's fits of a region with all its telemetry."""
    runtime = runtime_on(fleet.server.urls, CYCLE_AT)
    with runtime.transaction() as session:
        originals = RegionRow.slug.not_like("copy-%")
        slugs = session.scalars(select(RegionRow.slug).where(originals)).all()
        clock = Clock(session)

        def fit_all() -> None:
            for slug in slugs:
                week_utc = week_start(slug, full_hour(CYCLE_AT))
                start_utc = week_utc - HISTORY_H * HOUR
                frame = load_model_frame(session, slug, start_utc, week_utc)
                weekly_fits(frame, week_utc)

        spent_s = statistics.median(clock.of(fit_all) for _ in range(ROUNDS))
    runtime.engine.dispose()
    return spent_s / len(slugs)


def newest(connection: psycopg.Connection[tuple[object, ...]]) -> Mapping[str, object]:
    """The largest number of each table's rows."""
    found = {}
    for table, key in STORED.items():
        query = sql.SQL("select coalesce(max({}), 0) from {}").format(
            sql.Identifier(key), sql.Identifier(table)
        )
        (row,) = connection.execute(query).fetchall()
        found[table] = row[0]
    return found


def copied_out(
    connection: psycopg.Connection[tuple[object, ...]], table: str, since: object
) -> bytes:
    """The table's rows after a number, as a binary COPY has them."""
    rows = sql.SQL("copy (select * from {} where {} > {}) to stdout (format binary)")
    names = (sql.Identifier(table), sql.Identifier(STORED[table]), sql.Literal(since))
    with connection.cursor().copy(rows.format(*names)) as parts:
        return b"".join(bytes(part) for part in parts)


def copy_cpu_s(
    connection: psycopg.Connection[tuple[object, ...]], before: Mapping[str, object]
) -> float:
    """Processor seconds of a bare COPY of the new rows, client and server.

    Into tables with the same indexes.
    """
    bare = Clock()
    seconds = 0.0
    server = connection.info.backend_pid
    for table in STORED:
        content = copied_out(connection, table, before[table])
        into = sql.Identifier(f"bare_{table}")
        like = sql.SQL("create table {} (like {} including indexes)")
        connection.execute(like.format(into, sql.Identifier(table)))
        connection.commit()
        started = bare.now_s() + process_cpu_s(server)
        with connection.cursor().copy(
            sql.SQL("copy {} from stdin (format binary)").format(into)
        ) as copy:
            copy.write(content)
        connection.commit()
        seconds += bare.now_s() + process_cpu_s(server) - started
    return seconds


def main() -> None:
    """Measure and print."""
    n_workers = int(sys.argv[3]) if sys.argv[3:] else 1
    with measured_fleet(Path(sys.argv[1]), int(sys.argv[2])) as fleet:
        found = asdict(measured(fleet, n_workers))
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))


if __name__ == "__main__":
    main()
