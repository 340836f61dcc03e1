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
from db import migrate
from db.engine import DatabaseUrls, require_reachable
from db.local_server import LocalServer
from orchestrator.logs import get_logger
from orchestrator.operations.installation import PASSWORD_FILE, install
from orchestrator.operations.monitoring import PROBE_CONNECTIONS
from orchestrator.operations.setup_requests import ask_for_demo
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
from orchestrator.settings import Settings
from orchestrator.use_cases import WORKER_USER

log = get_logger(__name__)

READY_TIMEOUT_S = 60.0
POLL_S = 0.5
DATABASE_PAUSE_S = 5.0
"""Between tries to start a database that does not start, on a full disk for example."""

LOG_FILE = "portal.log"

_DEMO_FOLLOWS = (
    "The portal opens in some seconds. The worker then makes a demo fleet of synthetic"
    " regions: first verdicts after about a minute, all of it after about four. The"
    " first page shows how far it is."
)

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
    one_time_password = _prepare(settings, urls)
    log_path = _log_path(settings)
    web = ChildProcess("web", _web_command(settings), signals, log_path=log_path)
    worker = ChildProcess("worker", _own_command("worker"), signals, log_path=log_path)
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


def _prepare(settings: Settings, urls: DatabaseUrls) -> str | None:
    """Migrations, first policy and admin, demo asked for; the one-time password."""
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
        if settings.demo:
            with runtime.request_as(WORKER_USER) as request:
                if ask_for_demo(request):
                    say(_DEMO_FOLLOWS)
    finally:
        runtime.engine.dispose()
    return one_time_password


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


def _log_path(settings: Settings) -> Path | None:
    """A file for the logs while a person reads the terminal; None without one."""
    return settings.data_dir / LOG_FILE if sys.stdout.isatty() else None


def _announce(settings: Settings, one_time_password: str | None) -> None:
    """Say where the portal is; the password last, and nothing follows it."""
    url = portal_url(settings.host, settings.port)
    path = settings.data_dir / PASSWORD_FILE
    say("")
    say(f"{settings.app_name} is ready at {url}")
    if (log_path := _log_path(settings)) is not None:
        say(f"Logs are in {log_path}.")
    say("Stop with Ctrl-C.")
    say(f"Log in as {settings.admin_name}.")
    if one_time_password is None:
        if path.exists():
            say(f"Its one-time password, unless you changed it, is in {path}.")
    elif sys.stdout.isatty():
        # The file goes only once somebody has seen what is in it.
        if said(f"One-time password (shown once): {one_time_password}"):
            path.unlink(missing_ok=True)
    else:
        say(f"Its one-time password is in {path} (readable by you alone).")


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
