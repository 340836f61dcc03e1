"""A telemetry file from the browser: previewed or imported, answered as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from pages.admin_telemetry.import_fields import in_form_words
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
        with (
            _form_words(),
            exchange(runtime, current_actor(), sent=request_id) as asked,
        ):
            outcome = import_upload(
                asked,
                stream,
                _described(stream),
                ranges=runtime.settings.valid_ranges(),
            )
        return jsonify(batch_id=outcome.batch_id, sentence=outcome.sentence)

    def preview() -> ResponseReturnValue:
        stream = _sent_stream()
        with _form_words(), exchange(runtime, current_actor()) as asked:
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


@contextmanager
def _form_words() -> Iterator[None]:
    """A refusal names the fields of the form, not the options of the command."""
    try:
        yield
    except InvalidInput as exc:
        raise InvalidInput(in_form_words(exc.message)) from exc


def _sent_stream() -> BinaryIO:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        message = "Choose a file first."
        raise InvalidInput(message)
    return sent.stream  # type: ignore[return-value]  # a binary one


def _described(stream: BinaryIO) -> FileToImport:
    """The file of the form, and what the form says of it."""
    said = {name: text for name, text in request.form.items() if text != ANY}
    return described(stream, str(request.files["file"].filename), said)


def described(stream: BinaryIO, label: str, fields: Mapping[str, str]) -> FileToImport:
    """A sent file, and what the fields of a form or of an address say of it.

    Raises
    ------
    InvalidInput
        When a field has a value that it cannot have.
    """
    said = _Fields(fields)
    kind = said.text("carbon_kind")
    return FileToImport(
        source=stream,
        largest_bytes=LARGEST_CONTENT_BYTES,
        label=label,
        telemetry_format=said.one_of(TelemetryFormat, "format"),
        region_slug=said.text("region"),
        time_zone=said.text("time_zone"),
        carbon_kind=CarbonSignalKind.parse(kind) if kind else None,
        binds_place=said.text("bind_place") is not None,
        options=ReadOptions(
            stamp_at=said.one_of(StampAt, "stamp") if said.text("stamp") else None,
            date_order=said.one_of(DateOrder, "dates") if said.text("dates") else None,
            decimal_mark=said.one_of(DecimalMark, "decimal")
            if said.text("decimal")
            else None,
            columns=parse_pairs(said.lines("columns"), "Column"),
            units=parse_units(said.lines("units")),
            rates_usd=parse_rates(said.lines("rates")),
            place=said.text("place"),
            model=said.text("model"),
        ),
    )


class _Fields:
    """What is said of a file."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields

    def text(self, name: str) -> str | None:
        return self._fields.get(name, "").strip() or None

    def lines(self, name: str) -> list[str]:
        """Lines of a text field that are not blank."""
        lines = self._fields.get(name, "").splitlines()
        return [line for line in lines if line.strip()]

    def one_of(self, kind: type[Choice], name: str) -> Choice:
        return _one_of(kind, name, self._fields.get(name, ""))


def _one_of(kind: type[Choice], name: str, text: str) -> Choice:
    try:
        return kind(text)  # type: ignore[arg-type]  # a format's value is its name
    except ValueError as exc:
        message = f"{name} {text[:20]!r} is unknown; use one of {', '.join(kind)}."
        raise InvalidInput(message) from exc
