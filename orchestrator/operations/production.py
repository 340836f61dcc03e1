"""What production does not start with: weak settings, each with its one sentence."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from core.errors import InvalidInput
from db.engine import is_encryption_chosen, is_remote
from orchestrator.accounts.passwords import require_strong
from orchestrator.settings import Settings, variable_name

KEY_LENGTH = 32
_MIN_DIFFERENT = 8
_KNOWN = ("change", "example", "secret", "password", "insecure", "default", "dev-")
_HOW_TO = (
    f"use at least {KEY_LENGTH} random characters, for example from"
    " `openssl rand -hex 32`."
)
KEY_ADVICE = f"GFO_SECRET_KEY is missing, short or well known; {_HOW_TO}"

_DEBUG_VARIABLES = (
    "FLASK_DEBUG",
    "DASH_DEBUG",
    "DASH_MCP_ENABLED",
    "DASH_UI",
    "DASH_HOT_RELOAD",
    "DASH_SERVE_DEV_BUNDLES",
)
_OFF = frozenset({"", "0", "false", "no", "off"})


class WeakSettings(InvalidInput):
    """The settings are too weak for production; one sentence a line."""


def require_fit(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise unless this process may start with these settings.

    In development only a key that is short or known is refused: whoever gives one
    means it to be a secret.

    Raises
    ------
    WeakSettings
        With one sentence for each setting that is too weak.
    """
    if settings.environment == "production":
        found = list(weaknesses(settings, environ))
    else:
        found = list(_weak_secrets(settings))
    if found:
        raise WeakSettings("\n".join(found))


def weaknesses(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each setting that production does not start with."""
    if settings.secret_key is None:
        yield f"GFO_SECRET_KEY is not set; {_HOW_TO}"
    yield from _weak_secrets(settings)
    for variable in _DEBUG_VARIABLES:
        if environ.get(variable, "").lower() not in _OFF:
            yield f"{variable} is set; production does not start with it."
    if not is_loopback(settings.host) and settings.trusted_proxy_count == 0:
        yield (
            f"GFO_HOST opens {settings.host} to plain http and GFO_TRUSTED_PROXY_COUNT"
            " is 0; put a proxy that ends TLS in front and say how many there are."
        )
    yield from _weak_addresses(settings)
    if settings.admin_password is not None:
        try:
            require_strong(
                settings.admin_password.get_secret_value(),
                known_words=[settings.admin_name],
            )
        except InvalidInput as exc:
            yield f"GFO_ADMIN_PASSWORD cannot be used. {exc.message}"


def is_good_key(key: str) -> bool:
    """Whether a secret is long enough and none that documents and examples show."""
    is_known = any(word in key.lower() for word in _KNOWN)
    return len(key) >= KEY_LENGTH and len(set(key)) >= _MIN_DIFFERENT and not is_known


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _weak_secrets(settings: Settings) -> Iterator[str]:
    if settings.secret_key is not None and not is_good_key(
        settings.secret_key.get_secret_value()
    ):
        yield f"GFO_SECRET_KEY is short or well known; {_HOW_TO}"
    token = settings.metrics_token
    if token is not None and not is_good_key(token.get_secret_value()):
        yield f"GFO_METRICS_TOKEN is short or well known; {_HOW_TO}"


def _weak_addresses(settings: Settings) -> Iterator[str]:
    for name in ("database_url", "database_owner_url", "database_auditor_url"):
        url = getattr(settings, name)
        if url is None:
            continue
        address = url.get_secret_value()
        if is_remote(address) and not is_encryption_chosen(address):
            yield (
                f"{variable_name(name)} crosses the network without saying sslmode; add"
                " ?sslmode=verify-full, or sslmode=disable where nobody can listen."
            )
