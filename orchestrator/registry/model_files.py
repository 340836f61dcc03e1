"""Model files come in, into quarantine first, and leave as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from core.version import CODE_VERSION
from db import model_uploads, model_versions
from db.model_uploads import QUARANTINED, REJECTED, ModelUpload
from db.model_versions import ModelVersion
from models.metadata import MAX_MODEL_BYTES
from orchestrator.jobs import queue_model_check
from orchestrator.logs import get_logger
from orchestrator.registry.signatures import keep_signature
from orchestrator.use_cases import Done, Event, Request, change, query

log = get_logger(__name__)

CHUNK_BYTES = 1024 * 1024
MOST_LABEL_CHARACTERS = 120

_TO_BE_CHECKED = "to_be_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file given as a model; never whole in memory."""

    content: BinaryIO
    label: str
    sha256: str
    size_bytes: int

    @classmethod
    def read(cls, content: BinaryIO, label: str) -> GivenFile:
        """Hash a file piece by piece; its name becomes a label.

        Raises
        ------
        InvalidInput
            When it is larger than a model may be.
        """
        digest, size_bytes = hashlib.sha256(), 0
        for piece in _pieces(content):
            digest.update(piece)
            size_bytes += len(piece)
            if size_bytes > MAX_MODEL_BYTES:
                mebibytes = MAX_MODEL_BYTES // 2**20
                message = f"The file has more than {mebibytes} MiB; a model may not."
                raise InvalidInput(message)
        return cls(
            content=content,
            label=_shown(label),
            sha256=digest.hexdigest(),
            size_bytes=size_bytes,
        )

    def pieces(self) -> Iterator[bytes]:
        """The bytes once more, piece by piece."""
        self.content.seek(0)
        return _pieces(self.content)


def _body(file: GivenFile, signature: str = "") -> Mapping[str, object]:
    signed = {"signature": signature} if signature else {}
    return {"file": file.label, "content_sha256": file.sha256, **signed}


def _kept_upload(request: Request, kept: str) -> tuple[ModelUpload, bool]:
    known_id, _, was_to_be_checked = kept.partition(" ")
    known = model_uploads.model_upload(request.session, int(known_id))
    return known, was_to_be_checked == _TO_BE_CHECKED


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_UPLOADED,
    AuditAction.MODEL_SIGNED,
    repeat=_kept_upload,
    body=_body,
    confirmed=True,
)
def receive_model(
    request: Request, file: GivenFile, signature: str = ""
) -> Done[tuple[ModelUpload, bool]]:
    """Put a file into quarantine under its SHA-256 and queue its check.

    The same bytes twice are the same upload, and keep their verdict; only a refusal by
    an earlier version of the portal is looked at again. A signature comes as base64.

    Raises
    ------
    InvalidInput
        When no trusted key made the signature; then the file is not taken.

    Returns
    -------
    ModelUpload, bool
        The upload, and whether it is to be checked now.
    """
    session = request.session
    signed = (
        keep_signature(request, b"".join(file.pieces()), signature)
        if signature.strip()
        else ()
    )
    upload_id, is_new = model_uploads.upsert_upload(
        session,
        content_sha256=file.sha256,
        size_bytes=file.size_bytes,
        file_label=file.label,
        uploaded_by_id=request.actor.user_id,
    )
    upload = model_uploads.model_upload(session, upload_id)
    is_second_look = (
        upload.state == REJECTED and upload.checked_by_version != CODE_VERSION
    )
    is_given = is_new or is_second_look
    # One that still waits is queued again: its check may have been given up.
    is_to_be_checked = is_given or upload.state == QUARANTINED
    if is_second_look:
        model_uploads.put_back_into_quarantine(session, upload_id)
    if is_given:
        model_uploads.insert_chunks(session, upload_id, file.pieces())
        log.info("model_uploaded", upload_id=upload_id, size_bytes=file.size_bytes)
    if is_to_be_checked:
        queue_model_check(session, upload_id=upload_id)
    event = Event(
        action=AuditAction.MODEL_UPLOADED,
        object_type="model_upload",
        object_id=upload_id,
        after={
            "file": file.label,
            "size_bytes": file.size_bytes,
            "content_sha256": file.sha256,
        },
    )
    return Done(
        answer=(model_uploads.model_upload(session, upload_id), is_to_be_checked),
        events=(event, *signed) if is_given else signed,
        kept=f"{upload_id} {_TO_BE_CHECKED if is_to_be_checked else 'known'}",
    )


def _pieces(content: BinaryIO) -> Iterator[bytes]:
    while piece := content.read(CHUNK_BYTES):
        yield piece


def _shown(label: str) -> str:
    """A file's name is a label: printable, short, without folders, never a path."""
    name = label.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(c for c in name if c.isprintable()).strip()
    return printable[:MOST_LABEL_CHARACTERS] or "unnamed file"


@change(Permission.MANAGE_MODELS, AuditAction.MODEL_EXPORTED, repeat=None)
def export_model(request: Request, version_id: int) -> Done[ModelVersion]:
    """Give out a version's bytes; the event says who took a copy of which."""
    version = model_versions.model_version(request.session, version_id)
    event = Event(
        action=AuditAction.MODEL_EXPORTED,
        object_type="model_version",
        object_id=version_id,
        after={"onnx_sha256": version.onnx_sha256, "size_bytes": version.size_bytes},
    )
    return Done(answer=version, events=(event,))


@query(Permission.MANAGE_MODELS)
def exported_pieces(request: Request, version_id: int) -> Iterator[bytes]:
    """The bytes of a version whose export is in the audit, piece by piece."""
    return model_versions.model_pieces(request.session, version_id, CHUNK_BYTES)
