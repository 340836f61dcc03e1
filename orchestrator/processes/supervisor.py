"""`./run`: the embedded database, the worker and the web server as one service.

The supervisor owns its children. They run in sessions of their own, so that Ctrl-C
reaches the supervisor alone and it stops them in order: web and worker, then the
database. Should it be killed, the kernel ends them (see `orchestrator.parentage`).
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from core.errors import InvalidInput, ServiceUnavailable
from db import migrate, regions
from db.engine import DatabaseUrls, require_reachable
from db.local_server import LocalServer
from orchestrator.logs import get_logger
from orchestrator.operations.installation import PASSWORD_FILE, install
from orchestrator.operations.monitoring import PROBE_CONNECTIONS
from orchestrator.processes.children import ChildProcess, stop
from orchestrator.processes.connect import POOL_SIZE, external_urls, open_runtime
from orchestrator.processes.listen_address import (
    answers,
    bind_text,
    portal_url,
    require_free_port,
)
from orchestrator.processes.process_tree import is_first_process, reap_orphans
from orchestrator.processes.stop_signals import StopRequested, StopSignals
from orchestrator.processes.terminal import said, say
from orchestrator.runtime import Runtime
from orchestrator.settings import Settings

log = get_logger(__name__)

READY_TIMEOUT_S = 60.0
POLL_S = 0.5
DATABASE_PAUSE_S = 5.0
"""Between tries to start a database that does not start, on a full disk for example."""

UNFINISHED_DEMO = "demo-unfinished"
"""File in the data folder while the demo fleet is being made."""

_SPARE_CONNECTIONS = 30
"""For the worker, its queue, commands, backups and the superuser."""


def supervise(settings: Settings) -> None:
    """Bring everything up, keep it up, take it down on SIGTERM or Ctrl-C.

    Raises
    ------
    InvalidInput, ServiceUnavailable
        One sentence when the port is taken, the data folder cannot be written, or the
        database does not answer.
    """
    _require_writable(settings.data_dir)
    require_free_port(settings.host, settings.port)
    signals = StopSignals()
    with signals.installed():
        try:
            with ExitStack() as stack:
                try:
                    _serve(settings, signals, stack)
                finally:
                    signals.ignore()  # nothing may cut the clean-up short
        except StopRequested:
            log.info("stopped")


def _serve(settings: Settings, signals: StopSignals, stack: ExitStack) -> None:
    server: LocalServer | None = None
    urls = external_urls(settings)
    if urls is None:
        say("Starting the database …")
        of_web = settings.web_workers * (POOL_SIZE + PROBE_CONNECTIONS)
        connections = max(50, of_web + _SPARE_CONNECTIONS)
        server = stack.enter_context(
            LocalServer.own(
                settings.data_dir,
                on_progress=say,
                settings={"max_connections": str(connections)},
            )
        )
        urls = server.urls
    else:
        require_reachable(urls.app)
        require_reachable(urls.owner)
    one_time_password = _prepare(settings, signals, urls)
    web = ChildProcess("web", _web_command(settings), signals)
    worker = ChildProcess("worker", _own_command("worker"), signals)
    # Registered before they start: whatever happens from here on, they are stopped.
    stack.callback(stop, [web, worker])
    stack.callback(say, "Stopping …")
    web.start()
    _wait_ready(settings, signals, web)
    worker.start()
    _announce(settings, one_time_password)
    while True:
        # Held while processes are polled: `poll` takes a lock before it guards it, and
        # a signal that raises between the two would leave it taken for ever.
        with signals.held():
            web.keep_running()
            worker.keep_running()
            process = server.process if server is not None else None
            is_database_dead = process is not None and process.poll() is not None
            if is_first_process():
                children = (web.process, worker.process, process)
                reap_orphans({child.pid for child in children if child})
        if server is not None and is_database_dead:
            _keep_database(server)
        time.sleep(POLL_S)


def _prepare(
    settings: Settings, signals: StopSignals, urls: DatabaseUrls
) -> str | None:
    """Migrations, first policy and admin, demo fleet; returns a one-time password."""
    if migrate.current_revision(urls.owner) != migrate.head_revision():
        say("Migrating the database …")
    try:
        one_time_password = install(settings, urls)
    except DBAPIError as exc:
        cause = str(exc.orig).splitlines()[0]
        message = (
            f"The database could not be prepared ({cause}); DATABASE_OWNER_URL has to"
            " name a role that may create tables in it."
        )
        raise ServiceUnavailable(message) from exc
    runtime = open_runtime(
        settings, urls, statement_timeout_s=None, application_name="gfo-run"
    )
    try:
        if settings.demo and _lacks_demo(settings, runtime):
            _make_demo(settings, signals)
    finally:
        runtime.engine.dispose()
    return one_time_password


def _lacks_demo(settings: Settings, runtime: Runtime) -> bool:
    """Whether the database is empty, or a start was cut short while it was filled."""
    with runtime.transaction() as session:
        found = regions.list_regions(session, active_only=False)
    was_cut_short = (settings.data_dir / UNFINISHED_DEMO).exists()
    return not found or (
        was_cut_short and all(stored.region.is_synthetic for stored in found)
    )


def _make_demo(settings: Settings, signals: StopSignals) -> None:
    """Make the demo fleet in a process that then goes away, and its memory with it."""
    say("Making the demo fleet (synthetic telemetry, a model, hindcasts) …")
    marker = settings.data_dir / UNFINISHED_DEMO
    marker.touch()
    demo = ChildProcess("demo", _own_command("demo"), signals)
    try:
        demo.start()
        while demo.is_running:
            signals.check()
            time.sleep(POLL_S)
    finally:
        stop([demo])
    if demo.process is None or demo.process.returncode != 0:
        message = "The demo fleet could not be made; see the lines above."
        raise ServiceUnavailable(message)
    marker.unlink(missing_ok=True)


def _keep_database(server: LocalServer) -> None:
    try:
        if server.restart_if_dead():
            log.warning("database_restarted")
    except ServiceUnavailable as exc:
        # The pages say that the database is gone; giving up would take them away.
        log.error("database_not_restarted", reason=exc.message)  # noqa: TRY400
        time.sleep(DATABASE_PAUSE_S)


def web_arguments(settings: Settings) -> list[str]:
    """Arguments of gunicorn; the application is named, never imported from here."""
    return [
        "--config",
        "python:webapp.gunicorn_settings",
        "--bind",
        bind_text(settings.host, settings.port),
        "--workers",
        str(settings.web_workers),
        "webapp.wsgi:create()",
    ]


def _web_command(settings: Settings) -> list[str]:
    return [sys.executable, "-m", "gunicorn", *web_arguments(settings)]


def _own_command(name: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator", name]


def _wait_ready(settings: Settings, signals: StopSignals, web: ChildProcess) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not answers(settings.host, settings.port):
        with signals.held():
            is_running = web.is_running
        if not is_running:
            message = "The web server ended while starting; see the lines above."
            raise ServiceUnavailable(message)
        if time.monotonic() > deadline:
            message = f"The web server did not answer within {READY_TIMEOUT_S:g} s."
            raise ServiceUnavailable(message)
        time.sleep(0.1)


def _announce(settings: Settings, one_time_password: str | None) -> None:
    url = portal_url(settings.host, settings.port)
    say("")
    say(f"{settings.app_name} is ready at {url}")
    say(f"Log in as {settings.admin_name}.")
    path = settings.data_dir / PASSWORD_FILE
    if one_time_password is None:
        if path.exists():
            say(f"Its one-time password, unless you changed it, is in {path}.")
    elif sys.stdout.isatty():
        # The file goes only once somebody has seen what is in it.
        if said(f"One-time password (shown once): {one_time_password}"):
            path.unlink(missing_ok=True)
    else:
        say(f"Its one-time password is in {path} (readable by you alone).")
    say("Stop with Ctrl-C.")


def _require_writable(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        probe = data_dir / f".write-test-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as exc:
        message = (
            f"The data folder {data_dir} cannot be written ({exc.strerror}); set"
            " GFO_DATA_DIR to a folder that can."
        )
        raise InvalidInput(message) from exc
