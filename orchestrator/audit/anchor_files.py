"""The anchor file and the key that signs it; both are outside the database."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from core.anchors import Anchor, parse_anchor, parse_anchors
from core.audit import instant_text
from core.audit_chain import ChainPosition
from core.errors import InvalidInput, ServiceUnavailable
from orchestrator.settings import Settings

ANCHOR_FILE = "anchors.jsonl"
KEY_FILE = "anchor_key.pem"
KEY_BYTES = 32

_TAIL_BYTES = 4096
"""Several anchors long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPlaces:
    """Where the anchors and their key are stored."""

    anchor_file: Path
    key_file: Path

    @classmethod
    def of(cls, settings: Settings) -> AnchorPlaces:
        """As the settings say; by default in the data folder."""
        folder = settings.anchor_dir or settings.data_dir / "anchors"
        return cls(
            anchor_file=folder / ANCHOR_FILE,
            key_file=settings.anchor_key_file or settings.data_dir / KEY_FILE,
        )


class SigningKey:
    """The Ed25519 key that signs anchors; its holder can forge them."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_hex = key.public_key().public_bytes_raw().hex()

    def sign(
        self, installation_id: UUID, position: ChainPosition, now: datetime
    ) -> Anchor:
        """An anchor of a place in the chain."""
        anchor = Anchor(
            installation_id=installation_id,
            seq=position.seq,
            head=position.hash,
            time_text=instant_text(now),
            key_hex=self.public_hex,
        )
        return replace(anchor, signature=self._key.sign(anchor.statement()))


def load_key(path: Path) -> SigningKey:
    """The key of a file.

    Raises
    ------
    InvalidInput
        When there is none, it cannot be read, or it is not an Ed25519 key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as exc:
        cause = exc.strerror if isinstance(exc, OSError) else "it holds no usable key"
        message = f"The anchor key {path} cannot be read: {cause}."
        raise InvalidInput(message) from exc
    if not isinstance(key, Ed25519PrivateKey):
        message = f"The anchor key {path} is not an Ed25519 key."
        raise InvalidInput(message)
    return SigningKey(key)


def load_or_make_key(path: Path) -> SigningKey:
    """The key of a file, made readable for this user alone when there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new_key(path)
    return load_key(path)


def _write_new_key(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    try:
        with os.fdopen(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)  # never replaces a key that another process made meanwhile
    except FileExistsError:
        return
    finally:
        fresh.unlink(missing_ok=True)


def read_anchors(path: Path, public_keys: Sequence[str]) -> tuple[Anchor, ...]:
    """The anchors of a file, each signed by one of these keys.

    Raises
    ------
    InvalidInput
        When the file cannot be read, or a line is no anchor or has a wrong signature.
    """
    try:
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as exc:
        cause = exc.strerror if isinstance(exc, OSError) else "it is not ASCII text"
        message = f"The anchor file {path} cannot be read: {cause}."
        raise InvalidInput(message) from exc
    anchors = parse_anchors(text)
    for number, anchor in enumerate(anchors, 1):
        _require_signed(anchor, number, public_keys)
    return anchors


def last_anchor(path: Path, public_keys: Sequence[str]) -> Anchor | None:
    """The last anchor of a file, without reading all of a long one.

    Raises
    ------
    InvalidInput
        When the file cannot be read, or the signature of that anchor is wrong.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _TAIL_BYTES, 0))
            tail = file.read().decode("ascii", "replace")
    except OSError as exc:
        message = f"The anchor file {path} cannot be read: {exc.strerror}."
        raise InvalidInput(message) from exc
    whole = tail.split("\n")[:-1]
    if not whole:
        return None
    anchor = parse_anchor(whole[-1], len(whole))
    _require_signed(anchor, len(whole), public_keys)
    return anchor


def _require_signed(anchor: Anchor, number: int, public_keys: Sequence[str]) -> None:
    if anchor.key_hex not in public_keys:
        message = (
            f"Anchor {number} is signed by the key {anchor.key_hex[:16]}…, which is not"
            " one that was named as trusted."
        )
        raise InvalidInput(message)
    key = Ed25519PublicKey.from_public_bytes(public_key_bytes(anchor.key_hex))
    try:
        key.verify(anchor.signature, anchor.statement())
    except InvalidSignature as exc:
        message = f"Anchor {number} does not have the signature of its key."
        raise InvalidInput(message) from exc


def public_key_bytes(text: str) -> bytes:
    """A public key from its 64 hexadecimal digits."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        message = f"{text[:80]!r} is not a public key: it has 64 hexadecimal digits."
        raise InvalidInput(message)
    return key


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The anchor file, open for appending, while no other process writes to it.

    Raises
    ------
    ServiceUnavailable
        When it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as exc:
        message = f"The anchor file {path} cannot be written: {exc.strerror}."
        raise ServiceUnavailable(message) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def append(descriptor: int, anchor: Anchor) -> None:
    """Add an anchor and sync it to the disk."""
    _drop_unfinished_line(descriptor)
    os.write(descriptor, (anchor.line() + "\n").encode("ascii"))
    os.fsync(descriptor)


def _drop_unfinished_line(descriptor: int) -> None:
    """A power cut can leave half a line; an anchor must not be appended to it."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, min(size, _TAIL_BYTES), max(size - _TAIL_BYTES, 0))
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(descriptor, size - (len(tail) - (tail.rfind(b"\n") + 1)))
