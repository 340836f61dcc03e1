"""What large fleets cost, each figure beside the limit that it cannot pass.

    benchmarks/run [--check] [--only imports,cycle,...] [--fleets FOLDER]

Starts PostgreSQL servers of its own in a temporary folder; long fleets, which take
minutes to make, stay in FOLDER if it is given. A figure of time is the median of
`ROUNDS` processor times, client and database together (fewer where it says so), and a
ratio to its limit that is taken in the same rounds: machines and their other work
differ, ratios hardly. `GFO_BENCHMARK_ROUNDS` says how many rounds instead.
Without `--check` the sections of docs/performance.md and `stored_ratios.json` are
written, as far as a heading of the third level in each; with it nothing is, and a ratio
that is 1.5 times the stored one fails, as does a stored one that nothing measures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.cycle import cycle
from benchmarks.figures import ROUNDS, Clock, Figure, Section
from benchmarks.placement import plans
from benchmarks.storage import storage
from benchmarks.training import training
from core.telemetry import VALID_RANGES, Quantity
from db.copying import driver_connection
from db.engine import make_engine
from db.ingest import NewBatch, RowCounts, insert_batch
from db.local_binaries import POSTGRES_MAJOR
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
from tests.faults.portal_process import PortalProcess, processes_of

WORSE = 1.5
LEAST_RATIO = 0.1
"""A ratio below it is compared as if it were it: most of it is chance."""
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
STORED = Path(__file__).with_name("stored_ratios.json")

N_HOURS = 17_520
N_REGIONS = 10_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)


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


def memory(_folder: Path) -> Iterator[Figure]:
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
                    unit="MiB",
                )
        finally:
            portal.stop()
            portal.clean_up()


def private_mib(process_id: int) -> float:
    """Memory that a process shares with no other."""
    lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    kib = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
    return sum(kib) / 1024


def asking(session: Session) -> Request:
    """A request of the command line."""
    return Request(session=session, caller=system_actor(session, "cli"), now=NOW)


def on_new_database(work: Callable[[Session], Iterator[Figure]]) -> Section:
    """The section that does its work on a database of its own, and keeps nothing."""

    @wraps(work)
    def section(_folder: Path) -> Iterator[Figure]:
        with temporary_folder() as folder, LocalServer.own(folder) as server:
            upgrade(server.urls)
            engine = make_engine(server.urls.owner, pool_size=1)
            with Session(engine) as session, session.begin() as transaction:
                yield from work(session)
                transaction.rollback()
            engine.dispose()

    return section


SECTIONS: Mapping[str, Section] = {
    "imports": on_new_database(imports),
    "cycle": cycle,
    "storage": storage,
    "training": training,
    "plans": plans,
    "memory": memory,
    "pages": on_new_database(pages),
}


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that the user of a server can enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def machine() -> str:
    """What the figures were measured on."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("numpy", "SQLAlchemy", "highspy")
    )
    spent = f"medians of {ROUNDS}" if ROUNDS > 1 else "one round"
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load"
        f" {os.getloadavg()[2]:.1f}, Python {platform.python_version()}, PostgreSQL"
        f" {POSTGRES_MAJOR}, {versions}; {spent}, processor seconds of client and"
        " database."
    )


def section_text(section: str, figures: Sequence[Figure]) -> str:
    """A section of the page."""
    doc = SECTIONS[section].__doc__ or ""
    rows = [
        f"| {figure.name} | {f'{figure.spent:.3g} {figure.unit}'.strip()} |"
        f" {figure.limit}:"
        f" {figure.limited:.3g} | {figure.ratio:.1f} | {figure.goal} |"
        for figure in figures
    ]
    most_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines = [
        f"## {section.capitalize()}",
        "",
        *(line.strip() for line in doc.strip().splitlines()),
        "",
        "| measurement | figure | limit | times the limit | goal |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"{machine()} Largest memory of the process: {most_mib} MiB.",
        "",
    ]
    return "\n".join(lines)


def with_section(page: str, section: str, written: str) -> str:
    """The page with this section replaced, or added at its end.

    What follows a heading of the third level in it was written by hand, and stays.
    """
    title = f"## {section.capitalize()}\n"
    before, found, rest = page.partition(title)
    if not found:
        return f"{page.rstrip()}\n\n{written}"
    _, next_title, after = rest.partition("\n##")
    tail = f"\n##{after}" if next_title else ""
    return f"{before}{written}{tail}"


def problems(figures: Sequence[Figure], stored: Mapping[str, float]) -> list[str]:
    """What worsened beside the stored ratios of a section, or was not measured."""
    ratios = {figure.name: figure.ratio for figure in figures}
    found = [f"{name} was not measured" for name in stored if name not in ratios]
    for name, ratio in ratios.items():
        most = WORSE * max(stored.get(name, ratio), LEAST_RATIO)
        if ratio > most:
            found.append(f"{name}: {ratio:.2f} times its limit, at most {most:.2f}")
    return found


def main() -> int:
    """Measure, then write or compare; the exit code says whether a ratio worsened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--fleets", type=Path)
    given = parser.parse_args()
    found: list[str] = []
    for section in given.only.split(","):
        with temporary_folder() as folder:
            figures = list(SECTIONS[section](given.fleets or folder))
        for figure in figures:
            print(
                f"{figure.name}: {figure.spent:.3g} {figure.unit}, {figure.ratio:.2f}"
                f" times {figure.limit}"
            )
        # Read now: sections may be measured side by side.
        stored: dict[str, dict[str, float]] = json.loads(STORED.read_text())
        if given.check:
            found += problems(figures, stored.get(section, {}))
            continue
        stored[section] = {figure.name: round(figure.ratio, 2) for figure in figures}
        page = PAGE.read_text(encoding="utf-8")
        written = with_section(page, section, section_text(section, figures))
        PAGE.write_text(written, encoding="utf-8")
        STORED.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n")
    print(*found, sep="\n")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
