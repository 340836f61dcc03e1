"""What commands share: messages for people, results for programs, exit codes."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import FleetError, InvalidInput, ServiceUnavailable
from orchestrator.operations.production import require_fit
from orchestrator.processes.connect import configure_logs, connected_runtime
from orchestrator.runtime import Runtime, process_actor
from orchestrator.settings import Settings, load_settings
from orchestrator.use_cases import Request

FAILED, UNUSABLE = 1, 2
CLI_USER = "cli"

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
MaxMemoryGib = Annotated[
    float, typer.Option(min=0.1, help="Memory that the work may add, GiB.")
]
MaxMinutes = Annotated[
    float, typer.Option(min=0.1, help="Minutes of processor time that it may use.")
]
ReasonOption = Annotated[str, typer.Option(help="Why; kept, and in the audit event.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """One command's unit of work: its runtime, transaction and system user."""

    runtime: Runtime
    session: Session
    actor: Actor

    @property
    def request(self) -> Request:
        """What the command asks, as its system user, at this moment."""
        return Request(
            session=self.session,
            caller=self.actor,
            now=self.runtime.clock(),
            is_confirmed=True,
        )


def progress(message: str) -> None:
    """Tell a person what is going on, apart from the result."""
    typer.echo(message, err=True)


@contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[str], None]]:
    """Show how far long work is; call what is given as each of `steps` begins.

    Apart from the result, as `progress`; without a terminal each step is a line.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield progress
        return
    with ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=steps)
        begun = count()

        def begin(message: str) -> None:
            # What begins now is not done yet.
            bar.update(task, description=message, completed=next(begun))

        yield begin


def say(message: str) -> None:
    """Tell a person what a process without a result does, at once."""
    said(message)


def said(message: str) -> bool:
    """Like `say`; False when nobody can hear it: a lost terminal ends nothing."""
    try:
        typer.echo(message)
        sys.stdout.flush()
    except OSError:
        return False
    return True


def print_json(value: object) -> None:
    """Print a result for a program: one JSON document on standard output."""
    typer.echo(json.dumps(value, default=_jsonable, indent=2))


def fail(error: FleetError) -> NoReturn:
    """End a command with its sentences: 2 for what was typed, 1 for the rest."""
    for line in error.message.splitlines():
        typer.secho(f"gfo: {line}", err=True, fg=typer.colors.RED)
    raise typer.Exit(UNUSABLE if isinstance(error, InvalidInput) else FAILED)


@contextmanager
def explained() -> Iterator[None]:
    """Turn every error of ours into its sentence and an exit code."""
    try:
        yield
    except FleetError as exc:
        fail(exc)


@contextmanager
def unavailable_is_unusable() -> Iterator[None]:
    """End with 2 when something could not be done at all; 1 stays for a verdict."""
    try:
        yield
    except ServiceUnavailable as exc:
        raise InvalidInput(exc.message) from exc


@contextmanager
def command_settings(*, is_service: bool = False) -> Iterator[Settings]:
    """Settings with logs on, for a command that needs no database.

    At a terminal a person reads the command's own summary, and its logs begin at
    warnings unless the settings name a level; a service logs as the settings say and
    does not start when they are too weak.
    """
    _print_everything()
    with explained():
        settings = load_settings()
        is_quiet = sys.stderr.isatty() and not is_service
        names_level = "log_level" in settings.model_fields_set
        configure_logs(
            settings, level="WARNING" if is_quiet and not names_level else None
        )
        if is_service:
            require_fit(settings, os.environ)
        yield settings


def _print_everything() -> None:
    """A character that the terminal does not know is shown as `?`, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def command_context() -> Iterator[CommandContext]:
    """The database in one transaction, acting as `CLI_USER`; commits at the end."""
    with (
        command_settings() as settings,
        connected_runtime(settings, on_progress=progress) as runtime,
        runtime.transaction() as session,
    ):
        yield CommandContext(
            runtime=runtime, session=session, actor=process_actor(session, CLI_USER)
        )


def parse_day(text: str) -> date:
    """A calendar day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        message = f"{text!r} is not a day; write it like 2023-08-15."
        raise InvalidInput(message) from exc


def _jsonable(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)
        }
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
