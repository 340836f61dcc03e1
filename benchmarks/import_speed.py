"""Import of a telemetry file beside a bare binary COPY of the same values.

    GFO_DATA_DIR=$(mktemp -d) .venv/bin/gfo db upgrade
    GFO_DATA_DIR=... .venv/bin/python benchmarks/import_speed.py TELEMETRY REGIONS

Prints processor seconds of Python, elapsed seconds and the largest memory of an import
of each region by itself, guards included, and the elapsed seconds of the COPY. Nothing
is kept: every import is rolled back.
"""

from __future__ import annotations

import csv
import gzip
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.copying import driver_connection
from orchestrator.processes.connect import connected_runtime, system_actor
from orchestrator.regions.changes import add_regions_from_csv
from orchestrator.settings import load_settings
from orchestrator.telemetry.batches import Origin
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.use_cases import Request


def files_by_region(path: Path) -> dict[str, bytes]:
    """The file's rows, one file a region."""
    lines: dict[str, list[str]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        header = next(file)
        for line in file:
            lines[line.split(",", 2)[1]].append(line)
    return {slug: "".join([header, *own]).encode() for slug, own in lines.items()}


def copy_s(session: Session, content: bytes) -> float:
    """Seconds of a binary COPY of the parsed rows into an empty table."""
    rows = list(_rows(content))
    columns = ", ".join(f"v{n} float8" for n in range(len(rows[0]) - 2))
    session.execute(
        text(f"create temporary table bare (at timestamptz, region text, {columns})")
    )
    connection = driver_connection(session)
    types = ["timestamptz", "text", *["float8"] * (len(rows[0]) - 2)]
    started = time.perf_counter()
    with (
        connection.cursor() as cursor,
        cursor.copy("copy bare from stdin (format binary)") as copy,
    ):
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    return time.perf_counter() - started


def _rows(content: bytes) -> Iterator[Sequence[object]]:
    table: Iterable[list[str]] = csv.reader(content.decode().splitlines()[1:])
    for stamp, region, *values in table:
        numbers = [float(value) if value else None for value in values]
        yield datetime.fromisoformat(stamp), region, *numbers


def main(arguments: Sequence[str]) -> None:
    """Import, copy and print."""
    files = files_by_region(Path(arguments[0]))
    settings = load_settings()
    with connected_runtime(settings) as runtime:
        for slug, content in files.items():
            with runtime.transaction() as session:
                request = Request(
                    session=session,
                    caller=system_actor(session, "cli"),
                    now=runtime.clock(),
                )
                add_regions_from_csv(request, Path(arguments[1]))
                started, cpu = time.perf_counter(), time.process_time()
                summary = import_telemetry(
                    request,
                    FileToImport(
                        source=BytesIO(content),
                        label=slug,
                        telemetry_format=TelemetryFormat.CSV,
                        origin=Origin.MEASURED,
                    ),
                    ranges=settings.valid_ranges(),
                )
                elapsed_s = time.perf_counter() - started
                cpu_s = time.process_time() - cpu
                bare_s = copy_s(session, content)
                session.rollback()
            most_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(
                f"{slug}: {summary.counts.rows_read} rows, {elapsed_s:.1f} s"
                f" ({cpu_s:.1f} s of Python), copy {bare_s:.2f} s,"
                f" {elapsed_s / bare_s:.0f} times, at most {most_mib} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
