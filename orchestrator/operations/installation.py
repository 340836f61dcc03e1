"""What an empty database needs before anybody can use it."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import text

from db import migrate
from db.engine import DatabaseUrls, make_engine
from orchestrator.accounts.administration import ensure_first_admin
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.runtime import Runtime
from orchestrator.settings import Settings
from orchestrator.use_cases import WORKER_USER

PASSWORD_FILE = "first_admin_password"  # noqa: S105 -- a file's name

_LOCK_KEY = 0x67666F02


def install(settings: Settings, urls: DatabaseUrls) -> str | None:
    """Migrate, and give an empty database its first policy and its first admin.

    Idempotent. Returns the first admin's one-time password when one was made; it is
    in the data folder, readable by the owner alone, before the database knows it: a
    password that nobody knows would lock everybody out for good.
    """
    migrate.upgrade(urls)
    engine = make_engine(urls.app, application_name="gfo-install")
    try:
        runtime = Runtime(settings=settings, engine=engine)
        with runtime.request_as(WORKER_USER) as request:
            # Two first starts on one database at once: the second finds all done.
            request.session.execute(
                text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY}
            )
            ensure_first_policy(request, settings.first_policy())
            given = settings.admin_password
            password = ensure_first_admin(
                request,
                settings.admin_name,
                given.get_secret_value() if given else None,
            )
            if password is not None:
                _write_password(settings.data_dir / PASSWORD_FILE, password)
    finally:
        engine.dispose()
    return password


def _write_password(path: Path, password: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
