"""How a process comes by its database: the configured server or the embedded one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from core.aliases import Progress
from core.errors import InvalidInput, ServiceUnavailable
from core.version import CODE_VERSION
from db import migrate
from db.engine import DatabaseUrls, make_engine, normalise_url, require_reachable
from db.local_server import LocalServer, connect_or_own
from db.users import system_actor
from orchestrator.logs import configure_logging
from orchestrator.runtime import Runtime
from orchestrator.settings import Settings, load_settings

__all__ = [
    "configure_logs",
    "connected_runtime",
    "database_urls",
    "external_urls",
    "open_runtime",
    "system_actor",
]

WEB_STATEMENT_TIMEOUT_S = 10.0
HANG_MARGIN_S = 2.0
"""A server that has not cut a statement off so long after its timeout hangs."""

LOCK_TIMEOUT_S = 5.0
POOL_SIZE = 5
"""Connections of one process."""


def configure_logs(settings: Settings, *, level: str | None = None) -> None:
    """Logs of this process as the settings say, or from another level on."""
    configure_logging(
        level=level or settings.log_level,
        log_format=settings.log_format,
        app_name=settings.app_name,
        app_version=CODE_VERSION,
    )
    # A library's warning is a log line like any other, not text between them.
    logging.captureWarnings(capture=True)


def external_urls(settings: Settings) -> DatabaseUrls | None:
    """The configured server's addresses; None when the embedded one is to be used.

    Raises
    ------
    InvalidInput
        When only the owner's or the auditor's address is given.
    """
    app = settings.database_url
    owner, auditor = settings.database_owner_url, settings.database_auditor_url
    if app is None:
        if owner or auditor:
            message = (
                "DATABASE_OWNER_URL or DATABASE_AUDITOR_URL is set without"
                " DATABASE_URL; set all three, or none for the embedded server."
            )
            raise InvalidInput(message)
        return None
    return DatabaseUrls(
        app=normalise_url(app.get_secret_value()),
        owner=normalise_url((owner or app).get_secret_value()),
        auditor=normalise_url((auditor or app).get_secret_value()),
    )


@contextmanager
def database_urls(
    settings: Settings, *, on_progress: Progress | None = None
) -> Iterator[DatabaseUrls]:
    """Addresses for a command: the configured server, the portal's, or our own.

    Raises
    ------
    ServiceUnavailable
        When the server does not answer.
    """
    urls = external_urls(settings)
    if urls is not None:
        require_reachable(urls.app)
        yield urls
        return
    with connect_or_own(settings.data_dir, on_progress=on_progress) as server:
        yield server.urls


def require_running_database(settings: Settings) -> None:
    """Raise unless a database that this release can use runs beside this process.

    Raises
    ------
    ServiceUnavailable
        When it does not answer, or is not migrated.
    """
    urls = external_urls(settings)
    if urls is None:
        urls = LocalServer.attach(settings.data_dir).urls
    require_reachable(urls.app)
    _require_migrated(urls)


def open_runtime(
    settings: Settings,
    urls: DatabaseUrls | None = None,
    *,
    pool_size: int = POOL_SIZE,
    statement_timeout_s: float | None = WEB_STATEMENT_TIMEOUT_S,
    application_name: str = "gfo-web",
) -> Runtime:
    """A runtime on the app role, for a process that lives beside the database."""
    urls = urls or external_urls(settings) or LocalServer.attach(settings.data_dir).urls
    engine = make_engine(
        urls.app,
        pool_size=pool_size,
        statement_timeout_s=statement_timeout_s,
        lock_timeout_s=LOCK_TIMEOUT_S,
        answer_timeout_s=None
        if statement_timeout_s is None
        else statement_timeout_s + HANG_MARGIN_S,
        application_name=application_name,
    )
    return Runtime(settings=settings, engine=engine)


@contextmanager
def connected_runtime(
    settings: Settings | None = None, *, on_progress: Progress | None = None
) -> Iterator[Runtime]:
    """A runtime for one command; its statements may take long."""
    settings = settings or load_settings()
    with database_urls(settings, on_progress=on_progress) as urls:
        _require_migrated(urls)
        runtime = open_runtime(
            settings, urls, statement_timeout_s=None, application_name="gfo-cli"
        )
        try:
            yield runtime
        finally:
            runtime.engine.dispose()


def _require_migrated(urls: DatabaseUrls) -> None:
    current = migrate.current_revision(urls.app)
    if migrate.is_behind(current):
        head = migrate.head_revision()
        message = (
            f"The database is at revision {current or 'none'}, this code needs {head};"
            " run `gfo db upgrade` or start the portal."
        )
        raise ServiceUnavailable(message)
