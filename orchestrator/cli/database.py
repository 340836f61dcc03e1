"""`gfo db`: the schema's revision, backups and restores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from db import migrate
from db.engine import DatabaseUrls
from orchestrator.operations.backups import make_backup, restore_backup
from orchestrator.processes.connect import database_urls
from orchestrator.processes.terminal import Json, command_settings, print_json, progress

app = typer.Typer(
    help="The database: revisions, backups, restores.", no_args_is_help=True
)

Revision = Annotated[str, typer.Argument(help="A revision like 0004, head or base.")]
File = Annotated[Path, typer.Argument(help="The backup file.")]


@contextmanager
def _database() -> Iterator[DatabaseUrls]:
    with (
        command_settings() as settings,
        database_urls(settings, on_progress=progress) as urls,
    ):
        yield urls


@app.command("upgrade")
def upgrade(revision: Revision = migrate.HEAD) -> None:
    """Bring the schema up to date and give the database roles their rights."""
    with _database() as urls:
        progress("Migrating.")
        migrate.upgrade(urls, revision)
        typer.echo(f"The schema is at revision {migrate.current_revision(urls.owner)}.")


@app.command("downgrade")
def downgrade(
    revision: Revision,
    discard_history: Annotated[
        bool,
        typer.Option(
            "--discard-history",
            help="Drop audit events and decisions if need be.",
        ),
    ] = False,
) -> None:
    """Take the schema back to an earlier revision, data of later tables with it."""
    with _database() as urls:
        progress("Migrating.")
        migrate.downgrade(urls, revision, discard_history=discard_history)
        reached = migrate.current_revision(urls.owner) or "base"
        typer.echo(f"The schema is at revision {reached}.")


@app.command("check")
def check(as_json: Json = False) -> None:
    """Exit 0 when the database is at the newest revision and equals the schema."""
    with _database() as urls:
        current, head = migrate.current_revision(urls.owner), migrate.head_revision()
        migrate.check(urls)
    if as_json:
        print_json({"revision": current, "head": head})
    else:
        typer.echo(f"The schema is at revision {current}, the newest.")


@app.command("backup")
def backup(file: File) -> None:
    """Write the whole database to a new file while the portal goes on."""
    with _database() as urls:
        progress(f"Writing {file}.")
        size_bytes = make_backup(urls, file)
        typer.echo(f"{file}: {size_bytes / 1e6:.1f} MB. It holds password hashes.")


@app.command("restore")
def restore(file: File) -> None:
    """Fill an empty database from a backup and bring it up to date."""
    with _database() as urls:
        progress(f"Reading {file}.")
        restore_backup(urls, file)
        revision = migrate.current_revision(urls.owner)
        typer.echo(
            f"Restored, at revision {revision}. Check it with `gfo audit verify`."
        )
