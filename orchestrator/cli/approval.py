"""`gfo approval`: changes that wait for a second person, and the rules for changes."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.approvals import requests
from orchestrator.approvals.rules import rules_in_force, set_change_rules
from orchestrator.processes.terminal import Json, command_context, print_json

app = typer.Typer(
    help="Changes that wait for a second person, who approves them in the portal.",
    no_args_is_help=True,
)


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """The newest requests, those that wait first."""
    with command_context() as context:
        found = requests.list_requests(context.request)
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("Nobody has asked for anything.")
    for view in found:
        typer.echo(
            f"{view.approval_id:>4}  {view.state:<9} {view.act}  by {view.asked_by},"
            f" {view.asked_at_utc:%Y-%m-%d %H:%M}, until"
            f" {view.expires_at_utc:%Y-%m-%d %H:%M} UTC"
        )
        for effect in view.effects:
            before, after = dict(effect.before), dict(effect.after)
            typer.echo(f"      {before} -> {after}  {effect.reason or ''}")


@app.command("refuse")
def refuse(
    approval_id: Annotated[int, typer.Argument(help="Number of the request.")],
) -> None:
    """Refuse a request for good. Only a person in the portal approves one."""
    with command_context() as context:
        view = requests.refuse(context.request, approval_id)
    typer.echo(f"Request {view.approval_id} is {view.state}.")


@app.command("rules")
def rules(
    two_people: Annotated[
        bool | None,
        typer.Option(
            "--two-people/--one-person",
            help="Whether models, limits and these rules need a second person.",
        ),
    ] = None,
    signed_models: Annotated[
        bool | None,
        typer.Option(
            "--signed-models/--any-model",
            help="Whether only signed models may be activated.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    as_json: Json = False,
) -> None:
    """Show the rules for changes, or set them."""
    with command_context() as context:
        if two_people is not None or signed_models is not None:
            set_change_rules(
                context.request,
                two_people=two_people,
                signed_models_only=signed_models,
                reason=reason,
            )
        found = rules_in_force(context.request)
    if as_json:
        print_json(found)
        return
    people = "Two people are" if found.two_people else "One person is"
    models = "Signed models only" if found.signed_models_only else "Any model"
    typer.echo(f"{people} required for changes. {models} may be activated.")
