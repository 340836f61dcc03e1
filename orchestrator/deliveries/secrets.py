"""Secrets that sign webhooks: made here and sealed, or named by reference.

The text that is stored is a reference (`env:GFO_WEBHOOK_NAME`, `file:gfo_webhook_name`)
or `sealed:` and what only the portal's key reads.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from core.errors import ServiceUnavailable
from db.deliveries import SubscriptionSecrets
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.feeds.secret_references import WEBHOOK, check_reference, read_secret

FORMER_SIGNS = timedelta(days=1)
"""How long a former secret goes on signing beside the new one."""

_SEALED = "sealed:"
_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPlaces:
    """Where the worker finds the secrets that references name, and the portal's key."""

    environ: Mapping[str, str]
    secrets_dir: Path | None
    key: FactorKey


def make_secret() -> str:
    """A new secret as Standard Webhooks writes it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_BYTES)).decode()}"


def seal(secret: str, key: FactorKey, now: datetime) -> str:
    """What is stored of a secret that was made here."""
    return _SEALED + key.encrypt(secret, now)


def checked_webhook_reference(text: str) -> str:
    """What is stored of a secret that is kept elsewhere; raises InvalidInput."""
    return check_reference(text, WEBHOOK)


def reference_of(stored: str | None) -> str | None:
    """The reference to show; None for a secret that was made here."""
    return None if stored is None or stored.startswith(_SEALED) else stored


def signing_secrets(
    stored: SubscriptionSecrets, places: SecretPlaces, now: datetime
) -> list[str]:
    """The secrets that sign now: the present one, and a former one within its day.

    Raises
    ------
    ServiceUnavailable
        When the present one is not there, or cannot be unsealed; a former one that is
        gone signs no more.
    """
    if stored.secret is None:
        message = "The subscription has no secret."
        raise ServiceUnavailable(message)
    found = [_read(stored.secret, places, now)]
    former, until = stored.former_secret, stored.former_until_utc
    if former is not None and until is not None and now < until:
        try:
            found.append(_read(former, places, now))
        except ServiceUnavailable:
            return found
    return found


def _read(stored: str, places: SecretPlaces, now: datetime) -> str:
    if not stored.startswith(_SEALED):
        return read_secret(stored, places.environ, places.secrets_dir, WEBHOOK)
    secret = places.key.decrypt(stored.removeprefix(_SEALED), now)
    if secret is None:
        message = (
            "The secret was sealed with another key of the portal: rotate it, and give"
            " the new one to the receiver."
        )
        raise ServiceUnavailable(message)
    return secret
