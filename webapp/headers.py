"""Headers of every answer: what the browser may load, store and send elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from flask import Flask, Response, request

_YEAR_S = 365 * 24 * 3600
_HTTPS_ONLY = f"max-age={_YEAR_S}; includeSubDomains"
_NO_SENSORS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "microphone",
        "payment",
        "usb",
    )
)
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": _NO_SENSORS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders:
    """The headers, with the inline scripts that the content policy lets run."""

    def __init__(self, inline_scripts: Sequence[str]) -> None:
        self._hashes = tuple(_csp_hash(script) for script in inline_scripts)
        self._policy = _content_policy(self._hashes)

    def install(self, server: Flask) -> None:
        """Put the headers on every answer, errors included."""
        server.after_request(self.apply)

    def allow(self, csp_hashes: Sequence[str]) -> None:
        """Let these inline scripts run too; known once every callback is."""
        self._policy = _content_policy((*self._hashes, *csp_hashes))

    def apply(self, response: Response) -> Response:
        """Set the headers on one answer."""
        response.headers["Content-Security-Policy"] = self._policy
        for name, value in _FIXED.items():
            response.headers[name] = value
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = _HTTPS_ONLY
        response.headers["Cache-Control"] = _cache_control(response)
        return response


def _cache_control(response: Response) -> str:
    if response.status_code not in {200, 304} or not _is_file(request.path):
        return "no-store"
    if _is_fingerprinted(response):
        return f"private, max-age={_YEAR_S}, immutable"
    return "private, no-cache"


def _is_file(path: str) -> bool:
    return path.startswith(("/assets/", "/portal/", "/_dash-component-suites/"))


def _is_fingerprinted(response: Response) -> bool:
    """Whether the address changes with the content, so that it may be kept for good."""
    if request.path.startswith("/_dash-component-suites/"):
        return response.cache_control.max_age is not None
    return "m" in request.args


def _content_policy(script_hashes: Sequence[str]) -> str:
    directives = {
        "default-src": "'none'",
        "script-src": " ".join(("'self'", *script_hashes)),
        # Dash and Plotly set styles on elements; scripts stay strict.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _csp_hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
