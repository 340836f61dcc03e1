"""The embedded PostgreSQL server: one owner per data folder, shared by its socket."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT

import psycopg

from core.aliases import Progress
from core.errors import ServiceUnavailable
from db.engine import CONNECT_TIMEOUT_S, DatabaseUrls, libpq_url
from db.local_binaries import ServerUser, binaries_for
from db.local_cluster import (
    SUPERUSER,
    ClusterHome,
    ClusterLock,
    child_command,
    locate_home,
    make_private,
    prepare_cluster,
)
from db.local_leftovers import clear_leftovers, last_log_line
from db.local_roles import ensure_roles

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "shared_buffers": "128MB",
    "max_connections": "50",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",  # a week, then written over
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %u@%d ",
}
_RETRY_PAUSE_S = 0.05


class LocalServer:
    """The server of a data folder; `process` is None when another process owns it."""

    def __init__(
        self,
        home: ClusterHome,
        *,
        lock: ClusterLock | None = None,
        settings: Mapping[str, str] | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = lock
        self._settings = {**_SETTINGS, **(settings or {})}
        self._on_progress = on_progress or _ignore
        self._state_change = threading.Lock()
        # The kernel sends the parent-death signal when the creating thread ends, so one
        # thread that lives as long as this object starts all children.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="postgres-spawner")

    @property
    def urls(self) -> DatabaseUrls:
        """Addresses of the database for its three roles."""
        return self.home.urls()

    @property
    def superuser_url(self) -> str:
        """Address of the maintenance database for the superuser."""
        return self.home.url(SUPERUSER, "postgres")

    @property
    def is_owner(self) -> bool:
        """Whether this process started the server and ends it."""
        return self._lock is not None

    @classmethod
    @contextmanager
    def own(
        cls,
        data_dir: Path,
        *,
        on_progress: Progress | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Iterator[LocalServer]:
        """Run the server of `data_dir` for the duration; refuses a second owner."""
        home = locate_home(data_dir)
        lock = ClusterLock.try_acquire(home)
        if lock is None:
            message = f"Another process already runs the database in {data_dir}."
            raise ServiceUnavailable(message)
        server = cls(home, lock=lock, settings=settings, on_progress=on_progress)
        with server._running():
            yield server

    @classmethod
    def attach(
        cls, data_dir: Path, *, timeout_s: float = START_TIMEOUT_S
    ) -> LocalServer:
        """The server that another process runs, once it answers."""
        server = cls(locate_home(data_dir))
        deadline = time.monotonic() + timeout_s
        while not server.answers():
            if time.monotonic() > deadline:
                message = f"The database in {data_dir} does not answer."
                raise ServiceUnavailable(message)
            time.sleep(_RETRY_PAUSE_S)
        return server

    def answers(self) -> bool:
        """Whether the database takes connections now."""
        if not self.home.has_passwords:  # its owner is still creating it
            return False
        try:
            with psycopg.connect(
                libpq_url(self.urls.app), connect_timeout=CONNECT_TIMEOUT_S
            ):
                return True
        except psycopg.OperationalError:
            return False

    def restart_if_dead(self) -> bool:
        """Start the server again if it ended; True when it had to be."""
        with self._state_change:
            if self.process is None or self.process.poll() is None:
                return False
            self._on_progress("The database stopped; starting it again.")
            self._start()
            return True

    @contextmanager
    def _running(self) -> Iterator[None]:
        try:
            with self._state_change:
                self._start()
            yield
        finally:
            with self._state_change:
                self._stop()
                self._spawner.shutdown()
                if self._lock is not None:
                    self._lock.release()

    def _start(self) -> None:
        home = self.home
        exists = home.data.exists()
        user = ServerUser.owning(home.data) if exists else ServerUser.for_new_cluster()
        binaries = binaries_for(user, self._on_progress)
        if not exists:
            self._on_progress("Creating the database; this takes some seconds, once.")
        prepare_cluster(home, binaries, user)
        make_private(home.socket_dir, user)
        self._on_progress("Starting PostgreSQL.")
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._try_start(binaries, user):
            # After a kill -9 the old server's processes need a moment to end.
            if time.monotonic() > deadline:
                message = f"PostgreSQL did not start: {last_log_line(home)}"
                raise ServiceUnavailable(message)
            time.sleep(10 * _RETRY_PAUSE_S)
        ensure_roles(home)

    def _try_start(self, binaries: Path, user: ServerUser) -> bool:
        """Try to start; False when the server ended for a transient reason."""
        clear_leftovers(self.home)
        self.process = self._spawner.submit(self._spawn, binaries, user).result()
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.process.poll() is None:
            if self._accepts_superuser():
                return True
            if time.monotonic() > deadline:
                break
            time.sleep(_RETRY_PAUSE_S)
        self._stop()
        reason = last_log_line(self.home)
        if "in use" in reason or "already exists" in reason:
            return False
        message = f"PostgreSQL did not start: {reason}"
        raise ServiceUnavailable(message)

    def _spawn(self, binaries: Path, user: ServerUser) -> subprocess.Popen[bytes]:
        directory = str(self.home.socket_dir).replace('"', '""')
        settings = {**self._settings, "unix_socket_directories": f'"{directory}"'}
        arguments = ["-D", str(self.home.data)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        with self.home.start_log.open("wb") as log:
            # In its own session: Ctrl-C reaches only the owner, which stops the server.
            return subprocess.Popen(  # noqa: S603 -- our own program, fixed arguments
                child_command(user, binaries / "postgres", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _accepts_superuser(self) -> bool:
        try:
            with psycopg.connect(libpq_url(self.superuser_url), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def _stop(self) -> None:
        if self.process is None:
            return
        # Fast, then immediate, then kill: recovery from the WAL is safe after each.
        for number, patience_s in ((SIGINT, STOP_TIMEOUT_S), (SIGQUIT, 10.0)):
            if self.process.poll() is None:
                self.process.send_signal(number)
                try:
                    self.process.wait(patience_s)
                except subprocess.TimeoutExpired:
                    continue
        if self.process.poll() is None:
            self.process.send_signal(SIGKILL)
            self.process.wait()


@contextmanager
def connect_or_own(
    data_dir: Path, *, on_progress: Progress | None = None
) -> Iterator[LocalServer]:
    """The running portal's server, or our own for the duration when none runs."""
    home = locate_home(data_dir)
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        lock = ClusterLock.try_acquire(home)
        if lock is not None:
            server = LocalServer(home, lock=lock, on_progress=on_progress)
            with server._running():
                yield server
            return
        server = LocalServer(home)
        if server.answers():
            yield server
            return
        if time.monotonic() > deadline:
            message = f"The database in {data_dir} is taken and does not answer."
            raise ServiceUnavailable(message)
        time.sleep(_RETRY_PAUSE_S)


def _ignore(_message: str) -> None:
    """A progress callback that does nothing."""
