"""The `gfo` command."""

from __future__ import annotations

import typer

from orchestrator.cli import (
    approval,
    audit,
    backtests,
    database,
    decisions,
    feed,
    forecast,
    models,
    plans,
    policy,
    processes,
    region,
    remote,
    telemetry,
    token,
    user,
    webhook,
)

app = typer.Typer(
    name="gfo",
    help="Global Fleet Orchestrator: forecast, decide and account for a fleet.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("run")(processes.run)
app.command("install")(processes.install)
app.command("serve")(processes.serve)
app.command("worker")(processes.work)
app.command("demo")(processes.demo)
app.command("doctor")(processes.doctor)
app.command("train")(models.train)
app.command("backtest")(backtests.backtest)
app.command("decide")(decisions.decide)
app.command("backtest-plan")(backtests.backtest_plan)
app.command("optimize")(plans.optimize)
app.add_typer(database.app, name="db")
app.add_typer(region.app, name="region")
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.add_typer(remote.app, name="api")
app.add_typer(telemetry.app, name="telemetry")
app.add_typer(feed.app, name="feed")
app.add_typer(models.app, name="model")
app.add_typer(forecast.app, name="forecast")
app.add_typer(decisions.app, name="decision")
app.add_typer(plans.app, name="plan")
app.add_typer(policy.app, name="policy")
app.add_typer(approval.app, name="approval")
app.add_typer(audit.app, name="audit")
app.add_typer(webhook.app, name="webhook")


def main() -> None:
    """Entry point of the `gfo` script."""
    app()
