"""Files given as models: into quarantine first, whoever gives them and however."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from core.version import CODE_VERSION
from db import audit, model_uploads
from db.model_uploads import QUARANTINED, REJECTED, ModelUpload
from models.metadata import MAX_MODEL_BYTES
from orchestrator.handled_requests import Old, answer_of, keep_answer
from orchestrator.jobs import queue_model_check
from orchestrator.logs import get_logger

log = get_logger(__name__)

CHUNK_BYTES = 1024 * 1024
MOST_LABEL_CHARACTERS = 120

_TO_BE_CHECKED = "to_be_checked"


def receive_model(
    session: Session,
    actor: Actor,
    content: BinaryIO,
    *,
    label: str,
    request_id: UUID | None = None,
) -> tuple[ModelUpload, bool]:
    """Put a file into quarantine under its SHA-256 and queue its check.

    The same bytes twice are the same upload, and keep their verdict; only a refusal by
    an earlier version of the portal is looked at again. The file is read twice, piece
    by piece, and is never whole in memory.

    Returns
    -------
    ModelUpload, bool
        The upload, and whether it is to be checked now.

    Raises
    ------
    InvalidInput, RequestReused
        When the file is larger than a model may be; when the request id was used for
        something else.
    """
    actor.require(Permission.MANAGE_MODELS)
    digest, size_bytes = _hash_of(content)
    shown = _shown(label)
    request = Old(
        request_id=request_id,
        operation="upload_model",
        body={"file": shown, "content_sha256": digest},
    )
    answer = answer_of(session, actor, request)
    if answer is not None:
        known_id, _, was_to_be_checked = answer.partition(" ")
        known = model_uploads.model_upload(session, int(known_id))
        return known, was_to_be_checked == _TO_BE_CHECKED
    upload_id, is_new = model_uploads.upsert_upload(
        session,
        content_sha256=digest,
        size_bytes=size_bytes,
        file_label=shown,
        uploaded_by_id=actor.user_id,
    )
    upload = model_uploads.model_upload(session, upload_id)
    is_second_look = (
        upload.state == REJECTED and upload.checked_by_version != CODE_VERSION
    )
    if not (is_new or is_second_look):
        is_waiting = upload.state == QUARANTINED
        if is_waiting:  # its check may have been given up
            queue_model_check(session, upload_id=upload_id)
        keep_answer(session, actor, request, _answer(upload_id, is_waiting))
        return upload, is_waiting
    if is_second_look:
        model_uploads.put_back_into_quarantine(session, upload_id)
    content.seek(0)
    model_uploads.insert_chunks(session, upload_id, _pieces(content))
    queue_model_check(session, upload_id=upload_id)
    keep_answer(session, actor, request, _answer(upload_id, True))
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.MODEL_UPLOADED,
        object_type="model_upload",
        object_id=str(upload_id),
        after={"file": shown, "size_bytes": size_bytes, "content_sha256": digest},
        request_id=request.id_text,
    )
    log.info("model_uploaded", upload_id=upload_id, size_bytes=size_bytes)
    return model_uploads.model_upload(session, upload_id), True


def _answer(upload_id: int, is_to_be_checked: bool) -> str:
    return f"{upload_id} {_TO_BE_CHECKED if is_to_be_checked else 'known'}"


def _hash_of(content: BinaryIO) -> tuple[str, int]:
    digest, size_bytes = hashlib.sha256(), 0
    for piece in _pieces(content):
        digest.update(piece)
        size_bytes += len(piece)
        if size_bytes > MAX_MODEL_BYTES:
            mebibytes = MAX_MODEL_BYTES // 2**20
            message = f"The file has more than {mebibytes} MiB; a model may not."
            raise InvalidInput(message)
    return digest.hexdigest(), size_bytes


def _pieces(content: BinaryIO) -> Iterator[bytes]:
    while piece := content.read(CHUNK_BYTES):
        yield piece


def _shown(label: str) -> str:
    """A file's name is a label: printable, short, without folders, never a path."""
    name = label.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(c for c in name if c.isprintable()).strip()
    return printable[:MOST_LABEL_CHARACTERS] or "unnamed file"
