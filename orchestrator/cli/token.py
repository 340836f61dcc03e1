"""`gfo token`: API tokens from the command line, as the system user `cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.access import Role, Scope
from orchestrator.accounts import api_tokens
from orchestrator.processes.terminal import Json, command_context, print_json

app = typer.Typer(help="API tokens: make, list, revoke; and service accounts for them.")


@app.command("service-account")
def service_account(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    role: Annotated[Role, typer.Option(help="What its tokens may do at most.")],
) -> None:
    """Make an account that nobody logs in as; only tokens act for it."""
    with command_context() as context:
        account = api_tokens.add_service_account(context.request, name, role)
    typer.echo(f"Service account {account.name} ({account.role}) is added.")


@app.command("make")
def make(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    owner: Annotated[
        str, typer.Option("--for", help="The person or service account it acts for.")
    ],
    scope: Annotated[list[Scope], typer.Option(help="What it may be used for.")],
    days: Annotated[
        int, typer.Option(help=f"How long it lasts, 1 to {api_tokens.MOST_DAYS}.")
    ] = api_tokens.DEFAULT_DAYS,
    out: Annotated[
        Path | None,
        typer.Option(help="New file for the token, which only its owner can read."),
    ] = None,
) -> None:
    """Make a token; prints it once, or writes it into a new file."""
    with command_context() as context:
        made = api_tokens.make_token(
            context.request, owner=owner, name=name, scopes=scope, days=days
        )
        if out is not None:
            out.touch(mode=0o600, exist_ok=False)
            out.write_text(f"{made.secret}\n", "ascii")
    if out is None:
        typer.echo(made.secret)
    typer.echo(
        f"Token {made.token.token_id} acts for {made.token.owner_name} until"
        f" {made.token.expires_at_utc:%Y-%m-%d %H:%M} UTC; it is not shown again.",
        err=True,
    )


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List tokens with their accounts, scopes and last use."""
    with command_context() as context:
        found = api_tokens.list_tokens(context.request)
    if as_json:
        print_json(found)
        return
    for token in found:
        used = token.last_used_at_utc
        typer.echo(
            f"{token.token_id}  {token.name}  {token.owner_name}"
            f"  {','.join(token.scopes)}  {token.state}"
            f"  used {f'{used:%Y-%m-%d %H:%M} UTC' if used else 'never'}"
        )


@app.command("revoke")
def revoke(
    token_id: Annotated[int, typer.Argument(help="Number of the token.")],
) -> None:
    """End a token; its next request is refused."""
    with command_context() as context:
        token = api_tokens.revoke_token(context.request, token_id)
    typer.echo(f"Token {token.token_id} ({token.name}) is revoked.")
