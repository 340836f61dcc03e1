"""`gfo forecast`: issue live forecasts, and hindcasts of past days."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.carbon import CarbonSignalKind
from core.days import full_hour
from core.errors import InvalidInput
from core.wording import listed
from db.regions import StoredRegion
from orchestrator.forecasts.retired import retire_all
from orchestrator.processes.connect import connected_runtime
from orchestrator.processes.terminal import (
    CLI_USER,
    CommandContext,
    Json,
    command_context,
    command_settings,
    parse_day,
    print_json,
    progress,
)
from orchestrator.regions.region_choice import active_regions, choose_region
from orchestrator.telemetry.readers.forecast_answers import PublishedFile
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.options import ReadOptions, parse_rates
from orchestrator.telemetry.readers.stamps import parse_zone
from orchestrator.telemetry.weather_forecast_imports import (
    import_published,
    import_weather_forecasts,
)

app = typer.Typer(help="Forecasts: issue now, or hindcast past days.")

RegionOption = Annotated[
    list[str] | None,
    typer.Option("--region", help="Slug of a region; repeatable. Default: all."),
]


@app.command("issue")
def issue(
    region: RegionOption = None,
    at: Annotated[
        str | None,
        typer.Option(help="Issue instant, ISO 8601 with offset. Default: this hour."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Issue forecasts for all targets and decide on them."""
    from orchestrator.cycle.issuance import (  # noqa: PLC0415 -- onnxruntime
        issue_live,
        require_no_hindcast,
    )
    from orchestrator.forecasts.model_cache import ModelCache  # noqa: PLC0415

    with command_context() as context:
        request = context.request
        issued_at_utc = full_hour(request.now) if at is None else _full_hour(at)
        if issued_at_utc > request.now:
            message = "A forecast cannot be issued in the future."
            raise InvalidInput(message)
        stored_regions = _regions(context, region)
        require_no_hindcast(context.session, stored_regions, issued_at_utc)
        summary = issue_live(
            request,
            ModelCache(),
            issued_at_utc=issued_at_utc,
            stored_regions=stored_regions,
        )
    if as_json:
        print_json(summary)
        return
    typer.echo(
        f"Issued {summary.issued}, refused {summary.refused}, already there"
        f" {summary.already_there}; {summary.decided} decisions stored for"
        f" {issued_at_utc:%Y-%m-%d %H:%M} UTC."
    )


@app.command("retire")
def retire(as_json: Json = False) -> None:
    """Delete forecasts that the policy keeps no longer, as the worker does each night.

    Those that a plan or a decision of a person rests on stay, and all temperatures.
    """
    with (
        command_settings() as settings,
        connected_runtime(settings, on_progress=progress) as runtime,
    ):
        retired = retire_all(runtime, CLI_USER)
    if as_json:
        print_json({"retired": retired})
        return
    typer.echo(f"{retired} forecasts were deleted.")


@app.command("hindcast")
def hindcast(
    since: Annotated[str, typer.Option("--from", help="First day (YYYY-MM-DD).")],
    until: Annotated[
        str | None, typer.Option(help="Day after the last. Default: today.")
    ] = None,
    region: RegionOption = None,
    compared: Annotated[
        bool,
        typer.Option(
            "--compared/--own-midnights",
            help="Store forecasts of every region's midnight too, as a shift or a plan"
            " of a past day needs them; one that is asked for makes its day.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """What the active model would have said on past days, scored by what happened."""
    from orchestrator.forecasts.hindcasts import hindcast_regions  # noqa: PLC0415 -- mapie
    from orchestrator.forecasts.model_cache import ModelCache  # noqa: PLC0415

    with command_context() as context:
        request = context.request
        summaries = hindcast_regions(
            request,
            ModelCache(),
            stored_regions=_regions(context, region),
            compared_with=active_regions(context.session) if compared else (),
            from_day=parse_day(since),
            until_day=parse_day(until) if until else request.now.date(),
            on_progress=progress,
        )
    if as_json:
        print_json(summaries)
        return
    for summary in summaries:
        typer.echo(
            f"{summary.region_slug}: {summary.forecasts_stored} forecasts stored,"
            f" {summary.windows_scored} windows scored,"
            f" {summary.windows_unscored} unscored, {summary.windows_refused} refused."
        )


@app.command("import")
def import_forecasts(
    file: Annotated[
        Path,
        typer.Argument(
            help="Tidy CSV of forecasts as issued, or gzip; with --known-at an answer"
            " of an API or a file of a market, in any format of telemetry."
        ),
    ],
    source: Annotated[
        str, typer.Option(help="Name of the source where the file does not say it.")
    ] = "file",
    known_at: Annotated[
        str | None,
        typer.Option(help="When such an answer came, ISO 8601 with offset."),
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Slug of the region that an answer is about.")
    ] = None,
    telemetry_format: Annotated[
        TelemetryFormat, typer.Option("--format", help="Format of such an answer.")
    ] = TelemetryFormat.AUTO,
    rate: Annotated[
        list[str] | None,
        typer.Option(help="CURRENCY=USD for one of it; may be given again."),
    ] = None,
    carbon: Annotated[
        str | None,
        typer.Option(help="What its carbon intensity means, as 'direct average'."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option("--timezone", help="Of its times without an offset."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Keep forecasts as issued: weather, carbon, load, prices that a market set.

    The same file again changes nothing.
    """
    with command_context() as context:
        if known_at is None:
            answer = import_weather_forecasts(
                context.request, file, label=file.name, source_name=source
            )
        else:
            if region is None:
                message = "An answer names no region; say which one with --region."
                raise InvalidInput(message)
            published = PublishedFile(
                content=_bytes_of(file),
                region_slug=choose_region(context.session, region).slug,
                known_at_utc=_instant(known_at),
                telemetry_format=telemetry_format,
                options=ReadOptions(rates_usd=parse_rates(rate or [])),
                carbon_kind=CarbonSignalKind.parse(carbon) if carbon else None,
                zone=parse_zone(time_zone) if time_zone else None,
            )
            answer = import_published(context.request, published, source_name=source)
    if as_json:
        print_json(answer)
        return
    for text in answer.first_refusals:
        typer.echo(text)
    refused = ", ".join(f"{count} {code}" for code, count in answer.refused.items())
    typer.echo(
        f"{answer.rows_read:,} rows, {answer.runs:,} runs of"
        f" {listed(answer.regions)}; {answer.columns_new:,} quantities of runs were"
        f" new. {answer.runs_unproved:,} runs cannot prove when they were known and"
        f" are not used. Not taken: {refused or 'nothing'}."
    )


def _regions(context: CommandContext, slugs: list[str] | None) -> list[StoredRegion]:
    if not slugs:
        return active_regions(context.session)
    return [choose_region(context.session, slug) for slug in slugs]


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as exc:
        message = f"{text!r} is not an instant; write it like 2023-08-15T05:00+00:00."
        raise InvalidInput(message) from exc
    if instant.tzinfo is None:
        message = f"{text!r} has no offset; write it like 2023-08-15T05:00+00:00."
        raise InvalidInput(message)
    return instant.astimezone(UTC)


def _full_hour(text: str) -> datetime:
    instant = _instant(text)
    if full_hour(instant) != instant:
        message = f"{text!r} is not a full hour."
        raise InvalidInput(message)
    return instant


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        message = f"{file} cannot be read: {exc.strerror}."
        raise InvalidInput(message) from exc
