"""A portal as `./run` starts it: real processes on a data folder of their own."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage, HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from db import audit
from db.engine import make_engine
from db.local_server import connect_or_own
from db.regions import list_regions
from db.users import system_actor
from orchestrator.regions import changes
from orchestrator.regions.changes import RegionDraft
from tests.asking import asking

PATIENCE_S = 120.0
"""For what takes some seconds on an idle machine, and a minute on a very busy one."""
TWO_WEBS = {"GFO_WEB_WORKERS": "2"}
"""Settings of a portal whose web processes have to agree, or come back."""

ADMIN_PASSWORD = "seven lanterns over a quiet river"


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a process on `data_dir`, without settings of this one."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GFO_", "DATABASE_"))
    }
    return {
        **kept,
        "OMP_NUM_THREADS": "1",
        "GFO_DATA_DIR": str(data_dir),
        "GFO_DEMO": "false",
        "GFO_WEB_WORKERS": "1",  # each takes seconds to start; see TWO_WEBS
        **settings,
    }


def gfo(
    data_dir: Path, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a `gfo` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *arguments],
        env=environment(data_dir, **settings),
        cwd=data_dir,  # no .env of a developer
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * PATIENCE_S,  # making a demo fleet takes half a minute
    )


@contextmanager
def database(data_dir: Path) -> Iterator[Session]:
    """A transaction on the running portal's database, or on our own for a moment."""
    with connect_or_own(data_dir) as server:
        engine = make_engine(server.urls.app, pool_size=1)
        try:
            with Session(engine) as session, session.begin():
                yield session
        finally:
            engine.dispose()


def add_region(data_dir: Path, slug: str) -> None:
    """Commit a row and its audit event, both to be there after what happens next."""
    draft = RegionDraft(
        slug=slug, name=slug, time_zone="UTC", latitude_deg=1.0, longitude_deg=2.0
    )
    with database(data_dir) as session:
        changes.add_region(asking(session, system_actor(session, "cli")), draft)


def require_kept(data_dir: Path, slug: str) -> None:
    """The row of `add_region` is there, and the chain that holds its event is sound."""
    with database(data_dir) as session:
        assert slug in {stored.slug for stored in list_regions(session)}
        assert audit.verify(session).is_sound


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
    """Wait for a condition; returns how long it took, in seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, "it did not happen in time"
        time.sleep(0.05)
    return time.monotonic() - began


def read_terminal(descriptor: int, *, until: str) -> str:
    """What a terminal showed until it matched a regular expression."""
    shown, deadline = "", time.monotonic() + PATIENCE_S
    while not re.search(until, shown):
        is_readable, _, _ = select.select([descriptor], [], [], 1)
        if is_readable:
            shown += os.read(descriptor, 4096).decode()
        assert time.monotonic() < deadline, shown
    return shown


def processes_of(data_dir: Path) -> dict[int, str]:
    """Living processes that serve `data_dir`, by number, with their command lines.

    Known by their environment, by their arguments, or by where they work: all that
    PostgreSQL starts works in its folder.
    """
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if entry.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            command = entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ")
            variables = entry.joinpath("environ").read_bytes().split(b"\0")
            folder = str(entry.joinpath("cwd").readlink())
        except OSError:
            continue
        is_ours = (
            f"GFO_DATA_DIR={data_dir}".encode() in variables
            or os.fsencode(data_dir / "postgres") in command
            or folder.startswith(f"{data_dir}/")
        )
        if is_ours and int(entry.name) != os.getpid():
            found[int(entry.name)] = os.fsdecode(command)
    return found


def resident_mb(process_id: int) -> float:
    """Memory of a process, in MB."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1e3


def own_mb(process_id: int) -> float:
    """Memory of a process, in MB; what it shares counts in parts."""
    rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text()
    return int(rollup.split("Pss:")[1].split()[0]) / 1e3


def children_of(process_id: int) -> list[int]:
    """Numbers of the living children of a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = entry.joinpath("stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[1]) == process_id:
            found.append(int(entry.name))
    return sorted(found)


@dataclass(slots=True)
class PortalProcess:
    """A supervisor that was started, and what it printed."""

    data_dir: Path
    port: int
    process: subprocess.Popen[bytes]
    stdout_path: Path
    stderr_path: Path

    @classmethod
    def start(
        cls,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        command: list[str] | None = None,
        stdout: IO[bytes] | int | None = None,
    ) -> PortalProcess:
        """Start a supervisor; `stdout` is a file unless something else is given."""
        given = dict(settings or {})
        port = int(given.setdefault("GFO_PORT", str(free_port())))
        log_dir = data_dir.with_name(f"{data_dir.name}-logs")
        log_dir.mkdir(exist_ok=True)
        number = len(list(log_dir.glob("*.out")))
        out_path = log_dir / f"{number}.out"
        err_path = log_dir / f"{number}.err"
        with out_path.open("wb") as out, err_path.open("wb") as err:
            process = subprocess.Popen(
                command or [sys.executable, "-m", "orchestrator", "run"],
                env=environment(data_dir, **given),
                cwd=log_dir,
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err,
                start_new_session=True,
            )
        return cls(data_dir, port, process, out_path, err_path)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def printed(self) -> str:
        """What it told a person so far."""
        return self.stdout_path.read_text()

    @property
    def logged(self) -> str:
        """What it and its children logged so far."""
        return self.stderr_path.read_text()

    def wait_ready(self) -> PortalProcess:
        """Wait for the announcement."""
        return self.wait_for("Log in as ")

    def wait_for(self, text: str, within_s: float = PATIENCE_S) -> PortalProcess:
        """Wait until it printed `text`."""
        deadline = time.monotonic() + within_s
        while text not in self.printed:
            ended = self.process.poll()
            assert ended is None, f"it ended with {ended}:\n{self.everything}"
            assert time.monotonic() < deadline, self.everything
            time.sleep(0.05)
        return self

    def wait_working(self) -> PortalProcess:
        """Wait for the announcement, and until the worker works."""
        self.wait_ready()
        wait_until(lambda: "worker_started" in self.logged)
        return self

    @property
    def everything(self) -> str:
        """For the message of a test that fails."""
        return f"{self.printed}\n{self.logged}"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal and wait for the end; returns how long it took, in seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)
        return time.monotonic() - began

    def clean_up(self) -> None:
        """End it and what it left; for fixtures."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process_id in processes_of(self.data_dir):
            try:
                os.kill(process_id, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def child(self, words: str) -> int:
        """The supervisor's one child whose command line holds `words`."""
        (found,) = [
            number
            for number in children_of(self.process.pid)
            if words in processes_of(self.data_dir).get(number, "")
        ]
        return found

    def is_ready(self) -> bool:
        """Whether web and database answer."""
        return Browser(self.url).get("/readyz").status == 200


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    location: str | None
    text: str


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to the test."""

    def redirect_request(
        self,
        _request: urllib.request.Request,
        _file: IO[bytes],
        _code: int,
        _message: str,
        _headers: HTTPMessage,
        _url: str,
    ) -> None:
        """Redirects are answers to look at."""


@dataclass(slots=True)
class Browser:
    """Keeps cookies and the form's token, as a person's browser does."""

    url: str
    cookies: CookieJar = field(init=False, default_factory=CookieJar)
    _opener: urllib.request.OpenerDirector = field(init=False)

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(self.cookies),
            NoRedirect(),
        )

    def get(self, path: str) -> Answer:
        """Ask for a page; status 0 when nobody answers."""
        return self._open(self._request(path))

    def log_in(self, name: str, password: str) -> Answer:
        """Fill in the login form and send it."""
        form = self.get("/login").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', form)
        assert token is not None, form
        body = urlencode({"csrf_token": token[1], "name": name, "password": password})
        return self._open(self._request("/login", body.encode()))

    def post_callback(self, output: str, values: Mapping[str, object]) -> Answer:
        """Ask for the callback that fills `output`, as a page would.

        Without the list of callbacks, its answer is what came instead of the list.
        """
        listed = self.get("/_dash-dependencies")
        if listed.status != 200:
            return listed
        known = json.loads(listed.text)
        entry = next(item for item in known if output in item["output"])
        names = entry["output"].strip(".").split("...")
        inputs, states = (
            [
                {**item, "value": values.get(f"{item['id']}.{item['property']}")}
                for item in entry[kind]
            ]
            for kind in ("inputs", "state")
        )
        body = {
            "output": entry["output"],
            "outputs": [
                dict(zip(("id", "property"), name.rsplit(".", 1), strict=True))
                for name in names
            ],
            "inputs": inputs,
            "state": states,
            "changedPropIds": [f"{item['id']}.{item['property']}" for item in inputs],
        }
        token = next(item.value for item in self.cookies if item.name == "_csrf_token")
        request = self._request("/_dash-update-component", json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        request.add_header("X-CSRFToken", str(token))
        return self._open(request)

    def _request(self, path: str, body: bytes | None = None) -> urllib.request.Request:
        return urllib.request.Request(  # noqa: S310 -- always http
            self.url + path, body, {"Origin": self.url}
        )

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            try:
                response = self._opener.open(request, timeout=10)
            except urllib.error.HTTPError as exc:
                response = exc
            with response:
                return _answer(response)
        except (OSError, HTTPException):  # nobody answers, or an answer is cut off
            return Answer(0, None, "")


def _answer(response: HTTPResponse | urllib.error.HTTPError) -> Answer:
    text = response.read().decode(errors="replace")
    return Answer(response.status or 0, response.headers.get("Location"), text)
