"""The key that signs the form token's cookie, the same in all web processes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from core.errors import InvalidInput
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.operations.production import (
    KEY_ADVICE,
    KEY_LENGTH,
    WeakSettings,
    is_good_key,
)
from orchestrator.settings import Settings

_FILE = "web_secret_key"


def secret_key(settings: Settings) -> str:
    """The configured key, or in development one kept in the data folder.

    Raises
    ------
    WeakSettings
        In production without a key, and for a key that is short or well known.
    InvalidInput
        When the kept key is damaged.
    """
    key = settings.secret_key
    if key is None and settings.environment == "development":
        return _kept_key(settings.data_dir)
    if key is None or not is_good_key(key.get_secret_value()):
        raise WeakSettings(KEY_ADVICE)
    return key.get_secret_value()


def factor_key(settings: Settings) -> FactorKey:
    """What encrypts the secrets of authenticator apps, derived from the same key."""
    return FactorKey(secret_key(settings))


def _kept_key(data_dir: Path) -> str:
    path = data_dir / _FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    # Written whole under another name and linked: of several workers that start at
    # once, one wins and the others read its key.
    draft = path.with_name(f"{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(KEY_LENGTH))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    key = path.read_text().strip()
    if not is_good_key(key):
        message = f"{path} is damaged; delete it, and everybody logs in again."
        raise InvalidInput(message)
    return key
