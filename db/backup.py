"""Whole-database backups in PostgreSQL's own format, and restores into an empty one."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from itertools import islice
from pathlib import Path
from typing import IO, NoReturn

from sqlalchemy import URL, text

from core.errors import Conflict, InvalidInput, ServiceUnavailable
from db.engine import DatabaseUrls, make_engine, parse_url, require_reachable
from db.local_binaries import find_binaries
from db.migrate import upgrade

_PLAIN = ("--no-owner", "--no-privileges")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
_NEWER_SETTING = b"SET transaction_timeout = 0;\n"
_HEADER_LINES = 100
"""Of a plain backup; the setting is among its first twenty."""

_CHUNK_BYTES = 2**20

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
    _fill(urls.owner, file)
    upgrade(urls)


def _fill(owner_url: str, file: Path) -> None:
    """Run the backup's statements in one transaction.

    Not by `pg_restore --dbname`: it sets `transaction_timeout`, which servers before
    PostgreSQL 17 do not know.
    """
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(  # noqa: S603 -- a program of our own installation
            [_program("pg_restore"), *_PLAIN, "--file=-", str(file.absolute())],
            env=_ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as reading,
        tempfile.TemporaryFile() as refused,
        subprocess.Popen(  # noqa: S603 -- a program of our own installation
            [
                *(_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction"),
                *("--set=ON_ERROR_STOP=1", "--output=/dev/null"),
                *_address_options(owner_url),
            ],
            env=_environment(owner_url),
            stdin=subprocess.PIPE,
            stderr=refused,
        ) as writing,
    ):
        has_taken_all = _pass_on(reading, writing)
        is_whole = reading.wait() == 0
        if not is_whole and has_taken_all:
            writing.kill()  # the end of its input would be a commit
        writing.communicate()
        if not has_taken_all or (is_whole and writing.returncode):
            _fail("psql", refused)
        if not is_whole:
            _fail("pg_restore", said)


def _pass_on(
    reading: subprocess.Popen[bytes], writing: subprocess.Popen[bytes]
) -> bool:
    """Hand the statements over; False when psql ended before it had all."""
    if reading.stdout is None or writing.stdin is None:
        return False
    try:
        for line in islice(reading.stdout, _HEADER_LINES):
            if line != _NEWER_SETTING:
                writing.stdin.write(line)
        shutil.copyfileobj(reading.stdout, writing.stdin, _CHUNK_BYTES)
        writing.stdin.flush()
    except BrokenPipeError:
        reading.kill()
        return False
    return True


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
    with tempfile.TemporaryFile() as said:
        outcome = subprocess.run(  # noqa: S603 -- a program of our own installation
            [_program(program), *_PLAIN, *_address_options(owner_url), *arguments],
            env=_environment(owner_url),
            stderr=said,
            check=False,
        )
        if outcome.returncode != 0:
            _fail(program, said)


def _program(name: str) -> str:
    return str(find_binaries() / name)


def _address_options(owner_url: str) -> list[str]:
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
    return ["--no-password", f"--dbname={address.render_as_string()}"]


def _environment(owner_url: str) -> dict[str, str]:
    return {**_ENVIRONMENT, "PGPASSWORD": parse_url(owner_url).password or ""}


def _fail(program: str, said: IO[bytes]) -> NoReturn:
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines()
    message = f"{program} failed: {lines[0] if lines else 'it gave no reason'}"
    raise ServiceUnavailable(message)
