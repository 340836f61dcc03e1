"""Telemetry in: import of files and generation for the demo fleet, one batch each."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.carbon import CarbonScope, CarbonSignalKind
from core.errors import InvalidInput
from core.synthetic import RegionProfile, generate
from core.telemetry import (
    HOUR,
    Quantity,
    TelemetryFrame,
    ValidRange,
    hours_between,
    require_full_utc_hour,
)
from db.ingest import NewBatch, find_batch
from db.regions import StoredRegion, list_regions
from db.rejects import Reject, list_rejects
from db.telemetry_merge import settle_staged
from db.telemetry_staging import open_staging, stage_columns, stage_refusals, stage_rows
from orchestrator.regions.changes import insert_missing_regions
from orchestrator.telemetry.batches import (
    ImportSummary,
    Origin,
    SettledImport,
    finish_import,
)
from orchestrator.telemetry.place_bindings import require_own_place
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.frames import RowProgress
from orchestrator.telemetry.readers.options import ReadOptions, ReadRules
from orchestrator.telemetry.readers.rows import (
    BadFile,
    HourBlock,
    HourRow,
    ParsedRow,
    Reason,
    RefusedRow,
    RegionGate,
    RowRefused,
    TelemetryFile,
    refused_row,
)
from orchestrator.telemetry.readers.sources import open_source
from orchestrator.telemetry.readers.stamps import parse_zone
from orchestrator.use_cases import Done, Request, change, query

CHUNK_ROWS = 10_000
_GENERATOR = "generator"
_LABEL_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToImport:
    """A telemetry file and how to read it.

    Attributes
    ----------
    source : Path | BinaryIO
        A path, or an open binary stream such as an upload; gzip is recognised.
    label : str
        Names the source to people; never opened.
    region_slug : str | None
        For files that do not name their region; in those that do, the only one to
        take, except Electricity Maps, where the file's zone stands for it.
    time_zone : str | None
        IANA name or offset of timestamps that have none.
    carbon_kind : CarbonSignalKind | None
        What the carbon intensity means where the file does not say.
    options : ReadOptions
        What else is said of the file.
    binds_place : bool
        The region is bound to the place of the file, whatever it was bound to.
    largest_bytes : int | None
        The most that is read of it, unpacked; None for a file of the operator's own.
    takes : Mapping of str to frozenset of Quantity | None
        The quantities to take of each region, by slug; None for all of every region.
    """

    source: Path | BinaryIO
    label: str
    telemetry_format: TelemetryFormat
    region_slug: str | None = None
    time_zone: str | None = None
    carbon_kind: CarbonSignalKind | None = None
    origin: Origin = Origin.MEASURED
    options: ReadOptions = field(default_factory=ReadOptions)
    binds_place: bool = False
    largest_bytes: int | None = None
    takes: Mapping[str, frozenset[Quantity]] | None = None


@change(Permission.MANAGE_TELEMETRY, AuditAction.TELEMETRY_IMPORTED, repeat=None)
def import_telemetry(
    request: Request,
    file: FileToImport,
    *,
    ranges: Mapping[Quantity, ValidRange],
    on_progress: RowProgress | None = None,
) -> Done[ImportSummary]:
    """Import a file; the same file again changes nothing and says so.

    Raises
    ------
    Forbidden
        Without the right to manage telemetry.
    InvalidInput
        When the file as a whole cannot be read; single bad rows are kept as refused.
    """
    return read_and_store(request, file, ranges=ranges, on_progress=on_progress)


def read_and_store(
    request: Request,
    file: FileToImport,
    *,
    ranges: Mapping[Quantity, ValidRange],
    on_progress: RowProgress | None = None,
) -> Done[ImportSummary]:
    """Read the file, and store what it says as one batch."""
    session = request.session
    regions = list_regions(session, active_only=False)
    rules = read_rules(file, regions, request.now, ranges)
    open_staging(session)
    with open_source(file.source, largest_bytes=file.largest_bytes) as content:
        opened = open_telemetry_file(file.telemetry_format, content, rules)
        require_measured(opened, file)
        binding = require_own_place(
            session,
            opened,
            regions,
            region_slug=file.region_slug,
            binds_anew=file.binds_place,
        )
        passed_over = _stage(session, opened, regions, on_progress, file.takes)
        content_sha256 = content.finish_sha256()
    kind = str(opened.carbon_kind) if opened.carbon_kind else None
    settled = settle_staged(
        session, conflict_code=Reason.CONFLICTING_DUPLICATE, carbon_kind=kind
    )
    if not settled.counts.rows_read:
        about = f" about {file.region_slug}" if passed_over else ""
        message = f"The file has a header but no row{about}."
        raise BadFile(message)
    batch = NewBatch(
        source_label=_clean_label(file.label),
        format=opened.format,
        content_sha256=content_sha256,
        origin=file.origin.value,
        carbon_kind=kind,
        time_zone=file.time_zone if opened.uses_zone_given else None,
        region_slugs=list(settled.region_slugs),
        quantities=[
            quantity.value
            for quantity in opened.quantities
            if file.takes is None
            or any(quantity in taken for taken in file.takes.values())
        ],
        actor_id=request.actor.user_id,
    )
    settled_import = SettledImport(
        batch=batch,
        settled=settled,
        ignored_columns=opened.ignored_columns,
        passed_over=passed_over,
        notes=(*_notes(opened, file), *opened.findings.notes),
        place=opened.place,
        binding=binding,
        read_as=file.options.given(),
    )
    return finish_import(
        request, settled_import, action=AuditAction.TELEMETRY_IMPORTED, ranges=ranges
    )


@change(
    Permission.MANAGE_TELEMETRY,
    AuditAction.TELEMETRY_GENERATED,
    AuditAction.REGION_ADDED,
    repeat=None,
)
def generate_telemetry(
    request: Request,
    profiles: Sequence[RegionProfile],
    *,
    start_utc: datetime,
    end_utc: datetime,
    seed: int,
) -> Done[ImportSummary]:
    """Generate [start_utc, end_utc) for demo regions, adding those that are missing.

    Raises
    ------
    Forbidden
        Without the right to manage telemetry, or regions when one must be added.
    InvalidInput
        When hours to come are asked for, or a region holds measured telemetry.
    """
    session = request.session
    if not end_utc <= request.now:
        # An hour is known when it has ended, also one that is made up.
        message = f"{end_utc:%Y-%m-%d %H:%M} UTC is in the future; end by the present."
        raise InvalidInput(message)
    added = insert_missing_regions(session, request.actor, [p.region for p in profiles])
    regions = {
        stored.slug: stored for stored in list_regions(session, active_only=False)
    }
    open_staging(session)
    sha256 = hashlib.sha256()
    for profile in profiles:
        frame = generate(profile, start_utc, hours_between(start_utc, end_utc), seed)
        sha256.update(_frame_bytes(frame))
        stage_rows(session, _frame_rows(frame, regions[profile.region.slug].region_id))
    kind = str(CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE))
    settled = settle_staged(
        session, conflict_code=Reason.CONFLICTING_DUPLICATE, carbon_kind=kind
    )
    batch = NewBatch(
        source_label=f"generator, seed {seed}",
        format=_GENERATOR,
        content_sha256=sha256.hexdigest(),
        origin=Origin.SYNTHETIC.value,
        carbon_kind=kind,
        time_zone=None,
        region_slugs=list(settled.region_slugs),
        quantities=[
            quantity.value
            for quantity in Quantity
            if quantity is not Quantity.TEMPERATURE_MAX_C
        ],
        actor_id=request.actor.user_id,
    )
    return finish_import(
        request,
        SettledImport(batch=batch, settled=settled, regions_added=added),
        action=AuditAction.TELEMETRY_GENERATED,
    )


def day_range(end_day_utc: datetime, n_days: int) -> tuple[datetime, datetime]:
    """The `n_days` days before the full hour `end_day_utc`, as [start, end)."""
    require_full_utc_hour(end_day_utc)
    if not 1 <= n_days <= 36_600:
        message = f"{n_days} days were asked for; 1 to 36,600 can be generated."
        raise InvalidInput(message)
    return end_day_utc - timedelta(days=n_days), end_day_utc


@query(Permission.MANAGE_TELEMETRY)
def refused_rows(
    request: Request,
    batch_id: int,
    *,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[Reject]:
    """A page of the rows that an import refused, in the order of the file."""
    find_batch(request.session, batch_id)
    return list_rejects(request.session, batch_id, after=after, limit=limit)


def read_rules(
    file: FileToImport,
    regions: Sequence[StoredRegion],
    now_utc: datetime,
    ranges: Mapping[Quantity, ValidRange],
) -> ReadRules:
    """What a reader needs to know to judge the rows of `file`.

    Raises
    ------
    InvalidInput
        When the region asked for is unknown or takes no such rows, or the zone is none.
    """
    gate = _gate(file.origin, regions)
    region_deg = None
    if file.region_slug is not None:
        gate.require(file.region_slug)
        region_deg = next(
            (stored.region.latitude_deg, stored.region.longitude_deg)
            for stored in regions
            if stored.slug == file.region_slug
        )
    zone = parse_zone(file.time_zone) if file.time_zone else None
    return ReadRules(
        gate=gate,
        region_slug=file.region_slug,
        zone=zone,
        now_utc=now_utc,
        ranges=ranges,
        carbon_kind=file.carbon_kind,
        region_deg=region_deg,
        accepts_typical_years=file.origin is Origin.SYNTHETIC,
        options=file.options,
    )


def _gate(origin: Origin, regions: Sequence[StoredRegion]) -> RegionGate:
    """Measured telemetry goes to measured regions, made-up to made-up ones."""
    synthetic = origin is Origin.SYNTHETIC
    sentence = (
        "Region {} holds measured telemetry; generated data may not be mixed into it."
        if synthetic
        else "Region {} holds generated telemetry; measured data may not be mixed into"
        " it. Add a region of its own for them."
    )
    accepted = {r.slug for r in regions if r.region.is_synthetic is synthetic}
    refused = {
        r.slug: sentence.format(r.slug) for r in regions if r.slug not in accepted
    }
    return RegionGate(accepted, refused)


def require_measured(opened: TelemetryFile, file: FileToImport) -> None:
    """Refuse a year that never was, unless it is imported as synthetic.

    Raises
    ------
    BadFile
        For a typical year as measured telemetry.
    """
    if opened.is_typical_year and file.origin is Origin.MEASURED:
        message = (
            "The file is a typical year, made of several years: it was never measured"
            " and is not imported as if it were. Import it with --synthetic into a"
            " region of generated telemetry."
        )
        raise BadFile(message)


def as_measured(row: HourRow) -> HourRow:
    """The row as telemetry takes it: a forecast is refused, whatever its hour."""
    if isinstance(row, ParsedRow) and row.is_forecast:
        message = "The value is a forecast, not a measurement."
        refusal = RowRefused(Reason.FORECAST, message)
        return refused_row(row.line_number, refusal, row.raw_text, row.sample_count)
    return row


def _stage(
    session: Session,
    opened: TelemetryFile,
    regions: Sequence[StoredRegion],
    on_progress: RowProgress | None,
    takes: Mapping[str, frozenset[Quantity]] | None,
) -> int:
    """Stage every row in chunks; return how many were passed over."""
    region_ids = {stored.slug: stored.region_id for stored in regions}
    passed_over = rows_read = 0
    held: list[HourRow] = []
    # Values of a block are of every quantity: where some are not taken, go by rows.
    hours = opened.hours if takes is None else _taken(opened.rows, takes)
    for row in hours:
        if isinstance(row, HourBlock):
            _stage_block(session, row, region_ids)
            rows_read += len(row)
        else:
            held.append(as_measured(row))
            rows_read += 1
        is_full = len(held) >= CHUNK_ROWS
        if is_full:
            passed_over += _stage_rows(session, held, region_ids)
            held.clear()
        if on_progress is not None and (is_full or isinstance(row, HourBlock)):
            on_progress(rows_read)
    passed_over += _stage_rows(session, held, region_ids)
    if on_progress is not None and held:
        on_progress(rows_read)
    return passed_over


def _stage_block(
    session: Session, block: HourBlock, region_ids: Mapping[str, int]
) -> None:
    ids = np.array([region_ids[slug] for slug in block.slugs])
    stage_columns(
        session,
        line_numbers=block.line_numbers,
        region_ids=ids[block.codes],
        hours=block.hours,
        values=block.values,
        raw_texts=block.raw_texts.tolist(),
    )


def _stage_rows(
    session: Session, rows: Sequence[HourRow], region_ids: Mapping[str, int]
) -> int:
    """Stage rows one by one; return how many were passed over."""
    refused = [row for row in rows if isinstance(row, RefusedRow)]
    stage_rows(
        session,
        (
            (
                row.line_number,
                region_ids[row.region_slug],
                row.hour_utc,
                *row.values,
                row.is_estimated,
                row.raw_text,
            )
            for row in rows
            if isinstance(row, ParsedRow)
        ),
    )
    if refused:
        stage_refusals(session, (row[:4] for row in refused))
    return sum(row is None for row in rows)


def _taken(
    rows: Iterator[HourRow], takes: Mapping[str, frozenset[Quantity]]
) -> Iterator[HourRow]:
    return (_taken_of(row, takes) for row in rows)


def _taken_of(row: HourRow, takes: Mapping[str, frozenset[Quantity]]) -> HourRow:
    """The row with the values that are taken of its region; None without any."""
    if not isinstance(row, ParsedRow):
        return row
    taken = takes.get(row.region_slug, frozenset())
    values = tuple(
        value if quantity in taken else None
        for quantity, value in zip(Quantity, row.values, strict=True)
    )
    if all(value is None for value in values):
        return None
    return row._replace(values=values)


def _notes(opened: TelemetryFile, file: FileToImport) -> tuple[str, ...]:
    notes = []
    if file.time_zone and not opened.uses_zone_given:
        notes.append(f"Times in {opened.format} files need no --timezone: unused.")
    if opened.place is not None and file.region_slug not in {None, opened.place}:
        notes.append(f"The file is about {opened.place}, taken for {file.region_slug}.")
    return tuple(notes)


def _clean_label(label: str) -> str:
    printable = "".join(char if char.isprintable() else "�" for char in label)
    return printable.strip()[:_LABEL_CHARS] or "unnamed"


def _frame_rows(frame: TelemetryFrame, region_id: int) -> Iterator[Sequence[object]]:
    columns = [frame.column(quantity).tolist() for quantity in Quantity]
    for index, values in enumerate(zip(*columns, strict=True)):
        hour_utc = frame.start_utc + index * HOUR
        known = (None if math.isnan(value) else value for value in values)
        yield (index + 1, region_id, hour_utc, *known, False, "")


def _frame_bytes(frame: TelemetryFrame) -> bytes:
    head = f"{frame.region_slug} {frame.start_utc.isoformat()}\n".encode()
    return head + np.stack([frame.column(q) for q in Quantity]).tobytes()
