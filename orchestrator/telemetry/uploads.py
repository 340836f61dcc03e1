"""A telemetry file from a form: imported once, however often it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from core.access import Permission
from core.audit import AuditAction
from core.telemetry import Quantity, ValidRange
from orchestrator.telemetry.batches import ImportSummary
from orchestrator.telemetry.imports import FileToImport, read_and_store
from orchestrator.use_cases import Done, Request, change

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOutcome:
    """The batch of an uploaded file, and a sentence for the form."""

    batch_id: int
    sentence: str


def _body(
    stream: BinaryIO,
    file: FileToImport,
    *,
    ranges: Mapping[Quantity, ValidRange],  # noqa: ARG001 -- the installation's own
) -> dict[str, object]:
    """What makes two uploads the same one."""
    return {
        "label": file.label,
        "format": file.telemetry_format.value,
        "region": file.region_slug,
        "time_zone": file.time_zone,
        "carbon_kind": str(file.carbon_kind) if file.carbon_kind else None,
        "read_as": file.options.given(),
        "binds_place": file.binds_place,
        "content_sha256": _sha256(stream),
    }


@change(
    Permission.MANAGE_TELEMETRY,
    AuditAction.TELEMETRY_IMPORTED,
    repeat=lambda _request, kept: UploadOutcome(**json.loads(kept)),
    body=_body,
)
def import_upload(
    request: Request,
    stream: BinaryIO,  # noqa: ARG001 -- the source of `file`, read for the body
    file: FileToImport,
    *,
    ranges: Mapping[Quantity, ValidRange],
) -> Done[UploadOutcome]:
    """Import the open file `stream` that `file` describes.

    Raises
    ------
    Forbidden, InvalidInput, RequestReused
        Without the right to manage telemetry; when the file cannot be read; when the
        request id was used for something else.
    """
    done = read_and_store(request, file, ranges=ranges)
    outcome = UploadOutcome(
        batch_id=done.answer.batch_id, sentence=_sentence(done.answer)
    )
    kept = json.dumps({"batch_id": outcome.batch_id, "sentence": outcome.sentence})
    return Done(answer=outcome, events=done.events, kept=kept)


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while piece := stream.read(_PIECE_BYTES):
        digest.update(piece)
    stream.seek(0)
    return digest.hexdigest()


def _sentence(summary: ImportSummary) -> str:
    counts = summary.counts
    said = [
        (
            f"{counts.rows_read:,} rows: {counts.rows_inserted:,} new,"
            f" {counts.rows_updated:,} changed, {counts.rows_unchanged:,} unchanged,"
            f" {counts.rows_refused:,} refused."
        ),
        *summary.notes,
    ]
    if summary.top_refusals:
        first = summary.top_refusals[0]
        said.append(f"Line {first.first_line_number}: {first.example}")
    if summary.ignored_columns:
        said.append(f"Not used: {', '.join(summary.ignored_columns)}.")
    return " ".join(said)
