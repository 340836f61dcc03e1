"""Whole-database backups in PostgreSQL's own format, and restores into an empty one."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

from sqlalchemy import URL, text

from core.errors import Conflict, InvalidInput, ServiceUnavailable
from db.engine import DatabaseUrls, make_engine, parse_url, require_reachable
from db.local_binaries import find_binaries
from db.migrate import upgrade

_COUNT_RELATIONS = text(
    "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
)


def backup(urls: DatabaseUrls, file: Path) -> int:
    """Write the database to a new file that only this user can read; its size in bytes.

    One snapshot, taken while the portal runs. The file contains password hashes.
    """
    if file.exists():
        message = f"{file} exists already: name a new file."
        raise Conflict(message)
    require_reachable(urls.owner)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _run("pg_dump", urls.owner, "--format=custom", f"--file={fresh}")
        fresh.rename(file)
    except OSError as exc:
        message = f"The backup cannot be written to {file}: {exc.strerror}."
        raise InvalidInput(message) from exc
    finally:
        fresh.unlink(missing_ok=True)
    return file.stat().st_size


def restore(urls: DatabaseUrls, file: Path) -> None:
    """Fill an empty database from a backup, all or nothing, and bring it up to date."""
    if not file.is_file():
        message = f"There is no backup file {file}."
        raise InvalidInput(message)
    require_reachable(urls.owner)
    _require_empty(urls.owner)
    _run(
        "pg_restore",
        urls.owner,
        "--exit-on-error",
        "--single-transaction",
        str(file.absolute()),
    )
    upgrade(urls)


def _require_empty(owner_url: str) -> None:
    engine = make_engine(owner_url, pool_size=1)
    try:
        with engine.connect() as connection:
            if connection.scalar(_COUNT_RELATIONS):
                message = (
                    "This database has tables already. A restore goes into an empty"
                    " one: set a fresh GFO_DATA_DIR or DATABASE_URL."
                )
                raise Conflict(message)
    finally:
        engine.dispose()


def _run(program: str, owner_url: str, *arguments: str) -> None:
    """Run a PostgreSQL program; `db.privileges` applies roles and rights afterwards."""
    url = parse_url(owner_url)
    # Every user can read a command line; the password is passed in the environment.
    address = URL.create(
        "postgresql",
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=url.query,
    )
    outcome = subprocess.run(  # noqa: S603 -- a program of our own installation
        [
            str(find_binaries() / program),
            "--no-password",
            "--no-owner",
            "--no-privileges",
            f"--dbname={address.render_as_string()}",
            *arguments,
        ],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGPASSWORD": url.password or ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if outcome.returncode != 0:
        lines = outcome.stderr.strip().splitlines() or ["it gave no reason"]
        message = f"{program} failed: {lines[0]}"
        raise ServiceUnavailable(message)
