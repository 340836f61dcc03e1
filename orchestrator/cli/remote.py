"""`gfo api`: the main use cases of a portal elsewhere, through its API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.errors import InvalidInput
from orchestrator.cli.api_client import ApiClient
from orchestrator.decisions.views import DecisionCard
from orchestrator.processes.terminal import Json, explained, parse_day, print_json

app = typer.Typer(help="Ask a portal elsewhere, through its API and with a token.")

RegionSlug = Annotated[str, typer.Argument(help="Slug of a region.")]
DayOption = Annotated[
    str | None, typer.Option(help="Local day (simulated). Default: next 24 h.")
]


@app.callback()
def connect(
    context: typer.Context,
    server: Annotated[
        str, typer.Option(envvar="GFO_API_SERVER", help="Address of the portal.")
    ],
    token_file: Annotated[
        Path, typer.Option(envvar="GFO_API_TOKEN_FILE", help="File with the token.")
    ],
) -> None:
    """Remember where to ask; a token on the command line would be seen by others."""
    context.obj = (server, token_file)


@contextmanager
def _client(context: typer.Context) -> Iterator[ApiClient]:
    server, token_file = context.obj
    with explained():
        try:
            token = token_file.read_text("ascii").strip()
        except (OSError, ValueError) as exc:
            message = f"The token cannot be read from {token_file}."
            raise InvalidInput(message) from exc
        with ApiClient(server, token) as client:
            yield client


@app.command("fleet")
def fleet(context: typer.Context, as_json: Json = False) -> None:
    """Regions with their verdicts."""
    with _client(context) as client:
        view = client.fleet()
    if as_json:
        print_json(view)
        return
    for row in view.rows:
        bound = "-" if row.day_bound_c is None else f"{row.day_bound_c:.1f} C"
        typer.echo(f"{row.region.slug}  {row.verdict.outcome}  {bound}")


@app.command("forecast")
def forecast(
    context: typer.Context,
    region: RegionSlug,
    day: DayOption = None,
    as_json: Json = False,
) -> None:
    """Forecast, bound and verdict of a region."""
    with _client(context) as client:
        view = client.forecast(region, parse_day(day) if day else None)
    if as_json:
        print_json(view)
        return
    typer.echo(
        f"{view.region.name}: {view.verdict.outcome}. {view.verdict.reason_text}"
    )


@app.command("what-if")
def what_if(
    context: typer.Context,
    source: Annotated[str, typer.Option(help="Slug of the region that gives load.")],
    shift: Annotated[float, typer.Option(help="Share of its load, percent.")],
    target: Annotated[
        str | None, typer.Option(help="Slug of the region that takes it.")
    ] = None,
    day: DayOption = None,
    hours: Annotated[
        str | None, typer.Option(help="Hours of its day, like 12-18. Default: all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge a shift and keep it as a what-if; exit code 1 when it is BLOCKED."""
    with _client(context) as client:
        card = client.what_if(
            source,
            target,
            shift,
            local_day=parse_day(day) if day else None,
            hours_of_day=hours,
        )
    _print_card(card, as_json=as_json)
    if card.verdict.outcome == "BLOCKED":
        raise typer.Exit(1)


@app.command("record")
def record(
    context: typer.Context,
    what_if_id: Annotated[int, typer.Argument(help="Number of the what-if.")],
    comment: Annotated[str, typer.Option(help="Comment on the decision.")] = "",
    as_json: Json = False,
) -> None:
    """Record a what-if so that it binds."""
    with _client(context) as client:
        outcome = client.record(what_if_id, comment)
        if outcome.card is None:
            message = "The verdict changed meanwhile; nothing was recorded."
            raise InvalidInput(message)
    _print_card(outcome.card, as_json=as_json)


@app.command("decisions")
def decisions(context: typer.Context, as_json: Json = False) -> None:
    """The newest decisions."""
    with _client(context) as client:
        page = client.decisions()
    if as_json:
        print_json(page)
        return
    for row in page.rows:
        typer.echo(
            f"{row.decision_id}  {row.created_at_utc:%Y-%m-%d %H:%M} UTC  {row.kind}"
            f"  {row.source.slug}  {row.shift_pct:g} %  {row.outcome}"
        )


def _print_card(card: DecisionCard, *, as_json: bool) -> None:
    if as_json:
        print_json(card)
        return
    typer.echo(f"{card.kind} {card.decision_id}: {card.verdict.outcome}")
    typer.echo(card.verdict.reason_text)
