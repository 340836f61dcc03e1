"""`gfo run | install | serve | worker | demo | doctor`: the long-running processes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from core.errors import FleetError
from db import migrate
from orchestrator.logs import get_logger
from orchestrator.operations.safeguards import Finding
from orchestrator.processes.connect import (
    connected_runtime,
    database_urls,
    open_runtime,
    require_running_database,
)
from orchestrator.processes.process_tree import follow_parent
from orchestrator.processes.terminal import (
    FAILED,
    Json,
    command_context,
    command_settings,
    print_json,
    say,
)

log = get_logger(__name__)


def run() -> None:
    """Everything at once: database, migrations, demo fleet, worker, web server."""
    from orchestrator.processes.supervisor import supervise  # noqa: PLC0415 -- only here

    with command_settings(is_service=True) as settings:
        supervise(settings)


def install() -> None:
    """Migrate, and give an empty database its first policy and its first admin.

    For a server of your own, before web and workers start; may be repeated.
    """
    from orchestrator.operations import installation  # noqa: PLC0415 -- only here

    with (
        command_settings(is_service=True) as settings,
        database_urls(settings, on_progress=say) as urls,
    ):
        password = installation.install(settings, urls)
        file = settings.data_dir / installation.PASSWORD_FILE
        say(f"The schema is at revision {migrate.current_revision(urls.owner)}.")
        if password is not None:
            say(f"The one-time password of {settings.admin_name} is in {file}.")


def serve() -> None:
    """The web server alone, beside a database and a worker that run already."""
    from orchestrator.processes.listen_address import require_free_port  # noqa: PLC0415
    from orchestrator.processes.supervisor import web_arguments  # noqa: PLC0415 -- only here

    with command_settings(is_service=True) as settings:
        require_free_port(settings.host, settings.port)
        require_running_database(settings)
        arguments = [sys.executable, "-m", "gunicorn", *web_arguments(settings)]
        os.execv(sys.executable, arguments)  # noqa: S606 -- our own program


def work() -> None:
    """A worker alone: hourly forecasts and decisions, and queued jobs.

    Several may run, on one machine or on many: they share the jobs.
    """
    follow_parent()
    from orchestrator.processes.worker import run_worker  # noqa: PLC0415 -- only here

    with command_settings(is_service=True) as settings:
        require_running_database(settings)
        runtime = open_runtime(
            settings, statement_timeout_s=None, application_name="gfo-worker"
        )
        try:
            run_worker(runtime)
        except FleetError:
            raise
        except Exception as exc:
            # A bug; its traceback is a field of a log line, not lines between them.
            log.exception("worker_failed")
            raise typer.Exit(FAILED) from exc
        finally:
            runtime.engine.dispose()


def demo(
    n_regions: Annotated[
        int, typer.Option("--regions", help="How many demo regions.")
    ] = 6,
    n_days: Annotated[
        int, typer.Option("--days", help="Days of telemetry up to now.")
    ] = 1095,
) -> None:
    """Make the demo fleet: synthetic telemetry, trained models, hindcasts."""
    follow_parent()
    from orchestrator.operations.demo import make_demo_fleet  # noqa: PLC0415 -- heavy

    with (
        command_settings() as settings,
        connected_runtime(settings, on_progress=say) as runtime,
    ):
        make_demo_fleet(runtime, n_regions=n_regions, n_days=n_days, on_progress=say)


def doctor(as_json: Json = False) -> None:
    """Look over the installation: settings, secrets, database, chain, model, data."""
    from orchestrator.operations.doctor import examine  # noqa: PLC0415

    with command_context() as context:
        runtime = context.runtime
        findings = examine(
            runtime.settings, context.session, os.environ, runtime.clock()
        )
    _print_report(findings, as_json=as_json)


def _print_report(findings: list[Finding], *, as_json: bool) -> None:
    """Print the findings; exit code 1 when one is not sound."""
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            mark = "ok  " if finding.is_sound else "LOOK"
            typer.echo(f"{mark}  {finding.name}: {finding.text}")
    if not all(finding.is_sound for finding in findings):
        raise typer.Exit(FAILED)
