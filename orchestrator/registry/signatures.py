"""Signatures of models: Ed25519 over a file's bytes, checked with keys admins pinned.

`openssl pkeyutl -sign -rawin -inkey key.pem -in model.onnx | base64` makes one.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from db import model_signatures, model_versions
from db.model_signatures import ModelOrigin, TrustedKey
from orchestrator.registry.views import SigningKeyView
from orchestrator.use_cases import Done, Event, Request, change, query

KEY_BYTES, SIGNATURE_BYTES = 32, 64
LONGEST_NAME = 80


@query(Permission.MANAGE_MODELS)
def signing_keys(request: Request) -> tuple[SigningKeyView, ...]:
    """Keys that are trusted, and those that were, newest first."""
    return tuple(
        SigningKeyView(
            key_id=key.key_id,
            name=key.name,
            fingerprint=key.fingerprint,
            pinned_by=key.pinned_by,
            pinned_at_utc=key.pinned_at_utc,
            unpinned_at_utc=key.unpinned_at_utc,
        )
        for key in model_signatures.list_keys(request.session)
    )


def _kept_key(request: Request, kept: str) -> TrustedKey:
    return model_signatures.find_key(request.session, int(kept))


@change(
    Permission.MANAGE_MODELS,
    AuditAction.SIGNING_KEY_PINNED,
    repeat=_kept_key,
    confirmed=True,
    two_people=True,
)
def pin_signing_key(
    request: Request, *, name: str, public_key: str
) -> Done[TrustedKey]:
    """Trust the signatures of a key, given as PEM or as base64 of its 32 bytes.

    Raises
    ------
    InvalidInput, Conflict
        Without a name; for what is no Ed25519 public key; for a key that is trusted.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        message = f"A key has a name of 1 to {LONGEST_NAME} printable characters."
        raise InvalidInput(message)
    key = model_signatures.insert_key(
        request.session,
        name=name,
        public_key=_public_key(public_key),
        actor_id=request.actor.user_id,
        now_utc=request.now,
    )
    # Its fingerprint names it: a tried change has no number that lasts.
    event = Event(
        action=AuditAction.SIGNING_KEY_PINNED,
        object_type="signing_key",
        object_id=key.fingerprint,
        after={"name": key.name, "public_key": key.public_key.hex()},
    )
    return Done(answer=key, events=(event,), kept=key.key_id)


@change(
    Permission.MANAGE_MODELS,
    AuditAction.SIGNING_KEY_UNPINNED,
    repeat=_kept_key,
    confirmed=True,
    two_people=True,
)
def unpin_signing_key(request: Request, key_id: int) -> Done[TrustedKey]:
    """Trust a key no longer; a model that serves goes on serving.

    Raises
    ------
    NotFound, Conflict
        When there is no such key, or it is not trusted now.
    """
    model_signatures.unpin_key(request.session, key_id, now_utc=request.now)
    key = model_signatures.find_key(request.session, key_id)
    event = Event(
        action=AuditAction.SIGNING_KEY_UNPINNED,
        object_type="signing_key",
        object_id=key.fingerprint,
        after={"name": key.name},
    )
    return Done(answer=key, events=(event,), kept=key_id)


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_SIGNED,
    repeat=lambda request, kept: model_signatures.model_origin(
        request.session, int(kept)
    ),
    confirmed=True,
)
def add_signature(
    request: Request, version_id: int, *, signature: str
) -> Done[ModelOrigin]:
    """Keep a signature of a version's bytes.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such version; when no trusted key made the signature.
    """
    content = model_versions.model_bytes(request.session, version_id)
    events = keep_signature(request, content, signature)
    origin = model_signatures.model_origin(request.session, version_id)
    return Done(answer=origin, events=events, kept=version_id)


def keep_signature(
    request: Request, content: bytes, signature: str
) -> tuple[Event, ...]:
    """Verify a signature with the trusted keys and store it; none known stays.

    Raises
    ------
    InvalidInput
        When no trusted key made it of these bytes.
    """
    raw = _from_base64(signature, SIGNATURE_BYTES, "A signature")
    content_sha256 = sha256(content).hexdigest()
    key = _signer(request, content, raw)
    is_new = model_signatures.insert_signature(
        request.session,
        content_sha256=content_sha256,
        key_id=key.key_id,
        signature=raw,
        actor_id=request.actor.user_id,
        now_utc=request.now,
    )
    event = Event(
        action=AuditAction.MODEL_SIGNED,
        object_type="model_file",
        object_id=content_sha256,
        after={"key": key.name, "key_fingerprint": key.fingerprint},
    )
    return (event,) if is_new else ()


def _signer(request: Request, content: bytes, signature: bytes) -> TrustedKey:
    for key in model_signatures.list_keys(request.session, pinned_only=True):
        try:
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(
                signature, content
            )
        except InvalidSignature:
            continue
        return key
    message = "No trusted key made this signature of these bytes."
    raise InvalidInput(message)


def _public_key(text: str) -> bytes:
    if not text.lstrip().startswith("-----BEGIN"):
        return _from_base64(text, KEY_BYTES, "An Ed25519 public key")
    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        message = "The key cannot be read; give its PEM, or base64 of its 32 bytes."
        raise InvalidInput(message) from exc
    if not isinstance(key, Ed25519PublicKey):
        message = "Only Ed25519 keys can sign models."
        raise InvalidInput(message)
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _from_base64(text: str, length: int, what: str) -> bytes:
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error) as exc:
        message = f"{what} is given as base64."
        raise InvalidInput(message) from exc
    if len(raw) != length:
        message = f"{what} has {length} bytes; this one has {len(raw)}."
        raise InvalidInput(message)
    return raw
