"""What `gfo feed` and `gfo webhook` share: lists, pausing, removing, changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

from orchestrator.processes.terminal import Json, command_context, print_json
from orchestrator.use_cases import Request

Facts = TypeVar("Facts")
_View = TypeVar("_View")

Name = Annotated[str, typer.Argument(help="Its name.")]
AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        help="A host whose private or loopback address may be called; repeatable.",
    ),
]


def add_state_commands(
    app: typer.Typer,
    noun: str,
    *,
    command: str,
    views: Callable[[Request], Sequence[_View]],
    line: Callable[[_View], str],
    pause: Callable[..., object],
    remove: Callable[[Request, str], object],
    kept_words: str,
) -> None:
    """Add `list`, `pause`, `resume` and `remove` to the commands of `gfo COMMAND`."""

    @app.command("list", help=f"Every {noun} with its state.")
    def list_all(as_json: Json = False) -> None:
        with command_context() as context:
            found = views(context.request)
        if as_json:
            print_json(found)
            return
        for view in found:
            typer.echo(line(view))
        if not found:
            typer.echo(f"There is no {noun} yet; add one with gfo {command} add.")

    @app.command("pause", help=f"Pause a {noun}.")
    def pause_one(name: Name) -> None:
        _pause(name, is_paused=True)

    @app.command("resume", help=f"Have a {noun} that does not run go on.")
    def resume(name: Name) -> None:
        _pause(name, is_paused=False)

    def _pause(name: str, *, is_paused: bool) -> None:
        with command_context() as context:
            pause(context.request, name, is_paused=is_paused)
        said = "is paused" if is_paused else "goes on"
        typer.echo(f"{noun.capitalize()} {name} {said}.")

    @app.command("remove", help=f"Remove a {noun}; {kept_words}.")
    def remove_one(name: Name) -> None:
        with command_context() as context:
            remove(context.request, name)
        typer.echo(f"{noun.capitalize()} {name} is removed.")


def with_given(facts: Facts, given: Mapping[str, object]) -> Facts:
    """The facts with those values that were given."""
    changes: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    return replace(facts, **changes)  # type: ignore[type-var]  # a dataclass


def instant_text(instant: datetime | None) -> str:
    """An instant to the minute, or "never"."""
    return "never" if instant is None else f"{instant:%Y-%m-%d %H:%M} UTC"
