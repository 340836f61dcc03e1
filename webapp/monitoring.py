"""Who may read the metrics: whoever has the token, else only this machine."""

from __future__ import annotations

import hmac
import ipaddress

from flask import Request

from orchestrator.settings import Settings
from webapp.cookies import is_plain_loopback

# A proxy on this machine makes every client look local; it adds one of these.
_FORWARDING = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")


def may_monitor(settings: Settings, incoming: Request) -> bool:
    """Whether this request may read the metrics."""
    if settings.metrics_token is not None:
        wanted = f"Bearer {settings.metrics_token.get_secret_value()}"
        given = incoming.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), wanted.encode())
    if settings.trusted_proxy_count or any(
        name in incoming.headers for name in _FORWARDING
    ):
        return False
    return _is_loopback(incoming.remote_addr) and is_plain_loopback(incoming)


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
