"""Random combined faults against people who record decisions without a pause.

    python -m tests.faults.random_faults BACKUP --minutes 5 [--seed 1]

Two web processes, two workers and a PostgreSQL, as compose starts them, on a fleet
whose telemetry has stopped. People have shifts of a past day judged and recorded over
HTTP; a request without an answer is sent again under its id. Meanwhile processes are
killed, stopped and restarted, connections cut, and the server's small volume is filled.
At the end: how many decisions were acknowledged, how many of them are lost, how many
stand beside them, whether the chain verifies, and what was approved unsafely.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text

from db import audit
from db.backup import restore
from db.engine import libpq_url
from tests.faults.decision_stream import lost_and_doubled, stored_decisions
from tests.faults.deployment import (
    WEBS,
    WORKERS,
    Deployment,
    OneOfTwo,
    Service,
    deployment,
    postgres_service,
)
from tests.faults.plain_server import (
    ServerHost,
    portal_urls,
    server_host,
    shell_blocks,
)
from tests.faults.portal_process import (
    ADMIN_PASSWORD,
    children_of,
    free_port,
)
from tests.fleet import runtime_on

PEOPLE = 4
DAY = "2025-07-13"
VOLUME_MB = 700
LONGEST_FAULT_S = 4.0
SETTLED_S = 60.0
"""After the last fault everything must answer again within this."""

_PAUSES_S = (1.0, 5.0)
_RECORDED = re.compile(r"Recorded as decision (\d+)")


@dataclass(slots=True)
class Person:
    """Records decisions through the portal, and remembers what was acknowledged."""

    browser: OneOfTwo
    stopping: threading.Event
    acknowledged: dict[UUID, int] = field(default_factory=dict)
    unanswered: int = 0
    longest_wait_s: float = 0.0

    def run(self) -> None:
        """Until told to stop; the request under way is still answered."""
        while not self.stopping.is_set():
            request_id, began = uuid4(), time.monotonic()
            while not self._try(request_id):
                self.unanswered += 1
                time.sleep(0.2)
            self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began)

    def _try(self, request_id: UUID) -> bool:
        """Whether an answer came."""
        if not any("gfo_login" in cookie.name for cookie in self.browser.cookies):
            try:
                self.browser.log_in("admin", ADMIN_PASSWORD)
            except AssertionError:  # no form came
                return False
        judged = self._post(
            "what-if-verdict.children",
            {
                "what-if-request.data": {
                    "request_id": str(uuid4()),
                    "source": "arizona",
                    "target": "ireland",
                    "day": DAY,
                    "shift_pct": random.randint(1, 60) / 10,  # noqa: S311
                    "hours": None,
                }
            },
        )
        found = re.search(r'"decision_id":\s*(\d+)', judged)
        if found is None:
            return False
        answer = self._post(
            "what-if-recorded.children",
            {
                "what-if-record-confirm.n_clicks": 1,
                "what-if-stored.data": {"decision_id": int(found[1])},
                "what-if-comment.value": "Under random faults.",
                "what-if-record-request.data": str(request_id),
                "what-if-term.value": "24",
            },
        )
        recorded = _RECORDED.search(answer)
        if recorded is not None:
            self.acknowledged[request_id] = int(recorded[1])
        return recorded is not None

    def _post(self, output: str, values: dict[str, object]) -> str:
        """The answer's text; empty when it failed."""
        try:
            answer = self.browser.post_callback(output, values)
        except (StopIteration, ValueError):  # no cookie, or no list of callbacks
            self.browser.cookies.clear()
            return ""
        if answer.status in {302, 401}:
            self.browser.cookies.clear()
        return answer.text if answer.status == 200 else ""


@dataclass(slots=True)
class Faults:
    """What can be done to a deployment, and how often it was."""

    deployed: Deployment
    postgres: Service
    random: random.Random
    volume: Path | None
    counts: dict[str, int] = field(default_factory=dict)

    def one(self) -> None:
        """One or two faults at once, at random."""
        chosen = self.random.sample(self._all(), self.random.choice((1, 1, 2)))
        threads = [threading.Thread(target=self._do, args=(item,)) for item in chosen]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _do(self, fault: Callable[[], None]) -> None:
        name = fault.__name__.strip("_")
        self.counts[name] = self.counts.get(name, 0) + 1
        with suppress(ProcessLookupError, psycopg.Error):
            fault()

    def _all(self) -> Sequence[Callable[[], None]]:
        fill = [] if self.volume is None else [self._fill_disk]
        return [
            self._kill_web,
            self._kill_web_child,
            self._stop_web,
            self._restart_web,
            self._kill_worker,
            self._stop_worker,
            self._kill_database,
            self._kill_backend,
            self._stop_database,
            self._cut_connections,
            *fill,
        ]

    def _web(self) -> Service:
        return self.deployed.services[self.random.choice(WEBS)]

    def _worker(self) -> Service:
        return self.deployed.services[self.random.choice(WORKERS)]

    def _some_time(self) -> None:
        time.sleep(self.random.uniform(0.2, LONGEST_FAULT_S))

    def _kill_web(self) -> None:
        self._web().send(signal.SIGKILL)

    def _kill_web_child(self) -> None:
        process = self._web().process
        if process is not None:
            for child in children_of(process.pid):
                os.kill(child, signal.SIGKILL)

    def _stop_web(self) -> None:
        self._stop(self._web())

    def _restart_web(self) -> None:
        self._web().send(signal.SIGTERM)

    def _kill_worker(self) -> None:
        self._worker().send(signal.SIGKILL)

    def _stop_worker(self) -> None:
        self._stop(self._worker())

    def _stop(self, service: Service) -> None:
        process = service.process
        service.send_to_all(signal.SIGSTOP)
        self._some_time()
        if process is not None:
            os.killpg(process.pid, signal.SIGCONT)

    def _kill_database(self) -> None:
        self.postgres.send(signal.SIGKILL)

    def _kill_backend(self) -> None:
        process = self.postgres.process
        if process is not None and (children := children_of(process.pid)):
            os.kill(self.random.choice(children), signal.SIGKILL)

    def _stop_database(self) -> None:
        process = self.postgres.process
        if process is None:
            return
        stopped = [process.pid, *children_of(process.pid)]
        for number in stopped:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGSTOP)
        self._some_time()
        for number in stopped:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGCONT)

    def _cut_connections(self) -> None:
        address = f"host=127.0.0.1 port={self.deployed.database_port} user=postgres"
        with psycopg.connect(address, connect_timeout=2, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and datname = 'gfo'"
            )

    def _fill_disk(self) -> None:
        if self.volume is None:
            return
        filler = self.volume / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(2**16)):
                pass
        self._some_time()
        filler.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was counted."""

    minutes: float
    seed: int
    faults: dict[str, int]
    restarts: dict[str, int]
    acknowledged: int
    lost: int
    doubled: int
    unanswered_tries: int
    longest_wait_s: float
    settled_s: float
    chain_is_sound: bool
    events: int
    approved_without_telemetry: int
    bugs_logged: int

    @property
    def is_sound(self) -> bool:
        """Whether every invariant held."""
        return (
            (self.lost, self.doubled, self.approved_without_telemetry) == (0, 0, 0)
            and self.chain_is_sound
            and self.acknowledged > 0
        )


@contextmanager
def small_volume(folder: Path) -> Iterator[Path | None]:
    """A file system of VOLUME_MB in memory; None where it cannot be mounted."""
    if os.getuid() != 0:
        yield None
        return
    done = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={VOLUME_MB}m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=False)


def prepare(host: ServerHost, name: str, fleet: Path) -> int:
    """The port of a server with the fleet, whose telemetry nobody generates."""
    port = free_port()
    data = host.new_server(name, port)
    (roles,) = shell_blocks("Install")
    host.run(roles, {"PGPORT": str(port)})
    restore(portal_urls(port), fleet)
    with psycopg.connect(libpq_url(portal_urls(port).owner)) as connection:
        connection.execute("update region set is_synthetic = false")
    settings = "fsync = on\nmax_wal_size = '128MB'\nmin_wal_size = '48MB'\n"
    host.run(
        'printf "%s" "$SETTINGS" >> "$DATA/postgresql.conf"\n'
        'pg_ctl --pgdata "$DATA" --wait --mode fast stop',
        {"DATA": str(data), "SETTINGS": settings},
    )
    return port


def run(
    minutes: float, seed: int, fleet: Path, *, with_full_disk: bool = True
) -> Report:
    """Do it all; `fleet` is a backup of the tests' fleet."""
    folder = Path(tempfile.mkdtemp(prefix="gfo-random-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        host = stack.enter_context(server_host())
        volume = (
            stack.enter_context(small_volume(host.folder)) if with_full_disk else None
        )
        if volume is not None:
            os.chown(volume, host.user.user_id, host.user.group_id)
            volume.chmod(0o700)
        port = prepare(host, "database", fleet)
        postgres = postgres_service(host, host.folder / "database", folder)
        postgres.start()
        stack.callback(postgres.end)
        _wait_for_database(port)
        deployed = stack.enter_context(deployment(host, port, folder, with_proxy=False))
        deployed.services["postgres"] = postgres
        with deployed.kept():
            return _measure(deployed, postgres, minutes, seed, volume)


def _wait_for_database(port: int) -> None:
    deadline = time.monotonic() + SETTLED_S
    while True:
        try:
            psycopg.connect(libpq_url(portal_urls(port).app), connect_timeout=2).close()
        except psycopg.Error:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


def _measure(
    deployed: Deployment,
    postgres: Service,
    minutes: float,
    seed: int,
    volume: Path | None,
) -> Report:
    stopping = threading.Event()
    people = [Person(deployed.browser(), stopping) for _ in range(PEOPLE)]
    for person in people:
        assert person.browser.log_in("admin", ADMIN_PASSWORD).status == 303
    threads = [threading.Thread(target=person.run) for person in people]
    with runtime_on(portal_urls(deployed.database_port)).transaction() as session:
        known = set(stored_decisions(session))
        newest = session.scalar(text("select max(id) from decision"))
    for thread in threads:
        thread.start()
    source = random.Random(seed)  # noqa: S311 -- no secret
    faults = Faults(deployed, postgres, source, volume)
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        time.sleep(source.uniform(*_PAUSES_S))
        faults.one()
    began = time.monotonic()
    while not all(deployed.ready(name) for name in WEBS):
        assert time.monotonic() < began + SETTLED_S, deployed.logged("web-a")[-4000:]
        time.sleep(0.2)
    settled_s = time.monotonic() - began
    stopping.set()
    for thread in threads:
        thread.join(SETTLED_S)
        assert not thread.is_alive(), "a request was never answered"
    with runtime_on(portal_urls(deployed.database_port)).transaction() as session:
        stored = {
            key: ids
            for key, ids in stored_decisions(session).items()
            if key not in known
        }
        report = audit.verify(session)
        unsafe = session.scalar(
            text(
                "select count(*) from decision where id > :newest"
                " and kind = 'automatic' and outcome = 'APPROVED'"
            ),
            {"newest": newest},
        )
    for request_id in known:
        stored.pop(request_id)
    acknowledged = {
        key: found for person in people for key, found in person.acknowledged.items()
    }
    lost, doubled = lost_and_doubled(acknowledged, stored)
    return Report(
        minutes=minutes,
        seed=seed,
        faults=dict(sorted(faults.counts.items())),
        restarts={name: item.restarts for name, item in deployed.services.items()},
        acknowledged=len(acknowledged),
        lost=lost,
        doubled=doubled,
        unanswered_tries=sum(person.unanswered for person in people),
        longest_wait_s=round(max(person.longest_wait_s for person in people), 1),
        settled_s=round(settled_s, 1),
        chain_is_sound=report.is_sound,
        events=report.event_count,
        approved_without_telemetry=int(unsafe or 0),
        bugs_logged=sum(
            deployed.logged(name).count("Traceback") for name in (*WEBS, *WORKERS)
        ),
    )


def main() -> None:
    """Run it from the command line, and print the report as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fleet", type=Path, help="A backup of the tests' fleet.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-full-disk", action="store_true")
    given = parser.parse_args()
    report = run(
        given.minutes,
        given.seed,
        given.fleet,
        with_full_disk=not given.without_full_disk,
    )
    text_of = json.dumps(asdict(report) | {"is_sound": report.is_sound}, indent=1)
    sys.stdout.write(f"{text_of}\n")
    raise SystemExit(0 if report.is_sound else 1)


if __name__ == "__main__":
    main()
