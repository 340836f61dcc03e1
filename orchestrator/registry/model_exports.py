"""A model's bytes leave the portal: whole, and told to the audit."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from db import audit, model_versions

_CHUNK_BYTES = 1024 * 1024


def model_file(
    session: Session, actor: Actor, version_id: int
) -> tuple[str, int, Iterator[bytes]]:
    """A version's ONNX file for download: name, size, and its bytes piece by piece."""
    actor.require(Permission.MANAGE_MODELS)
    version = model_versions.model_version(session, version_id)
    name = f"{version.target}-model-{version_id}.onnx"
    pieces = model_versions.model_pieces(session, version_id, _CHUNK_BYTES)
    return name, version.size_bytes, pieces


def record_model_export(session: Session, actor: Actor, version_id: int) -> None:
    """Write the event: who took a copy of which bytes."""
    actor.require(Permission.MANAGE_MODELS)
    version = model_versions.model_version(session, version_id)
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.MODEL_EXPORTED,
        object_type="model_version",
        object_id=str(version_id),
        after={"onnx_sha256": version.onnx_sha256, "size_bytes": version.size_bytes},
    )
