"""Model files from and to the browser, as streams; uploads go into quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from flask import Blueprint, Response, jsonify, request, stream_with_context
from flask.typing import ResponseReturnValue

from core.access import Permission
from core.errors import InvalidInput
from models.metadata import MAX_MODEL_BYTES
from orchestrator.accounts.own_password import confirm
from orchestrator.operations.secret_key import factor_key
from orchestrator.registry.model_files import (
    GivenFile,
    export_model,
    exported_pieces,
    receive_model,
)
from orchestrator.runtime import Runtime
from webapp.auth import current_actor
from webapp.permissions import add_route
from webapp.request_context import exchange, request_id, sent_id

LARGEST_UPLOAD_BYTES = MAX_MODEL_BYTES + 64 * 1024
"""A whole model, and the other fields of its form."""


def make_model_files(runtime: Runtime) -> Blueprint:
    """The routes that receive a model and send one."""
    blueprint = Blueprint("models", __name__)
    key = factor_key(runtime.settings)

    # Under `/_`, so that errors are answered as JSON as well.
    def upload() -> ResponseReturnValue:
        # Large files lie on disk by now: Werkzeug spools what is not small.
        file = request.files.get("file")
        if file is None or not file.filename:
            message = "Choose a file first."
            raise InvalidInput(message)
        actor = current_actor()
        with exchange(runtime, actor) as asked:
            refused = confirm(asked, request.form.get("password", ""), key)
        if refused is not None:
            return jsonify(error=refused.sentence, reference=request_id()), 403
        stream: BinaryIO = file.stream  # type: ignore[assignment]  # a binary stream
        given = GivenFile.read(stream, file.filename)
        sent = sent_id(request.form.get("request_id"))
        with exchange(runtime, actor, sent=sent, is_confirmed=True) as asked:
            received, is_checked_now = receive_model(
                asked, given, request.form.get("signature", "")
            )
        return jsonify(
            upload_id=received.upload_id,
            state=received.state,
            model_version_id=received.model_version_id,
            sentence="The file is in quarantine and will be checked now."
            if is_checked_now
            else "The same bytes were given before; their verdict stands.",
        )

    def download(version_id: int) -> ResponseReturnValue:
        actor = current_actor()
        with exchange(runtime, actor) as asked:
            version = export_model(asked, version_id)

        def pieces() -> Iterator[bytes]:
            with exchange(runtime, actor) as asked:
                yield from exported_pieces(asked, version_id)

        name = f"{version.target}-model-{version_id}.onnx"
        return Response(
            stream_with_context(pieces()),
            mimetype="application/octet-stream",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Content-Length": str(version.size_bytes),
            },
        )

    add_route(
        blueprint,
        "/_models",
        upload,
        access=Permission.MANAGE_MODELS,
        methods=("POST",),
        most_bytes=LARGEST_UPLOAD_BYTES,
    )
    add_route(
        blueprint,
        "/_models/<int:version_id>/onnx",
        download,
        access=Permission.MANAGE_MODELS,
        methods=("POST",),
    )
    return blueprint
