"""`gfo user`: accounts from the command line, as the system user `cli`."""

from __future__ import annotations

from typing import Annotated

import typer

from core.access import Role
from orchestrator.accounts import administration
from orchestrator.accounts.administration import AccountView, NewPassword
from orchestrator.processes.terminal import Json, command_context, print_json

app = typer.Typer(
    help="Accounts: add, disable, enable, set-role, reset-password, reset-factors,"
    " list."
)

UserName = Annotated[str, typer.Argument(help="The person's user name.")]


@app.command("add")
def add(
    name: UserName,
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    as_json: Json = False,
) -> None:
    """Make an account; prints its one-time password once."""
    with command_context() as context:
        made = administration.add_user(context.request, name=name, role=role)
    _print_password(made, as_json=as_json)


@app.command("disable")
def disable(name: UserName) -> None:
    """Refuse further logins of a person and end those that run."""
    with command_context() as context:
        account = administration.disable_user(context.request, name)
    typer.echo(f"{account.name} is disabled; all their logins have ended.")


@app.command("enable")
def enable(name: UserName, as_json: Json = False) -> None:
    """Let a disabled person in again; prints a new one-time password once."""
    with command_context() as context:
        made = administration.enable_user(context.request, name)
    _print_password(made, as_json=as_json)


@app.command("set-role")
def set_role(
    name: UserName,
    role: Annotated[Role, typer.Option(help="What the person may do from now on.")],
) -> None:
    """Give a person another role; all their logins end."""
    with command_context() as context:
        account = administration.change_role(context.request, name, role)
    typer.echo(f"{account.name} is {account.role} from the next login on.")


@app.command("reset-password")
def reset_password(name: UserName, as_json: Json = False) -> None:
    """Give a person a new one-time password; prints it once."""
    with command_context() as context:
        made = administration.reset_password(context.request, name)
    _print_password(made, as_json=as_json)


@app.command("reset-factors")
def reset_factors(name: UserName) -> None:
    """Remove the second factors of a person who lost them; all their logins end."""
    with command_context() as context:
        account = administration.reset_factors(context.request, name)
    typer.echo(f"{account.name} has no second factor any more; their logins ended.")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List every account with its role and state."""
    with command_context() as context:
        found = administration.list_accounts(context.request)
    if as_json:
        print_json(found)
        return
    width = max(len(account.name) for account in found)
    for account in found:
        typer.echo(f"{account.name:{width}}  {account.role:8}  {_state(account)}")


def _print_password(made: NewPassword, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "account": made.account,
                "one_time_password": made.password,
                "until_utc": made.until_utc,
            }
        )
        return
    typer.echo(f"{made.account.name} ({made.account.role}) logs in once with:")
    typer.echo(f"  {made.password}")
    typer.echo(
        f"It works until {made.until_utc:%Y-%m-%d %H:%M} UTC, must be changed at the"
        " first login and is not shown again."
    )


def _state(account: AccountView) -> str:
    if account.is_service:
        return "service account" if account.is_active else "disabled service account"
    if account.is_system:
        return "system"
    if not account.is_active:
        return "disabled"
    return "must change password" if account.must_change_password else "active"
