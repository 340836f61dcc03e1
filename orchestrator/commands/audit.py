"""`gfo audit`: verify the chain."""

from __future__ import annotations

import typer

from core.audit import ChainReport
from db import audit
from orchestrator.terminal import FAILED, Json, command_context, print_json

app = typer.Typer(help="The audit chain.")


@app.callback()
def _group() -> None:
    """The audit chain."""


@app.command("verify")
def verify(as_json: Json = False) -> None:
    """Walk the whole chain. Exit code 0 when sound, 1 when broken, 2 when not run."""
    with command_context() as context:
        report = audit.verify(context.session)
    if as_json:
        print_json(report)
    else:
        typer.echo(_sentence(report))
    if not report.is_sound:
        raise typer.Exit(FAILED)


def _sentence(report: ChainReport) -> str:
    if report.is_sound:
        return (
            f"The chain is sound: {report.event_count} events, last hash"
            f" {report.last_hash.hex()}."
        )
    return (
        f"The chain is broken at event {report.first_bad_seq}: {report.reason}"
        f" {report.event_count} events before it are sound."
    )
