"""The key that signs the form token's cookie, the same in all web processes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from core.errors import InvalidInput
from orchestrator.settings import Settings

MIN_LENGTH = 32
_MIN_DIFFERENT = 8
_KNOWN = ("change", "example", "secret", "password", "insecure", "default", "dev-")
_FILE = "web_secret_key"


def secret_key(settings: Settings) -> str:
    """The configured key, or in development one kept in the data folder.

    Raises
    ------
    InvalidInput
        In production without a key, and for a key that is short or well known.
    """
    if settings.secret_key is not None:
        return _require_good(settings.secret_key.get_secret_value())
    if settings.environment == "production":
        message = (
            "GFO_SECRET_KEY is not set; production needs one of at least"
            f" {MIN_LENGTH} random characters, such as `openssl rand -hex 32` prints."
        )
        raise InvalidInput(message)
    return _kept_key(settings.data_dir)


def _require_good(key: str) -> str:
    is_known = any(word in key.lower() for word in _KNOWN)
    if len(key) < MIN_LENGTH or len(set(key)) < _MIN_DIFFERENT or is_known:
        message = (
            "GFO_SECRET_KEY is short or well known; use at least"
            f" {MIN_LENGTH} random characters, such as `openssl rand -hex 32` prints."
        )
        raise InvalidInput(message)
    return key


def _kept_key(data_dir: Path) -> str:
    path = data_dir / _FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    # Written whole under another name and linked: of several workers that start at
    # once, one wins and the others read its key.
    draft = path.with_name(f"{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(MIN_LENGTH))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return _require_good(path.read_text().strip())
