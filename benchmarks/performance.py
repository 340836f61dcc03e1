"""What large fleets cost, each figure beside the limit that it cannot pass.

    benchmarks/run [--check] [--only imports,plans,pages,cycles,memory]

Starts a PostgreSQL of its own in a temporary folder. A figure of time is the median of
`ROUNDS` processor times, client and database together (fewer where it says so), and a
ratio to its limit that is taken in the same rounds: machines and their other work
differ, ratios hardly.
Without `--check` the sections of docs/performance.md and `stored_ratios.json` are
written; with it nothing is, and a ratio that is 1.5 times the stored one fails.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen

import highspy
import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.greedy import greedy_plan
from core.optimizer import best_plan, pareto
from core.placement import PlanPrices, PlanRules, placement
from core.plans import judge_plan
from core.telemetry import VALID_RANGES, Quantity
from db.copying import driver_connection
from db.engine import make_engine
from db.ingest import NewBatch, RowCounts, insert_batch
from db.local_server import LocalServer
from db.migrate import upgrade
from db.users import system_actor
from orchestrator.audit.event_list import list_audit_events
from orchestrator.forecasts.fleet import FleetQuestion, fleet_view
from orchestrator.regions.changes import RegionDraft, add_region, add_regions_from_csv
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.regions.region_choice import search_regions
from orchestrator.settings import load_settings
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.use_cases import Request
from tests.core.placement_cases import a_fleet
from tests.faults.portal_process import PortalProcess, processes_of

ROUNDS = 5
WORSE = 1.5
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
STORED = Path(__file__).with_name("stored_ratios.json")

N_HOURS = 17_520
N_REGIONS = 10_000
PLAN_SIZES = (200, 600, 1_000, 10_000)
SIZE_OF_OTHERS = 1_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_TICK_S = 0.01

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the page: processor seconds, or MiB of memory.

    Attributes
    ----------
    ratio : float
        To the limit; more is worse.
    """

    name: str
    spent: float
    limit: str
    limited: float
    goal: str

    @property
    def ratio(self) -> float:
        """How many times the limit."""
        return self.spent / max(self.limited, 1e-9)


class Clock:
    """Processor seconds of this process and of the session's PostgreSQL backend."""

    def __init__(self, session: Session | None = None) -> None:
        self._stat = None
        if session is not None:
            pid = session.scalar(text("select pg_backend_pid()"))
            self._stat = Path(f"/proc/{pid}/stat")

    def now_s(self) -> float:
        """Seconds so far; those of the backend in steps of 10 ms."""
        if self._stat is None:
            return time.process_time()
        ticks = self._stat.read_text().rsplit(")", 1)[1].split()[11:13]
        return time.process_time() + _TICK_S * sum(map(int, ticks))

    def of(self, work: Callable[[], object], repeats: int = 1) -> float:
        """Seconds of one call of `work`."""
        before_s = self.now_s()
        for _ in range(repeats):
            work()
        return (self.now_s() - before_s) / repeats


def imports(session: Session) -> Iterator[Figure]:
    """A CSV of two years with all guards, beside a binary COPY of the rows it stores.

    Both go into the same table, whose months are there. The file's weeks are screened
    many at once, and only those that may hold a suspect hour are judged by themselves;
    docs/decisions/0129 has figures of longer files.
    """
    request = asking(session)
    add_region(
        request,
        RegionDraft(
            slug="dublin",
            name="Dublin",
            time_zone="Europe/Dublin",
            latitude_deg=53.3,
            longitude_deg=-6.3,
        ),
    )
    start_utc = NOW - timedelta(hours=N_HOURS)
    session.execute(
        text("select ensure_telemetry_partitions(:start, :end)"),
        {"start": start_utc, "end": NOW},
    )
    content = a_csv("dublin", start_utc)
    empty = RowCounts(
        rows_read=0,
        rows_inserted=0,
        rows_updated=0,
        rows_unchanged=0,
        rows_refused=0,
        first_hour_utc=None,
        last_hour_utc=None,
    )
    batch = NewBatch(
        source_label="bare copy",
        format="csv",
        content_sha256="0" * 64,
        origin="measured",
        carbon_kind=None,
        time_zone=None,
        region_slugs=["dublin"],
        quantities=[],
        actor_id=request.actor.user_id,
    )
    batch_id = insert_batch(session, batch, empty)
    clock = Clock(session)
    imported_s, copied_s = [], []
    for _ in range(ROUNDS + 1):
        savepoint = session.begin_nested()
        imported_s.append(clock.of(lambda: import_file(request, content)))
        rows = stored_rows(session, batch_id)
        savepoint.rollback()
        savepoint = session.begin_nested()
        copied_s.append(clock.of(lambda rows=rows: copy_bare(session, rows)))
        savepoint.rollback()
    yield Figure(
        name=f"import of {N_HOURS:,} rows, guards included",
        spent=statistics.median(imported_s[1:]),
        limit="binary COPY into `telemetry`",
        limited=statistics.median(copied_s[1:]),
        goal="2.5 times (0.4 of its rows per second)",
    )


def a_csv(slug: str, start_utc: datetime) -> bytes:
    """Two years of eight quantities, plausible and different each hour."""
    chance = np.random.default_rng(7)
    hours = np.arange(N_HOURS)
    warm = 10 + 8 * np.sin(hours * 2 * np.pi / 8760) + 4 * np.sin(hours * np.pi / 12)
    columns = {
        Quantity.TEMPERATURE_C: warm + chance.normal(0, 1, N_HOURS),
        Quantity.RELATIVE_HUMIDITY_PCT: 65 + chance.normal(0, 5, N_HOURS),
        Quantity.IT_LOAD_MW: 60 + 5 * np.sin(hours * np.pi / 12),
        Quantity.CARBON_INTENSITY_GCO2_KWH: 300 + chance.normal(0, 20, N_HOURS),
        Quantity.PRICE_USD_MWH: 50 + chance.normal(0, 8, N_HOURS),
        Quantity.WIND_SPEED_KMH: 15 + chance.random(N_HOURS) * 10,
        Quantity.CLOUD_COVER_PCT: chance.random(N_HOURS) * 100,
    }
    texts = [[f"{value:.2f}" for value in column] for column in columns.values()]
    lines = [",".join(["timestamp", "region", *columns])]
    for hour, values in enumerate(zip(*texts, strict=True)):
        stamp = start_utc + timedelta(hours=hour)
        lines.append(f"{stamp:%Y-%m-%dT%H}:00:00Z,{slug},{','.join(values)}")
    return "\n".join(lines).encode()


def import_file(request: Request, content: bytes) -> None:
    """Import the file as an admin would."""
    file = FileToImport(
        source=BytesIO(content),
        label="benchmark",
        telemetry_format=TelemetryFormat.CSV,
    )
    summary = import_telemetry(request, file, ranges=VALID_RANGES)
    if summary.counts.rows_inserted != N_HOURS:
        message = f"Only {summary.counts.rows_inserted} rows were stored."
        raise RuntimeError(message)


def stored_rows(session: Session, batch_id: int) -> bytes:
    """The rows of `telemetry` in the binary format, as if of another import."""
    columns = [
        f"case when {name} is not null then {batch_id}::bigint end"
        if name.endswith("batch_id")
        else name
        for name in telemetry_columns(session)
    ]
    query = f"select {', '.join(columns)} from telemetry order by hour_utc"  # noqa: S608 -- columns
    statement = f"copy ({query}) to stdout (format binary)"
    with (
        driver_connection(session).cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
    ):
        return b"".join(copy)


def copy_bare(session: Session, rows: bytes) -> None:
    """COPY the rows back, with every constraint that the table has."""
    names = ", ".join(telemetry_columns(session))
    statement = f"copy telemetry ({names}) from stdin (format binary)"
    with (
        driver_connection(session).cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
    ):
        copy.write(rows)
    session.execute(text("set constraints all immediate"))


def telemetry_columns(session: Session) -> list[str]:
    """Columns of the table in their order."""
    query = (
        "select column_name from information_schema.columns"
        " where table_name = 'telemetry' order by ordinal_position"
    )
    return list(session.scalars(text(query)))


def plans(_session: Session) -> Iterator[Figure]:
    """The best plan with few transfers, beside what it cannot do without.

    That is HiGHS, and each region's limits as the problem has them.
    What else is done for 1,000 regions stands beside the same.
    The plan of 10,000 regions is made once.
    """
    prices = PlanPrices(carbon_usd_per_t=50.0, water_usd_per_m3=2.0)
    rules = PlanRules(minimum_transfer_mwh=10.0)
    in_plan_s = 0.0
    for n_regions in PLAN_SIZES:
        n_rounds = 1 if n_regions > SIZE_OF_OTHERS else ROUNDS
        fleet = a_fleet(n_regions)
        placed_s, _, problem = solved(partial(placement, fleet), n_rounds)
        spent_s, solved_s, plan = solved(
            partial(best_plan, problem, prices, rules), n_rounds
        )
        gap_frac = (plan.objective_usd - plan.least_usd) / plan.least_usd
        yield Figure(
            name=f"plan of {n_regions:,} regions x 24 h",
            spent=spent_s,
            limit="HiGHS in it, and each region's limits",
            limited=placed_s + solved_s,
            goal="5 s at 1,000, 60 s at 10,000;"
            f" at most {100 * gap_frac:.3f} % above the least cost",
        )
        if n_regions != SIZE_OF_OTHERS:
            continue
        in_plan_s = placed_s + solved_s
        steep = replace(rules, ramp_mw_per_h=5.0)
        for name, work in (
            ("plan with ramps", partial(best_plan, problem, prices, steep)),
            ("front of 12 points", partial(pareto, problem)),
            ("greedy plan", partial(greedy_plan, problem, prices)),
            (
                "transfers of its plan judged",
                partial(judge_plan, problem.outlooks, plan.moves),
            ),
        ):
            yield Figure(
                name=f"{name} of {n_regions:,} regions",
                spent=solved(work)[0],
                limit="those of the plan",
                limited=in_plan_s,
                goal="5 s",
            )


def solved(
    work: Callable[[], Made], n_rounds: int = ROUNDS
) -> tuple[float, float, Made]:
    """Median seconds of some work, those of HiGHS in it, and what it made."""
    clock, spent_s, solver = Clock(), [], []
    made: list[Made] = []
    for _ in range(n_rounds):
        with solver_s() as in_solver:
            spent_s.append(clock.of(lambda: made.append(work())))
        solver.append(sum(in_solver))
    return statistics.median(spent_s), statistics.median(solver), made[-1]


@contextmanager
def solver_s() -> Iterator[list[float]]:
    """Processor seconds of each run of HiGHS meanwhile."""
    run, spent = highspy.Highs.run, []

    def timed(solver: highspy.Highs) -> object:
        started = time.process_time()
        answer = run(solver)
        spent.append(time.process_time() - started)
        return answer

    highspy.Highs.run = timed
    try:
        yield spent
    finally:
        highspy.Highs.run = run


def pages(session: Session) -> Iterator[Figure]:
    """Answers behind pages at 10,000 regions, beside a query of one row.

    The regions have no forecast yet: each is a row that needs somebody.
    """
    request, clock = asking(session), Clock(session)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("slug,name,time_zone,latitude,longitude\n")
        for number in range(N_REGIONS):
            file.write(f"r{number:05},Hall {number},Europe/Madrid,40.4,-3.7\n")
        file.flush()
        ensure_first_policy(request, load_settings(None).first_policy())
        added_s = clock.of(lambda: add_regions_from_csv(request, Path(file.name)))
    session.execute(text("analyze region"))
    query = text("select slug from region limit 1")
    one_row_s = clock.of(lambda: session.execute(query).all(), 500)
    yield Figure(
        name="a file of 10,000 regions added, each with its event",
        spent=added_s,
        limit="10,000 queries of one row",
        limited=N_REGIONS * one_row_s,
        goal="seconds",
    )
    for name, work in (
        ("Fleet, first page", lambda: fleet_view(request, FleetQuestion())),
        ("search of a region picker", lambda: search_regions(request, "hall 77")),
        ("audit list, newest page", lambda: list_audit_events(request)),
    ):
        spent = [clock.of(work, 3) for _ in range(ROUNDS)]
        yield Figure(
            name=name,
            spent=statistics.median(spent),
            limit="query of one row",
            limited=one_row_s,
            goal="0.15 s",
        )


def cycles(_session: Session) -> Iterator[Figure]:
    """The second of two cycles a day apart, of 1,000 regions, beside a bare COPY.

    By `benchmarks/cycle.py`, once, on a fleet of 60 regions; the COPY is of the rows
    that the cycle stored, into tables with the same indexes.
    """
    with tempfile.TemporaryDirectory() as name:
        printed = subprocess.run(  # noqa: S603 -- our own program
            [sys.executable, str(Path(__file__).with_name("cycle.py")), name, "60"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    found: dict[str, float] = json.loads(printed.splitlines()[-1])
    yield Figure(
        name="cycle of 1,000 regions, without the process that runs models",
        spent=found["python_cpu_s_per_1000"] + found["postgres_cpu_s_per_1000"],
        limit="bare COPY of what it stores",
        limited=found["copy_cpu_s_per_1000"],
        goal="3 times",
    )


def memory(_session: Session) -> Iterator[Figure]:
    """Private memory of the processes of an install without regions, beside the goals.

    A page was asked for; the worker has begun its jobs.
    """
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        data_dir = Path(name) / "data"
        portal = PortalProcess.start(data_dir)
        try:
            portal.wait_ready()
            with urlopen(f"{portal.url}/login") as answer:
                answer.read()
            time.sleep(5)
            for kind, words, goal_mib in (
                ("web process", "gunicorn", 120),
                ("worker", "orchestrator worker", 400),
            ):
                yield Figure(
                    name=f"private memory of a {kind}",
                    spent=max(
                        private_mib(number)
                        for number, command in processes_of(data_dir).items()
                        if words in command
                    ),
                    limit="the goal",
                    limited=goal_mib,
                    goal=f"{goal_mib} MB",
                )
        finally:
            portal.stop()
            portal.clean_up()


def private_mib(process_id: int) -> float:
    """Memory that a process shares with no other."""
    lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    kib = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
    return sum(kib) / 1024


SECTIONS: dict[str, Callable[[Session], Iterator[Figure]]] = {
    "imports": imports,
    "plans": plans,
    "pages": pages,
    "cycles": cycles,
    "memory": memory,
}


def asking(session: Session) -> Request:
    """A request of the command line."""
    return Request(session=session, caller=system_actor(session, "cli"), now=NOW)


def measured(section: str) -> list[Figure]:
    """The figures of a section, on a database of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with LocalServer.own(folder) as server:
            upgrade(server.urls)
            engine = make_engine(server.urls.owner, pool_size=1)
            with Session(engine) as session, session.begin() as transaction:
                figures = list(SECTIONS[section](session))
                transaction.rollback()
            engine.dispose()
    return figures


def machine() -> str:
    """What the figures were measured on."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("numpy", "SQLAlchemy", "highspy")
    )
    return (
        f"{platform.system()} {platform.machine()}, Python"
        f" {platform.python_version()}, {versions}; medians of {ROUNDS}, processor"
        " seconds of client and database."
    )


def section_text(section: str, figures: list[Figure]) -> str:
    """A section of the page."""
    doc = SECTIONS[section].__doc__ or ""
    rows = [
        f"| {figure.name} | {figure.spent:.3g} | {figure.limit}:"
        f" {figure.limited:.3g} | {figure.ratio:.1f} | {figure.goal} |"
        for figure in figures
    ]
    head = ["| measurement | CPU, s, or MiB | limit | times the limit | goal |"]
    most_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines = [
        f"## {section.capitalize()}",
        "",
        *(line.strip() for line in doc.strip().splitlines()),
        "",
        *head,
        "|---|---|---|---|---|",
        *rows,
        "",
        f"{machine()} Largest memory of the process: {most_mib} MiB.",
        "",
    ]
    return "\n".join(lines)


def with_section(page: str, section: str, written: str) -> str:
    """The page with this section replaced, or added at its end."""
    title = f"## {section.capitalize()}\n"
    before, found, rest = page.partition(title)
    if not found:
        return f"{page.rstrip()}\n\n{written}"
    _, next_title, after = rest.partition("\n## ")
    tail = f"\n## {after}" if next_title else ""
    return f"{before}{written}{tail}"


def main() -> int:
    """Measure, then write or compare; the exit code says whether a ratio worsened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default=",".join(SECTIONS))
    given = parser.parse_args()
    stored: dict[str, float] = json.loads(STORED.read_text()) if STORED.exists() else {}
    page, worse = PAGE.read_text(encoding="utf-8"), 0
    for section in given.only.split(","):
        figures = measured(section)
        for figure in figures:
            known = stored.get(figure.name)
            print(
                f"{figure.name}: {figure.spent:.3g}, {figure.ratio:.2f} times"
                f" {figure.limit}; stored {known}"
            )
            if known is not None and figure.ratio > WORSE * known:
                worse += 1
                print(f"  worse than {WORSE:g} times the stored ratio")
        stored |= {figure.name: round(figure.ratio, 2) for figure in figures}
        page = with_section(page, section, section_text(section, figures))
    if not given.check:
        PAGE.write_text(page, encoding="utf-8")
        STORED.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n")
        return 0
    return min(worse, 1)


if __name__ == "__main__":
    sys.exit(main())
