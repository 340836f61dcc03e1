"""`gfo db`: the schema's revision, backups and restores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import FleetError
from db import migrate
from db.engine import DatabaseUrls
from orchestrator.operations.backups import (
    drop_older_backups,
    make_backup,
    new_backup_file,
    newest_backup,
    restore_backup,
)
from orchestrator.processes.connect import database_urls
from orchestrator.processes.terminal import (
    FAILED,
    Json,
    command_settings,
    print_json,
    progress,
    unavailable_is_unusable,
)

if TYPE_CHECKING:
    from orchestrator.operations.drills import Drill

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
def backup(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A new file. Default: one in GFO_BACKUP_DIR, named by time."
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="How many in GFO_BACKUP_DIR are kept. Default: all."),
    ] = None,
) -> None:
    """Write the whole database to a new file while the portal goes on."""
    with command_settings() as settings:
        chosen = file or new_backup_file(settings, datetime.now(UTC))
        with database_urls(settings, on_progress=progress) as urls:
            progress(f"Writing {chosen}.")
            size_bytes = make_backup(urls, chosen)
        typer.echo(f"{chosen}: {size_bytes / 1e6:.1f} MB. It holds password hashes.")
        for dropped in drop_older_backups(settings, keep) if keep else ():
            typer.echo(f"{dropped}: deleted.")


@app.command("drill")
def drill(
    file: Annotated[
        Path | None,
        typer.Argument(help="A backup. Default: the newest in GFO_BACKUP_DIR."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Restore a backup into a server of its own, verify its chain, replay decisions.

    The portal goes on meanwhile. Exit code 0 when the backup is sound, 1 when it is
    not, 2 when it could not be tried.
    """
    from orchestrator.operations.drills import keep_drill, run_drill  # noqa: PLC0415 -- slow

    with command_settings() as settings:
        with unavailable_is_unusable():
            done = run_drill(settings, file or newest_backup(settings), progress)
        if as_json:
            print_json(asdict(done) | {"is_passed": done.is_passed})
        else:
            _say_drill(done)
        try:
            with database_urls(settings, on_progress=progress) as urls:
                keep_drill(urls, settings, done)
        except FleetError as exc:  # the day of a disaster is the day to drill
            progress(f"Not in the audit chain: {exc.message}")
    if not done.is_passed:
        raise typer.Exit(FAILED)


def _say_drill(done: Drill) -> None:
    until = f"{done.until_utc:%Y-%m-%d %H:%M:%S} UTC" if done.until_utc else "nothing"
    typer.echo(f"{done.file}: {done.size_bytes / 1e6:.1f} MB, up to {until}.")
    typer.echo(f"Restored in {done.restore_s:.1f} s.")
    against = f" against {done.anchors} anchors"
    found = f"broken {done.broken}" if done.broken else "sound"
    typer.echo(
        f"Chain of {done.events} events {found}{against}, in {done.verify_s:.1f} s."
    )
    differing = (
        f"these differ: {', '.join(map(str, done.differing))}"
        if done.differing
        else "none differs"
    )
    typer.echo(
        f"{done.replayed} decisions replayed, {differing}, in {done.replay_s:.1f} s."
    )
    typer.echo("The drill passed." if done.is_passed else "The drill FAILED.")


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
