"""What an empty database needs before anybody can use it."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor
from core.policies import Policy
from db import migrate, policies
from db.engine import DatabaseUrls, make_engine
from db.policies import OVERRIDABLE
from orchestrator.accounts.administration import ensure_first_admin
from orchestrator.regions.policy_versions import NewVersion, add_version
from orchestrator.runtime import Runtime
from orchestrator.settings import Settings
from orchestrator.use_cases import WORKER_USER, system_request

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
        with system_request(runtime, WORKER_USER) as request:
            # Two first starts on one database at once: the second finds all done.
            request.session.execute(
                text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY}
            )
            ensure_first_policy(request.session, request.actor, settings.first_policy())
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


def ensure_first_policy(session: Session, actor: Actor, policy: Policy) -> bool:
    """Make the first fleet policy from the settings; later ones come from admins.

    The environment only seeds the first version: changing it afterwards changes
    nothing, so that a restart cannot move a limit without an audit event.
    """
    if policies.has_fleet_policy(session):
        return False
    values = {name: getattr(policy, name) for name in OVERRIDABLE}
    first = NewVersion(
        region_slug=None,
        values=values,
        before=None,
        after={name: str(value) for name, value in values.items()},
        reason="first policy, from the settings",
    )
    add_version(session, actor, first)
    return True
