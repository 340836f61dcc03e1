"""Random combined faults against people who record decisions without a pause.

    python -m tests.faults.random_faults BACKUP --minutes 5 [--seed 1]

Two web processes, two workers and a PostgreSQL, as compose starts them, on a fleet
whose telemetry has stopped. People, and programs through the API, have shifts of a past
day judged and recorded over HTTP; a request without an answer is sent again under its
id. Meanwhile processes are killed, stopped and restarted, connections cut, the server's
small volume is filled, its disk slowed down and its network taken away, and the clocks
of processes are moved. At the end: how many decisions were acknowledged, how many of
them are lost, how many stand beside them, whether the chain verifies, what was approved
unsafely, and whether a page ever left out what had been acknowledged 10 s before.
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
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text

from db import audit
from db.backup import restore
from db.engine import DatabaseUrls, libpq_url
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
from tests.faults.faulty_machine import FaultyMachine, faulty_machine_library
from tests.faults.own_network import OwnNetwork, own_network
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

PEOPLE, PROGRAMS = 4, 2
TRUE_WITHIN_S = 10.0
DAY = "2025-07-13"
VOLUME_MB = 700
LONGEST_FAULT_S = 4.0
LONGEST_CUT_S = 15.0
SLOWEST_SYNC_MS = 400
FURTHEST_CLOCK_S = 26 * 3600
SETTLED_S = 240.0
"""After the last fault everything must answer again within this."""

_PAUSES_S = (1.0, 5.0)
_FIRST_ANSWERS = 1
_RECORDED = re.compile(r"Recorded as decision (\d+)")
_LISTED = re.compile(r"decisions(?:/|\\u002f)(\d+)")


@dataclass(slots=True)
class Recorder:
    """Records decisions, and remembers what was acknowledged, and when."""

    browser: OneOfTwo
    stopping: threading.Event
    acknowledged: dict[UUID, int] = field(default_factory=dict)
    acknowledged_at: dict[int, float] = field(default_factory=dict)
    unanswered: int = 0
    longest_wait_s: float = 0.0

    def run(self) -> None:
        """Until told to stop; the request under way is still answered."""
        while not self.stopping.is_set():
            request_id, began = uuid4(), time.monotonic()
            while (decision_id := self.attempt(request_id)) is None:
                self.unanswered += 1
                time.sleep(0.2)
            self.acknowledged[request_id] = decision_id
            self.acknowledged_at[decision_id] = time.monotonic()
            self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began)

    def attempt(self, request_id: UUID) -> int | None:
        """The decision that was acknowledged; None without an answer."""
        raise NotImplementedError


class Person(Recorder):
    """Records on the What-if page."""

    def attempt(self, request_id: UUID) -> int | None:
        """Evaluate and record, as the page does."""
        if not self.is_logged_in():
            return None
        judged = self.post(
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
            return None
        answer = self.post(
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
        return None if recorded is None else int(recorded[1])

    def is_logged_in(self) -> bool:
        """Whether there is a login, or a new one was possible."""
        if any("gfo_login" in cookie.name for cookie in self.browser.cookies):
            return True
        try:
            return self.browser.log_in("admin", ADMIN_PASSWORD).status == 303
        except AssertionError:  # no form came
            return False

    def post(self, output: str, values: dict[str, object]) -> str:
        """The answer's text; empty when it failed."""
        try:
            answer = self.browser.post_callback(output, values)
        except (StopIteration, ValueError):  # no form token, or no list of callbacks
            self.browser.get("/")  # gives the token
            return ""
        if answer.status in {302, 401}:
            self.browser.cookies.clear()
        return answer.text if answer.status == 200 else ""


@dataclass(slots=True)
class Program(Recorder):
    """Records through the API, as a program with a token."""

    token: str = ""
    what_ifs: dict[UUID, int] = field(default_factory=dict)

    def attempt(self, request_id: UUID) -> int | None:
        """Evaluate and record, each under its key.

        A request that is repeated has the same body: another one would be refused.
        """
        if request_id not in self.what_ifs and not self._evaluate(request_id):
            return None
        what_if_id = self.what_ifs[request_id]
        given = {"what_if_id": what_if_id, "comment": "By a program."}
        recorded = self._ask("decisions", given, request_id)
        return None if recorded is None else int(recorded["card"]["decision_id"])

    def _evaluate(self, request_id: UUID) -> bool:
        shift = {"source_slug": "arizona", "target_slug": "ireland", "local_day": DAY}
        shift_pct = random.randint(1, 60) / 10  # noqa: S311 -- no secret
        judged = self._ask("what-ifs", shift | {"shift_pct": shift_pct}, uuid4())
        if judged is not None:
            self.what_ifs[request_id] = int(judged["decision_id"])
        return judged is not None

    def _ask(
        self, what: str, given: dict[str, object], key: UUID
    ) -> dict[str, Any] | None:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": str(key),
        }
        answer = self.browser.send(f"/api/v1/{what}", given, headers)
        return json.loads(answer.text) if answer.status in {200, 201} else None


@dataclass(slots=True)
class Reader:
    """Opens the list of decisions, and looks for what was acknowledged long ago."""

    person: Person
    recorders: Sequence[Recorder]
    seen: int = 0
    untrue: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until the recorders are told to stop."""
        while not self.person.stopping.wait(0.5):
            self._look()

    def _look(self) -> None:
        if not self.person.is_logged_in():
            return
        before = time.monotonic() - TRUE_WITHIN_S
        known = [
            decision_id
            for recorder in self.recorders
            for decision_id, at in list(recorder.acknowledged_at.items())
            if at < before
        ]
        newest = max(known, default=0)
        listed = self.person.post(
            "audit-decisions-table.rowData", {"audit-url.search": "?kind=recorded"}
        )
        shown = [int(found) for found in _LISTED.findall(listed)]
        if not shown:
            return
        self.seen += 1
        if max(shown) < newest:
            self.untrue.append(f"{max(shown)} is the newest, {newest} was recorded")


@dataclass(slots=True)
class Faults:
    """What can be done to a deployment, and how often it was."""

    deployed: Deployment
    postgres: Service
    random: random.Random
    volume: Path | None
    network: OwnNetwork | None
    machines: dict[str, FaultyMachine]
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
        possible = [
            *([self._fill_disk] if self.volume else []),
            *([self._cut_network] if self.network else []),
            *([self._slow_disk, self._move_clock] if self.machines else []),
        ]
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
            *possible,
        ]

    def _web(self) -> Service:
        return self.deployed.services[self.random.choice(WEBS)]

    def _worker(self) -> Service:
        return self.deployed.services[self.random.choice(WORKERS)]

    def _some_time(self, longest_s: float = LONGEST_FAULT_S) -> None:
        time.sleep(self.random.uniform(0.2, longest_s))

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
        with self.database_stopped():
            self._some_time()

    @contextmanager
    def database_stopped(self) -> Iterator[None]:
        """It hangs, with all of its connections, until the block ends."""
        process = self.postgres.process
        assert process is not None
        stopped = [process.pid, *children_of(process.pid)]
        try:
            for number in stopped:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGSTOP)
            yield
        finally:
            for number in stopped:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGCONT)

    def _cut_connections(self) -> None:
        (socket_file,) = self.deployed.host.folder.glob(".s.PGSQL.*[0-9]")
        port = socket_file.suffix[1:]
        address = f"host={self.deployed.host.folder} port={port} user=postgres"
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

    def _cut_network(self) -> None:
        if self.network is None:
            return
        self.network.set_up(is_up=False)
        self._some_time(LONGEST_CUT_S)
        self.network.set_up(is_up=True)

    def _slow_disk(self) -> None:
        machine = self.machines["postgres"]
        machine.slow_disk(self.random.randint(20, SLOWEST_SYNC_MS))
        self._some_time(LONGEST_CUT_S)
        machine.slow_disk(0)

    def _move_clock(self) -> None:
        machine = self.machines[self.random.choice(sorted(self.machines))]
        machine.set_clock(self.random.randint(-FURTHEST_CLOCK_S, FURTHEST_CLOCK_S))
        self._some_time(LONGEST_CUT_S)
        machine.set_clock(0)


def _count(recorders: Sequence[Recorder]) -> int:
    return sum(len(item.acknowledged) for item in recorders)


@dataclass(slots=True)
class Outage:
    """What a person saw who opened pages while the database did not answer.

    Attributes
    ----------
    answers : dict of str to int
        How often which status came for which path, and whether the page said why.
    """

    stopped_s: float
    answers: dict[str, int] = field(default_factory=dict)
    longest_s: dict[str, float] = field(default_factory=dict)
    acknowledged_after: int = 0

    def look(self, browser: OneOfTwo) -> None:
        """Ask for health, readiness and a page."""
        for path in ("/healthz", "/readyz", "/"):
            began = time.monotonic()
            answer = browser.get(path)
            took_s = round(time.monotonic() - began, 1)
            self.longest_s[path] = max(self.longest_s.get(path, 0), took_s)
            says_why = "cannot reach its database" in answer.text
            found = f"{path} {answer.status}{' and why' * says_why}"
            self.answers[found] = self.answers.get(found, 0) + 1

    def wait_for_more(self, recorders: Sequence[Recorder]) -> None:
        """Wait until decisions are acknowledged again."""
        deadline, before = time.monotonic() + SETTLED_S, _count(recorders)
        while not self.acknowledged_after and time.monotonic() < deadline:
            time.sleep(1)
            self.acknowledged_after = _count(recorders) - before

    @property
    def is_honest(self) -> bool:
        """Whether health answered, nothing else did, pages said why, and all went on.

        The first answers may be older than the outage; while many wait for the hung
        server, one may wait for longer than this browser does.
        """
        seen = {name for name, count in self.answers.items() if count > _FIRST_ANSWERS}
        return (
            "/healthz 200" in seen
            and "/ 503 and why" in seen
            and seen <= {"/healthz 200", "/readyz 503", "/ 503 and why"}
            and self.acknowledged_after > 0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was counted."""

    minutes: float
    seed: int
    faults: dict[str, int]
    restarts: dict[str, int]
    acknowledged: int
    by_programs: int
    lost: int
    doubled: int
    never_answered: int
    unanswered_tries: int
    longest_wait_s: float
    settled_s: float
    chain_is_sound: bool
    events: int
    approved_without_telemetry: int
    lists_read: int
    lists_untrue: list[str]
    errors_logged: dict[str, int]
    outage: Outage | None = None

    @property
    def is_sound(self) -> bool:
        """Whether every invariant held."""
        return (
            (self.lost, self.doubled, self.never_answered) == (0, 0, 0)
            and self.approved_without_telemetry == 0
            and self.chain_is_sound
            and self.acknowledged > self.by_programs > 0
            and self.lists_read > 0
            and not self.lists_untrue
            and (self.outage is None or self.outage.is_honest)
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


def prepare(
    host: ServerHost,
    name: str,
    fleet: Path,
    *,
    has_telemetry: bool = False,
    address: str = "127.0.0.1",
) -> int:
    """The port of a server with the fleet, whose telemetry goes on or has stopped."""
    port = free_port()
    data = host.new_server(name, port)
    (roles,) = shell_blocks("Install")
    host.run(roles, {"PGPORT": str(port)})
    restore(portal_urls(port), fleet)
    with psycopg.connect(libpq_url(portal_urls(port).owner)) as connection:
        if not has_telemetry:
            connection.execute("update region set is_synthetic = false")
    settings = (
        "fsync = on\nmax_wal_size = '128MB'\nmin_wal_size = '48MB'\n"
        f"listen_addresses = '{address}'\n"
    )
    host.run(
        'printf "%s" "$SETTINGS" >> "$DATA/postgresql.conf"\n'
        'printf "host all all samenet trust" >> "$DATA/pg_hba.conf"\n'
        'pg_ctl --pgdata "$DATA" --wait --mode fast stop',
        {"DATA": str(data), "SETTINGS": settings},
    )
    return port


def run(minutes: float, seed: int, fleet: Path, *, stopped_s: float = 0) -> Report:
    """Do it all; `fleet` is a backup of the tests' fleet.

    With `stopped_s`, people are at work for `minutes`, and then the database hangs for
    so long, instead of faults at random.
    """
    folder = Path(tempfile.mkdtemp(prefix="gfo-random-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        host = stack.enter_context(server_host())
        volume = stack.enter_context(small_volume(host.folder))
        if volume is not None:
            os.chown(volume, host.user.user_id, host.user.group_id)
            volume.chmod(0o700)
        network = stack.enter_context(own_network())
        address = network.address if network else "127.0.0.1"
        port = prepare(host, "database", fleet, address=address)
        urls = portal_urls(port, query="?sslmode=disable", address=address)
        library = faulty_machine_library(folder)
        names = ("postgres", *WEBS, *WORKERS) if library else ()
        machines = {
            name: FaultyMachine(library, folder / f"{name}.machine")
            for name in names
            if library
        }
        postgres = postgres_service(
            host,
            host.folder / "database",
            folder,
            machine=machines.get("postgres"),
            network=network,
        )
        postgres.start()
        stack.callback(postgres.end)
        wait_for_database(urls)
        deployed = stack.enter_context(
            deployment(host, urls, folder, with_proxy=False, machines=machines)
        )
        deployed.services["postgres"] = postgres
        source = random.Random(seed)  # noqa: S311 -- no secret
        faults = Faults(deployed, postgres, source, volume, network, machines)
        with deployed.kept():
            return _measure(faults, minutes, seed, stopped_s)


def wait_for_database(urls: DatabaseUrls) -> None:
    """Wait until the server lets the portal in."""
    deadline = time.monotonic() + SETTLED_S
    while True:
        try:
            psycopg.connect(libpq_url(urls.app), connect_timeout=2).close()
        except psycopg.Error:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


def _make_token(deployed: Deployment) -> str:
    """A token that may decide, made by the commands of docs/api.md."""
    file = deployed.folder / "token"
    for words in (
        "service-account planner --role operator",
        f"make faults --for planner --scope read --scope decide --out {file}",
    ):
        subprocess.run(
            [sys.executable, "-m", "orchestrator", "token", *words.split()],
            env=deployed.services[WORKERS[0]].variables,
            check=True,
            capture_output=True,
        )
    return file.read_text().strip()


def _measure(faults: Faults, minutes: float, seed: int, stopped_s: float) -> Report:
    deployed = faults.deployed
    stopping, token = threading.Event(), _make_token(deployed)
    recorders: list[Recorder] = [
        *(Person(deployed.browser(), stopping) for _ in range(PEOPLE)),
        *(Program(deployed.browser(), stopping, token=token) for _ in range(PROGRAMS)),
    ]
    reader = Reader(Person(deployed.browser(), stopping), recorders)
    threads = [
        threading.Thread(target=item.run, daemon=True) for item in (*recorders, reader)
    ]
    with runtime_on(deployed.database).transaction() as session:
        known = set(stored_decisions(session))
        newest = session.scalar(text("select max(id) from decision"))
    for thread in threads:
        thread.start()
    outage = _do_harm(faults, minutes, stopped_s)
    began = time.monotonic()
    while not all(deployed.ready(name) for name in WEBS):
        assert time.monotonic() < began + SETTLED_S, deployed.logged("web-a")[-4000:]
        time.sleep(0.2)
    settled_s = time.monotonic() - began
    if outage is not None:
        outage.wait_for_more(recorders)
    stopping.set()
    for thread in threads:
        thread.join(SETTLED_S)
    with runtime_on(deployed.database).transaction() as session:
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
        key: found for item in recorders for key, found in item.acknowledged.items()
    }
    lost, doubled = lost_and_doubled(acknowledged, stored)
    return Report(
        minutes=minutes,
        seed=seed,
        faults=dict(sorted(faults.counts.items())),
        restarts={name: item.restarts for name, item in deployed.services.items()},
        acknowledged=len(acknowledged),
        by_programs=sum(
            len(item.acknowledged) for item in recorders if isinstance(item, Program)
        ),
        lost=lost,
        doubled=doubled,
        never_answered=sum(thread.is_alive() for thread in threads),
        unanswered_tries=sum(item.unanswered for item in recorders),
        longest_wait_s=round(max(item.longest_wait_s for item in recorders), 1),
        settled_s=round(settled_s, 1),
        chain_is_sound=report.is_sound,
        events=report.event_count,
        approved_without_telemetry=int(unsafe or 0),
        lists_read=reader.seen,
        lists_untrue=reader.untrue,
        errors_logged=_errors(deployed),
        outage=outage,
    )


def _do_harm(faults: Faults, minutes: float, stopped_s: float) -> Outage | None:
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        time.sleep(faults.random.uniform(*_PAUSES_S))
        if not stopped_s:
            faults.one()
    if not stopped_s:
        return None
    outage, browser = Outage(stopped_s), faults.deployed.browser()
    with faults.database_stopped():
        end = time.monotonic() + stopped_s
        while time.monotonic() < end:
            outage.look(browser)
            time.sleep(1)
    return outage


def _errors(deployed: Deployment) -> dict[str, int]:
    """What was logged as an error, by its message and how its traceback ends."""
    found: Counter[str] = Counter()
    for name in (*WEBS, *WORKERS):
        for line in deployed.logged(name).splitlines():
            with suppress(ValueError):  # the last line of a process may be cut off
                item = json.loads(line)
                if item.get("level") in {"error", "critical"}:
                    last = str(item.get("exception", "")).strip().splitlines()[-1:]
                    found[" | ".join([item["message"][:60], *last])[:140]] += 1
    return dict(found.most_common(20))


def main() -> None:
    """Run it from the command line, and print the report as JSON."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and clean up
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fleet", type=Path, help="A backup of the tests' fleet.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--stopped-s",
        type=float,
        default=0,
        help="Instead of faults at random: the database hangs for so long.",
    )
    given = parser.parse_args()
    report = run(given.minutes, given.seed, given.fleet, stopped_s=given.stopped_s)
    text_of = json.dumps(asdict(report) | {"is_sound": report.is_sound}, indent=1)
    sys.stdout.write(f"{text_of}\n")
    raise SystemExit(0 if report.is_sound else 1)


if __name__ == "__main__":
    main()
