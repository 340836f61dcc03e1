"""Names and attributes of the portal's cookies."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response as BaseResponse

from orchestrator.accounts.retention import KEEP_DEVICES

_LOGIN = "gfo_login"
_DEVICE = "gfo_device"
_STATE = "gfo_state"
CSRF = "_csrf_token"
"""Dash copies this cookie into the header X-CSRFToken of every callback."""


def is_plain_loopback(incoming: Request) -> bool:
    """Whether this is http on the machine's own address: no TLS, and none needed."""
    if incoming.scheme != "http":
        return False
    host = urlsplit(f"//{incoming.host}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def login_token(incoming: Request) -> str | None:
    """The token of the login cookie, when there is one."""
    return incoming.cookies.get(_prefixed(_LOGIN, incoming)) or None


def set_login_token(response: Response, token: str) -> None:
    """Set the token; the server decides when it expires."""
    response.set_cookie(
        _prefixed(_LOGIN, request),
        token,
        httponly=True,
        secure=not is_plain_loopback(request),
        samesite="Lax",
        path="/",
    )


def forget_login_token(response: BaseResponse) -> None:
    """Delete the token."""
    response.delete_cookie(
        _prefixed(_LOGIN, request),
        httponly=True,
        secure=not is_plain_loopback(request),
        samesite="Lax",
        path="/",
    )


def device_token(incoming: Request) -> str | None:
    """The token that an earlier login left in this browser."""
    return incoming.cookies.get(_prefixed(_DEVICE, incoming)) or None


def set_device_token(response: Response, token: str) -> None:
    """Make this browser a known device of whoever has just logged in."""
    response.set_cookie(
        _prefixed(_DEVICE, request),
        token,
        max_age=KEEP_DEVICES,
        httponly=True,
        secure=not is_plain_loopback(request),
        samesite="Lax",
        path="/",
    )


def set_csrf_token(response: Response) -> None:
    """Put the form token where Dash's scripts read it."""
    response.set_cookie(
        CSRF,
        generate_csrf(),
        secure=not is_plain_loopback(request),
        samesite="Lax",
        path="/",
    )


class StateCookie(SecureCookieSessionInterface):
    """Flask's signed cookie: the form token's secret, and a passkey's challenge."""

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002 -- Flask's signature
        """Prefixed where the browser enforces what the prefix promises."""
        return _prefixed(_STATE, request)

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Secure except on plain-http loopback."""
        return not is_plain_loopback(request)


def _prefixed(name: str, incoming: Request) -> str:
    return name if is_plain_loopback(incoming) else f"__Host-{name}"
