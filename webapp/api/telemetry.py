"""Endpoints that take telemetry, and of what was imported."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, BinaryIO

from pydantic import Field, create_model

from core.access import Permission
from core.telemetry import Quantity
from orchestrator.telemetry.import_pages import (
    RejectFilter,
    import_row,
    imports_page,
    refused_csv,
    refused_page,
)
from orchestrator.telemetry.imports import FileToImport
from orchestrator.telemetry.inspections import Inspection, inspect_telemetry
from orchestrator.telemetry.suspect_hours import (
    FindingView,
    accept_suspect_hours,
    suspect_hours,
)
from orchestrator.telemetry.uploads import UploadOutcome, import_upload
from orchestrator.telemetry.views import ImportRow, ImportsPage, RefusedPage
from orchestrator.telemetry.withdrawals import Withdrawal, withdraw_import
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api, Instant, PageSize, Sent, Slug
from webapp.telemetry_upload import LARGEST_FILE_BYTES, described

MANAGE = Permission.MANAGE_TELEMETRY
MOST_HOURS = 50_000

_VALUES: dict[str, Any] = {
    quantity.value: (float | None, None) for quantity in Quantity
}
TelemetryHour: Any = create_model(
    "TelemetryHour",
    __base__=Sent,
    __doc__="Measured values of a region in the hour that begins at `hour_utc`.",
    region_slug=(Slug, ...),
    hour_utc=(Instant, ...),
    **_VALUES,
)
TelemetryHours = Annotated[
    list[TelemetryHour], Field(min_length=1, max_length=MOST_HOURS)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFields:
    """What is said of a file, where the file does not say it."""

    format: str = "auto"
    region: str | None = None
    time_zone: str | None = None
    carbon_kind: str | None = None
    stamp: str | None = None
    dates: str | None = None
    decimal: str | None = None
    columns: str | None = None
    units: str | None = None
    rates: str | None = None
    place: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedHours:
    """How many hours count as good from now on."""

    count: int


def add_telemetry(api: Api) -> None:
    """Push telemetry, and see what became of it."""
    ranges = api.runtime.settings.valid_ranges()
    take = partial(api.post, needs=MANAGE, most_bytes=LARGEST_FILE_BYTES)

    @take("/telemetry/files", takes="application/octet-stream")
    def import_telemetry_file(
        asked: Request,
        content: BinaryIO,
        said: FileFields,
        label: str = "sent by the API",
    ) -> UploadOutcome:
        """Import a file of any known format, CSV or JSON, gzip or not.

        What is said of it is the same as on the Telemetry page; several columns, units
        or rates are lines of one text.
        """
        return import_upload(asked, content, _file(content, label, said), ranges=ranges)

    @take("/telemetry/inspections", takes="application/octet-stream")
    def inspect_telemetry_file(
        asked: Request,
        content: BinaryIO,
        said: FileFields,
        label: str = "sent by the API",
    ) -> Inspection:
        """How a file would be read, and what is odd about it; stores nothing."""
        return inspect_telemetry(asked, _file(content, label, said), ranges=ranges)

    @take("/telemetry/hours")
    def push_telemetry_hours(
        asked: Request, hours: TelemetryHours, label: str = "pushed by the API"
    ) -> UploadOutcome:
        """Import measured hours; the guards of every import judge them."""
        content = _as_csv(hours)
        file = described(content, label, {"format": "csv"})
        return import_upload(asked, content, file, ranges=ranges)

    _add_imports(api)
    _add_quality(api)


def _add_imports(api: Api) -> None:
    ranges = api.runtime.settings.valid_ranges()

    @api.get("/telemetry/imports", MANAGE)
    def list_imports(asked: Request, before_id: int | None = None) -> ImportsPage:
        """One page of imports; `before_id` is `next_before_id` of the one before."""
        return imports_page(asked, before_id=before_id)

    @api.get("/telemetry/imports/<batch_id>", MANAGE)
    def get_import(asked: Request, batch_id: int) -> ImportRow:
        """One import with its counts."""
        return import_row(asked, batch_id)

    @api.get("/telemetry/imports/<batch_id>/refused", MANAGE)
    def list_refused_rows(
        asked: Request,
        batch_id: int,
        after_line: int | None = None,
        after_id: int | None = None,
    ) -> RefusedPage:
        """Rows that an import refused; `next_after` is where the next page begins."""
        after = None if after_line is None else (after_line, after_id or 0)
        return refused_page(asked, batch_id, after=after)

    @api.post("/telemetry/imports/<batch_id>/refused/exports", MANAGE, gives="text/csv")
    def export_refused_rows(
        asked: Request, batch_id: int, chosen: RejectFilter, last_first: bool = False
    ) -> bytes:
        """Refused rows as CSV. The export is audited."""
        return refused_csv(asked, batch_id, chosen, last_first=last_first).text.encode()

    @api.post("/telemetry/imports/<batch_id>/withdrawal", MANAGE)
    def withdraw_one_import(asked: Request, batch_id: int, reason: str) -> Withdrawal:
        """Withdraw an import: values that it replaced come back, others go missing."""
        return withdraw_import(asked, batch_id, reason=reason, ranges=ranges)


def _add_quality(api: Api) -> None:
    ranges = api.runtime.settings.valid_ranges()

    @api.get("/telemetry/suspect-hours", Permission.VIEW_FLEET)
    def list_suspect_hours(
        asked: Request,
        region_slug: Slug | None = None,
        start_utc: datetime | None = None,
        end_utc: datetime | None = None,
        limit: PageSize = 100,
    ) -> list[FindingView]:
        """Suspect and bad hours, newest first, each with its reason."""
        return suspect_hours(
            asked,
            region_slug=region_slug,
            start_utc=start_utc,
            end_utc=end_utc,
            limit=limit,
        )

    @api.post("/telemetry/suspect-hours/acceptances", Permission.DECIDE)
    def accept_hours(
        asked: Request,
        region_slug: Slug,
        start_utc: datetime,
        end_utc: datetime,
        reason: str,
        quantity: Quantity = Quantity.TEMPERATURE_C,
    ) -> AcceptedHours:
        """Accept the suspect and bad hours of [start_utc, end_utc) as good."""
        count = accept_suspect_hours(
            asked,
            region_slug=region_slug,
            quantity=quantity,
            start_utc=start_utc,
            end_utc=end_utc,
            reason=reason,
            ranges=ranges,
        )
        return AcceptedHours(count=count)


def _file(content: BinaryIO, label: str, said: FileFields) -> FileToImport:
    given = {name: text for name, text in asdict(said).items() if text is not None}
    return described(content, label, given)


def _as_csv(hours: list[Any]) -> io.BytesIO:
    """The hours as a file of the portal's own format, with what any of them has.

    Stamps are in UTC, as the import reads them by columns.
    """
    sent = set[str]().union(*(hour.model_fields_set for hour in hours))
    names = [quantity.value for quantity in Quantity if quantity.value in sent]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("timestamp", "region", *names))
    for hour in hours:
        values = (getattr(hour, name) for name in names)
        writer.writerow(
            (
                hour.hour_utc.isoformat(),
                hour.region_slug,
                *("" if value is None else repr(value) for value in values),
            )
        )
    return io.BytesIO(text.getvalue().encode())
