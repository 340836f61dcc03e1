"""Requests that change something come from our own pages: token and origin."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, request
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest

from webapp.cookies import set_csrf_token
from webapp.problems import is_api

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOGOUT_PATH = "/login/oidc/logout"
"""The identity provider posts here, without a browser: a signed token is its proof."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ForeignOriginError(BadRequest):
    """The request does not come from a page of this portal."""

    description = "This request does not come from a page of this portal."


def install_csrf(server: Flask, api: Blueprint) -> None:
    """Check origin, then token, of every unsafe request; hand the token to Dash."""
    # A token lives as long as its cookie: pages stay open for a whole shift.
    server.config["WTF_CSRF_TIME_LIMIT"] = None
    # The origin is checked here; a proxy or browser may drop the referrer.
    server.config["WTF_CSRF_SSL_STRICT"] = False
    server.before_request(_require_own_origin)
    protect = CSRFProtect(server)
    protect.exempt("webapp.provider_logout.log_out_there")
    # No cookie acts in the API, so no page elsewhere can make a browser act in it.
    protect.exempt(api)
    server.after_request(_hand_out_token)


def _require_own_origin() -> None:
    """The browser itself says where a request comes from; scripts cannot forge it."""
    if request.method in _SAFE_METHODS or request.path == LOGOUT_PATH or is_api():
        return
    fetch_site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if fetch_site is None and origin is None:
        raise ForeignOriginError
    if fetch_site not in {None, "same-origin"}:
        raise ForeignOriginError
    if origin is not None and not _is_own(origin):
        raise ForeignOriginError


def _is_own(origin: str) -> bool:
    try:
        theirs = urlsplit(origin)
        ours = urlsplit(f"{request.scheme}://{request.host}")
        their_port = theirs.port or _DEFAULT_PORTS.get(theirs.scheme)
        our_port = ours.port or _DEFAULT_PORTS.get(theirs.scheme)
    except ValueError:
        return False
    # A proxy that ends TLS makes https arrive as http; the other way is a downgrade.
    is_scheme_kept = theirs.scheme in {request.scheme, "https"}
    return (
        is_scheme_kept and theirs.hostname == ours.hostname and their_port == our_port
    )


def _hand_out_token(response: Response) -> Response:
    is_page = request.method == "GET" and response.mimetype == "text/html"
    if is_page and response.status_code == 200 and current_user.is_authenticated:
        set_csrf_token(response)
    return response
