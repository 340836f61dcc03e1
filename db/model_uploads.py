"""Queries on uploaded model files, which are quarantined until their check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.errors import NotFound
from db.schema import ModelUploadChunkRow, ModelUploadRow, UserRow

QUARANTINED, REJECTED, ACCEPTED = "quarantined", "rejected", "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUpload:
    """An uploaded model file, without its bytes."""

    upload_id: int
    content_sha256: str
    size_bytes: int
    file_label: str
    state: str
    rejected_reason: str | None
    problem: str | None
    model_version_id: int | None
    checked_by_version: str | None
    uploaded_by: str
    uploaded_by_id: int
    created_at_utc: datetime
    checked_at_utc: datetime | None


def upsert_upload(
    session: Session,
    *,
    content_sha256: str,
    size_bytes: int,
    file_label: str,
    uploaded_by_id: int,
) -> tuple[int, bool]:
    """The upload of these bytes, locked; whether it is new."""
    new_id = session.scalar(
        insert(ModelUploadRow)
        .values(
            content_sha256=content_sha256,
            size_bytes=size_bytes,
            file_label=file_label,
            state=QUARANTINED,
            uploaded_by_id=uploaded_by_id,
        )
        .on_conflict_do_nothing(index_elements=["content_sha256"])
        .returning(ModelUploadRow.id)
    )
    if new_id is not None:
        return new_id, True
    known = session.scalars(
        select(ModelUploadRow.id)
        .where(ModelUploadRow.content_sha256 == content_sha256)
        .with_for_update()
    ).one()
    return known, False


def put_back_into_quarantine(session: Session, upload_id: int) -> None:
    """Quarantine a refused file again, for another check."""
    row = _row(session, upload_id)
    row.state, row.rejected_reason, row.problem = QUARANTINED, None, None
    row.checked_at_utc = row.checked_by_version = None
    session.flush()


def insert_chunks(session: Session, upload_id: int, chunks: Iterable[bytes]) -> None:
    """Store the bytes of a file in pieces, never all of them in memory."""
    for position, content in enumerate(chunks):
        session.execute(
            insert(ModelUploadChunkRow).values(
                upload_id=upload_id, position=position, content=content
            )
        )


def upload_bytes(session: Session, upload_id: int) -> bytes:
    """The bytes of a file in quarantine."""
    return b"".join(
        session.scalars(
            select(ModelUploadChunkRow.content)
            .where(ModelUploadChunkRow.upload_id == upload_id)
            .order_by(ModelUploadChunkRow.position)
        )
    )


def lock_upload(session: Session, upload_id: int) -> ModelUpload:
    """An upload, locked until the transaction ends, so that only one check decides.

    Raises
    ------
    NotFound
        When there is none.
    """
    session.scalars(
        select(ModelUploadRow.id)
        .where(ModelUploadRow.id == upload_id)
        .with_for_update()
    ).one_or_none()
    return model_upload(session, upload_id)


def set_verdict(
    session: Session,
    upload_id: int,
    *,
    rejected_reason: str | None = None,
    model_version_id: int | None = None,
    checked_by_version: str,
) -> None:
    """Store the verdict on a file and delete its quarantined bytes."""
    row = _row(session, upload_id)
    row.state = REJECTED if model_version_id is None else ACCEPTED
    row.rejected_reason = rejected_reason
    row.model_version_id = model_version_id
    row.problem = None
    row.checked_by_version = checked_by_version
    row.checked_at_utc = session.scalar(select(func.now()))
    session.flush()
    session.execute(
        delete(ModelUploadChunkRow).where(ModelUploadChunkRow.upload_id == upload_id)
    )


def set_problem(session: Session, upload_id: int, problem: str) -> None:
    """Store why a file could not be checked yet."""
    _row(session, upload_id).problem = problem
    session.flush()


def model_upload(session: Session, upload_id: int) -> ModelUpload:
    """An upload by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    for upload in list_model_uploads(session, upload_id=upload_id):
        return upload
    message = f"There is no uploaded file {upload_id}."
    raise NotFound(message)


def list_model_uploads(
    session: Session, *, upload_id: int | None = None
) -> list[ModelUpload]:
    """Uploads, newest first."""
    query = (
        select(ModelUploadRow, UserRow.name)
        .join(UserRow, UserRow.id == ModelUploadRow.uploaded_by_id)
        .order_by(ModelUploadRow.id.desc())
        .execution_options(populate_existing=True)
    )
    if upload_id is not None:
        query = query.where(ModelUploadRow.id == upload_id)
    return [_upload(row, name) for row, name in session.execute(query)]


def _row(session: Session, upload_id: int) -> ModelUploadRow:
    return session.get_one(ModelUploadRow, upload_id)


def _upload(row: ModelUploadRow, uploaded_by: str) -> ModelUpload:
    return ModelUpload(
        upload_id=row.id,
        content_sha256=row.content_sha256,
        size_bytes=row.size_bytes,
        file_label=row.file_label,
        state=row.state,
        rejected_reason=row.rejected_reason,
        problem=row.problem,
        model_version_id=row.model_version_id,
        checked_by_version=row.checked_by_version,
        uploaded_by=uploaded_by,
        uploaded_by_id=row.uploaded_by_id,
        created_at_utc=row.created_at_utc,
        checked_at_utc=row.checked_at_utc,
    )
