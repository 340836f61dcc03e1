"""A telemetry file from a form: imported once, however often it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.telemetry import Quantity, ValidRange
from orchestrator.handled_requests import Old, answer_of, keep_answer
from orchestrator.telemetry.batches import ImportSummary
from orchestrator.telemetry.imports import ImportRequest, import_telemetry

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOutcome:
    """What became of a file: its batch, and a sentence for the form."""

    batch_id: int
    sentence: str


def import_upload(
    session: Session,
    actor: Actor,
    stream: BinaryIO,
    asked: ImportRequest,
    *,
    now_utc: datetime,
    ranges: Mapping[Quantity, ValidRange],
    request_id: UUID,
) -> UploadOutcome:
    """Import the open file `stream` that `asked` is about.

    Raises
    ------
    Forbidden, InvalidInput, RequestReused
        Without the right to manage telemetry; when the file cannot be read; when the
        request id was used for something else.
    """
    actor.require(Permission.MANAGE_TELEMETRY)
    request = Old(
        request_id=request_id,
        operation="import_telemetry",
        body={
            "label": asked.label,
            "format": asked.telemetry_format.value,
            "region": asked.region_slug,
            "time_zone": asked.time_zone,
            "carbon_kind": asked.carbon_kind.value,
            "content_sha256": _sha256(stream),
        },
    )
    answer = answer_of(session, actor, request)
    if answer is not None:
        return UploadOutcome(**json.loads(answer))
    summary = import_telemetry(
        session,
        actor,
        asked,
        now_utc=now_utc,
        ranges=ranges,
        request_id=request.id_text,
    )
    outcome = UploadOutcome(batch_id=summary.batch_id, sentence=_sentence(summary))
    kept = {"batch_id": outcome.batch_id, "sentence": outcome.sentence}
    keep_answer(session, actor, request, json.dumps(kept))
    return outcome


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
    if summary.ignored_columns:
        said.append(f"Not used: {', '.join(summary.ignored_columns)}.")
    return " ".join(said)
