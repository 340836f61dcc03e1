"""A telemetry file from the browser: previewed or imported, answered as JSON."""

from __future__ import annotations

from typing import BinaryIO, TypeVar

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from core.access import Permission
from core.carbon import CarbonSignalKind
from core.errors import InvalidInput
from orchestrator.runtime import Runtime
from orchestrator.telemetry.imports import FileToImport
from orchestrator.telemetry.inspections import inspect_telemetry, preview_tables
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
from pages.list_controls import ANY
from webapp.auth import current_actor
from webapp.permissions import add_route
from webapp.request_context import exchange, sent_id

Choice = TypeVar("Choice", TelemetryFormat, StampAt, DateOrder, DecimalMark)

LARGEST_FILE_BYTES = 16 * 1024 * 1024
LARGEST_CONTENT_BYTES = 4 * LARGEST_FILE_BYTES
"""Unpacked: hours of telemetry pack to a quarter, and zeros to a thousandth."""


def make_telemetry_upload(runtime: Runtime) -> Blueprint:
    """The route that receives files."""
    blueprint = Blueprint("telemetry", __name__)

    # Under `/_`, so that errors are answered as JSON as well.
    def upload() -> ResponseReturnValue:
        stream = _sent_stream()
        request_id = sent_id(request.form.get("request_id"))
        with exchange(runtime, current_actor(), sent=request_id) as asked:
            outcome = import_upload(
                asked,
                stream,
                _described(stream),
                ranges=runtime.settings.valid_ranges(),
            )
        return jsonify(batch_id=outcome.batch_id, sentence=outcome.sentence)

    def preview() -> ResponseReturnValue:
        stream = _sent_stream()
        with exchange(runtime, current_actor()) as asked:
            inspection = inspect_telemetry(
                asked, _described(stream), ranges=runtime.settings.valid_ranges()
            )
        return jsonify(
            sentence="Nothing is stored yet.", preview=preview_tables(inspection)
        )

    for rule, view in (("/_telemetry", upload), ("/_telemetry/preview", preview)):
        add_route(
            blueprint,
            rule,
            view,
            access=Permission.MANAGE_TELEMETRY,
            methods=("POST",),
            most_bytes=LARGEST_FILE_BYTES,
        )
    return blueprint


def _sent_stream() -> BinaryIO:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        message = "Choose a file first."
        raise InvalidInput(message)
    return sent.stream  # type: ignore[return-value]  # a binary one


def _described(stream: BinaryIO) -> FileToImport:
    """The file of the form, and what the form says of it."""
    kind, region = _text("carbon_kind"), _text("region")
    return FileToImport(
        source=stream,
        largest_bytes=LARGEST_CONTENT_BYTES,
        label=str(request.files["file"].filename),
        telemetry_format=_one_of(TelemetryFormat, "format"),
        region_slug=None if region == ANY else region,
        time_zone=_text("time_zone"),
        carbon_kind=CarbonSignalKind.parse(kind) if kind else None,
        binds_place=_text("bind_place") is not None,
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
