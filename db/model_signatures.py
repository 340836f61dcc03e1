"""Queries on signing keys, verified signatures of models, and where a model is from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from core.errors import Conflict, NotFound
from db.schema import (
    ModelSignatureRow,
    ModelUploadRow,
    ModelVersionRow,
    SigningKeyRow,
    UserRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """An Ed25519 public key that an admin trusts, or trusted."""

    key_id: int
    name: str
    public_key: bytes
    pinned_by: str
    pinned_at_utc: datetime
    unpinned_at_utc: datetime | None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the raw key, its first 16 hexadecimal digits."""
        return sha256(self.public_key).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSignature:
    """A verified signature of a model's bytes."""

    key: TrustedKey
    given_by: str
    given_at_utc: datetime

    @property
    def is_trusted(self) -> bool:
        """Whether its key is still pinned."""
        return self.key.unpinned_at_utc is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOrigin:
    """Where a version is from.

    Attributes
    ----------
    file_label : str | None
        Of the uploaded file that made it; None for a model trained here.
    """

    version_id: int
    onnx_sha256: str
    brought_by: str
    brought_at_utc: datetime
    file_label: str | None
    signatures: tuple[ModelSignature, ...]

    @property
    def words(self) -> str:
        """Where it is from and who vouches for it, in a phrase."""
        made = (
            "trained here on stored telemetry"
            if self.file_label is None
            else f"uploaded as {self.file_label}"
        )
        signed = ", ".join(
            f"{item.key.name} ({item.key.fingerprint})"
            + ("" if item.is_trusted else ", a key no longer trusted")
            for item in self.signatures
        )
        signature = f"signed by {signed}" if signed else "not signed"
        return f"{made} by {self.brought_by}, {signature}"

    @property
    def is_signed(self) -> bool:
        """Whether a key that is pinned now signed it."""
        return any(item.is_trusted for item in self.signatures)


def insert_key(
    session: Session, *, name: str, public_key: bytes, actor_id: int, now_utc: datetime
) -> TrustedKey:
    """Pin a key.

    Raises
    ------
    Conflict
        When it is pinned already.
    """
    row = SigningKeyRow(
        name=name, public_key=public_key, pinned_by_id=actor_id, pinned_at_utc=now_utc
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as exc:
        message = "This key is trusted already."
        raise Conflict(message) from exc
    return find_key(session, row.id)


def unpin_key(session: Session, key_id: int, *, now_utc: datetime) -> None:
    """Trust a key no longer.

    Raises
    ------
    Conflict
        When it is not trusted now.
    """
    gone = session.scalars(
        update(SigningKeyRow)
        .where(SigningKeyRow.id == key_id, SigningKeyRow.unpinned_at_utc.is_(None))
        .values(unpinned_at_utc=now_utc)
        .returning(SigningKeyRow.id)
    ).all()
    if not gone:
        message = f"Key {key_id} is not trusted now."
        raise Conflict(message)


def find_key(session: Session, key_id: int) -> TrustedKey:
    """A key by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    for key in list_keys(session):
        if key.key_id == key_id:
            return key
    message = f"There is no signing key {key_id}."
    raise NotFound(message)


def list_keys(session: Session, *, pinned_only: bool = False) -> list[TrustedKey]:
    """Keys, newest first."""
    query = (
        select(SigningKeyRow, UserRow.name)
        .join(UserRow, UserRow.id == SigningKeyRow.pinned_by_id)
        .order_by(SigningKeyRow.id.desc())
        .execution_options(populate_existing=True)
    )
    if pinned_only:
        query = query.where(SigningKeyRow.unpinned_at_utc.is_(None))
    return [_key(row, name) for row, name in session.execute(query)]


def insert_signature(
    session: Session,
    *,
    content_sha256: str,
    key_id: int,
    signature: bytes,
    actor_id: int,
    now_utc: datetime,
) -> bool:
    """Keep a verified signature; False when this key's is known already."""
    stored = session.scalar(
        insert(ModelSignatureRow)
        .values(
            content_sha256=content_sha256,
            signing_key_id=key_id,
            signature=signature,
            given_by_id=actor_id,
            given_at_utc=now_utc,
        )
        .on_conflict_do_nothing()
        .returning(ModelSignatureRow.content_sha256)
    )
    return stored is not None


def signed_hashes(session: Session) -> frozenset[str]:
    """SHA-256 of all files that a key which is pinned now signed."""
    return frozenset(
        session.scalars(
            select(ModelSignatureRow.content_sha256)
            .join(SigningKeyRow, SigningKeyRow.id == ModelSignatureRow.signing_key_id)
            .where(SigningKeyRow.unpinned_at_utc.is_(None))
        )
    )


def model_origin(session: Session, version_id: int) -> ModelOrigin:
    """Where a version is from, and whose signatures it has.

    Raises
    ------
    NotFound
        When there is no such version.
    """
    # An upload of bytes that were trained here before says nothing of their origin.
    found = session.execute(
        select(
            ModelVersionRow.onnx_sha256,
            UserRow.name,
            ModelVersionRow.created_at_utc,
            ModelUploadRow.file_label,
        )
        .join(UserRow, UserRow.id == ModelVersionRow.created_by_id)
        .outerjoin(
            ModelUploadRow,
            (ModelUploadRow.model_version_id == ModelVersionRow.id)
            & (ModelUploadRow.created_at_utc <= ModelVersionRow.created_at_utc),
        )
        .where(ModelVersionRow.id == version_id)
    ).one_or_none()
    if found is None:
        message = f"There is no model version {version_id}."
        raise NotFound(message)
    content_sha256, brought_by, brought_at_utc, file_label = found
    return ModelOrigin(
        version_id=version_id,
        onnx_sha256=content_sha256,
        brought_by=brought_by,
        brought_at_utc=brought_at_utc,
        file_label=file_label,
        signatures=tuple(_signatures(session, content_sha256)),
    )


def _signatures(session: Session, content_sha256: str) -> list[ModelSignature]:
    giver, pinner = aliased(UserRow), aliased(UserRow)
    rows = session.execute(
        select(ModelSignatureRow, giver.name, SigningKeyRow, pinner.name)
        .join(SigningKeyRow, SigningKeyRow.id == ModelSignatureRow.signing_key_id)
        .join(giver, giver.id == ModelSignatureRow.given_by_id)
        .join(pinner, pinner.id == SigningKeyRow.pinned_by_id)
        .where(ModelSignatureRow.content_sha256 == content_sha256)
        .order_by(ModelSignatureRow.given_at_utc)
        .execution_options(populate_existing=True)
    )
    return [
        ModelSignature(
            key=_key(key, pinned_by), given_by=given_by, given_at_utc=row.given_at_utc
        )
        for row, given_by, key, pinned_by in rows
    ]


def _key(row: SigningKeyRow, pinned_by: str) -> TrustedKey:
    return TrustedKey(
        key_id=row.id,
        name=row.name,
        public_key=row.public_key,
        pinned_by=pinned_by,
        pinned_at_utc=row.pinned_at_utc,
        unpinned_at_utc=row.unpinned_at_utc,
    )
