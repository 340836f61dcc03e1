"""A telemetry file from the browser: streamed in, imported, answered as JSON."""

from __future__ import annotations

from typing import BinaryIO, TypeVar

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.runtime import Runtime
from orchestrator.telemetry.imports import FileToImport
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.rows import CarbonKind
from orchestrator.telemetry.uploads import import_upload
from pages.list_controls import ANY
from webapp.auth import current_actor
from webapp.permissions import add_route
from webapp.request_context import exchange, sent_id

Choice = TypeVar("Choice", TelemetryFormat, CarbonKind)

LARGEST_FILE_BYTES = 16 * 1024 * 1024
LARGEST_CONTENT_BYTES = 4 * LARGEST_FILE_BYTES
"""Unpacked: hours of telemetry pack to a quarter, and zeros to a thousandth."""


def make_telemetry_upload(runtime: Runtime) -> Blueprint:
    """The route that receives files."""
    blueprint = Blueprint("telemetry", __name__)

    # Under `/_`, so that errors are answered as JSON as well.
    def upload() -> ResponseReturnValue:
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            message = "Choose a file first."
            raise InvalidInput(message)
        stream: BinaryIO = sent.stream  # type: ignore[assignment]  # a binary one
        file = FileToImport(
            source=stream,
            largest_bytes=LARGEST_CONTENT_BYTES,
            label=sent.filename,
            telemetry_format=_one_of(TelemetryFormat, "format"),
            region_slug=_named_region(),
            time_zone=request.form.get("time_zone", "").strip() or None,
            carbon_kind=_one_of(CarbonKind, "carbon_kind"),
        )
        request_id = sent_id(request.form.get("request_id"))
        with exchange(runtime, current_actor(), sent=request_id) as asked:
            outcome = import_upload(
                asked, stream, file, ranges=runtime.settings.valid_ranges()
            )
        return jsonify(batch_id=outcome.batch_id, sentence=outcome.sentence)

    add_route(
        blueprint,
        "/_telemetry",
        upload,
        access=Permission.MANAGE_TELEMETRY,
        methods=("POST",),
        most_bytes=LARGEST_FILE_BYTES,
    )
    return blueprint


def _named_region() -> str | None:
    slug = request.form.get("region")
    return None if slug in {None, "", ANY} else slug


def _one_of(kind: type[Choice], name: str) -> Choice:
    text = request.form.get(name, "")
    try:
        return kind(text)
    except ValueError as exc:
        message = f"{name} {text[:20]!r} is unknown; use one of {', '.join(kind)}."
        raise InvalidInput(message) from exc
