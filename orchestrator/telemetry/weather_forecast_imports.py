"""Weather forecasts in: files of runs as issued, kept for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from core.access import Permission
from core.audit import AuditAction
from core.carbon import CarbonSignalKind
from core.days import WINDOW_H, full_hour
from core.errors import InvalidInput
from core.telemetry import HOUR
from core.weather_runs import BIAS_DAYS, MAX_RUN_AGE_H, IssuedRun
from core.wording import listed
from db import plain_fits
from db.regions import list_regions
from db.telemetry import carbon_kinds
from db.weather_forecasts import insert_runs
from orchestrator.jobs import queue_forecasts
from orchestrator.telemetry.readers.forecast_answers import (
    PublishedFile,
    tidy_forecasts,
)
from orchestrator.telemetry.readers.forecast_files import read_weather_forecasts
from orchestrator.use_cases import Done, Event, Request, change

_IN_FUTURE = "issued_in_the_future"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastImport:
    """What an import of weather forecasts gave.

    Attributes
    ----------
    runs, runs_unproved : int
        Runs of the file, and those that cannot prove when they were known.
    columns_new : int
        Quantities of runs that were not stored yet; 0 when the file was there already.
    refused : dict of str to int
        Rows, values and runs that were not taken, by reason.
    """

    content_sha256: str
    regions: tuple[str, ...]
    rows_read: int
    runs: int
    runs_unproved: int
    columns_new: int
    first_issue_utc: datetime | None
    last_issue_utc: datetime | None
    refused: dict[str, int]
    first_refusals: tuple[str, ...]


@change(
    Permission.MANAGE_TELEMETRY, AuditAction.WEATHER_FORECASTS_IMPORTED, repeat=None
)
def import_weather_forecasts(
    request: Request, source: Path | BinaryIO, *, label: str, source_name: str = "file"
) -> Done[ForecastImport]:
    """Store the runs of a file as issued; the same file again changes nothing.

    A run that cannot prove when it was known is stored without that instant, and never
    used unless a command asks for it. When a run is new enough to be used, the worker
    makes the forecasts of this hour again.

    Parameters
    ----------
    label : str
        Names the file to people; never opened.
    source_name : str
        Names the source of runs that do not say theirs.

    Raises
    ------
    Forbidden
        Without the right to manage telemetry.
    InvalidInput
        When the file as a whole cannot be read, or nothing in it could be taken.
    """
    return read_and_store_runs(request, source, label=label, source_name=source_name)


@change(
    Permission.MANAGE_TELEMETRY, AuditAction.WEATHER_FORECASTS_IMPORTED, repeat=None
)
def import_published(
    request: Request, published: PublishedFile, *, source_name: str
) -> Done[ForecastImport]:
    """Store what was published about a region; the same again changes nothing.

    For collectors: the bytes as they came, and when. See `forecast_answers` for what is
    recognised.

    Raises
    ------
    Forbidden, InvalidInput
        As `import_weather_forecasts`; and when its carbon intensity is of another kind
        than that of the region's telemetry.
    """
    tidy = tidy_forecasts(published)
    digest = sha256(published.content).hexdigest()
    return read_and_store_runs(
        request,
        BytesIO(tidy.file),
        label=f"answer with SHA-256 {digest}",
        source_name=source_name,
        carbon_kind=tidy.carbon_kind,
    )


def read_and_store_runs(
    request: Request,
    source: Path | BinaryIO,
    *,
    label: str,
    source_name: str,
    carbon_kind: CarbonSignalKind | None = None,
) -> Done[ForecastImport]:
    """Read the file, and store its runs; `carbon_kind` where it is known."""
    stored = list_regions(request.session, active_only=False)
    region_ids = {item.slug: item.region_id for item in stored}
    file = read_weather_forecasts(
        source,
        {item.slug: item.region.time_zone for item in stored},
        default_source=_source_name(source_name),
    )
    refused = Counter(file.refused)
    kept: list[tuple[str, IssuedRun]] = []
    for slug, runs in file.runs.items():
        came = [run for run in runs if _has_come(run, request.now)]
        refused[_IN_FUTURE] += len(runs) - len(came)
        kept += [(slug, run) for run in came]
    if carbon_kind is not None:
        _require_same_carbon(request, list(file.runs), str(carbon_kind))
    issues = sorted(run.issued_at_utc for _, run in kept)
    answer = ForecastImport(
        content_sha256=file.sha256,
        regions=tuple(sorted({slug for slug, _ in kept})),
        rows_read=file.row_count,
        runs=len(kept),
        runs_unproved=sum(run.known_at_utc is None for _, run in kept),
        columns_new=insert_runs(
            request.session, ((region_ids[slug], run) for slug, run in kept)
        ),
        first_issue_utc=issues[0] if issues else None,
        last_issue_utc=issues[-1] if issues else None,
        refused={code: count for code, count in sorted(refused.items()) if count},
        first_refusals=tuple(file.first_refusals),
    )
    if answer.columns_new:
        taken = {region_ids[slug] for slug, _ in kept}
        plain_fits.forget_fits(request.session, taken, issues[0])
        if request.now - issues[-1] <= MAX_RUN_AGE_H * HOUR:
            queue_forecasts(request.session, issued_at_utc=full_hour(request.now))
    return Done(answer=answer, events=tuple(_events(answer, label)))


def _require_same_carbon(request: Request, slugs: Sequence[str], kind: str) -> None:
    """Refuse a forecast of another carbon intensity than the telemetry holds."""
    start = request.now - BIAS_DAYS * WINDOW_H * HOUR
    found = carbon_kinds(request.session, slugs, start, request.now)
    for slug, kinds in found.items():
        held = kinds - {None}
        if held and kind not in held:
            message = (
                f"The forecast is of {kind} carbon intensity; the telemetry of {slug}"
                f" holds {listed(sorted(map(str, held)))}. They cannot stand for each"
                " other: take both from one source."
            )
            raise InvalidInput(message)


def _has_come(run: IssuedRun, now: datetime) -> bool:
    return run.issued_at_utc <= now and (
        run.known_at_utc is None or run.known_at_utc <= now
    )


def _source_name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= 60 or not name.isprintable():
        message = "The name of a source has 1 to 60 printable characters."
        raise InvalidInput(message)
    return name


def _events(answer: ForecastImport, label: str) -> tuple[Event, ...]:
    """None when the file was there already."""
    if not answer.columns_new:
        return ()
    facts = {
        name: getattr(answer, name)
        for name in ForecastImport.__slots__
        if name != "first_refusals"
    }
    return (
        Event(
            action=AuditAction.WEATHER_FORECASTS_IMPORTED,
            object_type="weather_forecast",
            object_id=answer.content_sha256,
            after={"file": label, **facts},
        ),
    )
