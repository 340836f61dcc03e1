"""People who open pages for a while: does anything grow that should not?

    python -m tests.faults.soak BACKUP --minutes 30 [--people 20]

The processes of compose without faults, beginning at the instant of the tests' fleet.
Hours go by in minutes: the clock of web and workers moves on by 20 minutes every 20
seconds, and each hour has its telemetry, its cycle and its verdicts. (The server's own
clock keeps its pace: by it the workers say that they are there.) Every five seconds the
memory and the open files of each are read, and the server's connections; at the end the
tables and logs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg

from db.engine import libpq_url
from orchestrator.cycle.worker_jobs import WorkerJobs
from tests.asking import NOW
from tests.faults.deployment import (
    WEBS,
    WORKERS,
    Deployment,
    OneOfTwo,
    deployment,
    postgres_service,
)
from tests.faults.faulty_machine import FaultyMachine, faulty_machine_library
from tests.faults.plain_server import portal_urls, server_host
from tests.faults.portal_process import ADMIN_PASSWORD, children_of, own_mb
from tests.faults.random_faults import DAY, prepare, wait_for_database
from tests.fleet import runtime_on

PATHS = ("/", "/admin/health", "/admin/jobs", "/admin/users", "/readyz", "/account")
EVERY_S = 5.0
STEP_S, STEP_EVERY_S = 20 * 60, 20.0
"""Shorter than a login may be idle."""

_PAUSE_S = 1.0
_CALLBACKS = (
    ("fleet-table.children", {"fleet-url.search": ""}),
    (
        "what-if-data.data",
        {"what-if-url.search": f"?source=arizona&target=ireland&day={DAY}"},
    ),
    ("health-findings.children", {"health-url.pathname": "/admin/health"}),
)


@dataclass(slots=True)
class Samples:
    """What was read of one process, over time."""

    at_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def add(self, process_id: int, at_s: float) -> None:
        """Read the process and its children together."""
        ids = [process_id, *children_of(process_id)]
        try:
            memory = sum(own_mb(number) for number in ids)
            files = sum(
                len(list(Path(f"/proc/{number}/fd").iterdir())) for number in ids
            )
        except (OSError, IndexError):  # one of them just ended
            return
        self.at_s.append(at_s)
        self.memory_mb.append(memory)
        self.files.append(files)

    def slope_mb_per_h(self) -> float:
        """Of the second half, for the first warms up: from quarter to quarter.

        Between medians: what is taken for a minute and given back counts nothing.
        """
        third, fourth = np.array_split(np.array([self.at_s, self.memory_mb]), 4, 1)[2:]
        rose = np.median(fourth, axis=1) - np.median(third, axis=1)
        return float(round(rose[1] / rose[0] * 3600, 1))

    def each_minute_mb(self) -> list[int]:
        """The memory at the end of each minute."""
        minutes = np.asarray(self.at_s) // 60
        ends = np.flatnonzero(np.diff(minutes, append=np.inf))
        return [round(self.memory_mb[end]) for end in ends]


def _visit(browser: OneOfTwo, stopping: threading.Event, answers: list[int]) -> None:
    number = 0
    while not stopping.wait(_PAUSE_S):
        answers.append(browser.get(PATHS[number % len(PATHS)]).status)
        if answers[-1] == 302:  # a login lasts for twelve hours
            with suppress(AssertionError):  # no form came
                browser.log_in("admin", ADMIN_PASSWORD)
            browser.get("/")
        output, values = _CALLBACKS[number % len(_CALLBACKS)]
        answers.append(browser.post_callback(output, values).status)
        number += 1


def run(minutes: float, n_people: int, fleet: Path) -> dict[str, object]:
    """Do it all; `fleet` is a backup of the tests' fleet."""
    folder = Path(tempfile.mkdtemp(prefix="gfo-soak-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        host = stack.enter_context(server_host())
        port = prepare(host, "database", fleet, has_telemetry=True)
        library = faulty_machine_library(folder)
        assert library is not None, "it needs a C compiler"
        behind_s = int((NOW - datetime.now(UTC)).total_seconds())
        of_portal, of_server = (
            FaultyMachine(library, folder / name, clock_ahead_s=behind_s)
            for name in ("portal.machine", "server.machine")
        )
        postgres = postgres_service(
            host, host.folder / "database", folder, machine=of_server
        )
        postgres.start()
        stack.callback(postgres.end)
        wait_for_database(portal_urls(port))
        deployed = stack.enter_context(
            deployment(
                host,
                portal_urls(port),
                folder,
                with_proxy=False,
                machines=dict.fromkeys(("install", *WEBS, *WORKERS), of_portal),
            )
        )
        return _measure(deployed, of_portal, minutes, n_people)


@dataclass(slots=True)
class Hours:
    """They go by in a minute each, and the cycle of each is queued."""

    deployed: Deployment
    machine: FaultyMachine
    passed: int = 0
    next_step: float = field(default_factory=lambda: time.monotonic() + STEP_EVERY_S)

    def step(self) -> None:
        """Move the clock on when it is time to."""
        if time.monotonic() < self.next_step:
            return
        self.next_step += STEP_EVERY_S
        before = self._now()
        self.machine.set_clock(self.machine.clock_ahead_s + STEP_S)
        if self._now().hour != before.hour:
            self.passed += 1
            runtime = runtime_on(self.deployed.database, self._now())
            WorkerJobs(runtime, threading.Event()).queue_cycle()
            runtime.engine.dispose()

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.machine.clock_ahead_s)


def _measure(
    deployed: Deployment, machine: FaultyMachine, minutes: float, n_people: int
) -> dict[str, object]:
    stopping, answers = threading.Event(), list[int]()
    threads = []
    for _ in range(n_people):
        browser = deployed.browser()
        assert browser.log_in("admin", ADMIN_PASSWORD).status == 303
        browser.get("/")  # gives the form's token
        threads.append(
            threading.Thread(
                target=_visit, args=(browser, stopping, answers), daemon=True
            )
        )
    sizes_before = _sizes(deployed)
    lines_before = _lines(deployed)
    for thread in threads:
        thread.start()
    samples = {name: Samples() for name in (*WEBS, *WORKERS)}
    connections: list[int] = []
    hours, verdicts_before = Hours(deployed, machine), _verdicts(deployed)
    began = time.monotonic()
    while time.monotonic() < began + minutes * 60:
        for name, found in samples.items():
            process = deployed.services[name].process
            if process is not None:
                found.add(process.pid, time.monotonic() - began)
        connections.append(_connections(deployed))
        hours.step()
        time.sleep(EVERY_S)
    stopping.set()
    for thread in threads:
        thread.join()
    lines = _lines(deployed)
    sizes = _sizes(deployed)
    return {
        "minutes": minutes,
        "people": n_people,
        "hours": hours.passed,
        "verdicts": _verdicts(deployed) - verdicts_before,
        "answers": {status: answers.count(status) for status in sorted(set(answers))},
        "processes": {
            name: {
                "memory_mb": [round(found.memory_mb[0]), round(found.memory_mb[-1])],
                "slope_mb_per_h": found.slope_mb_per_h(),
                "memory_mb_each_minute": found.each_minute_mb(),
                "files": [found.files[0], max(found.files), found.files[-1]],
                "log_lines_per_min": round(
                    (lines[name] - lines_before[name]) / minutes, 1
                ),
            }
            for name, found in samples.items()
        },
        "connections": [connections[0], max(connections), connections[-1]],
        "grown_kb": {
            name: round((size - sizes_before.get(name, 0)) / 1024)
            for name, size in sizes.items()
            if size > sizes_before.get(name, 0)
        },
    }


def _lines(deployed: Deployment) -> dict[str, int]:
    return {name: deployed.logged(name).count("\n") for name in (*WEBS, *WORKERS)}


def _verdicts(deployed: Deployment) -> int:
    url = libpq_url(deployed.database.owner)
    with psycopg.connect(url) as connection:
        (count,) = connection.execute(
            "select count(*) from decision where kind = 'automatic'"
        ).fetchone() or (0,)
    return int(count)


def _connections(deployed: Deployment) -> int:
    with psycopg.connect(libpq_url(deployed.database.owner)) as connection:
        (count,) = connection.execute(
            "select count(*) from pg_stat_activity where datname = 'gfo'"
        ).fetchone() or (0,)
    return int(count)


def _sizes(deployed: Deployment) -> dict[str, int]:
    with psycopg.connect(libpq_url(deployed.database.owner)) as connection:
        rows = connection.execute(
            "select relname, pg_total_relation_size(oid) from pg_class"
            " where relkind = 'r' and relnamespace = 'public'::regnamespace"
        ).fetchall()
    return {str(name): int(size) for name, size in rows}


def main() -> None:
    """Run it from the command line, and print what was measured as JSON."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and clean up
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fleet", type=Path, help="A backup of the tests' fleet.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--people", type=int, default=20)
    given = parser.parse_args()
    found = run(given.minutes, given.people, given.fleet)
    sys.stdout.write(f"{json.dumps(found, indent=1)}\n")


if __name__ == "__main__":
    main()
