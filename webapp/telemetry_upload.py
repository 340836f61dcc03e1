"""A telemetry file from the browser: previewed or imported, answered as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, TypeVar

from flask import Blueprint, Flask, jsonify, request
from flask.typing import ResponseReturnValue

from core.carbon import CarbonKind
from core.errors import InvalidInput
from orchestrator.runtime import Runtime
from orchestrator.telemetry.imports import FileToImport
from orchestrator.telemetry.inspections import inspect_telemetry, preview_table
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
from orchestrator.telemetry.uploads import import_upload
from orchestrator.use_cases import Request
from webapp.auth import current_actor
from webapp.request_context import sent_id

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ENDPOINTS = frozenset({"telemetry.upload", "telemetry.preview"})
Choice = TypeVar("Choice", TelemetryFormat, StampAt, DateOrder, DecimalMark)

LARGEST_FILE_BYTES = 16 * 1024 * 1024
LARGEST_CONTENT_BYTES = 4 * LARGEST_FILE_BYTES
"""Unpacked: hours of telemetry pack to a quarter, and zeros to a thousandth."""


def install_upload_limit(server: Flask) -> None:
    """Let these routes take more than a page's form.

    Set before anything reads the form, and after the gate has let the user pass.
    """

    def raise_limit() -> None:
        if request.endpoint in ENDPOINTS:
            request.max_content_length = LARGEST_FILE_BYTES

    server.before_request(raise_limit)


def make_telemetry_upload(runtime: Runtime) -> Blueprint:
    """The route that takes files."""
    blueprint = Blueprint("telemetry", __name__)

    # Under `/_`, so that errors are answered as JSON as well.
    @blueprint.post("/_telemetry")
    def upload() -> ResponseReturnValue:
        stream = _sent_stream()
        with runtime.transaction() as session:
            outcome = import_upload(
                _asked(runtime, session),
                stream,
                _described(stream),
                ranges=runtime.settings.valid_ranges(),
            )
        return jsonify(batch_id=outcome.batch_id, sentence=outcome.sentence)

    @blueprint.post("/_telemetry/preview")
    def preview() -> ResponseReturnValue:
        stream = _sent_stream()
        with runtime.transaction() as session:
            inspection = inspect_telemetry(
                _asked(runtime, session),
                _described(stream),
                ranges=runtime.settings.valid_ranges(),
            )
        return jsonify(
            sentence="Nothing is stored yet.", preview=preview_table(inspection)
        )

    return blueprint


def _asked(runtime: Runtime, session: Session) -> Request:
    return Request(
        session=session,
        caller=current_actor(),
        now=runtime.clock(),
        request_id=sent_id(request.form.get("request_id")),
    )


def _sent_stream() -> BinaryIO:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        message = "Choose a file first."
        raise InvalidInput(message)
    return sent.stream  # type: ignore[return-value]  # a binary one


def _described(stream: BinaryIO) -> FileToImport:
    """The file of the form, and what the form says of it."""
    kind = _text("carbon_kind")
    return FileToImport(
        source=stream,
        largest_bytes=LARGEST_CONTENT_BYTES,
        label=str(request.files["file"].filename),
        telemetry_format=_one_of(TelemetryFormat, "format"),
        region_slug=_text("region"),
        time_zone=_text("time_zone"),
        carbon_kind=CarbonKind.parse(kind) if kind else None,
        options=ReadOptions(
            stamp_at=_one_of(StampAt, "stamp") if _text("stamp") else None,
            date_order=_one_of(DateOrder, "dates") if _text("dates") else None,
            decimal_mark=_one_of(DecimalMark, "decimal") if _text("decimal") else None,
            columns=parse_pairs(_lines("columns"), "Column"),
            units=parse_units(_lines("units")),
            rates_usd=parse_rates(_lines("rates")),
            place=_text("place"),
            model=_text("model"),
        ),
    )


def _text(name: str) -> str | None:
    return request.form.get(name, "").strip() or None


def _lines(name: str) -> list[str]:
    """Lines of a text field that are not blank."""
    return [line for line in request.form.get(name, "").splitlines() if line.strip()]


def _one_of(kind: type[Choice], name: str) -> Choice:
    text = request.form.get(name, "")
    try:
        return kind(text)  # type: ignore[arg-type]  # a format's value is its name
    except ValueError as exc:
        message = f"{name} {text[:20]!r} is unknown; use one of {', '.join(kind)}."
        raise InvalidInput(message) from exc
