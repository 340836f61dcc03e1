"""`gfo telemetry`: generate, import, withdraw; refused rows and suspect hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from core.carbon import CarbonSignalKind
from core.days import full_hour
from core.errors import InvalidInput
from core.telemetry import HOUR, Quantity
from core.wording import listed
from db.regions import StoredRegion
from orchestrator.forecasts.scoring import rescore_windows
from orchestrator.processes.connect import connected_runtime
from orchestrator.processes.terminal import (
    CLI_USER,
    FAILED,
    Json,
    command_context,
    command_settings,
    parse_day,
    print_json,
    progress,
)
from orchestrator.regions.region_choice import active_regions
from orchestrator.runtime import Runtime, utc_now
from orchestrator.telemetry.batches import ImportSummary, Origin
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.generated_files import write_generated_csv
from orchestrator.telemetry.imports import (
    FileToImport,
    day_range,
    generate_telemetry,
    import_telemetry,
    refused_rows,
)
from orchestrator.telemetry.inspections import Inspection, inspect_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.options import (
    DateOrder,
    DecimalMark,
    ReadOptions,
    StampAt,
    parse_pairs,
    parse_rates,
    parse_units,
)
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.suspect_hours import (
    accept_suspect_hours,
    judge_stored_hours,
    stored_span,
    suspect_hours,
)
from orchestrator.telemetry.withdrawals import withdraw_import

_JUDGED_AT_ONCE = timedelta(days=90)

app = typer.Typer(help="Telemetry: generate, import, withdraw, see refused rows.")

FormatOption = Annotated[
    TelemetryFormat,
    typer.Option("--format", help="Format of the file; auto finds it."),
]
FileRegionOption = Annotated[
    str | None,
    typer.Option(
        help="Region of files that name none, or whose name for it is another; of a"
        " file that names regions, the only one to take."
    ),
]
ZoneOption = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        help="What timestamps without an offset mean: an IANA name or -05:00.",
    ),
]
KindOption = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What the carbon intensity means where the file does not say: life-cycle"
        " or direct, marginal, market-based.",
    ),
]
StampOption = Annotated[
    StampAt | None,
    typer.Option("--stamp", help="Whether stamps begin or end their interval."),
]
DatesOption = Annotated[
    DateOrder | None,
    typer.Option("--dates", help="How dates are read that could be either."),
]
DecimalOption = Annotated[
    DecimalMark | None,
    typer.Option("--decimal", help="The decimal mark, where the file does not show."),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=MEANING",
        help="What a column means: timestamp, region or a quantity. Repeat for each.",
    ),
]
UnitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--unit",
        metavar="QUANTITY=UNIT",
        help="Unit of a quantity in the file, as in price_usd_mwh=EUR/kWh.",
    ),
]
RateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rate", metavar="CURRENCY=USD", help="USD for one of it, as in EUR=1.08."
    ),
]
PlaceOption = Annotated[
    str | None,
    typer.Option("--place", help="Zone, node or station of a file with several."),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Weather model of a file with several.")
]

BindOption = Annotated[
    bool,
    typer.Option(
        "--bind-place",
        help="Bind the region to the zone, node or station of the file, whatever it"
        " was bound to.",
    ),
]

_PROGRESS_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What became of one file of an import: a summary, or why there is none."""

    file: str
    summary: ImportSummary | None
    error: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether nothing of the file was taken because nothing of it was good."""
        return self.summary is None or self.summary.is_wholly_refused


@app.command()
def generate(
    regions: Annotated[
        int, typer.Option(help="How many regions of the demo fleet, from its first.")
    ] = 3,
    days: Annotated[int, typer.Option(help="How many days.")] = 1095,
    end: Annotated[
        str | None,
        typer.Option(
            help="UTC day (YYYY-MM-DD) at whose start it ends. Default: the present."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same telemetry.")
    ] = 7,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write a CSV file (.gz: compressed) instead of the database."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Generate hourly telemetry of the demo fleet, marked as synthetic."""
    if out is not None:
        with command_settings():
            start_utc, end_utc = _range(end, days, utc_now())
            n_rows = write_generated_csv(
                out,
                first_demo_profiles(regions),
                start_utc=start_utc,
                end_utc=end_utc,
                seed=seed,
            )
        if as_json:
            print_json({"file": str(out), "rows": n_rows})
        else:
            typer.echo(f"{out}: {n_rows:,} rows of generated telemetry.")
        return
    with command_context() as context:
        now_utc = context.runtime.clock()
        start_utc, end_utc = _range(end, days, now_utc)
        summary = generate_telemetry(
            context.request,
            first_demo_profiles(regions),
            start_utc=start_utc,
            end_utc=end_utc,
            seed=seed,
        )
    if as_json:
        print_json(summary)
    else:
        typer.echo(_described(summary))


@app.command("import")
def import_files(  # noqa: PLR0913, PLR0917 -- each is an option of the command
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Plain or gzip files.")
    ],
    telemetry_format: FormatOption = TelemetryFormat.AUTO,
    region: FileRegionOption = None,
    timezone: ZoneOption = None,
    carbon_kind: KindOption = None,
    stamp: StampOption = None,
    dates: DatesOption = None,
    decimal: DecimalOption = None,
    column: ColumnOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    place: PlaceOption = None,
    model: ModelOption = None,
    bind_place: BindOption = False,
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="The files hold generated telemetry."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Import telemetry files; the same file again changes nothing.

    Each file is taken in one transaction of its own. Ends with 1 when a file as a
    whole was refused, 2 when the command was wrong.
    """
    outcomes: list[FileOutcome] = []
    with (
        command_settings() as settings,
        connected_runtime(settings, on_progress=progress) as runtime,
    ):
        options = _options(
            stamp, dates, decimal, column, unit, rate, place=place, model=model
        )
        for path in files:
            file = FileToImport(
                source=path,
                label=path.name,
                telemetry_format=telemetry_format,
                region_slug=region,
                time_zone=timezone,
                carbon_kind=CarbonSignalKind.parse(carbon_kind)
                if carbon_kind
                else None,
                options=options,
                binds_place=bind_place,
                origin=Origin.SYNTHETIC if synthetic else Origin.MEASURED,
            )
            outcome = _import_one(runtime, file, path)
            outcomes.append(outcome)
            if not as_json:
                _print_outcome(outcome)
    if as_json:
        print_json(outcomes)
    if any(outcome.is_failure for outcome in outcomes):
        raise typer.Exit(FAILED)


@app.command()
def inspect(  # noqa: PLR0913, PLR0917 -- what an import takes
    file: Annotated[Path, typer.Argument(help="Plain or gzip file.")],
    telemetry_format: FormatOption = TelemetryFormat.AUTO,
    region: FileRegionOption = None,
    timezone: ZoneOption = None,
    carbon_kind: KindOption = None,
    stamp: StampOption = None,
    dates: DatesOption = None,
    decimal: DecimalOption = None,
    column: ColumnOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    place: PlaceOption = None,
    model: ModelOption = None,
    bind_place: BindOption = False,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="The file holds generated telemetry.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what a file is, how an import would read it, and what is odd.

    Stores nothing. Ends with 2 when the file as a whole would be refused.
    """
    with command_context() as context:
        inspection = inspect_telemetry(
            context.request,
            FileToImport(
                source=file,
                label=file.name,
                telemetry_format=telemetry_format,
                region_slug=region,
                time_zone=timezone,
                carbon_kind=CarbonSignalKind.parse(carbon_kind)
                if carbon_kind
                else None,
                options=_options(
                    stamp, dates, decimal, column, unit, rate, place=place, model=model
                ),
                binds_place=bind_place,
                origin=Origin.SYNTHETIC if synthetic else Origin.MEASURED,
            ),
            ranges=context.runtime.settings.valid_ranges(),
        )
    if as_json:
        print_json(inspection)
    else:
        typer.echo(_inspected(inspection))


def _options(
    stamp: StampAt | None,
    dates: DateOrder | None,
    decimal: DecimalMark | None,
    columns: list[str] | None,
    units: list[str] | None,
    rates: list[str] | None,
    *,
    place: str | None,
    model: str | None,
) -> ReadOptions:
    return ReadOptions(
        stamp_at=stamp,
        date_order=dates,
        decimal_mark=decimal,
        columns=parse_pairs(columns or (), "Column"),
        units=parse_units(units or ()),
        rates_usd=parse_rates(rates or ()),
        place=place,
        model=model,
    )


def _inspected(inspection: Inspection) -> str:
    """The inspection that a person reads."""
    lines = [
        f"{inspection.label}: {inspection.format} ({inspection.format_words})",
        f"  granularity {' and '.join(inspection.granularity) or 'not known'}",
        f"  times       {inspection.time_zone}",
    ]
    if inspection.place:
        lines.append(f"  place       {inspection.place}")
    lines.append(f"  regions     {', '.join(inspection.region_slugs) or 'none'}")
    if inspection.carbon_kind:
        lines.append(f"  carbon      {inspection.carbon_kind}")
    lines += [
        f"  column      {column.name} is {column.quantity}, in {column.unit}"
        for column in inspection.columns
    ]
    if inspection.ignored_columns:
        lines.append(f"  ignored     {', '.join(inspection.ignored_columns)}")
    if inspection.first_hour_utc and inspection.last_hour_utc:
        lines.append(
            f"  hours       {inspection.first_hour_utc:%Y-%m-%d %H:%M} to"
            f" {inspection.last_hour_utc:%Y-%m-%d %H:%M} UTC"
        )
    passed_over = inspection.rows_passed_over
    lines.append(
        f"  would take  {inspection.hours_accepted:,} hours, refuse"
        f" {inspection.hours_refused:,}, pass over {passed_over:,} rows"
    )
    for row in inspection.first_rows:
        values = ", ".join(f"{name} {value:g}" for name, value in row.values.items())
        lines.append(
            f"  line {row.line_number:<6} {row.hour_utc:%Y-%m-%d %H:%M} UTC"
            f" {row.region_slug}: {values}"
        )
    lines += [f"  odd         {sentence}" for sentence in inspection.odd]
    return "\n".join(lines)


@app.command()
def rejects(
    batch_id: Annotated[int, typer.Argument(help="Batch named by the import.")],
    limit: Annotated[int, typer.Option(help="How many rows, 1 to 1,000.")] = 50,
    after_line: Annotated[
        int, typer.Option(help="Continue after this line of the file.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Show the rows that an import refused, with line number and reason."""
    with command_context() as context:
        page = refused_rows(
            context.request,
            batch_id,
            after=(after_line, 2**62),
            limit=limit,
        )
    if as_json:
        print_json(page)
        return
    for reject in page:
        typer.echo(f"line {reject.line_number}: {reject.reason}\n    {reject.raw_text}")
    if len(page) == limit:
        typer.echo(
            f"More may follow; continue with --after-line {page[-1].line_number}."
        )
    if not page:
        typer.echo("No refused rows.")


@app.command()
def withdraw(
    batch_id: Annotated[int, typer.Argument(help="Batch named by the import.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit history.")],
    as_json: Json = False,
) -> None:
    """Withdraw an import: what it replaced comes back, what rested on it is named."""
    with command_context() as context:
        ranges = context.runtime.settings.valid_ranges()
        done = withdraw_import(context.request, batch_id, reason=reason, ranges=ranges)
    if as_json:
        print_json(done)
    else:
        typer.echo(done.sentence)


@app.command()
def quality(
    region: Annotated[str | None, typer.Option(help="Only this region.")] = None,
    limit: Annotated[int, typer.Option(help="How many hours, 1 to 1,000.")] = 50,
    as_json: Json = False,
) -> None:
    """List suspect and bad hours, newest first, each with its reason."""
    with command_context() as context:
        found = suspect_hours(context.request, region_slug=region, limit=limit)
    if as_json:
        print_json(found)
        return
    for one in found:
        typer.echo(
            f"{one.hour_utc:%Y-%m-%d %H:%M} UTC {one.region_slug} {one.quantity}"
            f" {one.quality} ({one.rule}): {one.text}"
        )
    if not found:
        typer.echo("No suspect hours.")


@app.command()
def judge(
    region: Annotated[str | None, typer.Option(help="Only this region.")] = None,
    start: Annotated[
        str | None, typer.Option(help="First hour, UTC; else the first stored.")
    ] = None,
) -> None:
    """Judge stored hours again by the checks of this release. Audited.

    For telemetry that came before a check existed. Region by region in steps of
    ninety days, each committed for itself; run it again to go on.
    """
    with (
        command_settings() as settings,
        connected_runtime(settings, on_progress=progress) as runtime,
    ):
        with runtime.transaction() as session:
            found = active_regions(session)
        for stored in found:
            if region is None or stored.region.slug == region:
                _judge_region(runtime, stored, _hour(start) if start else None)
        if region is not None and region not in {one.slug for one in found}:
            message = f"There is no active region {region}."
            raise InvalidInput(message)


def _judge_region(
    runtime: Runtime, stored: StoredRegion, start_utc: datetime | None
) -> None:
    slug = stored.region.slug
    with runtime.request_as(CLI_USER) as request:
        span = stored_span(request, slug)
    if span is None:
        typer.echo(f"{slug}: no telemetry.")
        return
    begin, end_utc = max(start_utc or span[0], span[0]), span[1]
    suspect = changed = 0
    while begin < end_utc:
        until = min(begin + _JUDGED_AT_ONCE, end_utc)
        with runtime.request_as(CLI_USER) as request:
            judged = judge_stored_hours(
                request,
                region_slug=slug,
                start_utc=begin,
                end_utc=until,
                ranges=runtime.settings.valid_ranges(),
            )
            if judged.changed:
                rescore_windows(request, stored, first_utc=begin, last_utc=until - HOUR)
        suspect, changed = suspect + judged.suspect, changed + judged.changed
        progress(f"{slug}: judged up to {until:%Y-%m-%d %H:%M} UTC…")
        begin = until
    typer.echo(f"{slug}: {suspect:,} values are suspect, {changed:,} verdicts changed.")


@app.command()
def accept(
    region: Annotated[str, typer.Option(help="Region.")],
    quantity: Annotated[Quantity, typer.Option(help="Quantity.")],
    start: Annotated[str, typer.Option(help="First hour, UTC: 2023-08-08T15:00.")],
    end: Annotated[str, typer.Option(help="End of the last hour, UTC.")],
    reason: Annotated[str, typer.Option(help="Why the values are right.")],
) -> None:
    """Accept suspect hours: they count as good until they are corrected. Audited."""
    with command_context() as context:
        count = accept_suspect_hours(
            context.request,
            region_slug=region,
            quantity=quantity,
            start_utc=_hour(start),
            end_utc=_hour(end),
            reason=reason,
            ranges=context.runtime.settings.valid_ranges(),
        )
    typer.echo(
        f"{count} suspect hours of {quantity} of {region} are accepted; the next issue"
        " uses them."
    )


def _hour(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as exc:
        message = f"{text!r} is no time; write it as 2023-08-08T15:00."
        raise InvalidInput(message) from exc
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _range(end: str | None, days: int, now_utc: datetime) -> tuple[datetime, datetime]:
    if end is None:
        return day_range(full_hour(now_utc), days)
    return day_range(datetime.combine(parse_day(end), time(), tzinfo=UTC), days)


def _import_one(runtime: Runtime, file: FileToImport, path: Path) -> FileOutcome:
    try:
        with runtime.request_as(CLI_USER) as request:
            summary = import_telemetry(
                request,
                file,
                ranges=runtime.settings.valid_ranges(),
                on_progress=_RowProgress(path.name),
            )
    except BadFile as exc:
        return FileOutcome(file=str(path), summary=None, error=exc.message)
    return FileOutcome(file=str(path), summary=summary)


class _RowProgress:
    """Tells a person every so many rows how far a long import has come."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told = 0

    def __call__(self, rows_read: int) -> None:
        if rows_read - self._told >= _PROGRESS_ROWS:
            self._told = rows_read
            progress(f"{self._name}: {rows_read:,} rows read…")


def _print_outcome(outcome: FileOutcome) -> None:
    if outcome.summary is not None:
        typer.echo(_described(outcome.summary))
    else:
        typer.secho(
            f"{outcome.file}: refused. {outcome.error}", err=True, fg=typer.colors.RED
        )


def _described(summary: ImportSummary) -> str:
    """The summary that a person reads."""
    counts = summary.counts
    rows = (
        f"{counts.rows_read:,} read: {counts.rows_inserted:,} inserted,"
        f" {counts.rows_updated:,} updated, {counts.rows_unchanged:,} unchanged,"
        f" {counts.rows_refused:,} refused"
    )
    lines = [
        f"{summary.label} (batch {summary.batch_id})",
        f"  format      {summary.format}",
        f"  rows        {rows}",
    ]
    if summary.place:
        lines.append(f"  place       {summary.place}")
    if counts.first_hour_utc and counts.last_hour_utc:
        lines.append(
            f"  hours       {counts.first_hour_utc:%Y-%m-%d %H:%M} to"
            f" {counts.last_hour_utc:%Y-%m-%d %H:%M} UTC"
        )
    lines.append(f"  regions     {listed(summary.region_slugs)}")
    lines.append(f"  quantities  {', '.join(summary.quantities)}")
    if summary.ignored_columns:
        lines.append(f"  ignored     {', '.join(summary.ignored_columns)}")
    if summary.rows_passed_over:
        lines.append(f"  passed over {summary.rows_passed_over:,} of other regions")
    if summary.duplicate_count:
        lines.append(f"  duplicates  {summary.duplicate_count:,}, counted unchanged")
    lines += [
        f"  refused     {refusal.row_count:,} x {refusal.reason_code}, first in line"
        f" {refusal.first_line_number}: {refusal.example}"
        for refusal in summary.top_refusals
    ]
    if counts.rows_refused:
        lines.append(f"  see them    gfo telemetry rejects {summary.batch_id}")
    lines += [f"  note        {note}" for note in summary.notes]
    return "\n".join(lines)
